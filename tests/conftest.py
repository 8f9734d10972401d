"""One Spark session for all tests, built as the command line builds it, and the smallest valid config."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from small_run import small_run  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    from streetdeciles.config import SparkConfig
    from streetdeciles.session import spark_session

    config = SparkConfig(master="local[2]", driver_memory="1g", conf={"spark.sql.shuffle.partitions": "2"})
    with spark_session(config, str(tmp_path_factory.mktemp("spark"))) as session:
        yield session


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    """The values of a small valid config; its input files are there, below `tmp_path`."""
    for name in ("table.csv", "locations.csv"):
        (tmp_path / name).write_text("x\n")
    (tmp_path / "photographs").mkdir()
    return {
        "work_dir": "out",
        "labels": {
            "tables": [{"path": "table.csv"}],
            "regions": {"bury": ["Bury"]},
            "locations": "locations.csv",
        },
        "images": {"folder": "photographs"},
        "dataset": {"outcomes": ["imd"]},
    }
