"""Element-wise work over large arrays in one pass over memory, on any backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def in_one_pass(work: Callable[[], Any]) -> Any:
    """What `work` gives, computed without an array in memory for each of its operations.

    TensorFlow is asked to compile it, which for matrix products and random numbers would be slower; JAX compiles all in
    any case. Variables may be assigned in it, but must have been made before.
    """
    if keras.backend.backend() != "tensorflow":
        return work()
    import tensorflow as tf

    return tf.function(work, jit_compile=True)()
