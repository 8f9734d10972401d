"""`streetdeciles init`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from streetdeciles.cli.options import add_debug, path_here
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.preflight import preflight
from streetdeciles.stages import DATASET_STAGE, FEATURES_STAGE, IMAGES_STAGE, LABELS_STAGE
from streetdeciles.terminal import say

STAGES = (LABELS_STAGE, IMAGES_STAGE, DATASET_STAGE)
"""The stages whose inputs are the user's files; no config is written that they would refuse."""


def add_command(commands: Any) -> None:
    """Add `init` to the subparsers `commands`."""
    about = "write a first config for your photographs"
    command = commands.add_parser(
        "init",
        help=about,
        description=f"{about[0].upper()}{about[1:]}: recognises the names of the photographs and the table,\nasks for "
        "what it needs, checks the result, and never overwrites a file.",
        epilog="example:\n  streetdeciles init --photographs photos --table File_7.csv --out my.yaml\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--photographs", type=path_here, metavar="FOLDER", help="the folder of the photographs")
    command.add_argument("--table", type=path_here, metavar="FILE", help="a published table of areas (docs/data.md)")
    command.add_argument(
        "--locations",
        type=path_here,
        metavar="FILE",
        help="a CSV of locations; one beside the photographs is recognised",
    )
    command.add_argument(
        "--boundaries",
        type=path_here,
        metavar="FILE",
        help="polygons of the areas, for locations without area_id, and maps",
    )
    command.add_argument("--out", type=path_here, default=Path("my.yaml"), metavar="FILE", help="my.yaml by default")
    add_debug(command)
    command.set_defaults(command=_init)


def _init(options: argparse.Namespace) -> int:
    from streetdeciles.starter.draft import Inputs, draft
    from streetdeciles.starter.labels import location_files, open_location_file, read_places
    from streetdeciles.starter.photographs import photograph_names, recognise_names

    out: Path = options.out
    if out.exists():
        raise RunRefused(f"--out {out}: is there already and is not overwritten; choose another name")
    photographs = _existing(options.photographs, "--photographs", "Folder of the photographs")
    naming = recognise_names(photograph_names(photographs))
    table = _existing(options.table, "--table", "Published table of areas")
    candidates = location_files(photographs) if options.locations is None else []
    chosen = candidates[0] if len(candidates) == 1 else options.locations
    locations = open_location_file(path := _existing(chosen, "--locations", "CSV of the locations"))
    boundaries = options.boundaries
    if boundaries is not None or not locations.has_area_ids:
        boundaries = _existing(boundaries, "--boundaries", "Polygons of the areas (GeoJSON, GeoPackage, …)")
    places = read_places(table, locations, boundaries)
    _write(out, draft(Inputs(photographs, table, path, boundaries), naming, places, out))
    regions = ", ".join(places.districts) or "all areas"
    say(f"{out}: photographs {naming.pattern}, {naming.views} view(s); {places.publication}; {regions}")
    try:
        preflight(load_config(str(out)), (FEATURES_STAGE,))
    except RunRefused as refused:  # no network, perhaps only now
        say(f"before a run: {refused}")
    say(f"next: streetdeciles run --config {out} --dry-run")
    return 0


def _existing(path: Path | None, option: str, question: str) -> Path:
    """The path of the option, or the answer to the question; RunRefused if nothing is there."""
    if path is None:
        if not sys.stdin.isatty():
            raise RunRefused(f"init needs {option}, and there is no terminal to ask")
        path = Path(input(f"{question}: ").strip()).expanduser()
    if not path.exists():
        raise RunRefused(f"{option} {path}: there is no such file or folder")
    return path


def _write(out: Path, text: str) -> None:
    """Write the config and check it as a run would; what a run would refuse is removed again."""
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise RunRefused(f"--out {out}: cannot be written ({error.strerror}); choose another name") from error
    try:
        preflight(load_config(str(out)), STAGES)
    except BaseException:
        out.unlink()
        raise
