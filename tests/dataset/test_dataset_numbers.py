"""Locations are numbered in the order of their ids, in many tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from streetdeciles.dataset.join import numbered_locations

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize("n", [3, 700])
def test_numbers_follow_the_order_of_ids_without_gaps(spark: SparkSession, tmp_path: Path, n: int) -> None:
    random = np.random.default_rng(n)
    ids = [f"{prefix}{number}" for number, prefix in enumerate(random.choice([*"aZé0"], n))]
    photographed = {one for one in ids if random.random() < 0.8} | {ids[0]}
    locations = spark.createDataFrame(
        [(one, "r", f"A{int(one[1:]) % 5}", None, None, 1.0, 2.0, "u") for one in ids],
        "location_id string, region string, area_id string, oa string, msoa string, latitude double, longitude double, "
        "unit string",
    )
    photographs = spark.createDataFrame(
        [(one, None if one in photographed else "left out") for one in ids for _ in range(2)],
        "location_id string, reason string",
    )
    labels = spark.createDataFrame(
        [("r", "A0", "imd", 3), ("r", "A1", "imd", 4)], "region string, area_id string, outcome string, decile int"
    )
    with numbered_locations(locations, photographs, labels, ["imd"], str(tmp_path)) as (numbered, rows):
        table = numbered.toPandas().set_index("row_number")
    expected = sorted(photographed, key=lambda one: one.encode())
    assert rows == len(expected)
    assert table["location_id"].sort_index().to_dict() == dict(enumerate(expected))
    deciles = dict(zip(table["location_id"], table["imd"], strict=True))
    known = {one: decile for one, decile in deciles.items() if not np.isnan(decile)}
    assert known == {one: (3, 4)[int(one[1:]) % 5] for one in photographed if int(one[1:]) % 5 < 2}
