"""Stage images: from the folder or table of photographs to `image_index`; what belongs to no location to left_out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import ImagesConfig, RunConfig
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.images.kept_types import spark_type
from streetdeciles.images.listing import ENTRIES, list_all
from streetdeciles.images.pattern import NAMED, name_batches
from streetdeciles.images.table import KEPT, ROWS, list_rows, staged_rows
from streetdeciles.images.views import MAX_VIEWS, advise, explain, too_many_other_views, view_batches
from streetdeciles.queries import query
from streetdeciles.run_log import StageReport
from streetdeciles.tables import IMAGE_COLUMNS, IMAGE_INDEX, LEFT_OUT, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

_query = partial(query, "streetdeciles.images")


@interruptible
def run(spark: SparkSession, config: RunConfig, *, afresh: bool = False) -> StageReport:
    """Write image_index and left_out/stage=images; RunRefused if the source holds no photograph.

    Photographs of the previous index keep their shards, unless `afresh`.
    """
    images = config.images
    staged = storage.staging_uri(config.work_dir, "listing")
    try:
        named = first_of_each(_name_all(spark, images, staged)).persist()
        try:
            counts = _count(named, images)
            index = assign_shards(_images(named, images), _previous_index(spark, config.work_dir, afresh), images)
            n_indexed = storage.write_table(index, IMAGE_INDEX, config.work_dir)
            _write_kept(spark, _images(named, images), config, staged)
            n_left_out = storage.write_partition(_left_out(named), LEFT_OUT, config.work_dir, "images")
        finally:
            named.unpersist()
    finally:
        storage.remove(staged)
    n_listed = sum(counts.values())
    if n_indexed != counts[""] * _views_per_photograph(images) or n_left_out != n_listed - counts[""]:
        raise RunFailed(
            f"{n_listed} {_what(images)} found, but {n_indexed} images indexed and {n_left_out} left out: "
            "run the stage again"
        )
    return _report(spark, config, counts)


def _name_all(spark: SparkSession, images: ImagesConfig, staged: str) -> DataFrame:
    """Each file in the folder, or row of the table: image_id, location_id, view, uri, …, or a reason and detail."""
    if images.table is not None:
        rows = list_rows(spark, images.table, staged).select(*(column.split(" ")[0] for column in ROWS.split(", ")))
        schema = f"{ROWS.replace('view string', 'view int')}, view_name string"
        rows = rows.mapInArrow(partial(view_batches, images=images), schema)
        return _query("table_rows", {"uri_start": storage.URI_START, **_view_arguments(images)}, rows=rows)
    folder = images.folder or ""
    fs, path = storage.filesystem(folder)
    if not fs.isdir(path):
        raise RunRefused(f"images.folder: {folder} is a file; expected the folder of the photographs")
    return name_files(list_all(spark, folder, staged), images)


def _write_kept(spark: SparkSession, photographs: DataFrame, config: RunConfig, staged: str) -> None:
    """Write image_columns, the columns in `images.table.keep` by image_id; if there are none, remove the table."""
    from pyspark.sql.pandas.types import to_arrow_type

    keep = config.images.table.keep if config.images.table else []
    if not keep:
        storage.remove(storage.join(config.work_dir, IMAGE_COLUMNS))
        return
    rows = staged_rows(spark, staged)
    row = "`row of the table`"  # columns of keep cannot have this name
    kept = rows.selectExpr(f"id AS {row}", *(f"`{KEPT}{name}` AS `{name}`" for name in keep))
    types = {name: spark_type(to_arrow_type(kept.schema[name].dataType)) for name in keep}
    columns = {"image_id": "string"} | types
    table = Table(IMAGE_COLUMNS, key=("image_id",), columns=columns)
    of_images = photographs.selectExpr("image_id", f"id AS {row}").join(kept, on=row.strip("`"), how="inner")
    storage.write_table(of_images, table, config.work_dir)


def _images(named: DataFrame, images: ImagesConfig) -> DataFrame:
    """The photographs; for a panorama, one row for each view that is cut from it."""
    photographs = named.where("reason IS NULL")
    if images.panorama is None:
        return photographs
    views = photographs.drop("view", "image_id").selectExpr("*", f"explode(sequence(0, {images.views - 1})) AS view")
    return views.selectExpr("*", "concat(location_id, '_', view) AS image_id")


def _views_per_photograph(images: ImagesConfig) -> int:
    return 1 if images.panorama is None else images.views


def first_of_each(named: DataFrame) -> DataFrame:
    """`named`, with a reason for all but the first photograph of a view."""
    return _query("first_of_each", named=named)


def name_files(entries: DataFrame, images: ImagesConfig) -> DataFrame:
    """Each file and member of an archive: image_id, location_id, view, uri, …, or a reason and detail."""
    schema = f"{ENTRIES}, {NAMED}"
    named = entries.where("kind NOT IN ('folder', 'archive')").mapInArrow(partial(name_batches, images=images), schema)
    return _query("named_files", {"pattern": images.pattern, **_view_arguments(images)}, entries=named)


def _view_arguments(images: ImagesConfig) -> dict[str, Any]:
    return {"has_view_names": images.view_names is not None, "allowed_views": explain(images)}


def assign_shards(named: DataFrame, previous: DataFrame, images: ImagesConfig) -> DataFrame:
    """The columns of image_index. Images in `previous` keep their shards, whose features stay valid."""
    last = previous.selectExpr("max(shard) AS shard").first()
    first_new = 0 if last is None or last["shard"] is None else last["shard"] + 1
    arguments = {"shard_size": images.shard_size, "views": images.views, "first_new_shard": first_new}
    return _query("index", arguments, images=named, previous=previous)


def _previous_index(spark: SparkSession, work_dir: str, afresh: bool) -> DataFrame:
    if not afresh and storage.exists(storage.join(work_dir, IMAGE_INDEX.name)):
        return storage.read_table(spark, IMAGE_INDEX, work_dir)
    return spark.createDataFrame([], IMAGE_INDEX.ddl)


def _count(named: DataFrame, images: ImagesConfig) -> dict[str, int]:
    """Number of files or rows by reason, '' for images; RunRefused if there is no image, or most have other views."""
    rows: list[Row] = named.groupBy("reason").agg({"*": "count", "name": "min"}).collect()
    counts = {row["reason"] or "": int(row["count(1)"]) for row in rows}
    kept = counts.get("", 0)
    n_out, advice = _other_views(named)
    if images.table is not None and not kept:
        why = ", ".join(f"{n} {reason}" for reason, n in sorted(counts.items())) or "it is empty"
        raise RunRefused(
            f"images.table.path: no row of {images.table.path} is a photograph of a location ({why}){advice}"
        )
    if not counts:
        raise RunRefused(f"images.folder: {images.folder} is empty; expected photographs named {images.pattern}")
    if not kept:
        reason, example = min((row["reason"], row["min(name)"]) for row in rows)
        raise RunRefused(
            f"images.folder: none of the {sum(counts.values())} files in {images.folder} matches images.pattern "
            f"{images.pattern} with {images.views} view(s); there is e.g. {example} ({reason}){advice}"
        )
    # Views that images.view_names does not list are left out on purpose.
    if n_out > kept and images.view_names is None:
        raise RunRefused(too_many_other_views(images, _what(images), n_out=n_out, n_kept=kept) + advice)
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
    views = _query("seen_views", named=named)
    n_out = int(views.selectExpr("coalesce(sum(n_out), 0) AS n").collect()[0]["n"])
    if not n_out:
        return 0, ""
    frequent = views.orderBy("n", "view_name", ascending=[False, True]).limit(MAX_VIEWS + 1).collect()
    return n_out, f"; {advise([row['view_name'] for row in frequent])}"


def _report(spark: SparkSession, config: RunConfig, counts: dict[str, int]) -> StageReport:
    index = storage.read_table(spark, IMAGE_INDEX, config.work_dir)
    locations = index.groupBy("location_id").count()
    views = config.images.views
    location_counts = locations.selectExpr("count(*) AS n", f"count_if(count < {views}) AS short").first()
    shards = index.selectExpr("count(DISTINCT shard) AS n").first()
    assert location_counts is not None
    assert shards is not None
    notes = [f"{location_counts['n']:,} locations in {shards['n']:,} shards"]
    if location_counts["short"]:
        notes.append(f"{location_counts['short']:,} locations have fewer than {views} photographs")
    if config.images.panorama is not None:
        notes.append(f"{views} views are cut from each photograph")
    reported = {f"{_what(config.images)} found": sum(counts.values()), "images": counts[""]}
    reported |= {f"left out: {reason}": n for reason, n in sorted(counts.items()) if reason}
    return StageReport("images", reported, notes)


def _left_out(named: DataFrame) -> DataFrame:
    return named.where("reason IS NOT NULL").selectExpr("id", "reason", "detail", "'images' AS stage")


def _what(images: ImagesConfig) -> str:
    return "files" if images.table is None else "rows"
