"""Stage images: from the folder or table of photographs to `image_index`; what belongs to no location to left_out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import ImagesConfig, RunConfig
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.images.counts import count_named, report_images
from streetdeciles.images.kept_types import sql_type
from streetdeciles.images.pattern import NAMED, name_batches
from streetdeciles.images.refusals import kind_of_source
from streetdeciles.images.table import KEPT, ROWS, list_rows, staged_rows
from streetdeciles.images.views import explain, view_batches
from streetdeciles.listing import ENTRIES, list_all
from streetdeciles.queries import query
from streetdeciles.run_log import StageReport
from streetdeciles.session_settings import ALL_TIMES, spark_settings
from streetdeciles.stages import IMAGES_STAGE
from streetdeciles.staging import staged
from streetdeciles.table import Table, column_names
from streetdeciles.tables import IMAGE_COLUMNS, IMAGE_INDEX, LEFT_OUT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_query = partial(query, "streetdeciles.images")


@interruptible
def run(spark: SparkSession, config: RunConfig, *, afresh: bool = False) -> StageReport:
    """Write image_index and left_out/stage=images; RunRefused if the source holds no photograph.

    Photographs of the previous index keep their shards, unless `afresh`.
    """
    images = config.images
    listing = storage.staging_uri(config.work_dir, "listing")
    try:
        with (
            spark_settings(spark, ALL_TIMES),
            staged(first_of_each(_name_all(spark, images, listing)), config.work_dir, "named_images") as named,
        ):
            counts = count_named(named, images)
            previous = _previous_shards(spark, config.work_dir, afresh, listing)
            index = assign_shards(_images(named, images), previous, images)
            n_indexed = storage.write_table(index, IMAGE_INDEX, config.work_dir)
            _write_kept(spark, _images(named, images), config, listing)
            n_left_out = storage.write_partition(_left_out(named), LEFT_OUT, config.work_dir, IMAGES_STAGE)
    finally:
        storage.remove(listing)
    n_listed = sum(counts.values())
    if n_indexed != counts[""] * _views_per_photograph(images) or n_left_out != n_listed - counts[""]:
        raise RunFailed(
            f"{n_listed} {kind_of_source(images)} found, but {n_indexed} images indexed and {n_left_out} left out: "
            "run the stage again"
        )
    return report_images(spark, config, counts)


def _name_all(spark: SparkSession, images: ImagesConfig, listing: str) -> DataFrame:
    """Each file in the folder, or row of the table: image_id, location_id, view, uri, …, or a reason and detail."""
    if images.table is not None:
        rows = list_rows(spark, images.table, listing).select(*column_names(ROWS))
        schema = f"{ROWS.replace('view string', 'view int')}, view_name string"
        rows = rows.mapInArrow(partial(view_batches, images=images), schema)
        return _query("table_rows", {"uri_start": storage.URI_START, **_view_arguments(images)}, rows=rows)
    folder = images.folder or ""
    fs, path = storage.filesystem(folder)
    if not fs.isdir(path):
        raise RunRefused(f"images.folder: {folder} is a file; expected the folder of the photographs")
    return name_files(list_all(spark, folder, listing), images)


def _write_kept(spark: SparkSession, photographs: DataFrame, config: RunConfig, listing: str) -> None:
    """Write image_columns, the columns in `images.table.keep` by image_id; if there are none, remove the table."""
    keep = config.images.table.keep if config.images.table else []
    if not keep:
        storage.remove(storage.join(config.work_dir, IMAGE_COLUMNS))
        return
    rows = staged_rows(spark, listing)
    row = "`row of the table`"  # columns of keep cannot have this name
    kept = rows.selectExpr(f"id AS {row}", *(f"`{KEPT}{name}` AS `{name}`" for name in keep))
    types = {name: sql_type(kept.schema[name].dataType) for name in keep}
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


def _previous_shards(spark: SparkSession, work_dir: str, afresh: bool, listing: str) -> DataFrame:
    """The shard of each image of the previous index, staged, because the new index may be written in its place."""
    columns = {name: IMAGE_INDEX.columns[name] for name in ("image_id", "shard")}
    if afresh or not storage.exists(storage.join(work_dir, IMAGE_INDEX.name)):
        return spark.createDataFrame([], ", ".join(f"{name} {kind}" for name, kind in columns.items()))
    uri = storage.join(listing, "previous")
    storage.read_table(spark, IMAGE_INDEX, work_dir).select(*columns).write.parquet(storage.spark_uri(uri))
    return storage.read_parquet(spark, uri)


def _left_out(named: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    return named.where("reason IS NOT NULL").select("id", "reason", "detail", F.lit(IMAGES_STAGE).alias("stage"))
