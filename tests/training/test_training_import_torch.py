"""Networks saved by PyTorch itself and imported: scores, probabilities and deciles equal PyTorch's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from paths import DATA
from streetdeciles.models.imports import import_model
from streetdeciles.models.torch_files import read_state_dict
from streetdeciles.ordinal.binomial import predicted_decile
from streetdeciles.ordinal.tempered import probabilities

torch = pytest.importorskip("torch", reason="needs torch: make test-compare")
pytestmark = pytest.mark.compare

from torch_network import paper_network  # noqa: E402


@pytest.mark.parametrize("kind", [{}, {"_use_new_zipfile_serialization": False}])
def test_predictions_equal_those_of_torch(kind: dict[str, Any], tmp_path: Path) -> None:
    """At the paper's widths; the expected probabilities come from torch.distributions."""
    network = paper_network((4096, 512, 256, 128, 64), seed=3)
    torch.save(network.state_dict(), tmp_path / "paper.pt", **kind)
    file = import_model(str(tmp_path / "paper.pt"), str(tmp_path / "models"), outcome="imd", fold=0)

    rng = np.random.default_rng(4)
    features = (rng.normal(-2, 4, size=(64, 4, 4096)) * rng.uniform(0, 1.5, size=(64, 1, 1))).astype(np.float32)
    with torch.no_grad():
        of_torch = network(torch.from_numpy(features))[:, 0]
        binomial = torch.distributions.Binomial(9, logits=of_torch[:, None])
        likely = binomial.log_prob(torch.arange(10.0)).exp().numpy()
    imported = keras.saving.load_model(file)({"features": features, "view_mask": np.ones((64, 4), bool)})[:, 0]

    assert of_torch.std() > 0.5
    np.testing.assert_allclose(np.asarray(imported), of_torch.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.asarray(probabilities(imported)), likely, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(predicted_decile(imported)), likely.argmax(axis=1) + 1)


def test_torch_reads_the_same_from_the_files_in_tests_data() -> None:
    for name in ("zip.pt", "before_1_6.pt"):
        file = DATA / "torch_weights" / name
        of_torch = torch.load(file, weights_only=True)
        imported = read_state_dict(str(file))
        assert list(imported) == list(of_torch)
        for key, array in imported.items():
            np.testing.assert_array_equal(array, of_torch[key].numpy())


def test_precisions_views_and_parameters_are_read(tmp_path: Path) -> None:
    whole = torch.arange(24.0).reshape(4, 6) / 7
    saved = {
        "double": whole.double(),
        "half": whole.half(),
        "bfloat16": whole.bfloat16(),
        "transposed": whole.T,
        "part": whole[1:3, ::2],
        "number": torch.tensor(3),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(whole),
    }
    torch.save(saved, tmp_path / "w.pt")
    arrays = read_state_dict(str(tmp_path / "w.pt"))
    assert arrays["double"].dtype == np.float64
    for name, tensor in saved.items():
        expected = tensor.detach()
        expected = expected.float() if name == "bfloat16" else expected
        np.testing.assert_array_equal(arrays[name], expected.numpy())
