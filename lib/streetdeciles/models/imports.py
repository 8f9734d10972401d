"""Import of the paper's PyTorch network as a streetdeciles model, in a `models` folder with a model card."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.errors import RunRefused
from streetdeciles.models.card import MODEL_CARD, read_card
from streetdeciles.models.store import save_card, save_model
from streetdeciles.models.torch_files import read_state_dict
from streetdeciles.ordinal.network import NetworkShape, Weights, location_network

VIEWS = 4
"""The paper's number of views per location. No weight depends on it."""

LAYERS = ("dense1", "dense2", "dense3", "dense4", "dense5")
"""Three layers for the views, one after their mean, and the score."""


def import_model(weights_uri: str, models_uri: str, *, outcome: str, fold: int) -> str:
    """Add the network whose `state_dict` is in a file to the folder `models_uri`; the URI of its .keras file.

    Raises:
        RunRefused: not the paper's network, or a folder that already has this model or has trained models.
    """
    if not re.fullmatch(r"\w+", outcome):
        raise RunRefused(f"--outcome {outcome}: expected a name of letters, digits and _, e.g. imd_income")
    shape, weights = network_of(read_state_dict(weights_uri), weights_uri)
    training = {
        "imported": True,
        "variant": shape.variant,
        "view_units": list(shape.view_units),
        "location_units": list(shape.location_units),
    }
    models, notes = _models_in(models_uri, outcome, fold, training, shape)
    model = save_model(location_network(shape), weights, models_uri, outcome=outcome, fold=fold)
    models.append({**model, "best_epoch": None, "val_loss": None, "val_mae": None})
    notes.append(f"{outcome}, fold {fold}: imported from {weights_uri}")
    save_card(models_uri, models, shape, training, notes)
    return storage.join(models_uri, model["file"])


def network_of(state: dict[str, npt.NDArray[Any]], source: str) -> tuple[NetworkShape, Weights]:
    """Shape and weights, in `location_network`'s order, of a `state_dict` of dense1 … dense5.

    Errors name `source`. A prefix that all names share, such as DataParallel's `module.`, is removed. PyTorch's weights
    are [out, in].
    """
    arrays = _by_layer(state, source)
    weights: Weights = []
    units: list[int] = []
    for layer in LAYERS:
        weight = arrays[f"{layer}.weight"]
        out = weight.shape[0] if weight.ndim and layer != LAYERS[-1] else 1
        inputs = units[-1] if units else (weight.shape[-1] if weight.ndim else 1)
        for part, expected in (("weight", (max(out, 1), max(inputs, 1))), ("bias", (max(out, 1),))):
            weights.append(_checked(arrays[f"{layer}.{part}"], expected, f"{source}: {layer}.{part}").T)
        units += [out] if units else [inputs, out]
    features, *view_units, location_units, _ = units
    shape = NetworkShape(VIEWS, features, tuple(view_units), (location_units,), noise=0.0, variant="plain")
    return shape, [np.ascontiguousarray(array) for array in weights]


def _by_layer(state: dict[str, npt.NDArray[Any]], source: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays by their names without the prefix; RunRefused if they are not those of LAYERS."""
    first = f"{LAYERS[0]}.weight"
    prefix = next((name.removesuffix(first) for name in state if re.fullmatch(rf"(.*\.)?{re.escape(first)}", name)), "")
    names = [f"{layer}.{part}" for layer in LAYERS for part in ("weight", "bias")]
    missing = [name for name in names if prefix + name not in state]
    others = [name for name in state if name.removeprefix(prefix) not in names]
    if missing or others:
        differences = [
            f"{what} {', '.join(different[:4])}"
            for what, different in (("missing", missing), ("unknown", others))
            if different
        ]
        raise RunRefused(
            f"{source}: expected weight and bias of {LAYERS[0]} … {LAYERS[-1]}, as the paper's PyTorch network has; "
            f"{'; '.join(differences)}"
        )
    return {name: state[prefix + name] for name in names}


def _checked(array: npt.NDArray[Any], expected: tuple[int, ...], what: str) -> npt.NDArray[np.float32]:
    if array.shape != expected:
        raise RunRefused(f"{what}: expected shape {expected}, found {array.shape}")
    if array.dtype.kind != "f":
        raise RunRefused(f"{what}: expected floating-point numbers, found {array.dtype}")
    if not np.isfinite(array).all():
        raise RunRefused(f"{what}: contains NaN or infinity")
    return array.astype(np.float32)


def _models_in(
    models_uri: str, outcome: str, fold: int, training: dict[str, Any], shape: NetworkShape
) -> tuple[list[dict[str, Any]], list[str]]:
    """Models and notes on the folder's card, to add to; empty if there is no card yet."""
    if not storage.exists(storage.join(models_uri, MODEL_CARD)):
        return [], []
    card = read_card(models_uri)
    if card["training"] != training or card["input"]["features"] != [shape.views, shape.features]:
        raise RunRefused(f"{models_uri}: has trained models, or models of another shape; choose another --out")
    if any((model["outcome"], model["fold"]) == (outcome, fold) for model in card["models"]):
        raise RunRefused(f"{models_uri}: already has a model of {outcome}, fold {fold}; choose another --fold or --out")
    return card["models"], card["notes"]
