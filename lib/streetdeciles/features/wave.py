"""One wave of shards: a Spark job that computes them into a staged file, which `commit` takes from there.

Features, rejects and statistics come out of one pass over the photographs. They are staged together, as Parquet, and
split into the two tables from there, which costs little beside the network and needs no photograph again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.errors import StreetdecilesError, one_line_error
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.features.ledger import Shard
from streetdeciles.features.retry import images_to_compute
from streetdeciles.features.staged import spark_schema, write_parquet, write_rejects
from streetdeciles.features.watch import costly_photographs
from streetdeciles.features.workers import ExtractionTask

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LOST_WORKER = re.compile(
    r"Python worker exited|ExecutorLostFailure|crashed\)|"
    # One that was idle: Spark finds out when it sends the next task.
    r"java\.net\.SocketException: (?:Broken pipe|Connection reset)\s*\n(?:\s+at .*\n)*?"
    r"\s+at org\.apache\.spark\.(?:api|sql\.execution)\.python\."
)

logger = logging.getLogger(__name__)


class WorkerDied(Exception):
    """A Python worker or its executor was lost with the task: some photograph may have brought it down."""


@dataclass(frozen=True)
class WaveSettings:
    task: ExtractionTask
    work_dir: str
    fingerprint: dict[str, Any]
    tasks: int


def compute_wave(spark: SparkSession, shards: Sequence[Shard], settings: WaveSettings) -> str:
    """Run the network over the photographs of `shards`; returns the URI of what came out.

    Raises:
        WorkerDied: in place of Spark's error, where a worker was lost.
    """
    n_tasks = min(settings.tasks, len(shards))
    keys = _keys_of_partitions(spark, n_tasks)
    placed = ", ".join(f"({shard.number}, {keys[i % n_tasks]})" for i, shard in enumerate(shards))
    # Not createDataFrame, which would start Python workers; each of them would load the model in its turn.
    tasks = spark.sql(f"SELECT * FROM VALUES {placed} AS placed(shard, task)").hint("broadcast")
    wanted = images_to_compute(spark, shards, settings.work_dir).join(tasks, on="shard", how="inner")
    return _compute(wanted.repartition(n_tasks, "task"), settings)


def compute_piece(spark: SparkSession, shard: Shard, ends: tuple[str, str], settings: WaveSettings) -> str:
    """`compute_wave` for the photographs of one shard from one image_id to another."""
    from pyspark.sql import functions as F

    wanted = images_to_compute(spark, [shard], settings.work_dir).where(F.col("image_id").between(*ends))
    return _compute(wanted.repartition(1), settings)


def _compute(wanted: DataFrame, settings: WaveSettings) -> str:
    from pyspark.sql import functions as F

    staged = storage.staging_uri(settings.work_dir, "extracted")
    # Members of an archive in its order, so that it is read once.
    archive = F.when(F.col("member").isNotNull(), F.col("uri"))
    costly: list[str] = []
    while True:
        others = wanted.where(~F.col("image_id").isin(costly)) if costly else wanted
        in_order = others.sortWithinPartitions("shard", archive, "offset", "image_id")
        extracted = in_order.mapInArrow(settings.task.run, spark_schema())
        try:
            write_parquet(extracted, storage.spark_uri(staged))
            break
        except Exception as error:  # py4j's and pyspark's own, whichever way it failed
            storage.remove(staged)
            found = costly_photographs(error)
            if found is None:
                raise _told(error) from error
        for shard, image_id in found.photographs:
            logger.warning("features: photograph %s of shard %d takes too long, and is left out", image_id, shard)
            costly.append(image_id)
    if costly:
        detail = f"more than {settings.task.preparation.max_decoding_s:g} s of a processor's time"
        why = dict.fromkeys(costly, Rejected("too_costly", detail))
        write_rejects(wanted, why, storage.join(staged, "too_costly.parquet"))
    return staged


def _keys_of_partitions(spark: SparkSession, n: int) -> list[int]:
    """For each of `n` partitions an integer that Spark's hash sends there: shards are spread evenly, not by chance."""
    if n == 1:
        return [0]
    candidates = spark.range(20 * n).selectExpr("CAST(id AS int) AS key", f"pmod(hash(CAST(id AS int)), {n}) AS part")
    found = {
        row["part"]: row["key"] for row in candidates.groupBy("part").agg({"key": "min"}).toDF("part", "key").collect()
    }
    return [found.get(part, part) for part in range(n)]


def _told(error: Exception) -> Exception:
    if isinstance(error, StreetdecilesError):
        return error
    text = str(error)
    if LOST_WORKER.search(text) and "streetdeciles.errors" not in text:
        return WorkerDied(one_line_error(error))
    return one_line_error(error)
