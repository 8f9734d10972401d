"""Files that are several photographs at once, which most often say "no imagery here", and pictures of one colour.

What is a duplicate follows from all photographs of the run together, however they are cut into shards and in whichever
order these were computed: a file at several locations shows none of them, so all of its photographs are duplicates;
within one location the first view stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.config import ImagesConfig
from streetdeciles.extraction.extracted import SCHEMA
from streetdeciles.features.amending import finished_rows, stage_rows
from streetdeciles.features.commit import commit_wave
from streetdeciles.features.ledger import Shard, read_marks
from streetdeciles.features.retry import plan_retry
from streetdeciles.features.waves import cut_into_waves
from streetdeciles.queries import query
from streetdeciles.tables import FEATURES, IMAGE_INDEX, REJECTS
from streetdeciles.wording import counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SHARDS_PER_WAVE = 64

REASON = "duplicate_picture"
DETAIL = "another photograph is the same file"


def plan_restores(spark: SparkSession, images: ImagesConfig, work_dir: str) -> bool:
    """Plan to compute rejected pictures again that are no longer duplicates; returns whether there are any."""
    from pyspark.sql import functions as F

    if not any(mark.rejects.get(REASON) for mark in read_marks(work_dir).values()):
        return False  # without comparing all photographs
    restored = _pictures(spark, images, work_dir).where("rejected")
    if images.duplicates == "reject":
        restored = restored.where("NOT (elsewhere OR again)")
    any_planned = False
    for row in restored.groupBy("shard").agg(F.collect_list("image_id").alias("image_ids")).toLocalIterator():
        plan_retry(work_dir, row["shard"], row["image_ids"])
        any_planned = True
    return any_planned


def reject_duplicates(
    spark: SparkSession, images: ImagesConfig, shards: list[Shard], work_dir: str, fingerprint: Mapping[str, Any]
) -> None:
    """Move the duplicates from features to rejects, some shards at a time; each of them is committed again."""
    from pyspark.sql import functions as F

    if images.duplicates == "keep":
        return
    staged = storage.staging_uri(work_dir, "duplicates")
    try:
        duplicates = _pictures(spark, images, work_dir).where("(elsewhere OR again) AND NOT rejected")
        duplicates.select("image_id", "shard").write.parquet(storage.spark_uri(staged))
        duplicates = storage.read_parquet(spark, staged)
        numbers = {row["shard"] for row in duplicates.select("shard").distinct().collect()}
        concerned = [shard for shard in shards if shard.number in numbers]
        for _, wave in cut_into_waves(concerned, lambda: SHARDS_PER_WAVE):
            rows = finished_rows(spark, wave, work_dir)
            marked = rows.join(duplicates.select("image_id", F.lit(True).alias("moves")), on="image_id", how="left")
            moved = stage_rows(_rejected(spark, marked, work_dir), wave, work_dir)
            commit_wave(spark, [moved], wave, work_dir, fingerprint, started=None)
    finally:
        storage.remove(staged)


def picture_notes(spark: SparkSession, images: ImagesConfig, work_dir: str) -> list[str]:
    """Notes for the report on pictures that may show nothing."""
    from pyspark.sql import functions as F

    notes = []
    pictures = _pictures(spark, images, work_dir)
    if images.duplicates == "keep":
        several = pictures.where("elsewhere OR again")
        counts = several.agg(
            F.count("*").alias("photographs"),
            F.countDistinct("content_hash").alias("files"),
            F.max(F.struct("copies", "content_hash")).alias("most"),
        ).first()
        assert counts is not None
        if counts["photographs"]:
            names = several.where(F.col("content_hash") == counts["most"]["content_hash"]).orderBy("image_id").limit(2)
            examples = " and ".join(row["image_id"] for row in names.collect())
            notes.append(
                f"{counted(counts['photographs'], 'photograph repeats', 'photographs repeat')} another one's file "
                f"({counted(counts['files'], 'file')}, one of them {counts['most']['copies']:,} times, "
                f"e.g. {examples}): they may say that there is no imagery; "
                "images.duplicates: reject leaves them out"
            )
    features = storage.read_table(spark, FEATURES, work_dir).where("one_colour")
    plain = features.agg(F.count("*").alias("n"), F.min("image_id").alias("example")).first()
    assert plain is not None
    if plain["n"]:
        notes.append(
            f"{counted(plain['n'], 'photograph is', 'photographs are')} of one colour, e.g. {plain['example']}"
        )
    return notes


def _pictures(spark: SparkSession, images: ImagesConfig, work_dir: str) -> DataFrame:
    """Columns of `pictures.sql`."""
    features, rejects = (storage.read_table(spark, table, work_dir) for table in (FEATURES, REJECTS))
    arguments = {"panorama": images.panorama is not None, "reason": REASON}
    return query("streetdeciles.features", "pictures", arguments, features=features, rejects=rejects)


def _rejected(spark: SparkSession, rows: DataFrame, work_dir: str) -> DataFrame:
    """`rows` of `extracted.SCHEMA`, with those that move as rejects; their `uri` comes from the index."""
    index = storage.read_table(spark, IMAGE_INDEX, work_dir)
    moved = query(
        "streetdeciles.features", "moved_rows", {"reason": REASON, "detail": DETAIL}, rows=rows, image_index=index
    )
    return moved.select(*SCHEMA.names)
