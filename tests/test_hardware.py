"""Precision follows the device."""

from __future__ import annotations

import pytest

from streetdeciles.hardware import BFLOAT16_FLAGS, Device, choose_precision, cpu, device_of

NATIVE, NOT_NATIVE = Device("cpu", "x", bfloat16=True), Device("cpu", "y", bfloat16=False)


@pytest.mark.parametrize(
    ("wanted", "device", "precision"),
    [
        ("auto", NATIVE, "bfloat16"),
        ("auto", NOT_NATIVE, "float32"),
        ("float32", NATIVE, "float32"),
        ("bfloat16", NOT_NATIVE, "bfloat16"),
    ],
)
def test_precision(wanted: str, device: Device, precision: str) -> None:
    assert choose_precision(wanted, device) == precision


def test_cpu_is_the_device_where_the_backend_sees_no_gpu() -> None:
    pytest.importorskip("tensorflow", reason="needs tensorflow, which the lock has")
    found = device_of("tensorflow")
    model, flags = cpu()
    assert found.kind == "gpu" or found == Device("cpu", model, bool(flags & set(BFLOAT16_FLAGS)))
