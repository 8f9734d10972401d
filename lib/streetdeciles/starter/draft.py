"""The text of a first config, with a comment for each key."""

from __future__ import annotations

import json
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

from streetdeciles.starter.labels import EVERYWHERE, Places
from streetdeciles.starter.photographs import Naming

PREFERRED = ("imd", "imd_income")
"""The outcome to begin with, if the table has it."""

TEXT = """\
# Written by `streetdeciles init`. Check it with `streetdeciles run --config {out} --dry-run`, then run it without
# --dry-run. Paths are relative to this file's folder. docs/config.md lists every key with its default.

# Every table, model and log, and the report, are written to this folder.
work_dir: {work_dir}

# Folds, initial weights and batches follow from the seed: the same seed gives the same results.
seed: 1

labels:
  # {publication}
  tables:
    - path: {table}
  # Each region is a list of districts, by name or code, or `all` areas of the tables. Deciles are ranks among
  # its areas.
  regions:
    {region}: {districts}
  # A CSV of location_id and area_id, or of location_id, latitude and longitude.
  locations: {locations}
{boundaries}
images:
  folder: {folder}
  # The file names hold the location and the view; endings are separated by |.
  pattern: {pattern}
  # The number of photographs per location.
  views: {views}
{view_names}
features:
  # imagenet downloads VGG16's weights once (553 MB); random:1 needs no download, and is for trials only.
  weights: imagenet

dataset:
  # What is learned and predicted. The table also has:
{other_outcomes}
  outcomes: {outcomes}
  # The areas are divided into this number of folds, each held out once. spatial_blocks holds out neighbourhoods.
  split: folds
  folds: 5

report:
  title: {title}
  # The sources of photographs and boundaries, as their licences require.
  attribution: ""

spark:
  # All cores of this machine.
  master: local[*]
"""


@dataclass(frozen=True)
class Inputs:
    """The user's files."""

    photographs: Path
    table: Path
    locations: Path
    boundaries: Path | None


def draft(inputs: Inputs, naming: Naming, places: Places, out: Path) -> str:
    """The YAML text for the file `out`."""
    chosen = next((name for name in PREFERRED if name in places.outcomes), places.outcomes[0])
    other_outcomes = [name for name in places.outcomes if name != chosen]
    boundaries = "  # Polygons of the areas (GeoJSON, GeoPackage, …) draw maps: boundaries: {path: areas.geojson}\n"
    if inputs.boundaries is not None:
        path = _path(inputs.boundaries, out)
        boundaries = (
            f"  # Polygons of the areas place locations and draw the report's maps.\n  boundaries:\n    path: {path}\n"
        )
    view_names = (
        f"  # Their names, in order.\n  view_names: {_quoted(naming.view_names)}\n" if naming.view_names else ""
    )
    return TEXT.format(
        out=out.name,
        work_dir=_quoted(f"output/{out.stem}"),
        publication=places.publication,
        table=_path(inputs.table, out),
        region=places.region,
        districts=_quoted(places.districts) if places.region != EVERYWHERE else "all",
        locations=_path(inputs.locations, out),
        boundaries=boundaries,
        folder=_path(inputs.photographs, out),
        pattern=_quoted(naming.pattern),
        views=naming.views,
        view_names=view_names,
        other_outcomes=textwrap.fill(
            ", ".join(other_outcomes) or "no other outcome", 120, initial_indent="  # ", subsequent_indent="  # "
        ),
        outcomes=_quoted([chosen]),
        title=_quoted("Deciles from street photographs"),
    )


def _path(path: Path, out: Path) -> str:
    """Relative to the config's folder if it is not far from there."""
    absolute, folder = path.resolve(), out.resolve().parent
    relative = os.path.relpath(absolute, folder)
    return _quoted(str(absolute) if Path(relative).parts[:3] == ("..",) * 3 else relative)


def _quoted(value: object) -> str:
    """JSON, which is YAML, whatever characters a name has."""
    return json.dumps(value, ensure_ascii=False)
