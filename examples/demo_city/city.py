"""Drawing the demo city: what there is to draw, what of it is missing, and what is written about it."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from demo_city.manifest import (
    LOCATIONS,
    PHOTOGRAPHS,
    README,
    Arguments,
    Manifest,
    check_arguments,
    is_there,
    read_manifest,
)
from streetdeciles.lock import locked
from streetdeciles.progress import progress

if TYPE_CHECKING:
    from demo_city.places import Location


@dataclass(frozen=True)
class City:
    """What is in the folder now. `damaged` has, by file, in which way a photograph is broken on purpose."""

    folder: str
    locations: int
    photographs: int
    drawn_now: int
    damaged: Mapping[str, str]


def draw_city(
    out: str, *, table: str, boundaries: str, district: str, locations_per_area: int = 2, seed: int = 1
) -> City:
    """Draw four photographs of `locations_per_area` locations in each area of a district, and list the locations.

    In the folder `out`: `locations.csv` (location_id, area_id, latitude, longitude), below `photographs/` a folder an
    area with `{location_id}_{0..3}.jpg|png`, `README.md`, and `manifest.json` with all arguments and files, which is
    complete only when everything else is there. Three photographs are broken on purpose: one is cut short, one is
    empty, one is an error page.

    A second call with the same arguments draws what is missing; the same arguments always give the same bytes.

    Args:
        table: IoD 2019 File 7, CSV; the areas' deciles over the district come from it.
        boundaries: GeoJSON of LSOAs of 2011 with the property LSOA11CD, WGS84.
        district: Name or code as it stands in the table.

    Raises:
        RunRefused: an input is missing or does not hold the district, or `out` holds something else.
        RunFailed: a file could not be written.
    """
    arguments = check_arguments(table, boundaries, district, locations_per_area=locations_per_area, seed=seed)
    folder = Path(out)
    manifest = read_manifest(folder, arguments)
    if manifest and manifest.files and not manifest.missing(folder):
        return _as_city(folder, manifest, 0)
    # Only here, for what they import takes longer than to see that nothing is missing.
    from demo_city.places import find_locations
    from demo_city.workers import UNFINISHED, explained

    locations = find_locations(table, boundaries, district, locations_per_area=locations_per_area, seed=seed)
    with explained(folder), locked(str(folder)):
        if manifest is None:
            Manifest(arguments, len(locations), {}, {}).write(folder)
        manifest, drawn = _complete(folder, arguments, locations, manifest.files if manifest else {})
        manifest.write(folder)
        shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    return _as_city(folder, manifest, drawn)


def _complete(
    folder: Path, arguments: Arguments, locations: Sequence[Location], lengths: Mapping[str, int]
) -> tuple[Manifest, int]:
    """Draw and write what is not there, or not of the length that is known; the manifest, and what was drawn."""
    from demo_city.damage import choose_damaged
    from demo_city.photograph import VIEWS, format_of
    from demo_city.workers import Work, draw_all, put

    seed, files, work = arguments.seed, dict[str, int](), list[Work]()
    names = []
    for place in (location.place for location in locations):
        stem, ending = f"{PHOTOGRAPHS}/{place.area_id}/{place.location_id}", format_of(seed, place.location_id).ending
        names.append((place, [f"{stem}_{view}.{ending}" for view in range(VIEWS)]))
    damaged = choose_damaged(seed, [file for _, own in names for file in own])
    for place, own in names:
        presence = [is_there(folder, file, lengths) for file in own]
        files |= {
            file: (folder / file).stat().st_size for file, is_present in zip(own, presence, strict=True) if is_present
        }
        views = {view: (file, damaged.get(file)) for view, file in enumerate(own) if not presence[view]}
        if views:
            work.append(Work(seed, place, views))
    count = sum(len(item.views) for item in work)
    if count:
        with progress("drawing the demo city", count, unit="photographs") as advance:
            for drawn in draw_all(folder, work):
                files |= drawn
                advance(len(drawn))
    for name, content in ((LOCATIONS, _locations_csv(locations)), (README, _readme(arguments, damaged))):
        # Written only where it is gone: a file that has been touched makes the stages that read it run again.
        files[name] = len(content) if is_there(folder, name, {name: len(content)}) else put(folder, name, content)
    return Manifest(arguments, len(locations), damaged, files), count


def _as_city(folder: Path, manifest: Manifest, drawn_now: int) -> City:
    photographs = sum(file.startswith(PHOTOGRAPHS) for file in manifest.files)
    return City(str(folder), manifest.locations, photographs, drawn_now, manifest.damaged)


def _locations_csv(locations: Sequence[Location]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("location_id", "area_id", "latitude", "longitude"))
    for location in locations:
        place = location.place
        rows.writerow((place.location_id, place.area_id, f"{location.latitude:.6f}", f"{location.longitude:.6f}"))
    return text.getvalue().encode()


def _readme(arguments: Arguments, damaged: Mapping[str, str]) -> bytes:
    broken = "\n".join(f"- `{file}`: {damage}" for file, damage in damaged.items())
    text = f"""# The demo city

Areas, boundaries and deciles are those of {arguments.district}. The photographs are drawn by a program
(`python -m demo_city`, seed {arguments.seed}): nothing in them was ever seen there, and what a network finds in them
says nothing about {arguments.district}.

- `locations.csv`: {arguments.locations_per_area} location(s) an area, at random points inside its boundary.
- `photographs/`: four views of each location, headings 0, 90, 180 and 270 degrees.
- `manifest.json`: the arguments, and every file with its length in bytes.

What the pictures show follows the areas' deciles of income, health and living environment, but loosely: each trait of
a street (kinds of houses, upkeep, greenery, air, road surface, traffic) has chance of its own by area and by location,
and each view has its own camera, light and passers-by.

These photographs are broken on purpose, as in every collection some are:

{broken}

The same command draws the same city again; a file that is gone is drawn again, byte for byte.
"""
    return text.encode()
