"""The settings in conf/spark: known to Spark, each with its reason, and the same as in the Databricks bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPOSITORY = Path(__file__).parents[2]
FILES = sorted((REPOSITORY / "conf" / "spark").glob("*.conf"))


def settings(path: Path) -> dict[str, str]:
    lines = [line.split("#")[0].split(maxsplit=1) for line in path.read_text().splitlines()]
    return {line[0]: line[1].strip() for line in lines if line}


def test_there_is_one_for_each_kind_of_cluster() -> None:
    assert [path.stem for path in FILES] == ["cpu-cluster", "databricks", "gpu-cluster", "laptop"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_settings_are_known_to_spark(spark: SparkSession, path: Path) -> None:
    jvm = spark._jvm
    assert jvm is not None
    known = jvm.org.apache.spark.internal.config.ConfigEntry
    free = ("spark.executorEnv.", "spark.executor.resource.", "spark.task.resource.")  # any name may follow
    unknown = [key for key in settings(path) if known.findEntry(key) is None and not key.startswith(free)]
    assert unknown == ["spark.master"] * ("spark.master" in unknown)  # read before there are entries


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_block_of_settings_has_a_reason(path: Path) -> None:
    _, *blocks = path.read_text().strip().split("\n\n")
    assert all(block.startswith("# ") for block in blocks)


def test_databricks_settings_are_those_of_the_bundle() -> None:
    bundle = yaml.safe_load((REPOSITORY / "deploy" / "databricks" / "databricks.yml").read_text())
    clusters = bundle["resources"]["jobs"]["streetdeciles"]["job_clusters"]
    (gpu,) = [cluster["new_cluster"] for cluster in clusters if cluster["job_cluster_key"] == "gpu"]
    cores = str(bundle["variables"]["gpu_node_cores"]["default"])
    of_bundle = {key: value.replace("${var.gpu_node_cores}", cores) for key, value in gpu["spark_conf"].items()}
    assert settings(REPOSITORY / "conf" / "spark" / "databricks.conf") == of_bundle
