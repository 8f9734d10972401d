"""Regions: which areas each of them has, by its districts, its code, a preset's name or a list of areas."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streetdeciles.config import RegionFile
from streetdeciles.csv_tables.table import open_table
from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_list
from streetdeciles.labels.english_regions import PRESETS, REGION_CODES, REGION_OF_DISTRICT, preset_districts

if TYPE_CHECKING:
    import pandas as pd

Region = str | Sequence[str] | RegionFile

_AREA_HEADER = re.compile(r"area_id|lsoa(\d\d)?(cd)?|lsoa[ _]code( \(\d{4}\))?", re.IGNORECASE)


def assign_regions(areas: pd.DataFrame, regions: Mapping[str, Region]) -> pd.Series:
    """The region of each area that is in one, by area_id, the index of `areas`.

    `areas` has the columns district_code and district_name, and perhaps region_code. RunRefused where a district or
    an area is unknown, or in two regions.
    """
    import pandas as pd

    region_of = pd.Series(None, index=areas.index, name="region", dtype="object")
    for region, chosen in regions.items():
        inside = _areas_of(areas, region, chosen)
        assigned = region_of[inside & region_of.notna()]
        if len(assigned):
            raise RunRefused(
                f"labels.regions: {_shared(areas, assigned)} is in both {assigned.iloc[0]} and {region}; "
                "a district belongs to one region"
            )
        region_of[inside] = region
    return region_of.dropna()


def _areas_of(areas: pd.DataFrame, region: str, chosen: Region) -> pd.Series:
    """For each area whether it is in the region."""
    import pandas as pd

    if isinstance(chosen, RegionFile):
        return _listed(areas, region, chosen.file)
    terms = [chosen] if isinstance(chosen, str) else [*chosen]
    if terms == ["all"]:
        return pd.Series(True, index=areas.index)
    if not terms:
        raise RunRefused(f"labels.regions.{region}: names no district; list some, or write `all`")
    if areas["district_code"].isna().all() and areas["district_name"].isna().all():
        raise RunRefused(
            f"labels.regions.{region}: no table says which district an area is in; add a look-up of LSOAs to districts "
            "to labels.lookups, use a table with districts, or list the areas with `file`"
        )
    inside = pd.Series(False, index=areas.index)
    for term, code in zip(normalise_list(terms), normalise_list(terms, upper=True), strict=True):
        inside |= _term(areas, region, term, code)
    return inside


def _term(areas: pd.DataFrame, region: str, term: str, code: str) -> pd.Series:
    """For each area whether it is in the district, preset or English region that is called `term`."""
    district = (areas["district_code"] == code) | (areas["district_name"] == term)
    if district.any():
        return district
    preset = term.casefold().replace(" ", "_")
    if preset in PRESETS:
        return _preset(areas, region, preset)
    if code in REGION_CODES:
        return _english_region(areas, region, code)
    known = [*areas["district_name"].dropna().unique(), *areas["district_code"].dropna().unique()]
    near = difflib.get_close_matches(term, [*known, *PRESETS], n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"some that are: {', '.join(known[:5])}"
    raise RunRefused(f"labels.regions.{region}: no table has a district {term!r}; {hint}")


def _preset(areas: pd.DataFrame, region: str, preset: str) -> pd.Series:
    districts = preset_districts(preset)
    missing = [
        name
        for code, name in districts.items()
        if not ((areas["district_code"] == code) | (areas["district_name"] == name)).any()
    ]
    if missing:
        raise RunRefused(
            f"labels.regions.{region}: the tables lack {len(missing)} of the {len(districts)} districts of {preset}, "
            f"e.g. {missing[0]}; use whole tables, or list the districts that they have"
        )
    by_code = areas["district_code"].isin([*districts])
    return by_code | (areas["district_code"].isna() & areas["district_name"].isin([*districts.values()]))


def _english_region(areas: pd.DataFrame, region: str, code: str) -> pd.Series:
    region_of = areas["district_code"].map(REGION_OF_DISTRICT)
    if "region_code" in areas:
        region_of = areas["region_code"].where(areas["region_code"].notna(), region_of.astype(object))
    inside = region_of == code
    if not inside.any():
        why = "the tables have no codes of districts" if areas["district_code"].isna().all() else "no table has them"
        raise RunRefused(
            f"labels.regions.{region}: none of the areas is in the region {code}, as {why}; add a look-up of LSOAs to "
            "districts to labels.lookups"
        )
    return inside


def _listed(areas: pd.DataFrame, region: str, path: str) -> pd.Series:
    """For each area whether the CSV file at `path` lists it."""
    import pandas as pd

    table = open_table(path)
    code_columns = [
        i for i, column in enumerate(table.header) if len(table.header) == 1 or _AREA_HEADER.fullmatch(column)
    ]
    if len(code_columns) != 1:
        raise RunRefused(
            f"{path} (labels.regions.{region}): expected one column of area codes, called area_id; the columns are "
            f"{', '.join(table.header)}"
        )
    rows = [(row, cells[code_columns[0]]) for _, row, cells in table.rows() if len(cells) > code_columns[0]]
    codes = normalise_list([code for _, code in rows], upper=True)
    unknown = [(row, code) for (row, _), code in zip(rows, codes, strict=True) if code and code not in areas.index]
    if unknown:
        row, code = unknown[0]
        raise RunRefused(
            f"{path}, row {row}: area {code} is in none of labels.tables, and {len(unknown)} of the {len(rows)} rows "
            "have such areas; remove them, or use tables that have them"
        )
    return pd.Series(areas.index.isin(codes), index=areas.index)


def _shared(areas: pd.DataFrame, assigned: pd.Series) -> str:
    """What is in two regions: a district, or an area where one of them is a list of areas."""
    first = areas.loc[assigned.index[0]]
    code, name = first["district_code"], first["district_name"]
    same = (areas["district_code"] == code) if isinstance(code, str) else (areas["district_name"] == name)
    if not isinstance(name, str) or not areas.index[same].isin(assigned.index).all():
        return f"area {assigned.index[0]}"
    return f"district {name}{f' ({code})' if isinstance(code, str) else ''}"
