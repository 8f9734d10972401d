"""The networks are Keras', not TensorFlow's: what is shown on TensorFlow holds on JAX too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
SHOWN = [
    "ordinal/test_ordinal_stacked.py::test_stacked_training_equals_training_each_alone[2]",
    "ordinal/test_ordinal_stacked.py::test_stacked_training_of_the_plain_variant_equals_training_each_alone[2]",
    "ordinal/test_ordinal_stacked.py::test_rows_of_weight_zero_leave_no_trace",
    "training/test_training_adam.py",
    "training/test_training_models.py::test_a_model_does_not_depend_on_which_others_are_trained",
]
KERAS_ASKS_JAX_OLD_WAYS = "ignore:Triggering of __jax_array__:DeprecationWarning"


@pytest.mark.cluster
def test_stacked_training_equals_training_alone_on_jax() -> None:
    """A process of its own, as Keras has one backend a process; it takes a minute, as XLA compiles each network."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", KERAS_ASKS_JAX_OLD_WAYS, *(str(TESTS / test) for test in SHOWN)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-3000:]
    assert " passed" in told.stdout
