"""Stage features: `image_index` to `features` and `rejects`, in waves of shards, the missing ones only."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed
from streetdeciles.features import ledger
from streetdeciles.features.duplicates import picture_notes, plan_restores, reject_duplicates
from streetdeciles.features.engine import Engine
from streetdeciles.features.image_network import ImageNetwork, backbone_network
from streetdeciles.features.ledger import Shard
from streetdeciles.features.reporting import extraction_report
from streetdeciles.features.retry import with_retries
from streetdeciles.features.scheduling import Scheduler
from streetdeciles.features.settings import fingerprint_of, preparation_of
from streetdeciles.features.shard_files import leave_no_table_without_files
from streetdeciles.features.workers import ExtractionTask
from streetdeciles.logs import worker_log
from streetdeciles.parallel import Parallelism, cores_of_gpu_task, parallelism
from streetdeciles.queries import query
from streetdeciles.run_log import StageReport
from streetdeciles.session_settings import spark_settings
from streetdeciles.tables import IMAGE_INDEX

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BUFFER_SIZE = "spark.sql.execution.pandas.udf.buffer.size"
OWN_BUFFER_BYTES = str(1024 * 1024)


@interruptible
def run(spark: SparkSession, config: RunConfig, *, afresh: bool = False) -> StageReport:
    """Write features and rejects: every photograph of the index has a row in one of them.

    Finished shards stay as they are, unless `afresh`: then they are removed, once the network is known to load.

    Raises:
        RunRefused: the work_dir has features of other settings, the weights do not fit, or there is no GPU and the
            config asks for one.
        RunFailed: some shards failed; the others are finished, and the same command goes on from there.
    """
    sizes = parallelism(spark)
    with (
        _own_workers(spark),
        backbone_network(spark, config.features, config.work_dir, sizes, afresh=afresh) as network,
    ):
        tasks_now = (lambda: sizes.tasks) if sizes.local else (lambda: parallelism(spark).tasks)
        return extract_shards(spark, config, network, sizes, afresh=afresh, tasks_now=tasks_now)


def extract_shards(
    spark: SparkSession,
    config: RunConfig,
    network: ImageNetwork,
    sizes: Parallelism,
    *,
    afresh: bool = False,
    tasks_now: Callable[[], int] | None = None,
) -> StageReport:
    """`run`, with any network. `tasks_now` is asked before each wave, because a cluster grows; None: `sizes.tasks`."""
    work_dir, images = config.work_dir, config.images
    fingerprint = fingerprint_of(network, config.features, images)
    shards = _index_shards(spark, work_dir)
    finished, removed = _finished_shards(shards, fingerprint, work_dir, afresh=afresh)
    # Workers on the driver's machine need not log their network, since the driver does.
    log = worker_log(logging.WARNING if sizes.local else logging.INFO)
    task = ExtractionTask(network.load, preparation_of(network, config.features, images), log)
    scheduler = Scheduler(
        Engine(spark, work_dir, sizes.tasks),
        task,
        fingerprint,
        len(shards),
        computing=1 if sizes.local else 2,
        tasks_now=tasks_now or (lambda: sizes.tasks),
    )
    missing = [shard for shard in shards if shard.number not in finished]
    todo = [*missing, *with_retries([shard for shard in shards if shard.number in finished], work_dir)]
    start = time.monotonic()
    scheduler.finish(todo)
    leave_no_table_without_files(work_dir, shards[0].number)
    if plan_restores(spark, images, work_dir):
        scheduler.finish(with_retries(shards, work_dir))
    reject_duplicates(spark, images, shards, work_dir, fingerprint)
    leave_no_table_without_files(work_dir, shards[0].number)
    took_s, tasks = time.monotonic() - start, min(sizes.tasks, len(todo))
    threads, cores = config.features.decode_threads, cores_of_gpu_task(spark)
    report = extraction_report(
        shards, todo, removed, work_dir, took_s, tasks=tasks, decode_threads=threads, cores_of_gpu=cores
    )
    report.notes.extend(picture_notes(spark, images, work_dir))
    return report


def _index_shards(spark: SparkSession, work_dir: str) -> list[Shard]:
    index = storage.read_table(spark, IMAGE_INDEX, work_dir)
    rows = query("streetdeciles.features", "shards", image_index=index).collect()
    if not rows:
        raise RunFailed(f"{storage.join(work_dir, IMAGE_INDEX.name)} is empty; run the stage images again")
    return [Shard(row["shard"], row["images"], row["members"], row["versions"]) for row in rows]


def _finished_shards(
    shards: list[Shard], fingerprint: dict[str, Any], work_dir: str, *, afresh: bool
) -> tuple[set[int], int]:
    """(numbers of the shards that need no work, how many were removed because the index has changed).

    What killed runs have left is removed.
    """
    if afresh:
        ledger.remove_all(work_dir)
    marks = ledger.read_marks(work_dir)
    ledger.refuse_other_settings(marks.values(), fingerprint, work_dir)
    finished = ledger.finished_shards(shards, marks, work_dir)
    removed = ledger.remove_leftovers(finished, marks, work_dir)
    ledger.complete_marks([shard for shard in shards if shard.number in finished], marks, work_dir)
    return finished, removed


@contextmanager
def _own_workers(spark: SparkSession) -> Iterator[None]:
    """Python workers that no other stage uses.

    Spark hands tasks to its idle workers in turn, so each of those that other stages left would load the model sooner
    or later. Spark keeps workers with different settings apart, and the size of their buffer is such a setting. They
    end a minute after the stage, which frees their memory.
    """
    with spark_settings(spark, {BUFFER_SIZE: OWN_BUFFER_BYTES}):
        yield
