"""`python -m published_layouts STUDY --out FOLDER`: invent a region's published tables and photographs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from published_layouts.studies import STUDIES


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 where the folder holds another study."""
    options = _parser().parse_args(arguments)
    study = STUDIES[options.study]
    done = options.out / "done"
    asked = f"{options.study} {options.areas} {options.locations_per_area} {options.seed}\n"
    if done.exists():
        if done.read_text(encoding="utf-8") == asked:
            print(f"{options.study}: nothing to do, {options.out} holds it")
            return 0
        print(f"error: {options.out} holds other data; remove it, or name another folder with --out", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    text = study(options.out, n_areas=options.areas, locations_per_area=options.locations_per_area, seed=options.seed)
    done.write_text(asked, encoding="utf-8")
    print(f"{options.study}: {text} in {options.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m published_layouts",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("study", choices=STUDIES, help="which study's files to invent")
    parser.add_argument("--out", required=True, type=Path, help="folder to write in, e.g. output/london_2011")
    parser.add_argument("--areas", type=int, default=4835, help="LSOAs; Greater London has 4,835 of 2011")
    parser.add_argument("--locations-per-area", type=int, default=2, help="each location has four photographs")
    parser.add_argument("--seed", type=int, default=1, help="another seed invents other numbers and pictures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
