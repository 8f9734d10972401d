"""Weights of the paper's PyTorch network: read without PyTorch, imported and used; other files are refused."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest

from config_files import write_config
from paths import DATA
from streetdeciles.cli import main
from streetdeciles.errors import RunRefused
from streetdeciles.models.card import model_files, read_card
from streetdeciles.models.imports import network_of
from streetdeciles.models.start import load_start_models
from streetdeciles.models.torch_files import read_state_dict
from streetdeciles.prediction.chosen_models import ChosenModels
from streetdeciles.prediction.predictors import load_predictor

ZIP, LEGACY = DATA / "torch_weights" / "zip.pt", DATA / "torch_weights" / "before_1_6.pt"
SCORES = json.loads((DATA / "torch_weights" / "scores.json").read_text())
FEATURES = np.random.default_rng(1).normal(0, 4, size=(5, 4, 6)).astype(np.float32)
WIDTHS = (6, 5, 4, 3, 2)


def small_state() -> dict[str, np.ndarray]:
    return read_state_dict(str(ZIP))


def scores_of(file: Path) -> np.ndarray:
    network = keras.saving.load_model(file)
    return np.asarray(network({"features": FEATURES, "view_mask": np.ones((5, 4), bool)}))[:, 0]


def zip_with(path: Path, change: Callable[[dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> str:
    """A copy of ZIP with changed members."""
    with zipfile.ZipFile(ZIP) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return str(path)


def test_both_formats_hold_the_same_arrays() -> None:
    new, old = small_state(), read_state_dict(str(LEGACY))
    assert list(new) == [f"dense{i}.{part}" for i in range(1, 6) for part in ("weight", "bias")]
    assert list(old) == [f"module.{name}" for name in new]
    for name, array in new.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, old[f"module.{name}"])
    assert [new[f"dense{i}.weight"].shape for i in range(1, 6)] == [(5, 6), (4, 5), (3, 4), (2, 3), (1, 2)]


@pytest.mark.parametrize("file", [ZIP, LEGACY])
def test_an_imported_model_gives_the_scores_of_torch(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "paper"
    arguments = ["models", "import", str(file), "--outcome", "imd_income", "--out", str(out)]
    assert main(arguments) == 0
    file_path = Path(capsys.readouterr().out.strip())
    assert file_path == out / "imd_income" / "0.keras"
    np.testing.assert_allclose(scores_of(file_path), SCORES, rtol=1e-5)


def test_an_imported_folder_is_a_models_folder(
    tmp_path: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """It can be listed, start a training, and predict."""
    out = tmp_path / "out" / "models"
    for fold, file in enumerate((ZIP, LEGACY)):
        fold_arguments = ["--outcome", "imd", "--fold", str(fold), "--out", str(out)]
        assert main(["models", "import", str(file), *fold_arguments]) == 0
    capsys.readouterr()
    assert main(["models", "show", "--config", str(write_config(tmp_path, values))]) == 0
    printed = capsys.readouterr().out
    assert f"imd, fold 1: imported from {LEGACY}"[:60] in printed
    assert [[c.strip() for c in line.strip("│").split("│")] for line in printed.splitlines() if ".keras" in line] == [
        ["imd", "0", "-", "-", "-", "imd/0.keras"],
        ["imd", "1", "-", "-", "-", "imd/1.keras"],
    ]

    shape, weights = network_of(small_state(), "zip.pt")
    assert (shape.views, shape.features, shape.view_units, shape.location_units) == (4, 6, (5, 4, 3), (2,))
    starts = load_start_models(str(out), ("imd",), shape)
    for start, expected in zip(starts.weights("imd", 1), weights, strict=True):
        np.testing.assert_array_equal(start, expected)

    models = ChosenModels(str(out), model_files(read_card(str(out))), mean=True)
    locations = pa.RecordBatch.from_pydict({"location_id": [*"abcde"]})
    (predicted,) = load_predictor(models).predict(locations, FEATURES, np.ones((5, 4), bool))
    np.testing.assert_allclose(predicted.scores[:, 0], SCORES, rtol=1e-5)


def test_a_folder_with_the_model_or_trained_ones_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["models", "import", str(ZIP), "--outcome", "imd", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert main(arguments) == 2
    assert "already has a model of imd, fold 0; choose another --fold or --out" in capsys.readouterr().err
    card = json.loads((tmp_path / "model_card.json").read_text())
    (tmp_path / "model_card.json").write_text(json.dumps({**card, "training": {"preset": "default"}}))
    assert main([*arguments, "--fold", "1"]) == 2
    assert "has trained models, or models of another shape; choose another --out" in capsys.readouterr().err
    assert main([*arguments, "--outcome", "../imd"]) == 2
    assert "--outcome ../imd: expected a name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dense2.weight": np.zeros((4, 6), "f4")}, r"dense2\.weight: expected shape \(4, 5\), found \(4, 6\)"),
        ({"dense3.bias": np.zeros(4, "f4")}, r"dense3\.bias: expected shape \(3,\), found \(4,\)"),
        ({"dense5.weight": np.zeros((10, 2), "f4")}, r"dense5\.weight: expected shape \(1, 2\), found \(10, 2\)"),
        ({"dense1.weight": np.zeros((), "f4")}, r"dense1\.weight: expected shape \(1, 1\), found \(\)"),
        ({"dense4.weight": np.zeros((2, 3), "i8")}, r"dense4\.weight: expected floating-point numbers, found int64"),
        ({"dense4.bias": np.full(2, np.nan, "f4")}, r"dense4\.bias: contains NaN or infinity"),
        ({"dense4.bias": None, "dense5.bias": None}, r"missing dense4\.bias, dense5\.bias"),
        ({"bn1.weight": np.zeros(5, "f4")}, r"as the paper's PyTorch network has; unknown bn1\.weight"),
    ],
)
def test_weights_of_another_network_are_refused(change: dict[str, Any], message: str) -> None:
    state = {name: array for name, array in {**small_state(), **change}.items() if array is not None}
    with pytest.raises(RunRefused, match=rf"w\.pt.*{message}"):
        network_of(state, "w.pt")


class Hostile:
    """An ordinary unpickler would create a folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("hostile",)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_hostile_pickle_is_refused_and_not_run(legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = pickle.dumps({"dense1.weight": Hostile()}, protocol=2)
    file = tmp_path / "hostile.pt"
    if legacy:
        header = LEGACY.read_bytes()
        after_machine = header.index(b"\x80\x02ccollections")
        file.write_bytes(header[:after_machine] + program)
    else:
        zip_with(file, lambda members: members.update({"zip/data.pkl": program}))
    with pytest.raises(
        RunRefused, match=r"hostile\.pt: refused, the file would run (posix|nt)\.mkdir and weights hold arrays only"
    ):
        read_state_dict(str(file))
    assert not (tmp_path / "hostile").exists()
    file.write_bytes(program)
    with pytest.raises(RunRefused, match=r"refused, the file would run"):
        read_state_dict(str(file))
    assert not (tmp_path / "hostile").exists()


def test_a_view_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    def stretched(members: dict[str, bytes]) -> None:
        program = members["zip/data.pkl"]
        assert b"K\x05K\x06\x86" in program, "the shape of dense1.weight"
        members["zip/data.pkl"] = program.replace(b"K\x05K\x06\x86", b"K\x05K\x07\x86", 1)

    with pytest.raises(RunRefused, match=r"a tensor of shape \(5, 7\) extends beyond its storage"):
        read_state_dict(zip_with(tmp_path / "w.pt", stretched))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    for complete in (ZIP, LEGACY):
        content = complete.read_bytes()
        for length in (0, 3, 100, len(content) // 2, len(content) - 1):
            file.write_bytes(content[:length])
            with pytest.raises(RunRefused, match=r"w\.pt: (cannot be read|the file is truncated)"):
                read_state_dict(str(file))
    cut = zip_with(file, lambda members: members.update({"zip/data/0": b"1234"}))
    with pytest.raises(RunRefused, match="truncated or damaged: storage 0 has 4 bytes, expected 120"):
        read_state_dict(cut)


def test_a_file_without_a_state_dict_is_refused(tmp_path: Path) -> None:
    def holding(value: object) -> Callable[[dict[str, bytes]], None]:
        return lambda members: members.update({"zip/data.pkl": pickle.dumps(value, protocol=2)})

    file = tmp_path / "w.pt"
    for change, message in (
        (holding([1]), "expected a state_dict, found list"),
        (holding({"epoch": 3}), "expected tensors by name, found epoch: int; save network.state_dict"),
        (holding({"a\nb\x1b[2J": 3}), r"expected tensors by name, found a\\nb\\x1b\[2J: int"),
        (holding({1: 3}), "expected tensors by name, found int"),
        (holding("x" * 2**20), "its data.pkl is larger than 1 MB"),
        (lambda members: members.pop("zip/data.pkl"), "a zip archive that torch.save did not write"),
        (lambda members: members.update({"zip/byteorder": b"big"}), "written by a big-endian machine"),
    ):
        with pytest.raises(RunRefused, match=message):
            read_state_dict(zip_with(file, change))
    with pytest.raises(RunRefused, match="its numbers are compressed"):
        read_state_dict(zip_with(file, lambda members: None, zipfile.ZIP_DEFLATED))
    with pytest.raises(RunRefused, match="other.pt: no such file"):
        read_state_dict(str(tmp_path / "other.pt"))
    other = io.BytesIO()
    for value in (1, 2, {"little_endian": True}):
        pickle.dump(value, other, protocol=2)
    file.write_bytes(other.getvalue())
    with pytest.raises(RunRefused, match="not a file written by torch.save"):
        read_state_dict(str(file))
