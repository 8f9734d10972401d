"""Starting Keras and its backend in a process, without the messages that the backend prints at its start."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from streetdeciles.silence import restore_stderr


def start_keras() -> None:
    """Import Keras and compute once, and keep the messages that the backend prints at its start off the terminal.

    What is set by environment variables (backend, cores, GPU) must be set before; once Keras has been imported, nothing
    happens.
    """
    if "keras" in sys.modules:
        return
    with without_start_messages():
        import keras

        keras.ops.add(keras.ops.ones(1), 1)


@contextmanager
def without_start_messages() -> Iterator[None]:
    """TensorFlow greets each process on file descriptor 2, whatever its log level; errors come as exceptions."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        restore_stderr(kept)
        os.close(kept)
        os.close(nowhere)
