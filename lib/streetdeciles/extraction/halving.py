"""A network call that makes do with less memory: if a batch does not fit, it is computed in halves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import RunFailed, reason

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError")
"""TensorFlow's and PyTorch's own class; JAX raises one for everything, whose message begins with the status."""
STATUS = "RESOURCE_EXHAUSTED"


class HalvedBatches:
    """Calls `compute` with batches of `at_most` photographs, which is halved for good when memory does not suffice.

    Several threads may call it; those that run out of memory side by side halve it once.
    """

    def __init__(self, compute: Callable[[Any], Array], batch_size: int) -> None:
        self._compute = compute
        self._batch_size = batch_size
        self._lock = Lock()
        self.at_most = batch_size

    def __call__(self, pictures: Any) -> Array:
        """The features of all photographs of a batch. RunFailed where a single one is too much."""
        done: list[Array] = []
        n_done = 0
        while n_done < len(pictures):
            tried = self.at_most
            try:
                done.append(self._compute(pictures[n_done : n_done + tried]))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                with self._lock:
                    if self.at_most == tried:
                        self._halve(error)
                continue
            n_done += tried
        return done[0] if len(done) == 1 else np.concatenate(done)

    def note(self) -> str:
        """A remark for the log, empty as long as all batches fit."""
        if self.at_most == self._batch_size:
            return ""
        return f", computed in parts of {self.at_most} because memory did not suffice"

    def _halve(self, error: Exception) -> None:
        if self.at_most == 1:
            raise RunFailed(
                f"features: the memory does not suffice for one photograph ({reason(error, 160)}); end "
                "what else uses the GPU, or give each GPU fewer tasks, or set features.device to cpu"
            ) from error
        self.at_most //= 2
        logger.warning("features: out of memory, going on with batches of %d", self.at_most)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a framework says that its device has no memory left."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names.intersection(OUT_OF_MEMORY)) or str(error).startswith(STATUS)
