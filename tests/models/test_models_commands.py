"""streetdeciles models list | show | export on the models of a run, and refusals of training --learning-curve."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from config_files import write_config
from streetdeciles.cli import main
from streetdeciles.models.store import TrainedModel, save_card, save_models
from streetdeciles.ordinal.network import NetworkShape, initial_weights, location_network
from streetdeciles.ordinal.tempered import probabilities

SHAPE = NetworkShape(3, 12, (8,), (4,), noise=0.05)


@pytest.fixture
def config(tmp_path: Path, values: dict[str, Any]) -> str:
    """Models of two outcomes and folds, with normalisation statistics like those after a training."""
    rng = np.random.default_rng(1)
    network = location_network(SHAPE)
    models = []
    for outcome in ("imd", "imd_crime"):
        for fold in range(2):
            weights = [np.abs(array) + 0.5 if array.ndim == 1 else array for array in initial_weights(network, rng)]
            models.append(TrainedModel(outcome, fold, weights, epoch=4 + fold, val_loss=1.75, val_mae=1.25 + fold))
    folder = str(tmp_path / "out" / "models")
    settings = {"seed": 5, "preset": "default", "view_units": [8]}
    save_card(folder, save_models(models, SHAPE, folder), SHAPE, settings, ["imd: a note"], training_set="0123abcd")
    return str(write_config(tmp_path, values))


def test_list_has_one_line_per_model(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--config", config]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if ".keras" in line]
    assert cells == [
        ["imd", "0", "4", "1.750", "1.25", "imd/0.keras"],
        ["imd", "1", "5", "1.750", "2.25", "imd/1.keras"],
        ["imd_crime", "0", "4", "1.750", "1.25", "imd_crime/0.keras"],
        ["imd_crime", "1", "5", "1.750", "2.25", "imd_crime/1.keras"],
    ]


def test_show_prints_settings_input_and_notes(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "--config", config, "--outcome", "imd", "--fold", "1"]) == 0
    out = capsys.readouterr().out
    for text in ("seed: 5", "view_units: [8]", "features: [3, 12]", f"keras: {keras.__version__}", "imd: a note"):
        assert text in out
    assert "0123abcd" in out
    assert "imd/1.keras" in out
    assert "imd/0.keras" not in out


SAVED_MODEL_SCORES = """
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1] + "/exported/imd_crime/1")
scores = model.serve(inputs)
"""
ONNX_SCORES = """
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1] + "/exported/imd_crime/1.onnx")
(scores,) = session.run(None, inputs)
"""


def exported_scores(config: str, folder: Path, how: str, program: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores of fold 1 of imd_crime: by `program` in a process without this package, and by Keras."""
    arguments = ["--config", config, "--out", str(folder / "exported"), "--outcome", "imd_crime", "--format", how]
    assert main(["models", "export", *arguments]) == 0
    assert main(["models", "export", *arguments]) == 0, "a second export replaces the first"

    rng = np.random.default_rng(2)
    mask = rng.random((7, 3)) < 0.6
    mask[:, 0] = True
    inputs = {"features": rng.normal(size=(7, 3, 12)).astype(np.float32), "view_mask": mask}
    np.savez(folder / "inputs.npz", **inputs)
    before = "import sys, numpy as np\ninputs = dict(np.load(sys.argv[1] + '/inputs.npz'))\n"
    after = (
        "assert not any(name.startswith('streetdeciles') for name in sys.modules)\n"
        "np.save(sys.argv[1] + '/scores.npy', np.asarray(scores))\n"
    )
    subprocess.run([sys.executable, "-c", before + program + after, str(folder)], check=True, capture_output=True)
    network = keras.saving.load_model(folder / "out" / "models" / "imd_crime" / "1.keras")
    return np.load(folder / "scores.npy"), np.asarray(network(inputs))


def test_saved_model_gives_the_same_scores_without_this_package(config: str, tmp_path: Path) -> None:
    exported, scores = exported_scores(config, tmp_path, "saved_model", SAVED_MODEL_SCORES)
    paths = sorted(path.relative_to(tmp_path / "exported").as_posix() for path in tmp_path.glob("exported/*/*"))
    assert paths == ["imd_crime/0", "imd_crime/1"]
    np.testing.assert_allclose(exported, scores, rtol=1e-6)


def test_onnx_gives_the_same_probabilities_without_this_package(config: str, tmp_path: Path) -> None:
    for package in ("tf2onnx", "onnxruntime"):
        pytest.importorskip(package, reason=f"needs {package}: pip install 'streetdeciles[onnx]' onnxruntime")
    exported, scores = exported_scores(config, tmp_path, "onnx", ONNX_SCORES)
    paths = sorted(path.relative_to(tmp_path / "exported").as_posix() for path in tmp_path.glob("exported/*/*"))
    assert paths == ["imd_crime/0.onnx", "imd_crime/1.onnx"]
    np.testing.assert_allclose(exported, scores, rtol=1e-5, atol=1e-6)
    by_binomial = binom.pmf(np.arange(10), 9, expit(exported.astype(np.float64)))
    np.testing.assert_allclose(by_binomial, np.asarray(probabilities(scores))[:, 0], atol=1e-6)


def test_onnx_without_its_package_is_refused(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    assert main(["models", "export", "--config", config, "--out", str(tmp_path / "exported"), "--format", "onnx"]) == 2
    assert "needs tf2onnx: pip install 'streetdeciles[onnx]'" in capsys.readouterr().err
    assert not (tmp_path / "exported").exists()


def test_a_model_that_does_not_exist_is_refused(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "--config", config, "--outcome", "income"]) == 2
    error = capsys.readouterr().err
    assert (
        "no model of outcome income, fold any; expected one of the outcomes imd, imd_crime and of the folds 0, 1"
        in error
    )


def test_a_run_without_models_is_refused(
    tmp_path: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "list", "--config", str(write_config(tmp_path, values))]) == 2
    assert "no trained models; run the training stage first" in capsys.readouterr().err


def test_export_on_another_keras_backend_is_refused(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert main(["models", "export", "--config", config, "--out", str(tmp_path / "exported")]) == 2
    assert "KERAS_BACKEND=tensorflow" in capsys.readouterr().err
    assert not (tmp_path / "exported").exists()


def test_a_learning_curve_needs_the_dataset(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["training", "--config", config, "--learning-curve"]) == 2
    assert "stage labels must run first" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--dry-run", "--force"])
def test_a_learning_curve_refuses_other_options(config: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["training", "--config", config, "--learning-curve", option]) == 2
    assert "--learning-curve cannot be combined with --dry-run or --force" in capsys.readouterr().err
