"""Look-ups of areas (ONS Geoportal, Open Government Licence v3.0), recognised by their headers.

Output areas to LSOAs, MSOAs and districts (`OA11CD,LSOA11CD,…`), LSOAs to districts and regions, and LSOAs of 2011 to
those of 2021 (`LSOA11CD,CHGIND,LSOA21CD,…`), alone or several of them; and postcode directories.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.csv_tables.records import is_blank
from streetdeciles.csv_tables.table import CsvTable, open_table
from streetdeciles.errors import NotUtf8, RunRefused
from streetdeciles.ids.spelling import normalise_list
from streetdeciles.sources.directory_areas import areas_of_directory
from streetdeciles.sources.layout import find
from streetdeciles.sources.postcodes import open_directory

if TYPE_CHECKING:
    import pandas as pd

AREA_TEXTS = ("area_name", "msoa", "district_code", "district_name", "region_code")
ROWS_PER_FRAME = 100_000
"""A look-up with one row per postcode has few distinct rows, so that not all are held at once."""
_PATTERNS = {
    "lsoa11": "lsoa11cd",
    "lsoa21": "lsoa21cd",
    "lsoa11_name": "lsoa11nm",
    "lsoa21_name": "lsoa21nm",
    "oa": r"oa\d\dcd",
    "msoa": r"msoa\d\dcd",
    "district_code": r"(lad|ltla)\d\dcd",
    "district_name": r"(lad|ltla)\d\dnm",
    "region_code": r"rgn\d\dcd",
}


@dataclass(frozen=True)
class Lookups:
    """What all look-ups of a config say."""

    areas: pd.DataFrame
    """By area_id: AREA_TEXTS, None where no look-up has them."""
    output_areas: pd.DataFrame
    """`oa` and the `area_id` that it lies in."""
    changes: pd.DataFrame
    """`lsoa11` and `lsoa21`: each pair of areas that share ground, equal codes among them."""

    @cached_property
    def translates(self) -> bool:
        return len(self.changes) > 0

    def to_year(self, year: int) -> pd.DataFrame:
        """By code of the other year: `target`, the code of `year`, None where the area is in several of that year."""
        here, other = ("lsoa11", "lsoa21") if year == 2011 else ("lsoa21", "lsoa11")
        by_other = self.changes.groupby(other)[here]
        return by_other.first().where(by_other.nunique() == 1, None).rename("target").to_frame()


def size_of(path: str) -> int:
    """Bytes of the look-up; of a folder those of its files."""
    fs, name = storage.filesystem(path)
    return int(fs.du(name) if fs.isdir(name) else fs.size(name) or 0)


def read_lookups(paths: Sequence[str]) -> Lookups:
    """The look-ups at `paths`; RunRefused where one is not recognised, or is cut short.

    What several say of an area is that of the first.
    """
    import pandas as pd

    areas = pd.DataFrame(columns=[*AREA_TEXTS], index=pd.Index([], name="area_id", dtype=object), dtype=object)
    output_areas = pd.DataFrame(columns=["oa", "area_id"], dtype=object)
    changes = pd.DataFrame(columns=["lsoa11", "lsoa21"], dtype=object)
    for lookup in chain.from_iterable(map(_frames, paths)):
        for code in [name for name in ("lsoa11", "lsoa21") if name in lookup]:
            named = lookup.rename(columns={code: "area_id", f"{code}_name": "area_name"}).dropna(subset="area_id")
            texts = [name for name in AREA_TEXTS if name in named]
            areas = areas.combine_first(named.drop_duplicates("area_id").set_index("area_id")[texts])
            if "oa" in named:
                output_areas = pd.concat([output_areas, named[["oa", "area_id"]].drop_duplicates()])
        if "lsoa11" in lookup and "lsoa21" in lookup:
            changes = pd.concat([changes, lookup[["lsoa11", "lsoa21"]].dropna()])
    return Lookups(areas[[*AREA_TEXTS]], output_areas, changes.drop_duplicates())


def _frames(path: str) -> list[pd.DataFrame]:
    """The columns of a look-up by their names in _PATTERNS; of a postcode directory one frame per census year."""
    try:
        return areas_of_directory(*open_directory(path))
    except RunRefused:
        pass
    try:
        return [_columns(open_table(path))]
    except NotUtf8:  # as some look-ups of 2011
        return [_columns(open_table(path, windows_1252=True))]


def _columns(table: CsvTable) -> pd.DataFrame:
    """The columns of a look-up by their names in _PATTERNS."""
    columns = {name: column for name, pattern in _PATTERNS.items() if (column := find(table.header, pattern))}
    codes = [name for name in ("lsoa11", "lsoa21") if name in columns]
    if not codes or len(columns) - len(codes) < 1:
        raise RunRefused(
            f"{table.uri}: is not recognised as a look-up; expected a column LSOA11CD or LSOA21CD, and columns such as "
            "OA21CD, MSOA21CD, LAD22CD or RGN22CD, or a postcode directory, but the columns are "
            f"{', '.join(table.header)}"
        )
    if len(codes) == 2:
        if find(table.header, "chgind", "chnind") is None:
            raise RunRefused(
                f"{table.uri}: leads from LSOAs of 2011 to 2021 and has no column CHGIND, so it is a best fit, in "
                "which areas are missing; take the exact fit look-up of the ONS"
            )
        columns.pop("oa", None)
    return _texts(table, columns)


def _texts(table: CsvTable, columns: dict[str, str]) -> pd.DataFrame:
    """Distinct rows of the columns, by the names that they get, codes in capitals; empty cells are None."""
    import pandas as pd

    rows = _rows(table, [table.header.index(column) for column in columns.values()])
    frames = [pd.DataFrame(columns=[*columns], dtype=object)]
    while cells := list(islice(rows, ROWS_PER_FRAME)):
        texts = {
            name: normalise_list(list(column), upper=not name.endswith("_name"))
            for name, column in zip(columns, zip(*cells, strict=True), strict=True)
        }
        frames.append(pd.DataFrame(texts, dtype=object).drop_duplicates())
    frame = pd.concat(frames, ignore_index=True).drop_duplicates()
    return frame.where(frame != "", None)


def _rows(table: CsvTable, indices: Sequence[int]) -> Iterator[list[str]]:
    n = len(table.header)
    for file, row, cells in table.rows():
        if is_blank(cells, n) or not any(cells):
            continue
        if len(cells) != n:
            raise RunRefused(f"{file}, row {row}: has {len(cells)} fields where the header has {n}")
        yield [cells[index] for index in indices]
