"""One Spark session for all tests, built as the command line builds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    from streetdeciles.config import SparkConfig
    from streetdeciles.session import spark_session

    config = SparkConfig(master="local[2]", driver_memory="1g", conf={"spark.sql.shuffle.partitions": "2"})
    with spark_session(config, str(tmp_path_factory.mktemp("spark"))) as session:
        yield session
