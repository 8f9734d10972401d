"""One wave of shards: a Spark job that computes them into a staged file, and their commit from there.

Features, rejects and statistics come out of one pass over the photographs. They are staged together, as Parquet, and
split into the two tables from there, which costs little beside the network and needs no photograph again.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.errors import RunFailed, StreetdecilesError, told_in_one_line
from streetdeciles.features.extracted import FEATURE, REJECT, SCHEMA, Tally
from streetdeciles.features.shards import Mark, Shard, remove_shards, write_mark
from streetdeciles.features.workers import ExtractionTask
from streetdeciles.tables import FEATURES, IMAGE_INDEX, REJECTS, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

ROW_GROUP_BYTES = 32 * 1024 * 1024
"""2,000 rows of 4,096 features: small enough to be read one by one, large enough for Parquet."""

LOST_WORKER = re.compile(
    r"Python worker exited|ExecutorLostFailure|crashed\)|"
    # One that was idle: Spark finds out when it sends the next task.
    r"java\.net\.SocketException: (?:Broken pipe|Connection reset)\s*\n(?:\s+at .*\n)*?"
    r"\s+at org\.apache\.spark\.(?:api|sql\.execution)\.python\."
)

_committing = Lock()


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
    from pyspark.sql import functions as F

    n_tasks = min(settings.tasks, len(shards))
    keys = _keys_of_partitions(spark, n_tasks)
    placed = ", ".join(f"({shard.number}, {keys[i % n_tasks]})" for i, shard in enumerate(shards))
    # Not createDataFrame, which would start Python workers; each of them would load the model in its turn.
    tasks = spark.sql(f"SELECT * FROM VALUES {placed} AS placed(shard, task)").hint("broadcast")
    # The index is sorted by shard, so Parquet skips the rest: else each wave would read all of it.
    index = storage.read_table(spark, IMAGE_INDEX, settings.work_dir)
    index = index.where(F.col("shard").isin([shard.number for shard in shards]))
    wanted = index.join(tasks, on="shard", how="inner")
    return _compute(wanted.repartition(n_tasks, "task"), settings)


def compute_piece(spark: SparkSession, shard: Shard, ends: tuple[str, str], settings: WaveSettings) -> str:
    """`compute_wave` for the photographs of one shard from one image_id to another."""
    from pyspark.sql import functions as F

    index = storage.read_table(spark, IMAGE_INDEX, settings.work_dir)
    wanted = index.where((F.col("shard") == shard.number) & F.col("image_id").between(*ends))
    return _compute(wanted.repartition(1), settings)


def _compute(wanted: DataFrame, settings: WaveSettings) -> str:
    from pyspark.sql import functions as F

    staged = storage.staging_uri(settings.work_dir, "extracted")
    # Members of an archive in its order, so that it is read once.
    archive = F.when(F.col("member").isNotNull(), F.col("uri"))
    in_order = wanted.sortWithinPartitions("shard", archive, "offset", "image_id")
    extracted = in_order.mapInArrow(settings.task.run, _spark_schema())
    try:
        _parquet(extracted, storage.spark_uri(staged))
    except Exception as error:  # py4j's and pyspark's own, whichever way it failed
        storage.remove(staged)
        raise _told(error) from error
    return staged


def commit_wave(
    spark: SparkSession, staged: Sequence[str], shards: Sequence[Shard], settings: WaveSettings, *, started: float
) -> tuple[list[Mark], dict[int, str]]:
    """Write the finished shards to both tables, then mark them; returns the marks, and why other shards failed.

    `started` is when the wave began, in seconds since 1970.
    """
    with _committing:
        start = time.monotonic()
        extracted = storage.read_parquet(spark, *staged, schema=_spark_schema())
        tallies, failed = _check(extracted, shards)
        finished = [shard for shard in shards if shard.number not in failed]
        numbers = [shard.number for shard in finished]
        remove_shards(numbers, settings.work_dir)
        _write_parts(extracted, FEATURE, FEATURES, numbers, settings.work_dir)
        with_rejects = [number for number in numbers if tallies[number].rejects]
        if with_rejects:
            _write_parts(extracted, REJECT, REJECTS, with_rejects, settings.work_dir)
        seconds = time.monotonic() - start
        writing_s = seconds / max(1, sum(shard.images for shard in finished))
        marks = [
            replace(
                _mark(shard, tallies[shard.number], writing_s, settings.fingerprint), started=started, ended=time.time()
            )
            for shard in finished
        ]
        for mark in marks:
            write_mark(settings.work_dir, mark)
        for uri in staged:
            storage.remove(uri)
    return marks, failed


def _keys_of_partitions(spark: SparkSession, n: int) -> list[int]:
    """For each of `n` partitions an integer that Spark's hash sends there: shards are spread evenly, not by chance."""
    if n == 1:
        return [0]
    candidates = spark.range(20 * n).selectExpr("CAST(id AS int) AS key", f"pmod(hash(CAST(id AS int)), {n}) AS part")
    found = {
        row["part"]: row["key"] for row in candidates.groupBy("part").agg({"key": "min"}).toDF("part", "key").collect()
    }
    return [found.get(part, part) for part in range(n)]


def _check(extracted: DataFrame, shards: Sequence[Shard]) -> tuple[dict[int, Tally], dict[int, str]]:
    """(tally, failure) by shard; RunFailed unless each photograph of the others came out exactly once."""
    query = (files("streetdeciles.features") / "staged.sql").read_text(encoding="utf-8")
    found = {row["shard"]: row for row in extracted.sparkSession.sql(query, extracted=extracted).collect()}
    tallies = {number: _sum(map(json.loads, row["tallies"])) for number, row in found.items() if row["tallies"]}
    failed = {number: tally.failure for number, tally in tallies.items() if tally.failure}
    for shard in shards:
        if shard.number in failed:
            continue
        rows, images = (
            (found[shard.number]["rows"], found[shard.number]["images"]) if shard.number in tallies else (0, 0)
        )
        if not rows == images == shard.images:
            raise RunFailed(
                f"features: shard {shard.number} has {shard.images} photographs, and {rows} rows of {images} came out; "
                "nothing of it was kept; run the same command again, and report this if it stays"
            )
    return tallies, failed


def _sum(parts: Iterable[dict[str, Any]]) -> Tally:
    """The tally of a shard out of those of its pieces."""
    total = Tally()
    for part in parts:
        total.images += part["images"]
        total.features += part["features"]
        total.rejects.update(part["rejects"])
        total.reading_s += part["reading_s"]
        total.decoding_s += part["decoding_s"]
        total.computing_s += part["computing_s"]
        total.failure = total.failure or part["failure"]
        total.network = total.network or part["network"]
    return total


def _write_parts(extracted: DataFrame, kind: str, table: Table, shards: Sequence[int], work_dir: str) -> None:
    from pyspark.sql import functions as F

    rows = extracted.where((F.col("kind") == kind) & F.col("shard").isin([*shards]))
    _parquet(table.conform(rows), storage.spark_uri(storage.join(work_dir, table.name)), table.partitioned_by)


def _parquet(frame: DataFrame, uri: str, partitioned_by: Sequence[str] = ()) -> None:
    writer = frame.write.mode("overwrite").option("parquet.block.size", ROW_GROUP_BYTES)
    if partitioned_by:
        writer = writer.partitionBy(*partitioned_by).option("partitionOverwriteMode", "dynamic")
    writer.parquet(uri)


def _mark(shard: Shard, tally: Tally, writing_s_an_image: float, fingerprint: dict[str, Any]) -> Mark:
    seconds = {"reading": tally.reading_s, "decoding": tally.decoding_s, "computing": tally.computing_s}
    seconds["writing"] = writing_s_an_image * shard.images
    return Mark(
        shard=shard.number,
        members=shard.members,
        settings=fingerprint,
        images=shard.images,
        features=tally.features,
        rejects=dict(tally.rejects),
        seconds={name: round(value, 3) for name, value in seconds.items()},
        network=tally.network,
    )


def _spark_schema() -> StructType:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(SCHEMA)


def _told(error: Exception) -> Exception:
    if isinstance(error, StreetdecilesError):
        return error
    text = str(error)
    if LOST_WORKER.search(text) and "streetdeciles.errors" not in text:
        return WorkerDied(told_in_one_line(error))
    return told_in_one_line(error)
