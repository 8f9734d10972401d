"""M networks of one shape as one: the same as training each alone, in one product a layer instead of M."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from streetdeciles.ordinal import SCORE_BINS, SCORE_LIMIT
from streetdeciles.ordinal.binomial import negative_log_likelihood, predicted_decile
from streetdeciles.ordinal.network import (
    BATCH_NORM_EPSILON,
    BATCH_NORM_MOMENTUM,
    PLAIN_OFFSET,
    PLAIN_SCALE,
    NetworkShape,
    Weights,
)
from streetdeciles.ordinal.one_pass import in_one_pass
from streetdeciles.ordinal.stacked_layers import StackedBatchNormalization, StackedDense

Tensor = Any


@keras.saving.register_keras_serializable(package="streetdeciles")
class StackedNetwork(keras.Model):  # type: ignore[misc]
    """`models` networks of `location_network`'s layers with a leading model axis.

    Inputs, a dict:
        features float [n, views, features], view_mask bool [n, views]: False where a photograph is missing.
        places int [sets, rows]: which of the n each set of models reads; with `sets` = 1 all models read the same rows,
            else models 0 .. models/sets - 1 read the first set, and so on. Left out, all read all.
        row_weights float32 [models, rows]: what a row counts for a model; 0: the model learns nothing from it, neither
            weights nor normalisation statistics. May be left out when not training.
    Output: scores float32 [models, rows].

    So features may lie on the device for many batches, and what several sets read is there once.

    As no parameter is shared, the gradient of the sum of the models' losses is each model's own gradient, and an
    optimizer that works element by element (Adam) makes of it the steps that each would take alone.

    `weight_decay` pulls every trained parameter towards 0 as PyTorch's Adam does: weight_decay x parameter is added to
    its gradient, before Adam (not after it, as in AdamW and Keras' `weight_decay`).

    The first `frozen` view layers stay as they are: neither their weights nor their statistics change, and in training
    too they normalise by the statistics that they have.
    """

    def __init__(
        self,
        shape: NetworkShape,
        models: int,
        *,
        seed: int = 0,
        weight_decay: float = 0.0,
        frozen: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # or each step would cast all features that lie there
        self.shape = shape
        self.models = models
        self.weight_decay = weight_decay
        self.frozen = frozen
        policy = self.dtype_policy
        norm = {"momentum": BATCH_NORM_MOMENTUM, "epsilon": BATCH_NORM_EPSILON, "dtype": policy}
        self.noise_seed = keras.random.SeedGenerator(seed)

        def dense(units: int) -> StackedDense:
            return StackedDense(units, models, use_bias=not shape.normalised, dtype=policy)

        def norms(layers: int) -> list[StackedBatchNormalization | None]:
            return [StackedBatchNormalization(models, **norm) if shape.normalised else None for _ in range(layers)]

        self.view_dense = [dense(units) for units in shape.view_units]
        self.view_norm = norms(len(shape.view_units))
        self.location_dense = [dense(units) for units in shape.location_units]
        self.location_norm = norms(len(shape.location_units))
        self.score = StackedDense(1, models, use_bias=True, dtype="float32")
        for layer in (*self.view_dense[:frozen], *self.view_norm[:frozen]):
            if layer is not None:
                layer.trainable = False

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> Tensor:
        places = inputs.get("places")
        hidden = self._drawn(inputs["features"], places, noisy=training and self.shape.noise > 0)
        sets, _, views, features = hidden.shape
        seen = ops.repeat(ops.cast(_at(inputs["view_mask"], places), "float32"), self.models // sets, axis=0)
        own_rows = _own_rows(inputs["row_weights"]) if training else ops.ones_like(seen[:, :, 0])
        own_views = ops.reshape(seen * ops.expand_dims(own_rows, -1), (self.models, -1))

        hidden = ops.reshape(hidden, (sets, -1, features))
        if not self.shape.normalised:
            hidden = hidden * PLAIN_SCALE + PLAIN_OFFSET
        for i, (dense, norm) in enumerate(zip(self.view_dense, self.view_norm, strict=True)):
            hidden = _rectified(dense(hidden), norm, own_views, training and i >= self.frozen)
        hidden = ops.reshape(hidden, (self.models, -1, views, hidden.shape[-1]))
        hidden = _mean_of_views(hidden, seen)
        for dense, norm in zip(self.location_dense, self.location_norm, strict=True):
            hidden = _rectified(dense(hidden), norm, own_rows, training)
        return ops.squeeze(self.score(hidden), -1)

    def compute_loss(
        self,
        x: dict[str, Tensor] | None = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Sum over models of the weighted mean loss over each model's own rows; `y` int deciles [models, rows].

        In training, weight decay is added, of the models that have rows in the batch.
        """
        assert x is not None
        losses, rows = _losses(x["row_weights"], y, y_pred), ops.sum(_own_rows(x["row_weights"]), axis=1)
        by_model = ops.sum(losses, axis=1) / ops.maximum(rows, 1.0)
        if training and self.weight_decay:
            by_model = by_model + self._decay() * ops.cast(rows > 0, "float32")
        return ops.sum(by_model)

    def compute_metrics(
        self, x: dict[str, Tensor], y: Tensor, y_pred: Tensor, sample_weight: Tensor = None
    ) -> dict[str, Tensor]:
        """Of the batch's own rows, as float32: `by_model` [4, models] their number and the sums of their losses,
        absolute errors and hits; `score_counts` [SCORE_BINS, models] how many of their scores lie in each bin."""
        rows = _own_rows(x["row_weights"])
        errors = ops.cast(ops.abs(predicted_decile(y_pred) - ops.cast(y, "int32")), "float32")
        counted = (rows, _losses(x["row_weights"], y, y_pred), errors * rows, ops.cast(errors == 0, "float32") * rows)
        sums = [ops.sum(values, axis=1) for values in counted]
        return {"by_model": ops.stack(sums), "score_counts": _score_counts(y_pred, rows)}

    def get_model_weights(self, models: Sequence[int]) -> list[Weights]:
        """The weights of some of the models, each a list in `location_network`'s order."""
        index = np.asarray(models, dtype=np.int64)
        arrays = [ops.convert_to_numpy(variable)[index] for variable in self._network_variables()]
        return [[array[i].copy() for array in arrays] for i in range(len(index))]

    def set_model_weights(self, weights: Sequence[Weights]) -> None:
        """Set all models' weights, each a list in `location_network`'s order; the network must have been built."""
        for variable, arrays in zip(self._network_variables(), zip(*weights, strict=True), strict=True):
            variable.assign(np.stack(arrays))

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError("a stack is for training and prediction; save its models by `unstack` instead")

    def _decay(self) -> Tensor:
        """What has the gradient weight_decay x parameter, [models]."""
        squares = [ops.sum(ops.reshape(ops.square(v), (self.models, -1)), axis=1) for v in self.trainable_variables]
        return 0.5 * self.weight_decay * sum(squares)

    def _drawn(self, features: Tensor, places: Tensor, *, noisy: bool) -> Tensor:
        """The features [sets, rows, views, features] that each set reads, in the precision that is computed in."""
        if not noisy:
            return ops.cast(_at(features, places), self.compute_dtype)
        rows = ops.shape(features)[0] if places is None else ops.shape(places)[1]
        noise = self._noise((rows, *features.shape[1:]))

        def draw() -> Tensor:
            return ops.cast(ops.cast(_at(features, places), "float32") + noise, self.compute_dtype)

        return in_one_pass(draw)

    def _noise(self, shape: tuple[Any, ...]) -> Tensor:
        """Noise for all sets alike: a model's noise then does not depend on how many others there are.

        Normal by Box and Muller's method over whole arrays, in half of the time that TensorFlow's own normal takes.
        """
        half = (*shape[:-1], -(-shape[-1] // 2))
        uniform = keras.random.uniform((2, *half), seed=self.noise_seed)
        radius = self.shape.noise * ops.sqrt(-2.0 * ops.log(1.0 - uniform[0]))
        angle = 2.0 * pi * uniform[1]
        return ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=-1)[..., : shape[-1]]

    def _network_variables(self) -> list[Any]:
        found: list[Any] = []
        for dense, norm in zip(
            [*self.view_dense, *self.location_dense], [*self.view_norm, *self.location_norm], strict=True
        ):
            found += [dense.kernel]
            found += [dense.bias] if norm is None else [norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance]
        return [*found, self.score.kernel, self.score.bias]


def stack(
    shape: NetworkShape,
    weights: Sequence[Weights],
    *,
    sets: int = 1,
    seed: int = 0,
    precision: str = "float32",
    weight_decay: float = 0.0,
    frozen: int = 0,
) -> StackedNetwork:
    """A built stack of the networks with these weights.

    `seed` is that of the noise; `precision` a Keras dtype policy, e.g. mixed_bfloat16: weights and losses stay float32.
    """
    network = empty_stack(
        shape, len(weights), sets=sets, seed=seed, precision=precision, weight_decay=weight_decay, frozen=frozen
    )
    network.set_model_weights(weights)
    return network


def empty_stack(
    shape: NetworkShape, models: int, *, sets: int = 1, precision: str = "float32", **kwargs: Any
) -> StackedNetwork:
    """`stack` without weights; they must be set."""
    if models % sets:
        raise ValueError(f"{sets} sets of rows cannot be shared evenly by {models} models")
    network = StackedNetwork(shape, models, dtype=precision, **kwargs)
    network(_empty_batch(shape, models, sets), training=False)
    return network


def _empty_batch(shape: NetworkShape, models: int, sets: int) -> dict[str, npt.NDArray[Any]]:
    return {
        "features": np.zeros((1, shape.views, shape.features), np.float32),
        "view_mask": np.ones((1, shape.views), bool),
        "places": np.zeros((sets, 1), np.int32),
        "row_weights": np.zeros((models, 1), np.float32),
    }


def _at(values: Tensor, places: Tensor) -> Tensor:
    """[n, ...] -> [sets, rows, ...]."""
    return ops.expand_dims(values, 0) if places is None else ops.take(values, places, axis=0)


def _own_rows(row_weights: Tensor) -> Tensor:
    return ops.cast(row_weights > 0, "float32")


def _rectified(hidden: Tensor, norm: StackedBatchNormalization | None, own_rows: Tensor, training: bool) -> Tensor:
    if norm is None:
        return ops.relu(hidden)

    def rectify() -> Tensor:
        return ops.relu(norm(hidden, own_rows=own_rows, training=training))

    return in_one_pass(rectify) if training else rectify()


def _score_counts(scores: Tensor, rows: Tensor) -> Tensor:
    places = ops.floor((ops.cast(scores, "float32") + SCORE_LIMIT) * (SCORE_BINS / (2 * SCORE_LIMIT)))
    bins = ops.one_hot(ops.cast(ops.clip(places, 0, SCORE_BINS - 1), "int32"), SCORE_BINS, dtype="float32")
    return ops.transpose(ops.squeeze(ops.matmul(ops.expand_dims(rows, 1), bins), 1))


def _losses(row_weights: Tensor, deciles: Tensor, scores: Tensor) -> Tensor:
    return row_weights * negative_log_likelihood(deciles, scores)


def _mean_of_views(hidden: Tensor, seen: Tensor) -> Tensor:
    """Mean over the views that are there: [models, rows, views, units] -> [models, rows, units]."""
    weights = seen / ops.maximum(ops.sum(seen, axis=-1, keepdims=True), 1.0)
    weights = ops.cast(ops.expand_dims(weights, 2), hidden.dtype)
    return ops.squeeze(ops.matmul(weights, hidden), 2)
