"""What the page's script shows on the maps and in the table of areas, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streetdeciles.report import colours
from streetdeciles.report.maps import AreaMap
from streetdeciles.report.region_map import RegionMap


def map_data(maps: Sequence[RegionMap], region_titles: Sequence[str], titles: Mapping[str, str]) -> dict[str, Any]:
    """Lists are in the order of each region's areas. `titles`: by outcome."""
    return {
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
                "folds": region.folds,
                "map": _drawn(region.drawn),
                "values": [region.values[outcome] for outcome in titles],
            }
            for region, title in zip(maps, region_titles, strict=True)
        ],
    }


def _drawn(drawn: AreaMap | None) -> dict[str, Any] | None:
    """`labels`: x, y and radius of each area in one list."""
    if drawn is None:
        return None
    labels = [number for label in drawn.labels.values() for number in label]
    return {"width": drawn.width, "height": drawn.height, "paths": [*drawn.paths.values()], "labels": labels}
