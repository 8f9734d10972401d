"""Stage report: `<work_dir>/report.html`, from the tables of the whole run."""

from __future__ import annotations

import platform
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from streetdeciles import __version__, storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.report import collect, gallery
from streetdeciles.report.learning_curve import learning_curve_charts
from streetdeciles.report.maps import Outline, draw_map, read_outlines
from streetdeciles.report.other_methods import encoded
from streetdeciles.report.page import Run, render
from streetdeciles.report.region_map import RegionMap, make_region_map
from streetdeciles.report.transfer import read_charts
from streetdeciles.run_log import StageReport
from streetdeciles.stages import REPORT_STAGE
from streetdeciles.wording import counted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


EXAMPLES = 3
"""The maximum number of photographs in the stage's notes that could not be shown."""


@interruptible
def run(spark: SparkSession, config: RunConfig) -> StageReport:
    """Write the page; its size depends on the number of areas, not of locations."""
    findings = collect.collect(spark, config)
    outlines = read_outlines(config.labels.boundaries) if config.labels.boundaries else {}
    maps = [_region_map(findings, config, region, outlines) for region in config.labels.regions]
    shown, left_out = _gallery(spark, config)
    about = Run(
        reports=collect.stage_reports(config),
        versions=_versions(spark),
        created=f"{datetime.now(timezone.utc):%d %B %Y, %H:%M} UTC".lstrip("0"),
        transfer=read_charts(config),
        learning_curve=learning_curve_charts(config),
    )
    html = render(findings, config, about, maps=maps, gallery=shown)
    storage.write_text(storage.join(config.work_dir, "report.html"), html)
    return _report(html, maps, len(shown), left_out)


def _region_map(findings: collect.Findings, config: RunConfig, region: str, outlines: dict[str, Outline]) -> RegionMap:
    areas = findings.areas[findings.areas["region"] == region]
    outcomes = config.dataset.outcomes
    region_map = make_region_map(areas, outlines, draw_map(outlines, areas["area_id"]), region, outcomes)
    others = findings.other_methods
    if others is None:
        return region_map
    return replace(region_map, others=encoded(others[others["region"] == region], region_map.area_ids, outcomes))


def _gallery(spark: SparkSession, config: RunConfig) -> tuple[list[gallery.Thumbnail], list[str]]:
    if not config.report.gallery or config.replaced_stages:  # without the stage images there is nothing to show
        return [], []
    chosen = gallery.choose(collect.candidates(spark, config), config.report.gallery)
    most = gallery.confident_per_outcome(len(config.dataset.outcomes))
    lists = gallery.lists_of(chosen, collect.most_confident(spark, config, most), config.dataset.outcomes)
    shown, left_out = gallery.thumbnails(collect.exhibits(spark, config, [*lists]), config.features.max_pixels)
    return [replace(item, lists=lists[item.exhibit.location_id]) for item in shown], left_out


def _report(html: str, maps: list[RegionMap], n_shown: int, left_out: list[str]) -> StageReport:
    on_maps = sum(len(region.drawn.polygons) for region in maps if region.drawn)
    notes = [f"report.html: {len(html.encode()) / 1e6:.1f} MB"]
    notes += [f"left out of the gallery: {photograph}" for photograph in left_out[:EXAMPLES]]
    if len(left_out) > EXAMPLES:
        notes.append(f"left out of the gallery: {counted(len(left_out) - EXAMPLES, 'more photograph')}")
    counts = {"areas on maps": on_maps, "areas without outline": sum(region.not_drawn for region in maps)}
    return StageReport(REPORT_STAGE, counts={**counts, "photographs shown": n_shown}, notes=notes)


def _versions(spark: SparkSession) -> dict[str, str]:
    """Versions of the software; those of TensorFlow and Keras come from their packages, without loading them."""
    versions = {"streetdeciles": __version__, "Python": platform.python_version(), "Spark": spark.version}
    for name, packages in {"TensorFlow": ("tensorflow", "tensorflow-cpu"), "Keras": ("keras",)}.items():
        for package in packages:
            try:
                versions[name] = version(package)
                break
            except PackageNotFoundError:
                continue
    return versions
