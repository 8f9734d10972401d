"""Stage images: the folder or table of photographs to `image_index`, and to left_out what belongs to no location."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
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


def run(spark: SparkSession, config: RunConfig, *, afresh: bool = False) -> StageReport:
    """Write image_index and left_out/stage=images; RunRefused where the source holds no photograph.

    Photographs of the index before keep their shards, unless `afresh`.
    """
    images = config.images
    staged = storage.staging_uri(config.work_dir, "listing")
    try:
        named = first_of_each(_name_all(spark, images, staged)).persist()
        try:
            found = _count(named, images)
            index = assign_shards(_images(named, images), _previous_index(spark, config.work_dir, afresh), images)
            n_indexed = storage.write_table(index, IMAGE_INDEX, config.work_dir)
            _write_kept(spark, _images(named, images), config, staged)
            n_left_out = storage.write_partition(_left_out(named), LEFT_OUT, config.work_dir, "images")
        finally:
            named.unpersist()
    finally:
        storage.remove(staged)
    n_found = sum(found.values())
    if n_indexed != found[""] * _views_of_one(images) or n_left_out != n_found - found[""]:
        raise RunFailed(
            f"{n_found} {_what(images)} found, but {n_indexed} images indexed and {n_left_out} left out: "
            "run the stage again"
        )
    return _report(spark, config, found)


def _name_all(spark: SparkSession, images: ImagesConfig, staged: str) -> DataFrame:
    """What is in the folder or in the table: image_id, location_id, view, uri, …, or a reason and detail."""
    if images.table is not None:
        rows = list_rows(spark, images.table, staged).select(*(column.split(" ")[0] for column in ROWS.split(", ")))
        schema = f"{ROWS.replace('view string', 'view int')}, view_name string"
        rows = rows.mapInArrow(partial(view_batches, images=images), schema)
        return _query("table_rows", {"uri_start": storage.URI_START, **_view_arguments(images)}, rows=rows)
    folder = images.folder or ""
    fs, there = storage.filesystem(folder)
    if not fs.isdir(there):
        raise RunRefused(f"images.folder: {folder} is a file; expected the folder of the photographs")
    return name_files(list_all(spark, folder, staged), images)


def _write_kept(spark: SparkSession, photographs: DataFrame, config: RunConfig, staged: str) -> None:
    """image_columns: what `images.table.keep` names, by image_id; no such table where it names nothing."""
    from pyspark.sql.pandas.types import to_arrow_type

    keep = config.images.table.keep if config.images.table else []
    if not keep:
        storage.remove(storage.join(config.work_dir, IMAGE_COLUMNS))
        return
    rows = staged_rows(spark, staged)
    row = "`row of the table`"  # no name that a column of keep may have
    kept = rows.selectExpr(f"id AS {row}", *(f"`{KEPT}{name}` AS `{name}`" for name in keep))
    types = {name: spark_type(to_arrow_type(kept.schema[name].dataType)) for name in keep}
    columns = {"image_id": "string"} | types
    table = Table(IMAGE_COLUMNS, key=("image_id",), columns=columns)
    of_images = photographs.selectExpr("image_id", f"id AS {row}").join(kept, on=row.strip("`"), how="inner")
    storage.write_table(of_images, table, config.work_dir)


def _images(named: DataFrame, images: ImagesConfig) -> DataFrame:
    """The photographs; of a panorama a row for each view that is cut from it."""
    photographs = named.where("reason IS NULL")
    if images.panorama is None:
        return photographs
    views = photographs.drop("view", "image_id").selectExpr("*", f"explode(sequence(0, {images.views - 1})) AS view")
    return views.selectExpr("*", "concat(location_id, '_', view) AS image_id")


def _views_of_one(images: ImagesConfig) -> int:
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
    """The columns of image_index. What is in `previous` keeps its shard: the features of that shard stay valid."""
    last = previous.selectExpr("max(shard) AS shard").first()
    first_new = 0 if last is None or last["shard"] is None else last["shard"] + 1
    arguments = {"shard_size": images.shard_size, "views": images.views, "first_new_shard": first_new}
    return _query("index", arguments, images=named, previous=previous)


def _previous_index(spark: SparkSession, work_dir: str, afresh: bool) -> DataFrame:
    if not afresh and storage.exists(storage.join(work_dir, IMAGE_INDEX.name)):
        return storage.read_table(spark, IMAGE_INDEX, work_dir)
    return spark.createDataFrame([], IMAGE_INDEX.ddl)


def _count(named: DataFrame, images: ImagesConfig) -> dict[str, int]:
    """Files or rows by reason, '' for an image; RunRefused where there is none, or most have other views."""
    rows: list[Row] = named.groupBy("reason").agg({"*": "count", "name": "min"}).collect()
    found = {row["reason"] or "": int(row["count(1)"]) for row in rows}
    kept = found.get("", 0)
    n_out, advice = _other_views(named)
    if images.table is not None and not kept:
        why = ", ".join(f"{n} {reason}" for reason, n in sorted(found.items())) or "it is empty"
        raise RunRefused(
            f"images.table.path: no row of {images.table.path} is a photograph of a location ({why}){advice}"
        )
    if not found:
        raise RunRefused(f"images.folder: {images.folder} is empty; expected photographs named {images.pattern}")
    if not kept:
        reason, example = min((row["reason"], row["min(name)"]) for row in rows)
        raise RunRefused(
            f"images.folder: none of the {sum(found.values())} files in {images.folder} is named as images.pattern "
            f"{images.pattern} with {images.views} view(s) says; there is e.g. {example} ({reason}){advice}"
        )
    # What images.view_names does not list is left out because the user wants it so.
    if n_out > kept and images.view_names is None:
        raise RunRefused(too_many_other_views(images, _what(images), n_out=n_out, n_kept=kept) + advice)
    if images.view_names is not None and n_out:
        _refuse_absent_views(named, images.view_names, advice)
    return found


def _refuse_absent_views(named: DataFrame, view_names: Sequence[str], advice: str) -> None:
    """A name that no photograph has, while photographs have others, is taken for a slip."""
    there = {row["view"] for row in named.where("reason IS NULL").select("view").distinct().collect()}
    absent = [name for view, name in enumerate(view_names) if view not in there]
    if absent:
        raise RunRefused(f"images.view_names: no photograph has the view {', '.join(absent)}{advice}")


def _other_views(named: DataFrame) -> tuple[int, str]:
    """How many files or rows are left out for their view, and what to set instead, '' where there are none."""
    views = _query("seen_views", named=named)
    n_out = int(views.selectExpr("coalesce(sum(n_out), 0) AS n").collect()[0]["n"])
    if not n_out:
        return 0, ""
    most = views.orderBy("n", "view_name", ascending=[False, True]).limit(MAX_VIEWS + 1).collect()
    return n_out, f"; {advise([row['view_name'] for row in most])}"


def _report(spark: SparkSession, config: RunConfig, found: dict[str, int]) -> StageReport:
    index = storage.read_table(spark, IMAGE_INDEX, config.work_dir)
    locations = index.groupBy("location_id").count()
    views = config.images.views
    counted = locations.selectExpr("count(*) AS n", f"count_if(count < {views}) AS short").first()
    shards = index.selectExpr("count(DISTINCT shard) AS n").first()
    assert counted is not None
    assert shards is not None
    notes = [f"{counted['n']:,} locations in {shards['n']:,} shards"]
    if counted["short"]:
        notes.append(f"{counted['short']:,} locations have fewer than {views} photographs")
    if config.images.panorama is not None:
        notes.append(f"{views} views are cut from each photograph")
    counts = {f"{_what(config.images)} found": sum(found.values()), "images": found[""]}
    counts |= {f"left out: {reason}": n for reason, n in sorted(found.items()) if reason}
    return StageReport("images", counts, notes)


def _left_out(named: DataFrame) -> DataFrame:
    return named.where("reason IS NOT NULL").selectExpr("id", "reason", "detail", "'images' AS stage")


def _what(images: ImagesConfig) -> str:
    return "files" if images.table is None else "rows"
