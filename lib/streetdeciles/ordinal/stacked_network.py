"""M networks of one shape as one network: the same as training each alone, with one product per layer, not M."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

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
from streetdeciles.ordinal.stacked_scores import batch_sums, is_used, weighted_losses

Tensor = Any


@keras.saving.register_keras_serializable(package="streetdeciles")
class StackedNetwork(keras.Model):  # type: ignore[misc]
    """`models` networks with the layers of `location_network` and a leading model axis.

    Inputs, a dict:
        features float [n, views, features], view_mask bool [n, views]: False for a missing photograph.
        row_slots int [sets, rows]: the indices, among the n, of the rows that each set of models reads. With one set,
            all models read the same rows; otherwise models 0 .. models/sets - 1 read the first set, and so on. Without
            this input every model reads all n rows.
        row_weights float32 [models, rows]: the weight of a row in a model's loss. From rows of weight 0 the model
            learns neither weights nor normalisation statistics. Needed in training only.
    Output: scores float32 [models, rows].

    So features may stay on the device for many batches, and rows that several sets read are in memory once.

    As no parameter is shared, the gradient of the sum of the models' losses is each model's own gradient, and an
    optimizer that works element by element (Adam) takes the steps that each model would take alone.

    `weight_decay` pulls every trained parameter towards 0 as PyTorch's Adam does: weight_decay x parameter is added to
    its gradient, before Adam (not after it, as in AdamW and Keras' `weight_decay`).

    The first `frozen` view layers do not change, neither their weights nor their statistics; in training, too, they
    normalise by the statistics that they have.
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
        super().__init__(autocast=False, **kwargs)  # otherwise each step would cast all features on the device
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
        row_slots = inputs.get("row_slots")
        hidden = self._gathered_features(inputs["features"], row_slots, noisy=training and self.shape.noise > 0)
        sets, _, views, features = hidden.shape
        view_mask = ops.cast(_gathered(inputs["view_mask"], row_slots), "float32")
        view_mask = ops.repeat(view_mask, self.models // sets, axis=0)
        used_rows = is_used(inputs["row_weights"]) if training else ops.ones_like(view_mask[:, :, 0])
        used_views = ops.reshape(view_mask * ops.expand_dims(used_rows, -1), (self.models, -1))

        hidden = ops.reshape(hidden, (sets, -1, features))
        if not self.shape.normalised:
            hidden = hidden * PLAIN_SCALE + PLAIN_OFFSET
        for i, (dense, norm) in enumerate(zip(self.view_dense, self.view_norm, strict=True)):
            hidden = _rectified(dense(hidden), norm, used_views, training and i >= self.frozen)
        hidden = ops.reshape(hidden, (self.models, -1, views, hidden.shape[-1]))
        hidden = _mean_of_views(hidden, view_mask)
        for dense, norm in zip(self.location_dense, self.location_norm, strict=True):
            hidden = _rectified(dense(hidden), norm, used_rows, training)
        return ops.squeeze(self.score(hidden), -1)

    def compute_loss(
        self,
        x: dict[str, Tensor] | None = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Sum over models of the weighted mean loss over each model's rows; `y` int deciles [models, rows].

        In training, the weight decay of the models that have rows in the batch is added.
        """
        assert x is not None
        losses, rows = weighted_losses(x["row_weights"], y, y_pred), ops.sum(is_used(x["row_weights"]), axis=1)
        by_model = ops.sum(losses, axis=1) / ops.maximum(rows, 1.0)
        if training and self.weight_decay:
            by_model = by_model + self._decay() * ops.cast(rows > 0, "float32")
        return ops.sum(by_model)

    def compute_metrics(
        self, x: dict[str, Tensor], y: Tensor, y_pred: Tensor, sample_weight: Tensor = None
    ) -> dict[str, Tensor]:
        """`stacked_scores.batch_sums` of the batch."""
        return batch_sums(x["row_weights"], y, y_pred)

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
        raise NotImplementedError(
            "a stack is for training and prediction; save the models of `get_model_weights` instead"
        )

    def _decay(self) -> Tensor:
        """A term [models] whose gradient is weight_decay x parameter."""
        squares = [ops.sum(ops.reshape(ops.square(v), (self.models, -1)), axis=1) for v in self.trainable_variables]
        return 0.5 * self.weight_decay * sum(squares)

    def _gathered_features(self, features: Tensor, row_slots: Tensor, *, noisy: bool) -> Tensor:
        """The features [sets, rows, views, features] that each set reads, in the precision of the computation."""
        if not noisy:
            return ops.cast(_gathered(features, row_slots), self.compute_dtype)
        rows = ops.shape(features)[0] if row_slots is None else ops.shape(row_slots)[1]
        noise = self._noise((rows, *features.shape[1:]))

        def gather() -> Tensor:
            return ops.cast(ops.cast(_gathered(features, row_slots), "float32") + noise, self.compute_dtype)

        return in_one_pass(gather)

    def _noise(self, shape: tuple[Any, ...]) -> Tensor:
        """The same normal noise for all sets, so that a model's noise does not depend on the number of other models.

        Box and Muller's method over whole arrays takes half the time of TensorFlow's normal distribution.
        """
        half = (*shape[:-1], -(-shape[-1] // 2))
        uniform = keras.random.uniform((2, *half), seed=self.noise_seed)
        radius = self.shape.noise * ops.sqrt(-2.0 * ops.log(1.0 - uniform[0]))
        angle = 2.0 * pi * uniform[1]
        return ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=-1)[..., : shape[-1]]

    def _network_variables(self) -> list[Any]:
        variables: list[Any] = []
        for dense, norm in zip(
            [*self.view_dense, *self.location_dense], [*self.view_norm, *self.location_norm], strict=True
        ):
            variables += [dense.kernel]
            if norm is None:
                variables += [dense.bias]
            else:
                variables += [norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance]
        return [*variables, self.score.kernel, self.score.bias]


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

    `seed` decides the noise. `precision` is a Keras dtype policy, e.g. mixed_bfloat16; weights and losses stay float32.
    """
    network = empty_stack(
        shape, len(weights), sets=sets, seed=seed, precision=precision, weight_decay=weight_decay, frozen=frozen
    )
    network.set_model_weights(weights)
    return network


def empty_stack(
    shape: NetworkShape, models: int, *, sets: int = 1, precision: str = "float32", **kwargs: Any
) -> StackedNetwork:
    """`stack` without weights, which the caller must set."""
    if models % sets:
        raise ValueError(f"{sets} sets of rows cannot be shared evenly by {models} models")
    network = StackedNetwork(shape, models, dtype=precision, **kwargs)
    network(_empty_batch(shape, models, sets), training=False)
    return network


def _empty_batch(shape: NetworkShape, models: int, sets: int) -> dict[str, npt.NDArray[Any]]:
    return {
        "features": np.zeros((1, shape.views, shape.features), np.float32),
        "view_mask": np.ones((1, shape.views), bool),
        "row_slots": np.zeros((sets, 1), np.int32),
        "row_weights": np.zeros((models, 1), np.float32),
    }


def _gathered(values: Tensor, row_slots: Tensor) -> Tensor:
    """[n, ...] -> [sets, rows, ...]."""
    return ops.expand_dims(values, 0) if row_slots is None else ops.take(values, row_slots, axis=0)


def _rectified(hidden: Tensor, norm: StackedBatchNormalization | None, used_rows: Tensor, training: bool) -> Tensor:
    if norm is None:
        return ops.relu(hidden)

    def rectify() -> Tensor:
        return ops.relu(norm(hidden, used_rows=used_rows, training=training))

    return in_one_pass(rectify) if training else rectify()


def _mean_of_views(hidden: Tensor, view_mask: Tensor) -> Tensor:
    """Mean over the views that are not missing: [models, rows, views, units] -> [models, rows, units]."""
    weights = view_mask / ops.maximum(ops.sum(view_mask, axis=-1, keepdims=True), 1.0)
    weights = ops.cast(ops.expand_dims(weights, 2), hidden.dtype)
    return ops.squeeze(ops.matmul(weights, hidden), 2)
