"""A region's map, and the values that go on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from streetdeciles.report.colours import decile_class
from streetdeciles.report.districts import Districts, districts_of_areas, draw_districts
from streetdeciles.report.folds import folds_of
from streetdeciles.report.plates import plate

if TYPE_CHECKING:
    import pandas as pd

    from streetdeciles.report.maps import AreaMap, Outline


@dataclass(frozen=True)
class RegionMap:
    """A region's map and the values that go on it.

    `area_ids`, `names` and `n_located` (locations in each area) begin with the areas of `drawn`, in its order;
    `folds` is None without several folds. `values` are by outcome and in this order: true_decile, national_decile,
    decile (None = not known) and n_locations. `intervals`, by outcome: one byte per area, 16 times the lowest decile of
    its interval plus the highest, 0 = not known; empty if no area has an interval. `districts`: None
    without several. `others`: deciles by further methods and baselines (other_methods.encoded).
    """

    region: str
    drawn: AreaMap | None
    area_ids: list[str]
    names: list[str]
    n_located: list[int]
    folds: list[int | None] | None
    values: dict[str, dict[str, list[float | None]]]
    intervals: dict[str, bytes]
    districts: Districts | None
    others: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def not_drawn(self) -> int:
        return len(self.area_ids) - (len(self.drawn.polygons) if self.drawn else 0)

    def plate(self, outcome: str, kind: str) -> str:
        """The map of the outcome's `true` or `predicted` deciles, as the source of an <img>."""
        assert self.drawn is not None
        return plate(self.drawn, [decile_class(decile) for decile in self.values[outcome][kind]])


def make_region_map(
    areas: pd.DataFrame, outlines: Mapping[str, Outline], drawn: AreaMap | None, region: str, outcomes: Sequence[str]
) -> RegionMap:
    """`areas`: the findings' rows of this region; areas without an outline come after the drawn ones."""
    on_map = list(drawn.polygons) if drawn else []
    area_ids = on_map + sorted(set(areas["area_id"]) - set(on_map))
    values: dict[str, dict[str, list[float | None]]] = {}
    for outcome in outcomes:
        rows = areas[areas["outcome"] == outcome].set_index("area_id").reindex(area_ids)
        values[outcome] = {
            "true": [_known(value) for value in rows["true_decile"].tolist()],
            "national": [_known(value) for value in rows["national_decile"].tolist()],
            "predicted": [_known(value) for value in rows["decile"].tolist()],
            "n": [_known(value) or 0 for value in rows["n_locations"].tolist()],
        }
    names = {area_id: outlines[area_id].name if area_id in outlines else "" for area_id in area_ids}
    districts = draw_districts(drawn, districts_of_areas(areas, names)) if drawn else None
    located = areas.groupby("area_id")["n_located"].first().reindex(area_ids).fillna(0)
    folds = folds_of(areas, area_ids)
    intervals = _intervals(areas, area_ids, outcomes)
    n_located = [int(n) for n in located]
    return RegionMap(region, drawn, area_ids, [*names.values()], n_located, folds, values, intervals, districts)


def _intervals(areas: pd.DataFrame, area_ids: list[str], outcomes: Sequence[str]) -> dict[str, bytes]:
    known = areas[areas["decile_low"].notna() & areas["decile_high"].notna()]
    if known.empty:
        return {}
    intervals = {}
    for outcome in outcomes:
        rows = known[known["outcome"] == outcome].set_index("area_id").reindex(area_ids)
        ends = 16 * rows["decile_low"].astype(float) + rows["decile_high"].astype(float)
        intervals[outcome] = ends.fillna(0).to_numpy(np.uint8).tobytes()
    return intervals


def _known(value: float | None) -> float | None:
    """NaN as None, and whole numbers without a fraction, which is shorter in the page."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else float(value)
