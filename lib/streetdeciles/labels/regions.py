"""Regions: which districts, and so which areas, each of them has."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_list

if TYPE_CHECKING:
    import pandas as pd


def assign_regions(areas: pd.DataFrame, regions: Mapping[str, Sequence[str] | Literal["all"]]) -> pd.Series:
    """The region of each area that is in one, by area_id, the index of `areas`.

    `areas` has the columns district_code and district_name; `regions` names districts by either. RunRefused
    where a district is unknown, or in two regions.
    """
    import pandas as pd

    taken: dict[str, str] = {}
    for region, districts in regions.items():
        codes = _district_codes(areas, region, districts)
        for code in codes:
            if code in taken:
                name = areas.loc[areas["district_code"] == code, "district_name"].iloc[0]
                raise RunRefused(
                    f"labels.regions: district {name} ({code}) is in both {taken[code]} and {region}; "
                    "a district belongs to one region"
                )
        taken |= dict.fromkeys(codes, region)
    found = areas["district_code"].map(taken).dropna()
    return pd.Series(found, name="region", dtype="object")


def _district_codes(areas: pd.DataFrame, region: str, districts: Sequence[str] | Literal["all"]) -> list[str]:
    if districts == "all":
        return list(areas["district_code"].unique())
    if not districts:
        raise RunRefused(f"labels.regions.{region}: names no district; list some, or write `all`")
    known = areas[["district_code", "district_name"]].drop_duplicates()
    found: dict[str, None] = {}
    for district, code in zip(normalise_list(districts), normalise_list(districts, upper=True), strict=True):
        codes = known.loc[(known["district_code"] == code) | (known["district_name"] == district), "district_code"]
        if codes.empty:
            names = [*known["district_name"].unique(), *known["district_code"].unique()]
            near = difflib.get_close_matches(district, names, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"some that are: {', '.join(names[:5])}"
            raise RunRefused(f"labels.regions.{region}: no table has a district {district!r}; {hint}")
        found |= dict.fromkeys(codes)
    return list(found)
