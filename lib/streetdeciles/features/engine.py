"""A task over shards of the index, as one Spark job. The callers decide what to do if it fails.

Features, rejects and statistics come out of one pass over the photographs. They are staged together, as Parquet, and
`commit` splits them into the two tables, which takes little time compared with the network and reads no photograph.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.errors import RunFailed, StreetdecilesError, one_line_error
from streetdeciles.extraction.watch import costly_photographs
from streetdeciles.features.ledger import Shard
from streetdeciles.features.lost_workers import LOST_WORKER, was_taken_away
from streetdeciles.features.retry import images_to_compute
from streetdeciles.features.staged import spark_schema, write_parquet
from streetdeciles.job_names import jobs_named

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

logger = logging.getLogger(__name__)

MAX_TAKEN = 20
"""How many times in a row the cluster may take a worker away from a job; then the run ends, to be continued later."""

MAX_PAUSE_S = 30.0

Task = Callable[[Iterable["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]
"""Rows of `image_index` to rows of `extracted.SCHEMA`; it travels to the workers."""

Span = tuple[str, str]
"""First and last image_id of a part of a shard."""


class WorkerDied(Exception):
    """A Python worker or its executor was lost with the task: some photograph may have brought it down."""


@dataclass(frozen=True)
class Engine:
    """Spark, and where its workers stage what they compute."""

    spark: SparkSession
    work_dir: str
    tasks: int
    """The maximum number of tasks of a job."""
    wave: int = 0
    """The number of the wave, from 1, for Spark's UI."""

    def map(
        self, task: Task, shards: Sequence[Shard], *, span: Span | None = None, without: Collection[str] = ()
    ) -> str:
        """Run the task over the photographs of `shards`; returns the URI of what came out.

        Args:
            span: only photographs from one image_id to another.
            without: image_ids of photographs to leave out.

        Raises:
            WorkerDied: in place of Spark's error, where a worker was lost, unless the cluster took it away.
            RunFailed: the cluster took workers away again and again.
            PhotographTooCostly: some take too long; the error names them.
        """
        from pyspark.sql import functions as F

        rows = self._spread(self.rows(shards, span), shards)
        if without:
            rows = rows.where(~F.col("image_id").isin([*without]))
        # Members of an archive in its order, so that it is read once.
        archive = F.when(F.col("member").isNotNull(), F.col("uri"))
        in_order = rows.sortWithinPartitions("shard", archive, "offset", "image_id")
        name = f"features: wave {self.wave}, {shards_named(shards)}"
        return self._staged(in_order.mapInArrow(task, spark_schema()), name)

    def _staged(self, extracted: DataFrame, name: str) -> str:
        """Stage `extracted` and return its URI; try again as long as the cluster takes workers away."""
        staged = storage.staging_uri(self.work_dir, "extracted")
        for turn in range(1, MAX_TAKEN + 1):
            try:
                with jobs_named(self.spark, name):
                    write_parquet(extracted, storage.spark_uri(staged))
                return staged
            except Exception as error:  # py4j's and pyspark's own, whichever way it failed
                storage.remove(staged)
                if not was_taken_away(str(error)):
                    raise costly_photographs(error) or _as_ours(error) from error
                last = error
                logger.warning("features: the cluster took a worker away (%s); trying again", one_line_error(error))
                time.sleep(min(2.0**turn - 1, MAX_PAUSE_S))
        raise RunFailed(
            f"features: the cluster took workers away {MAX_TAKEN} times in a row ({one_line_error(last)}); run the "
            "same command again when it has room"
        ) from last

    def rows(self, shards: Sequence[Shard], span: Span | None = None) -> DataFrame:
        """The rows of the index that `map` computes."""
        from pyspark.sql import functions as F

        rows = images_to_compute(self.spark, shards, self.work_dir)
        return rows if span is None else rows.where(F.col("image_id").between(*span))

    def _spread(self, rows: DataFrame, shards: Sequence[Shard]) -> DataFrame:
        """The rows in one partition per task, each shard whole."""
        n_tasks = min(self.tasks, len(shards))
        if n_tasks == 1:
            return rows.repartition(1)
        keys = keys_of_partitions(self.spark, n_tasks)
        pairs = ", ".join(f"({shard.number}, {keys[i % n_tasks]})" for i, shard in enumerate(shards))
        # Not createDataFrame, which would start more Python workers, each of which would load the model.
        tasks = self.spark.sql(f"SELECT * FROM VALUES {pairs} AS pairs(shard, task)").hint("broadcast")
        return rows.join(tasks, on="shard", how="inner").repartition(n_tasks, "task")


def shards_named(shards: Sequence[Shard]) -> str:
    """E.g. `shard 3`, or `16 shards from 0 to 15`."""
    if len(shards) == 1:
        return f"shard {shards[0].number}"
    return f"{len(shards)} shards from {shards[0].number} to {shards[-1].number}"


def keys_of_partitions(spark: SparkSession, n: int) -> list[int]:
    """For each of `n` partitions an integer that Spark's hash sends there, so that shards are spread evenly."""
    candidates = spark.range(20 * n).selectExpr("CAST(id AS int) AS key", f"pmod(hash(CAST(id AS int)), {n}) AS part")
    keys = {
        row["part"]: row["key"] for row in candidates.groupBy("part").agg({"key": "min"}).toDF("part", "key").collect()
    }
    return [keys.get(part, part) for part in range(n)]


def _as_ours(error: Exception) -> Exception:
    if isinstance(error, StreetdecilesError):
        return error
    if LOST_WORKER.search(str(error)) and "streetdeciles.errors" not in str(error):
        return WorkerDied(one_line_error(error))
    return one_line_error(error)
