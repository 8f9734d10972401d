"""Waves in flight: while one is committed the next computes; where a worker dies, its shards are taken apart.

In the end that is one shard, and `quarantine` goes on in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Semaphore
from typing import TYPE_CHECKING

from streetdeciles.errors import ShardFailed
from streetdeciles.features.amending import stage_kept
from streetdeciles.features.commit import commit_wave
from streetdeciles.features.ledger import Mark, Shard
from streetdeciles.features.quarantine import take_apart
from streetdeciles.features.wave import WaveSettings, WorkerDied, compute_wave

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ATTEMPTS = 2
"""At a single shard whose worker dies, beside those that Spark itself makes."""

Done = tuple[list[Mark], dict[int, str]]
"""Marks of the finished shards, and why the others failed, by number."""

logger = logging.getLogger(__name__)


class Scheduler:
    """Runs waves of one stage. The first error that concerns more than a shard stops the waves that have not begun."""

    def __init__(self, spark: SparkSession, settings: WaveSettings, *, computing: int) -> None:
        """`computing`: waves that compute at a time; one more is committed meanwhile."""
        self._spark = spark
        self._settings = settings
        self._threads = computing + 1
        self._computing = Semaphore(computing)
        self._stop = Event()

    def run(self, waves: Sequence[Sequence[Shard]], on_done: Callable[[Done], None]) -> dict[int, str]:
        """Finish all waves; `on_done` is called in this thread after each. Returns why shards failed, by number."""
        from pyspark.util import inheritable_thread_target

        failed: dict[int, str] = {}
        finish = self._finish
        if self._spark.sparkContext.getJobTags():  # by which the jobs of this run are cancelled in a session of others
            finish = inheritable_thread_target(finish)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="wave") as pool:
            futures = [pool.submit(finish, wave) for wave in waves]
            try:
                for future in as_completed(futures):
                    done = future.result()
                    failed.update(done[1])
                    on_done(done)
            except BaseException:
                self._stop.set()
                raise
        return failed

    def _finish(self, shards: Sequence[Shard], attempt: int = 1) -> Done:
        if self._stop.is_set():
            return [], {}
        try:
            with self._computing:
                started = time.time()
                staged = compute_wave(self._spark, shards, self._settings)
        except WorkerDied as died:
            logger.warning("a worker died on shard(s) %s: %s", ", ".join(str(s.number) for s in shards), died)
            if len(shards) == 1:
                return self._finish(shards, attempt + 1) if attempt < ATTEMPTS else self._finish_in_pieces(shards[0])
            half = len(shards) // 2
            first, second = self._finish(shards[:half]), self._finish(shards[half:])
            return [*first[0], *second[0]], {**first[1], **second[1]}
        return self._commit([staged], shards, started)

    def _finish_in_pieces(self, shard: Shard) -> Done:
        try:
            with self._computing:
                started = time.time()
                staged = take_apart(self._spark, shard, self._settings)
        except ShardFailed as failed:
            return [], {shard.number: str(failed)}
        return self._commit(staged, [shard], started)

    def _commit(self, staged: Sequence[str], shards: Sequence[Shard], started: float) -> Done:
        kept = stage_kept(self._spark, shards, self._settings.work_dir)
        return commit_wave(self._spark, [*staged, *kept], shards, self._settings, started=started)
