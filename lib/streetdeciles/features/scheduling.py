"""Waves in flight: while one is committed the next computes; where a worker dies, its shards are taken apart.

In the end that is one shard, and `quarantine` goes on in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import chain, islice
from threading import Event, Semaphore
from typing import Any

from streetdeciles.borrowed_sessions import with_tags
from streetdeciles.errors import RunFailed, ShardFailed
from streetdeciles.features import ledger
from streetdeciles.features.amending import stage_kept
from streetdeciles.features.bottleneck import bottleneck, device_shares
from streetdeciles.features.commit import Committed, commit_wave
from streetdeciles.features.costly import map_without_costly
from streetdeciles.features.engine import Engine, WorkerDied, shards_named
from streetdeciles.features.ledger import Shard
from streetdeciles.features.quarantine import take_apart
from streetdeciles.features.waves import cut_into_waves
from streetdeciles.features.workers import ExtractionTask
from streetdeciles.job_names import jobs_named
from streetdeciles.progress import progress
from streetdeciles.stages import FEATURES_STAGE
from streetdeciles.wording import counted

ATTEMPTS = 2
"""How often a single shard whose worker dies is computed, besides Spark's own retries, before it is taken apart."""

logger = logging.getLogger(__name__)


class Scheduler:
    """Runs waves of one stage. The first error that concerns more than a shard stops the waves that have not begun."""

    def __init__(
        self,
        engine: Engine,
        task: ExtractionTask,
        fingerprint: Mapping[str, Any],
        n_shards: int,
        *,
        computing: int,
        tasks_now: Callable[[], int],
    ) -> None:
        """`computing`: waves that compute at a time; one more is committed meanwhile. `tasks_now`: of the next wave."""
        self._engine = engine
        self._tasks_now = tasks_now
        self._task = task
        self._fingerprint = fingerprint
        self._n_shards = n_shards
        self._n_waves = 0
        self._threads = computing + 1
        self._computing = Semaphore(computing)
        self._stop = Event()

    def finish(self, shards: Sequence[Shard]) -> None:
        """Compute missing shards, and of others the photographs to be retried; RunFailed where shards failed."""
        to_compute = {shard.number: shard.to_compute for shard in shards}
        whole, retried = ([shard for shard in shards if bool(shard.retried) == kind] for kind in (False, True))
        waves = chain(self._waves(whole), self._waves(retried))
        with progress(FEATURES_STAGE, sum(to_compute.values()), unit="images") as advance:
            failed = self._run(waves, _Observer(self._engine.work_dir, to_compute, advance))
        if failed:
            reasons = "; ".join(f"shard {number}: {why}" for number, why in sorted(failed.items())[:3])
            raise RunFailed(
                f"features: {len(failed)} of {self._n_shards} shards failed, the others are finished ({reasons}); "
                "fix that and run the same command again"
            )

    def _waves(self, shards: Sequence[Shard]) -> Iterator[tuple[Engine, Sequence[Shard]]]:
        """The waves, each as large as suits the cluster when its turn comes."""
        for tasks, wave in cut_into_waves(shards, self._tasks_now):
            self._n_waves += 1
            yield replace(self._engine, tasks=tasks, wave=self._n_waves), wave

    def _run(
        self, waves: Iterator[tuple[Engine, Sequence[Shard]]], on_done: Callable[[Committed], None]
    ) -> dict[int, str]:
        """Finish all waves; `on_done` is called in this thread after each. Returns why shards failed, by number."""
        failed: dict[int, str] = {}
        with ThreadPoolExecutor(self._threads, thread_name_prefix="wave") as pool:

            def submit(wave: tuple[Engine, Sequence[Shard]]) -> Future[Committed]:
                return pool.submit(with_tags(self._engine.spark, self._finish), *wave)

            try:
                running = {submit(wave) for wave in islice(waves, self._threads)}
                while running:
                    ready, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in ready:
                        done = future.result()
                        failed.update(done.failures)
                        on_done(done)
                    running |= {submit(wave) for wave in islice(waves, len(ready))}
            except BaseException:
                self._stop.set()
                raise
        return failed

    def _finish(self, engine: Engine, shards: Sequence[Shard], attempt: int = 1) -> Committed:
        """Compute and commit the shards; if a worker dies, by halves, and at last by pieces of a shard."""
        if self._stop.is_set():
            return Committed([], {})
        try:
            with self._computing:
                started = time.time()
                staged = map_without_costly(engine, self._task, shards)
        except WorkerDied as died:
            logger.warning("a worker died on shard(s) %s: %s", ", ".join(str(s.number) for s in shards), died)
            if len(shards) == 1:
                if attempt < ATTEMPTS:
                    return self._finish(engine, shards, attempt + 1)
                return self._finish_in_pieces(shards[0])
            half = len(shards) // 2
            first, second = self._finish(engine, shards[:half]), self._finish(engine, shards[half:])
            return Committed([*first.marks, *second.marks], {**first.failures, **second.failures})
        return self._commit([staged], shards, started)

    def _finish_in_pieces(self, shard: Shard) -> Committed:
        try:
            with self._computing:
                started = time.time()
                staged = take_apart(self._engine, self._task, shard)
        except ShardFailed as failed:
            return Committed([], {shard.number: str(failed)})
        return self._commit(staged, [shard], started)

    def _commit(self, staged: Sequence[str], shards: Sequence[Shard], started: float) -> Committed:
        spark, work_dir = self._engine.spark, self._engine.work_dir
        together = [*staged, *stage_kept(spark, shards, work_dir)]
        with jobs_named(spark, f"features: writing {shards_named(shards)}"):
            return commit_wave(spark, together, shards, work_dir, self._fingerprint, started=started)


class _Observer:
    """Called after each wave: moves the progress bar, and notes failures and devices."""

    def __init__(self, work_dir: str, to_compute: Mapping[int, int], advance: Callable[[int, str], None]) -> None:
        self._work_dir = work_dir
        self._to_compute = to_compute
        self._advance = advance
        self._n_rejects = 0
        self._logged_devices: set[str] = set()

    def __call__(self, done: Committed) -> None:
        marks, failures = done
        for mark in marks:
            self._n_rejects += sum(mark.rejects.values())
            if mark.network and mark.network not in self._logged_devices:
                logger.info("features: on %s", mark.network)
                self._logged_devices.add(mark.network)
        for number, why in failures.items():
            logger.warning("features: shard %d failed: %s", number, why)
            ledger.write_failure(self._work_dir, number, why)
        remark = counted(self._n_rejects, "reject")
        if limit := bottleneck(device_shares(mark.device_seconds for mark in marks)):
            remark += f", waits for {limit}"
        self._advance(sum(self._to_compute[mark.shard] for mark in marks), remark)
