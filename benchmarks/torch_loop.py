"""The reference's training loop in PyTorch, written from its description: one model, 20 rows per batch from HDF5."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import torch

from streetdeciles.training.assignments import Assignments, Index
from streetdeciles.training.cache import TrainingRows

BATCH_SIZE = 20
NOISE = 0.05
BINOMIALS = torch.tensor([1, 9, 36, 84, 126, 126, 84, 36, 9, 1], dtype=torch.float32)


class PaperNetwork(torch.nn.Module):
    """Dense layers of 512, 256, 128 units shared by the views, the mean of the views, a dense layer of 64, a score."""

    def __init__(self, features: int) -> None:
        super().__init__()
        sizes = (features, 512, 256, 128, 64, 1)
        self.dense = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        for layer in self.dense:
            torch.nn.init.xavier_normal_(layer.weight)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = (features + 5) / 8
        for layer in self.dense[:3]:
            hidden = torch.relu(layer(hidden))
        hidden = torch.relu(self.dense[3](hidden.mean(dim=1)))
        return self.dense[4](hidden)[:, 0]


class ReferenceLoop:
    """One model that learns the `deciles` int [rows] of the rows `learning` in the HDF5 file at `path`."""

    batch_size = BATCH_SIZE

    def __init__(self, path: Path, deciles: npt.NDArray[np.int64], learning: Index) -> None:
        self.file = h5py.File(path)
        self.deciles = deciles
        self.by_class = [learning[deciles[learning] == decile] for decile in range(1, 11)]
        self.by_class = [of_class for of_class in self.by_class if len(of_class)]
        self.random = np.random.default_rng(2)
        torch.manual_seed(2)
        self.network = PaperNetwork(self.file["features"].shape[2])
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-4, weight_decay=1e-4)

    def steps(self, n: int) -> None:
        for _ in range(n):
            drawn = [
                int(self.random.choice(self.by_class[c])) for c in self.random.integers(len(self.by_class), size=20)
            ]
            features = torch.from_numpy(np.stack([self.file["features"][row] for row in drawn]))
            features = features + NOISE * torch.randn_like(features)
            self.optimizer.zero_grad()
            loss = negative_log_likelihood(self.network(features), torch.from_numpy(self.deciles[drawn]))
            loss.backward()
            self.optimizer.step()

    def rate(self, seconds: float) -> float:
        """Rows/s over about `seconds`; all models cost the same, so one is enough."""
        start, n = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            self.steps(5)
            n += 5 * BATCH_SIZE
        return n / (time.perf_counter() - start)

    def predict(self, row_numbers: Index) -> np.ndarray:
        """The most probable deciles of rows."""
        with torch.no_grad():
            scores = [self.network(torch.from_numpy(self.file["features"][row][None]))[0] for row in row_numbers]
            p = torch.sigmoid(torch.stack(scores))[:, None]
        k = torch.arange(10)
        return (torch.argmax(BINOMIALS * p**k * (1 - p) ** (9 - k), dim=1) + 1).numpy()


RUNNING: list[ReferenceLoop] = []


def write_features(rows: TrainingRows, path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["features"] = rows.features


def of_first_model(assignments: Assignments) -> tuple[npt.NDArray[np.int64], Index]:
    """For the model of the first outcome and fold: all deciles, and the rows that it learns from."""
    deciles = assignments.rows.deciles[:, assignments.rows.outcomes.index(assignments.outcomes[0])].astype(np.int64)
    return deciles, np.flatnonzero(assignments.learning_weights(0, np.arange(len(assignments.rows)))[0])


def start_loop(path: Path, deciles: npt.NDArray[np.int64], learning: Index) -> None:
    """Start the only loop of this process."""
    RUNNING.append(ReferenceLoop(path, deciles, learning))
    RUNNING[0].steps(5)


def loop_rate(seconds: float) -> float:
    return RUNNING[0].rate(seconds)


def negative_log_likelihood(scores: torch.Tensor, deciles: torch.Tensor) -> torch.Tensor:
    k = deciles - 1
    log_p, log_q = torch.nn.functional.logsigmoid(scores), torch.nn.functional.logsigmoid(-scores)
    return -(torch.log(BINOMIALS[k]) + k * log_p + (9 - k) * log_q).mean()
