"""LSOAs of 2011 and of 2021: the year that codes belong to, and taking locations from one year to the other."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_columns
from streetdeciles.queries import query

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

    from streetdeciles.sources.lookups import Lookups

FIRST_NEW_NUMBER = 33_769
"""LSOAs of England that were new in 2021 are E01033769 and above."""
N_AREAS_2021 = 33_755
"""LSOAs of England in 2021."""

_LSOA = re.compile(r"E01(\d{6})")
_WAY_OUT = (
    "add the ONS look-up of LSOAs (2011) to LSOAs (2021), exact fit, to labels.lookups, or use codes and boundaries of "
    "the year of the tables"
)


def year_of(codes: Iterable[str]) -> int | None:
    """2021 where one of the codes is new in that year; None where the codes do not say."""
    return 2021 if any(_is_new(code) for code in codes) else None


def refuse_other_year(unknown: Collection[str], area_ids: Collection[str], year: int, source: str) -> None:
    """RunRefused where codes of `source` that the tables lack are LSOAs of another year than the tables' `year`.

    In a part of 2021's table an area that is missing may be elsewhere, so there nothing is said of codes of 2011.
    """
    if year == 2011:
        strange = [code for code in unknown if _is_new(code)]
    else:
        n_areas = sum(code.startswith("E01") for code in area_ids)
        strange = [code for code in unknown if _LSOA.fullmatch(code)] if n_areas >= N_AREAS_2021 else []
    if strange:
        other = 2021 if year == 2011 else 2011
        raise RunRefused(
            f"{source}: {len(strange)} of its areas are LSOAs of {other}, e.g. {min(strange)}, and labels.tables have "
            f"those of {year}; {_WAY_OUT}"
        )


def unknown_lsoas(rows: DataFrame) -> list[str]:
    """The codes of English LSOAs among the locations' areas that no table has; `rows`: from `locations.located`."""
    unknown = rows.where("reason = 'unknown_area' AND area_id RLIKE '^E01[0-9]{6}$'")
    return [row["area_id"] for row in unknown.select("area_id").distinct().collect()]


def translate(rows: DataFrame, lookups: Lookups, area_ids: pd.Index, year: int, *, has_boundaries: bool) -> DataFrame:
    """The rows of locations with the areas, and the MSOAs, that the look-ups give for their year and output area.

    `rows` are those of a `locations.LocationSource`.
    """
    translation = lookups.to_year(year)
    # What is an area of the tables stays, also where its code means an area of both years.
    translation = translation[~translation.index.isin(area_ids)]
    spark = rows.sparkSession
    normalise = partial(normalise_columns, codes=("area_id", "oa"))
    return query(
        "streetdeciles.labels",
        "translated_rows",
        {"has_boundaries": has_boundaries},
        rows=rows.mapInArrow(normalise, rows.schema),
        output_areas=_texts(spark, lookups.output_areas, "oa", "area_id"),
        translation=_texts(spark, translation.reset_index(names="code"), "code", "target"),
        areas=_texts(spark, lookups.areas.reset_index()[["area_id", "msoa"]], "area_id", "msoa"),
    )


def _texts(spark: SparkSession, frame: pd.DataFrame, *columns: str) -> DataFrame:
    rows = frame[[*columns]].astype(object).where(frame[[*columns]].notna(), None).drop_duplicates(columns[0])
    return spark.createDataFrame(
        [*rows.itertuples(index=False, name=None)], ", ".join(f"{column} string" for column in columns)
    )


def _is_new(code: str) -> bool:
    match = _LSOA.fullmatch(code)
    return match is not None and int(match.group(1)) >= FIRST_NEW_NUMBER
