"""The spark-submit commands of the pages on deploying: options and settings that Spark knows, for jobs of ours."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from standalone.cluster import environment, spark_home
from streetdeciles.cli import _parser

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPOSITORY = Path(__file__).parents[2]
IN_IMAGE = "local:///opt/streetdeciles/"

ANY_NAME = (
    *("spark.executorEnv.", "spark.executor.resource.", "spark.driver.resource.", "spark.task.resource."),
    *("spark.metrics.conf.", "spark.kubernetes.driver.annotation."),
    *("spark.kubernetes.driver.volumes.", "spark.kubernetes.executor.volumes."),
)
"""What follows is free, or made of parts."""


def commands() -> Iterator[tuple[str, list[str]]]:
    """The page and the words of each command, also those of a step of EMR's; where there is `…`, it is not whole."""
    for page in sorted((REPOSITORY / "deploy").rglob("*.md")):
        for block in re.findall(r"^```\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("spark-submit"):
                    yield page.name, shlex.split(line)[1:]
                elif step := re.search(r"Type=Spark,.*Args=\[(.+)\]", line):
                    yield page.name, step[1].split(",")


JOINED = {
    joined: ours
    for ours, joined in re.findall(
        r"^cat /etc/spark/conf/spark-defaults\.conf (\S+) > (\S+)$",
        (REPOSITORY / "deploy" / "yarn.md").read_text(),
        re.MULTILINE,
    )
}
"""Files of settings that commands on the page for YARN have made from the cluster's and from one of ours."""

WHOLE = [(page, words) for page, words in commands() if "…" not in words]


def options_of(words: list[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Options, settings, and the job with its arguments; each option here has a value."""
    options: dict[str, str] = {}
    settings: dict[str, str] = {}
    while words[0].startswith("--"):
        name, value, *words = words
        if name == "--conf":
            key, _, set_to = value.partition("=")
            settings[key] = set_to
        else:
            options[name] = value
    return options, settings, words


def test_pages_hold_commands() -> None:
    assert {page for page, _ in WHOLE} == {"README.md", "yarn.md"}


def test_options_are_those_of_spark_submit() -> None:
    program = spark_home() / "bin" / "spark-submit"
    completed = subprocess.run([program, "--help"], env=environment(), capture_output=True, text=True, check=False)
    known = {*re.findall(r"--[a-z-]+", completed.stdout + completed.stderr)}
    assert "--properties-file" in known
    for page, words in WHOLE:
        assert {*options_of(words)[0]} <= known, page


def test_settings_of_commands_are_known_to_spark(spark: SparkSession) -> None:
    jvm = spark._jvm
    assert jvm is not None
    for package in ("yarn.config", "k8s.Config$"):  # their settings are known once these are loaded
        name = "org.apache.spark.deploy." + (f"{package}.package$" if package.endswith("config") else package)
        jvm.java.lang.Class.forName(name)
    entries = jvm.org.apache.spark.internal.config.ConfigEntry
    for page, words in WHOLE:
        keys = [key for key in options_of(words)[1] if not key.startswith(ANY_NAME)]
        assert [key for key in keys if entries.findEntry(key) is None] == [], page


@pytest.mark.parametrize(("page", "words"), WHOLE, ids=lambda value: value if isinstance(value, str) else "")
def test_command_runs_a_job_of_ours(page: str, words: list[str]) -> None:
    options, _, (job, *arguments) = options_of(words)
    path = REPOSITORY / re.sub(f"^({IN_IMAGE}|s3://BUCKET/)", "", job)
    assert path.is_file()
    command = "run" if path.stem == "pipeline" else path.stem
    _parser().parse_args([command, *arguments])
    for name in ("--properties-file", "--files"):
        for path in (options[name],) if name in options else ():
            assert (REPOSITORY / JOINED.get(path, path)).is_file()


def test_settings_for_yarn_keep_those_of_the_cluster() -> None:
    """With --properties-file Spark reads no spark-defaults.conf, where EMR and Dataproc name their connectors."""
    files = [options_of(words)[0].get("--properties-file") for page, words in WHOLE if page == "yarn.md"]
    assert {path for path in files if path is not None} == {*JOINED}
    assert {*JOINED.values()} == {"conf/spark/cpu-cluster.conf", "conf/spark/gpu-cluster.conf"}


def test_job_of_dataproc_runs_ours_with_known_settings(spark: SparkSession) -> None:
    text = (REPOSITORY / "deploy" / "yarn.md").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^gcloud dataproc jobs submit pyspark (.+)$", text, re.MULTILINE)
    job, *options = shlex.split(line)
    assert (REPOSITORY / job.removeprefix("gs://BUCKET/")).is_file()
    _parser().parse_args(["run", *options[options.index("--") + 1 :]])
    (properties,) = [option.partition("=")[2] for option in options if option.startswith("--properties=")]
    jvm = spark._jvm
    assert jvm is not None
    entries = jvm.org.apache.spark.internal.config.ConfigEntry
    keys = [pair.partition("=")[0] for pair in properties.split(",")]
    assert [key for key in keys if entries.findEntry(key) is None] == []


@pytest.mark.parametrize(("page", "words"), WHOLE, ids=lambda value: value if isinstance(value, str) else "")
def test_driver_on_this_machine_does_not_start_the_packed_python(page: str, words: list[str]) -> None:
    """Archives are unpacked for executors, and for a driver in the cluster; else spark-submit finds no Python."""
    options, settings, _ = options_of(words)
    if settings.get("spark.pyspark.python", "").startswith("./") and options.get("--deploy-mode") != "cluster":
        assert not settings.get("spark.pyspark.driver.python", "./").startswith("./")
