"""What the doctor says of Keras, the framework below it and the GPUs that this sees."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from test_doctor_findings import fake_program

from streetdeciles.doctor import framework as module
from streetdeciles.doctor.findings import gpu_names
from streetdeciles.doctor.framework import framework


@pytest.mark.parametrize(
    ("backend", "name", "package"), [(None, "TensorFlow", "tensorflow-cpu"), ("jax", "JAX", "jax")]
)
def test_framework_is_the_one_that_keras_is_set_to(
    backend: str | None, name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend:
        monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    found = [(finding.what, finding.state) for finding in framework()]
    assert found[:2] == [(name, version(package)), ("Keras", f"{version('keras')}, backend {backend or 'tensorflow'}")]


@pytest.mark.parametrize(("backend", "extra"), [("tensorflow", "[gpu]"), ("jax", "[gpu-jax]")])
def test_gpu_that_the_framework_does_not_see_is_wrong(
    backend: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(tmp_path, "nvidia-smi", "echo 'NVIDIA H100'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert gpu_names() == ["NVIDIA H100"]
    gpu = framework()[-1]
    assert (gpu.what, gpu.state) == ("GPU", "NVIDIA H100")
    assert gpu.wrong == f"{module.FRAMEWORKS[backend].name} does not see it"
    assert f"streetdeciles{extra}" in gpu.to_do


def test_framework_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jax.py").write_text("raise ModuleNotFoundError(\"No module named 'jax'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    (finding,) = framework()
    assert (finding.what, finding.state) == ("JAX", "none")
    assert finding.wrong == "ModuleNotFoundError: No module named 'jax'"
    assert "streetdeciles[gpu-jax]" in finding.to_do


def test_framework_that_crashes_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PRINT_STATE", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    (finding,) = framework()
    assert finding.wrong == "its process ends with exit code -4"
    assert "streetdeciles[cpu]" in finding.to_do
