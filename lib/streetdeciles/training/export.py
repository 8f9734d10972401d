"""Models as TensorFlow SavedModels, which need neither this package nor Keras."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras

from streetdeciles import storage
from streetdeciles.errors import RunRefused


def export_models(models_uri: str, models: Iterable[dict[str, Any]], out: Path) -> list[Path]:
    """Export each model to the folder `<out>/<outcome>/<fold>`, in the place of what is there; the folders.

    `serve` of a loaded SavedModel takes {"features": float32 [n, views, feature_size], "view_mask": bool [n, views]}
    and gives scores float32 [n, 1].

    Raises:
        RunRefused: Keras does not run on TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise RunRefused(
            f"models export writes TensorFlow SavedModels, and Keras runs on {keras.backend.backend()}; "
            "set the environment variable KERAS_BACKEND=tensorflow"
        )
    return [_export(models_uri, model, out / model["outcome"] / str(model["fold"])) for model in models]


def _export(models_uri: str, model: dict[str, Any], target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="_unfinished") as folder:
        file, exported = Path(folder) / "model.keras", Path(folder) / "exported"
        file.write_bytes(storage.read_bytes(storage.join(models_uri, model["file"])))
        network = keras.saving.load_model(file, compile=False, safe_mode=True)
        network.export(exported, format="tf_saved_model", verbose=False)
        shutil.rmtree(target, ignore_errors=True)
        exported.replace(target)
    return target
