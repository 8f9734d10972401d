"""What became of the photographs: counts by reason, refusals where too few are of use, and the stage's report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.config import ImagesConfig, RunConfig
from streetdeciles.config.images import MAX_VIEWS
from streetdeciles.errors import RunRefused
from streetdeciles.images.refusals import kind_of_source, no_photographs, too_many_other_views
from streetdeciles.images.views import advise
from streetdeciles.queries import query
from streetdeciles.run_log import StageReport
from streetdeciles.stages import IMAGES_STAGE
from streetdeciles.tables import IMAGE_INDEX
from streetdeciles.wording import counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession


def count_named(named: DataFrame, images: ImagesConfig) -> dict[str, int]:
    """Number of files or rows by reason, '' for images; RunRefused if there is no image, or most have other views."""
    rows: list[Row] = named.groupBy("reason").agg({"*": "count", "name": "min"}).collect()
    counts = {row["reason"] or "": int(row["count(1)"]) for row in rows}
    kept = counts.get("", 0)
    n_out, advice = _other_views(named)
    if not kept:
        instead = ", ".join(f"{n} {reason}" for reason, n in sorted(counts.items()))
        if rows and images.table is None:
            reason, example = min((row["reason"], row["min(name)"]) for row in rows)
            instead = f"there is e.g. {example} ({reason})"
        raise RunRefused(no_photographs(images, sum(counts.values()), instead, advice))
    # Views that images.view_names does not list are left out on purpose.
    if n_out > kept and images.view_names is None:
        raise RunRefused(too_many_other_views(images, n_out=n_out, n_kept=kept) + advice)
    if images.view_names is not None and n_out:
        _refuse_absent_views(named, images.view_names, advice)
    return counts


def _refuse_absent_views(named: DataFrame, view_names: Sequence[str], advice: str) -> None:
    """A view that no photograph has is taken for a mistake, if photographs have views that are not listed."""
    seen = {row["view"] for row in named.where("reason IS NULL").select("view").distinct().collect()}
    absent = [name for view, name in enumerate(view_names) if view not in seen]
    if absent:
        raise RunRefused(f"images.view_names: no photograph has the view {', '.join(absent)}{advice}")


def _other_views(named: DataFrame) -> tuple[int, str]:
    """How many files or rows are left out for their view, and what to set instead ('' if there are none)."""
    views = query("streetdeciles.images", "seen_views", named=named)
    n_out = int(views.selectExpr("coalesce(sum(n_out), 0) AS n").collect()[0]["n"])
    if not n_out:
        return 0, ""
    frequent = views.orderBy("n", "view_name", ascending=[False, True]).limit(MAX_VIEWS + 1).collect()
    return n_out, f"; {advise([row['view_name'] for row in frequent])}"


def report_images(spark: SparkSession, config: RunConfig, counts: dict[str, int]) -> StageReport:
    """The stage's report: `counts` is from `count_named`, everything else from the index."""
    index = storage.read_table(spark, IMAGE_INDEX, config.work_dir)
    locations = index.groupBy("location_id").count()
    views = config.images.views
    location_counts = locations.selectExpr("count(*) AS n", f"count_if(count < {views}) AS short").first()
    shards = index.selectExpr("count(DISTINCT shard) AS n").first()
    assert location_counts is not None
    assert shards is not None
    notes = [f"{counted(location_counts['n'], 'location')} in {counted(shards['n'], 'shard')}"]
    if location_counts["short"]:
        notes.append(
            f"{counted(location_counts['short'], 'location has', 'locations have')} "
            f"fewer than {counted(views, 'photograph')}"
        )
    if config.images.panorama is not None:
        notes.append(f"{counted(views, 'view is', 'views are')} cut from each photograph")
    reported = {f"{kind_of_source(config.images)} found": sum(counts.values()), "images": counts[""]}
    reported |= {f"left out: {reason}": n for reason, n in sorted(counts.items()) if reason}
    return StageReport(IMAGES_STAGE, reported, notes)
