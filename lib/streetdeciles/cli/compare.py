"""`streetdeciles compare`."""

from __future__ import annotations

import argparse
from typing import Any

from streetdeciles.cli.options import add_debug, path_here
from streetdeciles.errors import RunRefused


def add_command(commands: Any) -> None:
    """Add `compare` to the subparsers `commands`."""
    about = "show the measures of finished runs side by side, on the areas that all of them predict"
    command = commands.add_parser(
        "compare",
        help=about,
        description=f"{about[0].upper()}{about[1:]}. Differences from the first run have 95 %% intervals; where one "
        "leaves out 0, the run is better or worse than the first.",
        epilog="example:\n  streetdeciles compare output/demo output/demo_blocks --out compare.csv\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("runs", nargs="+", metavar="RUN", help="the work_dir or the config of a finished run")
    command.add_argument("--out", type=path_here, metavar="FILE", help="also write a .csv (all measures) or .md file")
    add_debug(command)
    command.set_defaults(command=_compare)


def _compare(options: argparse.Namespace) -> int:
    from streetdeciles.studies.comparison import compare_runs
    from streetdeciles.studies.comparison_text import as_csv, as_markdown, as_text
    from streetdeciles.studies.finished_runs import read_runs

    writers = {".csv": as_csv, ".md": as_markdown}
    if options.out is not None and options.out.suffix not in writers:
        raise RunRefused(f"--out {options.out}: expected a name that ends with .csv or .md")
    if len(options.runs) < 2:
        raise RunRefused("compare: one run is not enough; name the work_dirs or configs of two or more")
    method, runs = read_runs(options.runs)
    comparison = compare_runs(runs)
    print(f"areas by {method}\n{as_text(comparison)}", end="")
    if options.out is not None:
        try:
            options.out.write_text(writers[options.out.suffix](comparison), encoding="utf-8")
        except OSError as error:
            raise RunRefused(f"--out {options.out}: cannot be written ({error.strerror}); choose another") from error
    return 0
