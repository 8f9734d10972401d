"""Element-wise work on large arrays in one pass over memory, on any backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def in_one_pass(work: Callable[[], Any]) -> Any:
    """The result of `work`, computed without an intermediate array for each of its operations.

    TensorFlow on a CPU compiles it; matrix products and random numbers would become slower by that. JAX always
    compiles. `work` may assign variables, but must not create them.
    """
    if keras.backend.backend() != "tensorflow":
        return work()
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return work()  # a GPU's memory is fast, and its compiler needs a CUDA file that many installations lack
    return tf.function(work, jit_compile=True)()
