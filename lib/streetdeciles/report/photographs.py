"""What is known of the photographs: how many views locations have, when they were taken, and how large they are."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.queries import query
from streetdeciles.tables import IMAGE_COLUMNS, IMAGE_INDEX, LOCATIONS, REJECTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from streetdeciles.config import RunConfig

_query = partial(query, "streetdeciles.report")

NAME_OF_DATE = r"(?i)date|year|taken|captured|month"
"""Names of columns of texts and numbers that may say when a photograph was taken."""

YEAR_IN_TEXT = r"(?:^|[-/. ])((?:18|19|20)[0-9]{2})(?:[-:/. T]|$)"
"""`2014`, `2014-07`, `2014-07-31T10:00:00Z`, EXIF's `2014:07:31 10:00:00`, `31/07/2014`."""


@dataclass(frozen=True)
class Photographs:
    """Counts over all photographs of a run; empty where nothing is known.

    `views`: the number of locations by their number of views that gave features. `bytes`: the file sizes below which
    5, 50 and 95 % of the `n_sizes` known ones are. `years`: the number of photographs by the year of `date_column`.
    """

    views: dict[int, int] = field(default_factory=dict)
    n_sizes: int = 0
    bytes: tuple[int, ...] = ()
    years: dict[int, int] = field(default_factory=dict)
    date_column: str = ""

    @property
    def file_sizes(self) -> str:
        """E.g. `half of the files have at most 45 KB, and 90 % of them 12 to 80 KB`; empty where it is not known."""
        if not self.bytes:
            return ""
        low, middle, high = (f"{size / 1000:,.0f}" for size in self.bytes)
        return f"half of the files have at most {middle} KB, and 90 % of them {low} to {high} KB"

    @property
    def period(self) -> str:
        """E.g. `2012 to 2018`; empty where it is not known."""
        years = sorted({min(self.years), max(self.years)}) if self.years else []
        return " to ".join(map(str, years))

    @property
    def median_year(self) -> int:
        """The year in which, or before which, half of the photographs were taken that have a year."""
        years = sorted(self.years)
        seen = list(accumulate(self.years[year] for year in years))
        return years[bisect_left(seen, seen[-1] / 2)]


def pixels_in_words(sizes: Sequence[tuple[int, int]]) -> str:
    """The sizes of a few photographs; empty if there are none.

    >>> pixels_in_words([(640, 640), (640, 640)]), pixels_in_words([(640, 480), (1024, 768)])
    ('640 × 640 pixels', '640 × 480 to 1,024 × 768 pixels')
    """
    if not sizes:
        return ""
    ordered = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    smallest, largest = (f"{width:,} × {height:,}" for width, height in (ordered[0], ordered[-1]))
    return f"{smallest} pixels" if smallest == largest else f"{smallest} to {largest} pixels"


def read_photographs(spark: SparkSession, config: RunConfig) -> Photographs:
    """The counts of a run's photographs, made on the cluster, so that only a few rows come back."""
    images, rejects, locations = (
        storage.read_table(spark, table, config.work_dir) for table in (IMAGE_INDEX, REJECTS, LOCATIONS)
    )
    views = _query("views", {"views": config.images.views}, images=images, rejects=rejects, locations=locations)
    (sizes,) = _query("file_sizes", images=images).collect()
    years, date_column = _years(spark, config)
    return Photographs(
        views={row["views"]: row["n"] for row in views.collect()},
        n_sizes=sizes["n"],
        bytes=tuple(sizes["bytes"] or ()),
        years=years,
        date_column=date_column,
    )


def _years(spark: SparkSession, config: RunConfig) -> tuple[dict[int, int], str]:
    """The number of photographs by year, and the column that it comes from: the first kept one that holds dates."""
    uri = storage.join(config.work_dir, IMAGE_COLUMNS)
    if not storage.exists(uri):
        return {}, ""
    columns = storage.read_parquet(spark, uri)
    for name, expression in date_columns(columns.dtypes):
        years = count_years(columns, expression)
        if years:
            return years, name
    return {}, ""


def count_years(columns: DataFrame, expression: str) -> dict[int, int]:
    """The number of rows by year, which is a Spark SQL `expression`; years that no photograph can have are left out."""
    counted = columns.selectExpr(f"{expression} AS year").where("year BETWEEN 1826 AND 2100").groupBy("year").count()
    return {row["year"]: row["count"] for row in counted.collect()}


def date_columns(types: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The columns that may say when a photograph was taken, each with the Spark SQL expression of its year.

    >>> date_columns([("image_id", "string"), ("taken", "date"), ("year", "int"), ("note", "string")])
    [('taken', 'year(`taken`)'), ('year', '`year`')]
    """
    columns = []
    for name, kind in types:
        if kind == "timestamp":  # in UTC, whatever the zone of the session
            columns.append((name, f"year(to_utc_timestamp(`{name}`, current_timezone()))"))
        elif kind.startswith(("date", "timestamp")):
            columns.append((name, f"year(`{name}`)"))
        elif re.search(NAME_OF_DATE, name) and kind == "string":
            columns.append((name, f"int(nullif(regexp_extract(`{name}`, '{YEAR_IN_TEXT}', 1), ''))"))
        elif re.search(NAME_OF_DATE, name) and kind in ("smallint", "int", "bigint"):
            columns.append((name, f"`{name}`"))
    return columns
