"""The variables of a model by name, and assigning weights to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    import keras


def named_variables(model: keras.Model) -> dict[str, Any]:
    """`<layer>/<variable>` -> variable, in the model's order; layers of a model within it count as its own."""
    named: dict[str, Any] = {}
    for layer in _leaves(model):
        for i, variable in enumerate(layer.weights):
            if "int" in str(variable.dtype):
                continue  # e.g. position ids, which are not weights
            name = f"{layer.name}/{_name_within(layer, variable, i)}"
            if name in named:
                raise RunRefused(f"features.backbone: two variables of the model are called {name}; rename a layer")
            named[name] = variable
    return named


def model_arrays(model: keras.Model) -> dict[str, Array]:
    """All weights of a model as `<layer>/<variable>` -> float32 array."""
    import numpy as np
    from keras import ops

    return {
        name: np.asarray(ops.convert_to_numpy(variable), np.float32)
        for name, variable in named_variables(model).items()
    }


def assign(model: keras.Model, arrays: Iterable[tuple[str, Array]]) -> None:
    """Assign the weights to the model, in the model's own precision."""
    variables = named_variables(model)
    for name, array in arrays:
        variables[name].assign(array)
    for layer in _leaves(model):
        if hasattr(layer, "finalize_state"):  # keras.layers.Normalization computes with copies of its weights
            layer.finalize_state()


def _name_within(layer: Any, variable: Any, i: int) -> str:
    """The variable's own name, or its attribute's if Keras only numbered it, which differs between processes."""
    if not re.fullmatch(r"variable(_\d+)?", variable.name):
        return str(variable.path.rsplit(f"{layer.name}/", 1)[-1])
    return next((key for key, value in vars(layer).items() if value is variable), str(i))


def _leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer
