"""A task over shards of the index, as one Spark job. What to do when that fails is for those who call it.

Features, rejects and statistics come out of one pass over the photographs. They are staged together, as Parquet, and
`commit` splits them into the two tables, which costs little beside the network and needs no photograph again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.errors import StreetdecilesError, one_line_error
from streetdeciles.extraction.watch import costly_photographs
from streetdeciles.features.ledger import Shard
from streetdeciles.features.retry import images_to_compute
from streetdeciles.features.staged import spark_schema, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

LOST_WORKER = re.compile(
    r"Python worker exited|ExecutorLostFailure|crashed\)|"
    # One that was idle: Spark finds out when it sends the next task.
    r"java\.net\.SocketException: (?:Broken pipe|Connection reset)\s*\n(?:\s+at .*\n)*?"
    r"\s+at org\.apache\.spark\.(?:api|sql\.execution)\.python\."
)

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
    """Tasks that a job has at most."""

    def map(
        self, task: Task, shards: Sequence[Shard], *, span: Span | None = None, without: Collection[str] = ()
    ) -> str:
        """Run the task over the photographs of `shards`; returns the URI of what came out.

        Args:
            span: only photographs from one image_id to another.
            without: image_ids of photographs to leave out.

        Raises:
            WorkerDied: in place of Spark's error, where a worker was lost.
            PhotographTooCostly: some take too long; the error names them.
        """
        from pyspark.sql import functions as F

        rows = self._spread(self.rows(shards, span), shards)
        if without:
            rows = rows.where(~F.col("image_id").isin([*without]))
        # Members of an archive in its order, so that it is read once.
        archive = F.when(F.col("member").isNotNull(), F.col("uri"))
        in_order = rows.sortWithinPartitions("shard", archive, "offset", "image_id")
        staged = storage.staging_uri(self.work_dir, "extracted")
        try:
            write_parquet(in_order.mapInArrow(task, spark_schema()), storage.spark_uri(staged))
        except Exception as error:  # py4j's and pyspark's own, whichever way it failed
            storage.remove(staged)
            raise costly_photographs(error) or _as_ours(error) from error
        return staged

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
        # Not createDataFrame, which would start Python workers; each of them would load the model in its turn.
        tasks = self.spark.sql(f"SELECT * FROM VALUES {pairs} AS pairs(shard, task)").hint("broadcast")
        return rows.join(tasks, on="shard", how="inner").repartition(n_tasks, "task")


def keys_of_partitions(spark: SparkSession, n: int) -> list[int]:
    """For each of `n` partitions an integer that Spark's hash sends there: shards are spread evenly, not by chance."""
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
