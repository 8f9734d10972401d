"""The device of a process, and its best precision."""

from __future__ import annotations

from pathlib import Path

import pytest

from streetdeciles import hardware
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


def test_cpu_is_the_device_if_the_backend_sees_no_gpu() -> None:
    pytest.importorskip("tensorflow", reason="needs tensorflow, which the lock has")
    actual = device_of("tensorflow")
    model, flags = cpu()
    assert actual.kind == "gpu" or actual == Device("cpu", model, bool(flags & set(BFLOAT16_FLAGS)))


@pytest.mark.parametrize(
    ("output", "device"),
    [
        ("NVIDIA H100 80GB HBM3, 81559, 9.0", Device("gpu", "NVIDIA H100 80GB HBM3", True, 81559 * 2**20)),
        ("Tesla T4, 15360, 7.5", Device("gpu", "Tesla T4", False, 15360 * 2**20)),
        ("NVIDIA GB10, [N/A], 12.1", Device("gpu", "NVIDIA GB10", True)),
        ("", Device("gpu", "GPU of unknown kind", False)),
    ],
)
def test_gpu_is_described_by_nvidia_smi(
    output: str, device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script named nvidia-smi prints what the program prints for such a GPU."""
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!/bin/sh\necho '{output}'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert hardware.first_gpu() == device
