"""Element-wise work over large arrays in one pass over memory, on any backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def in_one_pass(work: Callable[[], Any]) -> Any:
    """What `work` gives, computed without an array in memory for each of its operations.

    TensorFlow on a CPU is asked to compile it, which for matrix products and random numbers would be slower; JAX always
    compiles. Variables may be assigned in it, but must have been made before.
    """
    if keras.backend.backend() != "tensorflow":
        return work()
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return work()  # a GPU's memory is fast, and its compiler needs a file of CUDA's that many installations lack
    return tf.function(work, jit_compile=True)()
