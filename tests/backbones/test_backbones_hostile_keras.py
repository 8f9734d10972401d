"""Keras' files that are made to run code, lead to other files or exhaust the machine are refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from test_backbones_hostile_weights import HERE, in_a_process
from test_backbones_weights import SMALL, arrays, keras_model

from small_run import BACKBONE, SmallRun
from streetdeciles.backbone_sources import ModelFile, weight_source
from streetdeciles.backbones.keras_files import load_model
from streetdeciles.backbones.registry import backbone_from
from streetdeciles.backbones.weights import read_weights
from streetdeciles.errors import RunRefused

__all__ = ["arrays"]

Config = dict[str, Any]


def changed(path: Path, config: Callable[[Config], Any] = lambda config: None, **members: bytes) -> Path:
    """The small backbone with its config changed in place, or replaced by what `config` returns, and members added."""
    with zipfile.ZipFile(BACKBONE) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    values = json.loads(content["config.json"])
    content["config.json"] = json.dumps(config(values) or values).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in content.items():
            kind = zipfile.ZIP_STORED if name == "model.weights.h5" else zipfile.ZIP_DEFLATED
            archive.writestr(name, held, compress_type=kind)
        for name, held in members.items():
            archive.writestr(name, held)
    return path


def last_layer(**values: Any) -> Callable[[Config], None]:
    return lambda config: config["config"]["layers"][-1].update(values)


def nested(depth: int) -> Callable[[Config], Config]:
    def change(config: Config) -> Config:
        for _ in range(depth):
            config = {"config": config}
        return config

    return change


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (last_layer(class_name="Lambda"), "it holds keras.layers.Lambda"),
        (last_layer(class_name="TFSMLayer"), "it holds keras.layers.TFSMLayer"),
        (last_layer(class_name="StringLookup"), "it holds keras.layers.StringLookup"),
        (last_layer(module="os", class_name="system"), "it holds os.system"),
        (last_layer(module="keras.config", class_name="enable_unsafe_deserialization"), "it holds keras.config.enable"),
        (last_layer(module="keras.src.utils.file_utils", class_name="get_file"), "it holds keras.src.utils"),
        (last_layer(module="builtins", class_name="function", config="eval"), "it holds builtins.function"),
        (last_layer(registered_name="mine>Flatten"), "it holds keras.layers.Flatten"),
        (last_layer(class_name="__lambda__", module="builtins"), "it holds builtins.__lambda__"),
        (last_layer(class_name=["x"]), "it holds keras.layers.['x']"),
        (last_layer(compile_config={"loss": "mse"}), "a layer in it is compiled"),
        (last_layer(units=10**12), "its config has units: 1000000000000"),
        (nested(200), "nested more than 60 levels deep"),
    ],
)
def test_config_that_is_not_of_keras_own_layers_is_refused(
    config: Callable[[Config], Any], expected: str, tmp_path: Path
) -> None:
    path = changed(tmp_path / "own.keras", config)
    for read in (lambda: load_model(path, str(path)), lambda: backbone_from(ModelFile(str(path)))):
        with pytest.raises(RunRefused) as refused:
            read()
        assert f"{path}: refused, " in str(refused.value)
        assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../evil.h5", "its member ../evil.h5 is not one that Keras writes"),
        ("assets/x", "its member assets/x is not one that Keras writes"),
        ("metadata.json", "its member metadata.json is not one that Keras writes"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_that_keras_does_not_write_is_refused(name: str, expected: str, tmp_path: Path) -> None:
    path = changed(tmp_path / "own.keras", **{name: b"x"})
    with pytest.raises(RunRefused, match="refused, its member") as refused:
        load_model(path, str(path))
    assert expected in str(refused.value)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_zip_bomb_is_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(BACKBONE) as archive:
        content = {member: archive.read(member) for member in archive.namelist()}
    path = tmp_path / "own.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, held in content.items():
            if member != name:
                archive.writestr(member, held, compress_type=zipfile.ZIP_STORED)
        with archive.open(name, "w") as file:
            for _ in range(200):
                file.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    for read in (lambda: load_model(path, "own"), lambda: backbone_from(ModelFile(str(path)))):
        with pytest.raises(RunRefused, match="larger than 16 MB" if name == "config.json" else "is compressed"):
            read()


def test_config_of_two_hundred_thousand_brackets_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "[" * 200_000)
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(RunRefused, match="cannot be read as a model"):
        load_model(path, str(path))


def test_layers_with_functions_and_operations_are_read(tmp_path: Path) -> None:
    images = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(2, 3, activation=keras.activations.relu, kernel_regularizer="l2")(images)
    hidden = keras.layers.Activation("gelu")(hidden) * 2 + keras.ops.mean(hidden)
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(hidden))
    model.compile("adam", "mse")
    model.save(tmp_path / "own.keras")
    read = load_model(tmp_path / "own.keras", "own")
    inputs = np.ones((1, 8, 8, 3), np.float32)
    np.testing.assert_allclose(read(inputs), model(inputs), rtol=1e-5)
    assert backbone_from(ModelFile(str(tmp_path / "own.keras"))).feature_length == 2


def hdf5(path: Path, write: Callable[[h5py.Group], None]) -> str:
    """A file of the old layout, whose layer conv_a is written by `write`."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv_a"]
        group = file.create_group("conv_a")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group["bias"] = np.zeros(2, "float32")
        write(group)
    return str(path)


def virtual(group: h5py.Group) -> None:
    layout = h5py.VirtualLayout((3, 3, 3, 2), "float32")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3, 3, 3, 2))
    group.create_virtual_dataset("kernel", layout)


SHAPE = (3, 3, 3, 2)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda group: group.__setitem__("kernel", h5py.ExternalLink("other.h5", "/x")), "is a link"),
        (lambda group: group.__setitem__("kernel", h5py.SoftLink("/conv_a/bias")), "is a link"),
        (virtual, "keeps its numbers in another file"),
        (
            lambda group: group.create_dataset("kernel", SHAPE, "f4", external=[("/etc/hostname", 0, 216)]),
            "keeps its numbers in another file",
        ),
        (lambda group: group.create_dataset("kernel", SHAPE, "f4", compression="gzip"), "is compressed or filtered"),
        (lambda group: group.create_dataset("kernel", (2**20, 2**20), "f4", fillvalue=1), "it claims"),
        (lambda group: group.create_dataset("kernel", SHAPE, "f4", chunks=(40,) * 4, maxshape=(None,) * 4), "chunks"),
    ],
)
def test_hdf5_that_leads_out_or_grows_is_refused(write: Any, expected: str, tmp_path: Path) -> None:
    path = hdf5(tmp_path / "notop.h5", write)
    with pytest.raises(RunRefused, match="refused, ") as refused:
        dict(read_weights(weight_source(path), SMALL))
    assert expected in str(refused.value)


@pytest.mark.parametrize("name", ["model.h5", "model.weights.h5", "model.keras"])
def test_mutated_keras_files_are_read_or_refused(name: str, arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    model = keras_model(arrays)
    path = tmp_path / name
    model.save_weights(path) if name == "model.weights.h5" else model.save(path)
    actual = json.loads(in_a_process(str(HERE / "mutated_weights.py"), str(path), "1", "300"))
    assert actual.get("read", 0) + actual["refused"] == 300
    assert actual["peak_mb"] < 2_000  # a mutated length in HDF5 has taken 1 GB


def test_hostile_backbone_ends_a_run_with_one_line(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(small_run.folder / "own.keras", last_layer(module="os", class_name="system"))
    small_run.set(features={"backbone": str(path)})
    assert small_run.main("run", "--to", "features") == 2
    assert f"error: features.backbone: {path}: refused, it holds os.system" in capsys.readouterr().err


def test_empty_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.keras"
    path.write_bytes(io.BytesIO().getvalue())
    with pytest.raises(RunRefused, match="cannot be read as a model"):
        load_model(path, str(path))
