"""The commit of finished shards: their staged rows go to both tables, and then they are marked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from streetdeciles import storage
from streetdeciles.errors import RunFailed
from streetdeciles.extraction.extracted import FEATURE, REJECT
from streetdeciles.extraction.tally import Tally
from streetdeciles.features.ledger import Mark, Shard, read_mark, remove_shards, shard_manifest, write_mark
from streetdeciles.features.staged import spark_schema, write_shards
from streetdeciles.queries import query
from streetdeciles.table import Table
from streetdeciles.tables import FEATURES, REJECTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_committing = Lock()


class Committed(NamedTuple):
    """What became of some shards."""

    marks: list[Mark]
    """Those of the finished shards."""
    failures: dict[int, str]
    """Why the other shards failed, by number."""


def commit_wave(
    spark: SparkSession,
    staged: Sequence[str],
    shards: Sequence[Shard],
    work_dir: str,
    fingerprint: Mapping[str, Any],
    *,
    started: float | None,
) -> Committed:
    """Write the finished shards to both tables, then mark them.

    Args:
        staged: URIs of rows of `extracted.SCHEMA`, which are removed afterwards.
        started: when the wave began, in seconds since 1970; None where nothing was computed, so that the shards keep
            their times.

    Raises:
        RunFailed: a photograph of a shard that has not failed did not come out exactly once.
    """
    with _committing:
        start = time.monotonic()
        extracted = storage.read_parquet(spark, *staged, schema=spark_schema())
        tallies, failed, in_wave = _tallies(extracted, shards)
        finished = [shard for shard in shards if shard.number not in failed]
        numbers = [shard.number for shard in finished]
        before = _marks(numbers, work_dir) if started is None else {}
        remove_shards(numbers, work_dir)
        # Spark would compile the program of a condition with a list of numbers again for each wave.
        rows = extracted if {*numbers} == in_wave else extracted.where(extracted["shard"].isin(numbers))
        _write_rows(rows, [tallies[number] for number in numbers], work_dir)
        writing_s = (time.monotonic() - start) / max(1, sum(shard.images for shard in finished))
        marks = [
            replace(
                _mark(shard, tallies[shard.number], writing_s, fingerprint),
                started=before[shard.number].started if started is None else shard.since or started,
                ended=before[shard.number].ended if started is None else time.time(),
                files=shard_manifest(shard.number, work_dir),
            )
            for shard in finished
        ]
        for mark in marks:
            write_mark(work_dir, mark)
        for uri in staged:
            storage.remove(uri)
    return Committed(marks, failed)


def _write_rows(extracted: DataFrame, tallies: Sequence[Tally], work_dir: str) -> None:
    """Add the shards of `tallies` to features, and to rejects if they have some."""
    _write_parts(extracted, FEATURE, FEATURES, work_dir)
    if any(tally.rejects for tally in tallies):
        _write_parts(extracted, REJECT, REJECTS, work_dir)


def _marks(numbers: Iterable[int], work_dir: str) -> dict[int, Mark]:
    marks = {number: read_mark(work_dir, number) for number in numbers}
    return {number: mark for number, mark in marks.items() if mark is not None}


def _tallies(extracted: DataFrame, shards: Sequence[Shard]) -> tuple[dict[int, Tally], dict[int, str], set[int]]:
    """The tallies by shard, the failures by shard, and the numbers of all shards that have rows.

    Raises:
        RunFailed: a photograph of a shard that has not failed did not come out exactly once.
    """
    staged = {row["shard"]: row for row in query("streetdeciles.features", "staged", extracted=extracted).collect()}
    tallies = {number: _sum(row["tallies"]) for number, row in staged.items() if row["tallies"]}
    failed = {number: tally.failure for number, tally in tallies.items() if tally.failure}
    for shard in shards:
        if shard.number in failed:
            continue
        rows, images = (
            (staged[shard.number]["rows"], staged[shard.number]["images"]) if shard.number in tallies else (0, 0)
        )
        if not rows == images == shard.images:
            raise RunFailed(
                f"features: shard {shard.number} has {shard.images} photographs, and {rows} rows of {images} came out; "
                "nothing of it was kept; run the same command again, and report this if it stays"
            )
    return tallies, failed, {*staged}


def _sum(parts: Iterable[str]) -> Tally:
    """The tally of a shard out of those of its pieces."""
    total = Tally()
    for part in parts:
        total.add(Tally.from_json(part))
    return total


def _write_parts(extracted: DataFrame, kind: str, table: Table, work_dir: str) -> None:
    from pyspark.sql import functions as F

    write_shards(extracted.where(F.col("kind") == kind), table, work_dir)


def _mark(shard: Shard, tally: Tally, writing_s_per_image: float, fingerprint: Mapping[str, Any]) -> Mark:
    seconds = {**tally.seconds, "writing": writing_s_per_image * shard.images}
    return Mark(
        shard=shard.number,
        members=shard.members,
        versions=shard.versions,
        settings=fingerprint,
        images=shard.images,
        features=tally.features,
        rejects=tally.rejects,
        seconds={name: round(value, 3) for name, value in seconds.items()},
        network=tally.network,
        device_seconds={name: round(value, 3) for name, value in tally.device_seconds.items()},
        declined=tally.declined,
    )
