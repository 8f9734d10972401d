"""What the page's script shows on the maps and in the table of areas, as JSON."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streetdeciles.methods import METHOD_TITLES
from streetdeciles.report import colours
from streetdeciles.report.districts import Districts
from streetdeciles.report.maps import AreaMap
from streetdeciles.report.region_map import RegionMap

if TYPE_CHECKING:
    import pandas as pd


def map_data(
    maps: Sequence[RegionMap],
    region_titles: Sequence[str],
    titles: Mapping[str, str],
    locations: pd.DataFrame,
    min_locations: int,
) -> dict[str, Any]:
    """Lists are in the order of each region's areas; `methods` are those that maps can show besides the report's.

    `titles`: by outcome; `locations`: region, area_id and location_id of those by which an area may be found;
    `min_locations`: areas with fewer are marked.
    """
    return {
        "min_locations": min_locations,
        "outcomes": [*titles.values()],
        "outcome_ids": [*titles],
        "colours": [colours.NOT_KNOWN, *colours.DECILE_COLOURS],
        "regions": [
            {
                "name": region.region,
                "title": title,
                "areas": region.area_ids,
                "names": region.names,
                "located": region.n_located,
                "location_ids": _location_ids(locations[locations["region"] == region.region], region.area_ids),
                "folds": region.folds,
                "map": _drawn(region.drawn),
                "districts": _names(region.districts),
                "intervals": [_base64(region.intervals[outcome]) for outcome in titles] if region.intervals else None,
                "methods": [
                    {
                        "name": method,
                        "title": METHOD_TITLES.get(method, method),
                        "predicted": [_base64(codes[outcome]) for outcome in titles],
                    }
                    for method, codes in region.others.items()
                ],
                "values": _compact([region.values[outcome] for outcome in titles]),
            }
            for region, title in zip(maps, region_titles, strict=True)
        ],
    }


def _compact(values: list[dict[str, list[float | None]]]) -> list[dict[str, Any]]:
    """These are most of a country's page, so actual deciles take half a byte, and equal numbers are there once.

    `actual`: one byte per area, 16 times the decile within the region plus the national one, 0 = not known. `n` is None
    where the numbers of locations are those of the first outcome.
    """
    return [
        {
            "actual": _base64(
                16 * int(true or 0) + int(national or 0)
                for true, national in zip(outcome["true"], outcome["national"], strict=True)
            ),
            "predicted": outcome["predicted"],
            "n": outcome["n"] if i == 0 or outcome["n"] != values[0]["n"] else None,
        }
        for i, outcome in enumerate(values)
    ]


def _base64(numbers: Iterable[int]) -> str:
    return base64.b64encode(bytes(numbers)).decode()


def _location_ids(locations: pd.DataFrame, area_ids: list[str]) -> list[list[str]] | None:
    if locations.empty:
        return None
    ids = {area_id: sorted(rows) for area_id, rows in locations.groupby("area_id")["location_id"]}
    return [ids.get(area_id, []) for area_id in area_ids]


def _names(districts: Districts | None) -> dict[str, Any] | None:
    """Names and labels; the borders are on the page, as an SVG path."""
    if districts is None:
        return None
    return {"names": districts.names, "labels": [number for label in districts.labels for number in label]}


def _drawn(drawn: AreaMap | None) -> dict[str, Any] | None:
    """`labels`: x, y and radius of each area in one list."""
    if drawn is None:
        return None
    labels = [number for label in drawn.labels.values() for number in label]
    return {"width": drawn.width, "height": drawn.height, "paths": [*drawn.paths.values()], "labels": labels}
