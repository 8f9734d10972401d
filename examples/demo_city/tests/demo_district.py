"""A district of few real areas, cut out of Bury."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from demo_city.city import City, draw_city

DATA = Path(__file__).parent.parent / "data"
TABLE = DATA / "iod2019_file_7_bury.csv"
BOUNDARIES = DATA / "lsoa11_bury.geojson"
AREAS = 10


@dataclass(frozen=True)
class District:
    """The two files about the district, and the call that draws it."""

    table: Path
    boundaries: Path

    def draw(self, out: Path, *, district: str = "Bury", locations_per_area: int = 1, seed: int = 1) -> City:
        return draw_city(
            str(out),
            table=str(self.table),
            boundaries=str(self.boundaries),
            district=district,
            locations_per_area=locations_per_area,
            seed=seed,
        )


def cut_out(folder: Path, areas: int) -> District:
    """The first areas of Bury in the table, and their polygons."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    rows = [row for row in rows if row[3] == "Bury"][:areas]
    codes = {row[0] for row in rows}
    whole = json.loads(BOUNDARIES.read_text())
    features = [feature for feature in whole["features"] if feature["properties"]["LSOA11CD"] in codes]
    district = District(folder / "table.csv", folder / "boundaries.geojson")
    with district.table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    district.boundaries.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return district
