"""`streetdeciles export`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from streetdeciles import storage
from streetdeciles.cli.options import add_config, add_debug, path_here
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.terminal import say


def add_command(commands: Any) -> None:
    """Add `export` to the subparsers `commands`."""
    about = "write areas and measures as files for a GIS, a spreadsheet or a data frame"
    command = commands.add_parser(
        "export",
        help=about,
        description=f"{about[0].upper()}{about[1:]}: areas.gpkg, .parquet (GeoParquet), .geojson and .csv with one row "
        "per area, metrics and comparisons as .csv and .json, and with matplotlib figures for a paper.",
        epilog="example:\n  streetdeciles export --config conf/demo.yaml --out results\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(command)
    command.add_argument("--out", type=path_here, metavar="DIR", help="a local folder; <work_dir>/export by default")
    add_debug(command)
    command.set_defaults(command=_export)


def _export(options: argparse.Namespace) -> int:
    from streetdeciles.export.figures import has_matplotlib
    from streetdeciles.export.files import export

    config = load_config(options.config)
    if options.out is None and not storage.is_local(config.work_dir):
        raise RunRefused(f"work_dir {config.work_dir} is not on this machine; name a local folder with --out")
    folder = options.out or Path(storage.local_path(config.work_dir)) / "export"
    for file in export(config, folder):
        say(str(file))
    if not has_matplotlib():
        say("no figures, because matplotlib is not installed: pip install 'streetdeciles[figures]'")
    return 0
