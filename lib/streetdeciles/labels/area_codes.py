"""Codes of areas that do not match between the tables, the locations and the boundaries, and look alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from streetdeciles.config import DatasetConfig
from streetdeciles.errors import RunRefused
from streetdeciles.ids.lookalikes import Lookalikes, describe, find_lookalikes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def alike_in_boundaries(spark: SparkSession, area_ids: Iterable[str], drawn: Iterable[str]) -> str:
    """How areas of the tables without a polygon look like polygons without an area; '' where none does."""
    sides = [spark.createDataFrame([(code,) for code in codes], "area_id string") for codes in (area_ids, drawn)]
    return describe(find_lookalikes(*sides), "areas of the tables", "areas of the boundaries")


def alike_in_locations(rows: DataFrame, areas: DataFrame) -> list[Lookalikes]:
    """Locations whose area no table has, by how it looks like one of `areas`; `rows`: from `locations.located`."""
    unknown = rows.where("reason = 'unknown_area'").select("area_id")
    return find_lookalikes(unknown, areas.select("area_id"))


def describe_locations(alike: Sequence[Lookalikes]) -> str:
    """A clause for a message, '' for none."""
    return describe(alike, "locations' area_ids", "areas of labels.tables")


def refuse_alike(alike: Sequence[Lookalikes], path: str, settings: DatasetConfig, *, locations: int) -> None:
    """RunRefused where more of the `locations` in the file at `path` are lost by it than the config allows."""
    share = sum(lookalikes.n_left for lookalikes in alike) / locations
    if share > settings.allowed_lookalike_share:
        raise RunRefused(
            f"{path}: {describe_locations(alike)}; correct the codes in one of them, or allow the loss of "
            f"{share:.0%} of the locations with dataset.max_lost_share"
        )
