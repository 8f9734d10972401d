"""Finished shards that are committed again with most of their rows unchanged: those are not computed again."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.extraction.extracted import FEATURE, SCHEMA, statistics_batch
from streetdeciles.extraction.tally import SPENT, Tally
from streetdeciles.features.ledger import Mark, Shard, read_mark
from streetdeciles.features.retry import retried_images
from streetdeciles.features.staged import spark_schema, write_parquet
from streetdeciles.queries import query
from streetdeciles.tables import FEATURES, REJECTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def stage_kept(spark: SparkSession, shards: Sequence[Shard], work_dir: str) -> list[str]:
    """Stage the rows that stay of shards whose retries are computed; none for shards that are computed as a whole.

    Returns:
        The URI of the rows, or an empty list.
    """
    from pyspark.sql import functions as F

    if not any(shard.retried for shard in shards):
        return []
    rows = finished_rows(spark, shards, work_dir)
    return [stage_rows(rows.where(~F.col("image_id").isin(retried_images(shards, work_dir))), shards, work_dir)]


def finished_rows(spark: SparkSession, shards: Sequence[Shard], work_dir: str) -> DataFrame:
    """The shards' rows of both tables, in the columns of `extracted.SCHEMA`."""
    from pyspark.sql import functions as F

    of_shards = F.col("shard").isin([shard.number for shard in shards])
    features, rejects = (storage.read_table(spark, table, work_dir).where(of_shards) for table in (FEATURES, REJECTS))
    return query("streetdeciles.features", "finished_rows", features=features, rejects=rejects).select(*SCHEMA.names)


def stage_rows(rows: DataFrame, shards: Sequence[Shard], work_dir: str) -> str:
    """Stage rows of finished shards with the statistics that go with them; returns their URI."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    staged = storage.staging_uri(work_dir, "extracted")
    try:
        write_parquet(rows, storage.spark_uri(staged))
        counts = storage.read_parquet(rows.sparkSession, staged, schema=spark_schema())
        counted = counts.groupBy("shard", "kind", "reason").count().collect()
        tallies = {shard.number: _kept_tally(read_mark(work_dir, shard.number)) for shard in shards}
        for row in counted:
            tally, n = tallies[row["shard"]], row["count"]
            tally.images += n
            if row["kind"] == FEATURE:
                tally.features += n
            else:
                tally.reject(row["reason"], n)
        file = BytesIO()
        pq.write_table(pa.Table.from_batches([statistics_batch(tallies)]), file)
        storage.write_bytes(storage.join(staged, "statistics.parquet"), file.getvalue())
    except BaseException:
        storage.remove(staged)
        raise
    return staged


def _kept_tally(mark: Mark | None) -> Tally:
    """The time that was spent on the shard before, without its counts."""
    if mark is None:
        return Tally()
    seconds = {name: mark.seconds.get(name, 0.0) for name in SPENT}
    return Tally(seconds=seconds, device_seconds={**mark.device_seconds}, declined=mark.declined, network=mark.network)
