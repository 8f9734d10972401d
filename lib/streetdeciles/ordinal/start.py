"""Starting Keras and the framework below it in a process."""

from __future__ import annotations

import os
import sys


def start_keras() -> None:
    """Import Keras and compute once, so that what the framework has to say at its start is not said on the terminal.

    TensorFlow greets on file descriptor 2 whatever its log level; errors come as exceptions nevertheless. What is set
    by environment variables (backend, cores, GPU) must be set before; once Keras has been imported, nothing happens.
    """
    if "keras" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras

        keras.ops.add(keras.ops.ones(1), 1)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
