"""Layers with a leading model axis: each does for M models at once what a Keras layer does for one model."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any


@keras.saving.register_keras_serializable(package="streetdeciles")
class StackedDense(keras.layers.Layer):  # type: ignore[misc]
    """`models` dense layers side by side: [models, rows, in] -> [models, rows, units] by one batched product.

    The first axis of the input may be shorter, if its length S divides `models`: models 0 .. models/S - 1 then read its
    first entry, and so on, without copies. The kernel is [models, in, units], the bias [models, units].
    """

    def __init__(self, units: int, models: int, *, use_bias: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.models = models
        self.use_bias = use_bias

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.models, input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, initializer="zeros", name="kernel")
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.models, self.units), initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        sets, features = inputs.shape[0], inputs.shape[-1]
        kernel = ops.reshape(self.kernel, (sets, self.models // sets, features, self.units))
        outputs = ops.matmul(ops.expand_dims(inputs, 1), kernel)
        outputs = ops.reshape(outputs, (self.models, -1, self.units))
        return outputs + ops.expand_dims(self.bias, 1) if self.use_bias else outputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "models": self.models, "use_bias": self.use_bias}


@keras.saving.register_keras_serializable(package="streetdeciles")
class StackedBatchNormalization(keras.layers.Layer):  # type: ignore[misc]
    """Batch normalisation of [models, rows, units]: each model has its own statistics, over its own rows.

    `used_rows` float [models, rows] is 1 for a row that counts for a model, and 0 for one that it must not learn from.
    In training, the rows of the batch that count normalise each model; without such rows its statistics do not change.

    The moving statistics are averages over the batches so far, with weights that fall by `momentum` per step, as in
    `keras.layers.BatchNormalization`. Their initial values (mean 0, variance 1) have no weight in them: otherwise the
    first validations of a small training would use statistics that no batch had. Computed in float32 at any precision.
    """

    def __init__(self, models: int, *, momentum: float, epsilon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.models = models
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.models, input_shape[-1])
        self.gamma = self._add("gamma", shape, "ones", trainable=True)
        self.beta = self._add("beta", shape, "zeros", trainable=True)
        self.moving_mean = self._add("moving_mean", shape, "zeros", trainable=False)
        self.moving_variance = self._add("moving_variance", shape, "ones", trainable=False)
        self.updates = self._add("updates", (self.models, 1), "zeros", trainable=False)

    def _add(self, name: str, shape: tuple[int | None, ...], initializer: str, *, trainable: bool) -> Any:
        return self.add_weight(
            shape=shape, initializer=initializer, trainable=trainable, dtype="float32", autocast=False, name=name
        )

    def call(self, inputs: Tensor, used_rows: Tensor, training: bool = False) -> Tensor:
        values = ops.cast(inputs, "float32")
        if training:
            mean, variance = self._moments(values, ops.cast(used_rows, "float32"))
        else:
            mean, variance = self.moving_mean, self.moving_variance
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        shift = self.beta - mean * scale
        return ops.cast(values * ops.expand_dims(scale, 1) + ops.expand_dims(shift, 1), self.compute_dtype)

    def _moments(self, values: Tensor, used_rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance [models, units] over the rows that count; updates the moving ones."""
        rows = ops.sum(used_rows, axis=1, keepdims=True)
        share = ops.expand_dims(used_rows / ops.maximum(rows, 1.0), 1)
        mean = ops.matmul(share, values)
        variance = ops.matmul(share, ops.square(values - mean))
        mean, variance = ops.squeeze(mean, 1), ops.squeeze(variance, 1)

        updates = self.updates + ops.cast(rows > 0, "float32")
        weight = (1.0 - self.momentum) / (1.0 - ops.power(self.momentum, ops.maximum(updates, 1.0)))
        weight = weight * ops.cast(rows > 0, "float32")
        self.updates.assign(updates)
        self.moving_mean.assign(self.moving_mean + weight * (mean - self.moving_mean))
        self.moving_variance.assign(self.moving_variance + weight * (variance - self.moving_variance))
        return mean, variance

    def get_config(self) -> dict[str, Any]:
        arguments = {"models": self.models, "momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **arguments}
