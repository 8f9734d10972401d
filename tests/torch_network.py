"""The paper's network as PyTorch has it, in any widths.

Run as a program, with a folder, it makes the files of tests/data/torch_weights.
"""

from __future__ import annotations

from typing import Any

import torch


class PaperNetwork(torch.nn.Module):  # type: ignore[misc]
    """Scores [n, 1] of features [n, views, widths[0]]: three layers a view, the mean of the views, two layers."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        for i, (inputs, outputs) in enumerate(zip(widths, [*widths[1:], 1], strict=True), start=1):
            setattr(self, f"dense{i}", torch.nn.Linear(inputs, outputs))

    def forward(self, features: Any) -> Any:
        hidden = (features + 5) / 8
        for layer in (self.dense1, self.dense2, self.dense3):
            hidden = torch.relu(layer(hidden))
        return self.dense5(torch.relu(self.dense4(hidden.mean(dim=1))))


def paper_network(widths: tuple[int, ...], seed: int) -> PaperNetwork:
    """With weights of which some scores are far from 0."""
    torch.manual_seed(seed)
    network = PaperNetwork(widths)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.8 if parameter.ndim == 1 else 2 / parameter.shape[1] ** 0.5)
    return network


if __name__ == "__main__":
    import json
    import sys
    from pathlib import Path

    import numpy as np

    folder = Path(sys.argv[1])
    small = paper_network((6, 5, 4, 3, 2), seed=7)
    given = np.random.default_rng(1).normal(0, 4, size=(5, 4, 6)).astype(np.float32)
    torch.save(small.state_dict(), folder / "zip.pt")
    parallel = torch.nn.DataParallel(small)
    torch.save(parallel.state_dict(), folder / "before_1_6.pt", _use_new_zipfile_serialization=False)
    scores = small(torch.from_numpy(given)).detach().numpy()[:, 0]
    (folder / "scores.json").write_text(json.dumps(scores.tolist()) + "\n")
