"""The areas of a postcode directory as a look-up: output areas to LSOAs, MSOAs and districts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles.csv_tables.spans import span_tables, whole
from streetdeciles.csv_tables.table import CsvTable
from streetdeciles.ids.spelling import normalise_codes
from streetdeciles.sources.postcodes import PostcodeColumns

if TYPE_CHECKING:
    import pandas as pd

YEARS = (2011, 2021)


def areas_of_directory(table: CsvTable, columns: PostcodeColumns) -> list[pd.DataFrame]:
    """One frame for each census year: `lsoa11` or `lsoa21`, and `oa`, `msoa` and `district_code` where it has them.

    One row per combination, None where a cell is empty. The directory is read block by block.
    """
    return [_areas(table, columns, year) for year in YEARS if year in columns.areas]


def _areas(table: CsvTable, columns: PostcodeColumns, year: int) -> pd.DataFrame:
    import pyarrow as pa

    areas = columns.areas[year]
    named = {f"lsoa{year % 100}": areas.lsoa, "oa": areas.oa, "msoa": areas.msoa, "district_code": columns.district}
    headers = {name: header for name, header in named.items() if header is not None}
    combinations: list[pa.Table] = []
    for file in table.files:
        for rows in span_tables(whole(file), table, [*headers.values()]):
            arrays = [normalise_codes(rows.column(header).combine_chunks()) for header in headers.values()]
            combinations.append(pa.table(arrays, [*headers]).group_by([*headers]).aggregate([]))
    distinct = pa.concat_tables(combinations).group_by([*headers]).aggregate([])
    frame: pd.DataFrame = distinct.to_pandas().astype(object)
    return frame.where(frame.notna() & (frame != ""), None)
