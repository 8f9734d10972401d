"""`python -m demo_city --out FOLDER`: draw the demo city's photographs and list its locations."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from demo_city.city import draw_city
from streetdeciles.errors import StreetdecilesError
from streetdeciles.stopping import stoppable

DATA = Path(__file__).parent / "data"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 failed while drawing, 2 refused before any work, 130 or 143 stopped by Ctrl-C or SIGTERM."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    with stoppable() as stop:
        try:
            city = draw_city(
                options.out,
                table=options.table,
                boundaries=options.boundaries,
                district=options.district,
                locations_per_area=options.locations_per_area,
                seed=options.seed,
            )
        except KeyboardInterrupt:
            return stop.finish()
        except StreetdecilesError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
    print(
        f"demo city: {city.photographs} photographs of {city.locations} locations in {city.folder}, "
        f"{city.drawn_now} drawn now, {len(city.damaged)} broken on purpose"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo_city",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", required=True, help="folder to draw in, e.g. output/demo_city")
    parser.add_argument(
        "--table",
        default=str(DATA / "iod2019_file_7_bury.csv"),
        help="IoD 2019 File 7 (CSV); the streets follow its deciles",
    )
    parser.add_argument(
        "--boundaries", default=str(DATA / "lsoa11_bury.geojson"), help="GeoJSON of the areas that hold the locations"
    )
    parser.add_argument("--district", default="Bury", help="name or code of the district, as in the table")
    parser.add_argument("--locations-per-area", type=int, default=2, help="each location has four photographs")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws another city")
    return parser


if __name__ == "__main__":
    sys.exit(main())
