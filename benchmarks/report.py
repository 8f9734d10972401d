"""The report at national size, made and opened in a headless Chromium, beside what was asked for.

- `report_national_size_goal`: areas per MB of the page.
- `report_national_made_goal`: reading the boundaries, drawing the maps and writing the page, per second.
- `report_national_open_goal`, `…_switch_goal`, `…_hover_goal`: until the maps are drawn, another outcome is drawn, and
  the area under the pointer is found and outlined, per second.

The intended size is `--tiles 20 --boundaries lsoa11_greater_manchester.geojson --outcomes 13`, which is 33,460 areas.
Deciles and measures are random; boundaries and the districts in the areas' names are real.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from labels import BURY, FILE_7, config_of, write_tiles
from measure import Comparison, record
from streetdeciles.config import Boundaries
from streetdeciles.report.collect import HISTORY, Findings
from streetdeciles.report.maps import draw_map, read_outlines
from streetdeciles.report.other_methods import COLUMNS
from streetdeciles.report.page import Run, render
from streetdeciles.report.region_map import make_region_map
from streetdeciles.tables import BREAKDOWNS, CALIBRATION, COMPARISONS, METRICS

if TYPE_CHECKING:
    from playwright.sync_api import Page

AREAS, MEGABYTES, MADE_S, OPEN_S, SWITCH_S, HOVER_S = 33_755, 12.0, 60.0, 3.0, 0.3, 0.03
"""What was asked for."""

DRAWN = "document.querySelector('canvas.base').getContext('2d').getImageData(0, 0, 1, 1)"
"""Waits for what is being drawn."""

SWITCH = f"""number => {{
    const start = performance.now();
    document.querySelectorAll('input[name=outcome]')[number].click();
    {DRAWN};
    return performance.now() - start;
}}"""

HOVER = """([across, down]) => {
    const marks = document.querySelectorAll('canvas.marks')[1], box = marks.getBoundingClientRect();
    const start = performance.now();
    const at = { clientX: box.left + across * box.width, clientY: box.top + down * box.height, bubbles: true };
    marks.dispatchEvent(new PointerEvent('pointermove', at));
    marks.getContext('2d').getImageData(0, 0, 1, 1);
    return performance.now() - start;
}"""


def write_report(boundaries: Path, area_ids: np.ndarray[Any, Any], n_outcomes: int, folder: Path) -> tuple[Path, float]:
    """The page, and the seconds that it took."""
    outcomes = tuple(f"own_{number}" for number in range(n_outcomes))
    config = config_of(
        folder,
        outcomes,
        tables=[{"path": str(FILE_7)}],
        locations="locations.csv",
        boundaries={"path": str(boundaries)},
    )
    findings = _findings(area_ids, outcomes)
    start = time.perf_counter()
    outlines = read_outlines(Boundaries(path=str(boundaries)))
    drawn = draw_map(outlines, area_ids)
    region = make_region_map(findings.areas, outlines, drawn, "everywhere", outcomes)
    html = render(findings, config, Run([], {"streetdeciles": "benchmark"}, "now"), maps=[region], gallery=[])
    (folder / "report.html").write_text(html)
    return folder / "report.html", time.perf_counter() - start


def _findings(area_ids: np.ndarray[Any, Any], outcomes: tuple[str, ...]) -> Findings:
    random = np.random.default_rng(0)
    n = len(area_ids)
    n_locations = random.integers(1, 90, n)
    areas = pd.concat(
        pd.DataFrame(
            {
                "region": "everywhere",
                "area_id": area_ids,
                "outcome": outcome,
                "true_decile": random.integers(1, 11, n),
                "national_decile": random.integers(1, 11, n),
                "decile": random.integers(1, 11, n),
                "mean_score": random.normal(0, 2, n),
                "n_locations": n_locations,
                "n_located": 90,
                "district": None,
                "fold": random.integers(0, 5, n),
                "decile_low": random.integers(1, 6, n),
                "decile_high": random.integers(6, 11, n),
                "score_se": 0.3,
            }
        )
        for outcome in outcomes
    )
    return Findings(
        areas=areas,
        confusion=pd.DataFrame(columns=["region", "outcome", "true_decile", "decile", "n"]),
        metrics=pd.DataFrame(columns=list(METRICS.columns)),
        comparisons=pd.DataFrame(columns=list(COMPARISONS.columns)),
        breakdowns=pd.DataFrame(columns=list(BREAKDOWNS.columns)),
        calibration=pd.DataFrame(columns=list(CALIBRATION.columns)),
        history=pd.DataFrame(columns=list(HISTORY)),
        losses=pd.DataFrame(columns=["stage", "reason", "n", "examples"]),
        locations=pd.DataFrame(columns=["region", "area_id", "location_id"]),
        counts={"locations": 90 * n, "photographs": 360 * n, "rejects": 0, "views": 4, "predicted": 90 * n},
        other_methods=areas.assign(method="mode", decile=random.integers(1, 11, len(areas)))[list(COLUMNS)],
    )


def seconds_to_open(page: Page, uri: str) -> float:
    start = time.perf_counter()
    page.goto(uri)
    page.evaluate(DRAWN)
    return time.perf_counter() - start


def measure_page(uri: str, n_outcomes: int, runs: int) -> dict[str, float]:
    """Medians in seconds, by what was done."""
    from playwright.sync_api import sync_playwright

    random = np.random.default_rng(1)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = [seconds_to_open(browser.new_page(), uri) for _ in range(runs)]
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto(uri)
        switched = [page.evaluate(SWITCH, (run + 1) % n_outcomes) / 1000 for run in range(3 * runs)]
        points = random.uniform(0.2, 0.8, (10 * runs, 2)).tolist()
        hovered = [page.evaluate(HOVER, point) / 1000 for point in points]
        browser.close()
    print(f"slowest: open {max(opened):.2f} s, switch {max(switched):.3f} s, hover {max(hovered):.3f} s", flush=True)
    return {
        name: statistics.median(each)
        for name, each in zip(("open", "switch", "hover"), (opened, switched, hovered), strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boundaries", type=Path, default=BURY)
    parser.add_argument("--tiles", type=int, default=20)
    parser.add_argument("--outcomes", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        area_ids = write_tiles(options.boundaries, folder / "tiles.geojson", options.tiles)
        print(f"boundaries of {(folder / 'tiles.geojson').stat().st_size / 1e6:.0f} MB", flush=True)
        page, made = write_report(folder / "tiles.geojson", area_ids, options.outcomes, folder)
        megabytes = page.stat().st_size / 1e6
        seconds = measure_page(page.as_uri(), options.outcomes, options.runs)
    print(f"{len(area_ids)} areas: {megabytes:.1f} MB, made in {made:.1f} s, {seconds}")
    if len(area_ids) < 33_000:
        print("too small for the goals; see --help for the intended size")
        return
    size = f"{len(area_ids)} areas, {options.outcomes} outcomes"
    compared = Comparison(len(area_ids) / megabytes, AREAS / MEGABYTES, 1)
    record("report_national_size_goal", compared, unit="areas/MB", other_is=f"the goal of {MEGABYTES:g} MB; {size}")
    for what, took, goal in (
        ("made", made, MADE_S),
        ("open", seconds["open"], OPEN_S),
        ("switch", seconds["switch"], SWITCH_S),
        ("hover", seconds["hover"], HOVER_S),
    ):
        compared = Comparison(1 / took, 1 / goal, 1 if what == "made" else options.runs)
        record(f"report_national_{what}_goal", compared, unit="per s", other_is=f"the goal of {goal:g} s; {size}")


if __name__ == "__main__":
    main()
