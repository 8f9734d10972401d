"""Export of models as TensorFlow SavedModels or ONNX files, which need neither this package nor Keras."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np

from streetdeciles import storage
from streetdeciles.backbones import keras_files
from streetdeciles.errors import RunRefused
from streetdeciles.ordinal.network import shape_of

ENDINGS = {"saved_model": "", "onnx": ".onnx"}
"""How the name of a model's folder or file ends, by format."""


def export_models(
    models_uri: str, models: Iterable[dict[str, Any]], out: Path, *, how: str = "saved_model"
) -> list[Path]:
    """Export each model to the folder `<out>/<outcome>/<fold>` or the file `<out>/<outcome>/<fold>.onnx`; their paths.

    Earlier exports are replaced. A model takes features float32 [n, views, feature_size] and view_mask bool [n, views]
    and returns scores float32 [n, 1]. Pass the inputs as a dict to `serve` of a loaded SavedModel, or by these names to
    an ONNX session.

    Raises:
        RunRefused: Keras does not run on TensorFlow, or tf2onnx is not installed.
    """
    if keras.backend.backend() != "tensorflow":
        raise RunRefused(
            f"models export needs Keras on TensorFlow, and Keras runs on {keras.backend.backend()}; "
            "set the environment variable KERAS_BACKEND=tensorflow"
        )
    if how == "onnx" and not find_spec("tf2onnx"):
        raise RunRefused("models export --format onnx needs tf2onnx: pip install 'streetdeciles[onnx]'")
    return [
        _export(models_uri, model, out / model["outcome"] / f"{model['fold']}{ENDINGS[how]}", how) for model in models
    ]


def _export(models_uri: str, model: dict[str, Any], target: Path, how: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="streetdeciles-export-") as folder:
        file, exported = Path(folder) / "model.keras", Path(folder) / "exported"
        file.write_bytes(storage.read_bytes(storage.join(models_uri, model["file"])))
        network = keras_files.load_model(file, model["file"])
        if how == "onnx":
            _to_onnx(network, exported)
            storage.write_bytes(str(target), exported.read_bytes())
        else:
            network.export(exported, format="tf_saved_model", verbose=False)
            staged = f"{target}{storage.UNFINISHED}"
            storage.remove(staged)
            storage.upload(exported, staged)
            storage.replace(staged, str(target))
    return target


def _to_onnx(network: keras.Model, path: Path) -> None:
    shape = shape_of(network)
    views = (1, shape.views)
    # Keras exports only a model that has been called.
    network({"features": np.zeros((*views, shape.features), np.float32), "view_mask": np.ones(views, bool)})
    with warnings.catch_warnings():
        # Keras looks for `np.object` in NumPy 1, for tf2onnx.
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
        network.export(path, format="onnx", verbose=False)
