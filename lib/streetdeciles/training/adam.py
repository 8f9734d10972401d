"""Adam for a stack of models: each has its own learning rate, and a step is one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from streetdeciles.ordinal.one_pass import in_one_pass

Tensor = Any


class StackedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras' Adam for variables with a leading model axis; a model's learning rate is `learning_rate` x its share.

    `rate_shares` float32 [models] start at 1.

    A stack has millions of parameters and few rows per batch. If each of Adam's dozen operations goes through memory
    by itself, Adam takes a third of the time of a step; in one pass it takes a quarter of that.
    """

    def __init__(self, learning_rate: float, models: int, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.models = models

    def build(self, variables: Sequence[Any]) -> None:
        super().build(variables)
        self.rate_shares = self.add_variable((self.models,), initializer="ones", name="rate_shares")

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        shares = ops.reshape(self.rate_shares, (self.models,) + (1,) * (len(variable.shape) - 1))

        def step() -> None:
            super(StackedAdam, self).update_step(gradient, variable, learning_rate * shares)

        in_one_pass(step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "models": self.models}
