"""Stage features: `image_index` to `features` and `rejects`, in waves of shards, the missing ones only."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.borrowed_sessions import interruptible
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunFailed
from streetdeciles.features import ledger
from streetdeciles.features.duplicates import picture_notes, plan_restores, reject_duplicates
from streetdeciles.features.image_network import ImageNetwork, backbone_network
from streetdeciles.features.ledger import Shard
from streetdeciles.features.panorama import PanoramaViews
from streetdeciles.features.parallel import Parallelism, parallelism
from streetdeciles.features.preparing import Preparation
from streetdeciles.features.retry import with_retries
from streetdeciles.features.scheduling import Done, Scheduler
from streetdeciles.features.shard_files import NO_ROWS
from streetdeciles.features.watch import MAX_DECODING_S
from streetdeciles.features.wave import WaveSettings
from streetdeciles.features.workers import ExtractionTask
from streetdeciles.progress import progress
from streetdeciles.queries import query
from streetdeciles.run_log import StageReport
from streetdeciles.session import spark_settings
from streetdeciles.tables import FEATURES, IMAGE_INDEX, REJECTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

FEATURE_VERSION = 1
"""To be raised whenever the same settings give other features than before."""

OWN_WORKERS = "spark.sql.execution.pandas.udf.buffer.size"
OWN_BUFFER_BYTES = str(1024 * 1024)


@interruptible
def run(spark: SparkSession, config: RunConfig, *, afresh: bool = False) -> StageReport:
    """Write features and rejects: for every photograph of the index a row in one of them.

    Finished shards stay as they are, unless `afresh`: then they are removed, once the network is known to load.

    Raises:
        RunRefused: there are features of other settings, the weights are not fit, or there is no GPU and one is wanted.
        RunFailed: some shards failed; the others are finished, and the same command goes on from there.
    """
    sizes = parallelism(spark)
    with _own_workers(spark), backbone_network(spark, config, sizes, afresh=afresh) as network:
        return extract_shards(spark, config, network, sizes, afresh=afresh)


def extract_shards(
    spark: SparkSession, config: RunConfig, network: ImageNetwork, sizes: Parallelism, *, afresh: bool = False
) -> StageReport:
    """`run`, with any network."""
    features = config.features
    fingerprint = {
        **network.fingerprint,
        "store": features.store,
        "max_pixels": features.max_pixels,
        "feature_version": FEATURE_VERSION,
    }
    if features.min_pixels > 1:  # not the default: shards made before there was one stay valid
        fingerprint["min_pixels"] = features.min_pixels
    panorama, cut = config.images.panorama, None
    if panorama is not None:
        cut = PanoramaViews(tuple(panorama.headings), panorama.field_of_view)
        fingerprint["panorama"] = str(cut)
    shards = _index_shards(spark, config.work_dir)
    if afresh:
        ledger.remove_all(config.work_dir)
    marks = ledger.read_marks(config.work_dir)
    ledger.refuse_other_settings(marks.values(), fingerprint, config.work_dir)
    finished = ledger.finished_shards(shards, marks, config.work_dir)
    removed = ledger.remove_leftovers(finished, marks, config.work_dir)
    ledger.complete_marks([shard for shard in shards if shard.number in finished], marks, config.work_dir)
    missing = [shard for shard in shards if shard.number not in finished]
    preparation = Preparation(
        network.preprocess,
        features.max_pixels,
        features.decode_threads,
        features.store,
        cut,
        min_pixels=features.min_pixels,
        max_decoding_s=MAX_DECODING_S,
    )
    task = ExtractionTask(network.load, preparation, log=not sizes.local)
    settings = WaveSettings(task, config.work_dir, fingerprint, sizes.tasks)
    todo = [*missing, *with_retries([shard for shard in shards if shard.number in finished], config.work_dir)]
    start = time.monotonic()
    _extract(spark, todo, settings, sizes, len(shards))
    _leave_no_table_without_files(config.work_dir, shards)
    if plan_restores(spark, config):
        _extract(spark, with_retries(shards, config.work_dir), settings, sizes, len(shards))
    reject_duplicates(spark, config, shards, settings)
    _leave_no_table_without_files(config.work_dir, shards)
    report = _report(shards, todo, removed, config.work_dir, time.monotonic() - start)
    report.notes.extend(picture_notes(spark, config))
    return report


def _index_shards(spark: SparkSession, work_dir: str) -> list[Shard]:
    index = storage.read_table(spark, IMAGE_INDEX, work_dir)
    found = query("streetdeciles.features", "shards", image_index=index).collect()
    if not found:
        raise RunFailed(f"{storage.join(work_dir, IMAGE_INDEX.name)} is empty; run the stage images again")
    return [Shard(row["shard"], row["images"], row["members"], row["versions"]) for row in found]


def _extract(spark: SparkSession, todo: list[Shard], settings: WaveSettings, sizes: Parallelism, n_shards: int) -> None:
    """Compute missing shards, and of others the photographs to be retried; RunFailed where shards failed."""
    n_rejects = 0
    logged_devices: set[str] = set()
    to_compute = {shard.number: shard.to_compute for shard in todo}
    whole, retried = ([shard for shard in todo if bool(shard.retried) == kind] for kind in (False, True))
    with progress("features", sum(to_compute.values()), unit="images") as advance:

        def on_done(done: Done) -> None:
            nonlocal n_rejects
            for mark in done[0]:
                n_rejects += sum(mark.rejects.values())
                if mark.network and mark.network not in logged_devices:
                    logger.info("features: on %s", mark.network)
                    logged_devices.add(mark.network)
            for number, why in done[1].items():
                logger.warning("features: shard %d failed: %s", number, why)
                ledger.write_failure(settings.work_dir, number, why)
            advance(
                sum(to_compute[mark.shard] for mark in done[0]),
                f"{n_rejects} {'reject' if n_rejects == 1 else 'rejects'}",
            )

        scheduler = Scheduler(spark, settings, computing=1 if sizes.local else 2)
        waves = [*ledger.waves(whole, sizes.tasks), *ledger.waves(retried, sizes.tasks)]
        failed = scheduler.run(waves, on_done)
    if failed:
        why = "; ".join(f"shard {number}: {said}" for number, said in sorted(failed.items())[:3])
        raise RunFailed(
            f"features: {len(failed)} of {n_shards} shards failed, the others are finished ({why}); "
            "fix that and run the same command again"
        )


def _leave_no_table_without_files(work_dir: str, shards: list[Shard]) -> None:
    """A table of no rows gets one empty file, so that every reader finds its columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for table in (FEATURES, REJECTS):
        if ledger.shard_folders(table, work_dir):
            continue
        (partition,) = table.partitioned_by
        schema = pa.schema([column for column in table.arrow_schema() if column.name != partition])
        file = BytesIO()
        pq.write_table(schema.empty_table(), file)
        uri = storage.join(work_dir, table.name, f"{partition}={shards[0].number}", NO_ROWS)
        storage.write_bytes(uri, file.getvalue())


def _report(shards: list[Shard], todo: list[Shard], removed: int, work_dir: str, took_s: float) -> StageReport:
    """From the marks as they stand on disk, whichever run wrote them."""
    marks = ledger.read_marks(work_dir)
    counts, seconds = ledger.totals(marks[shard.number] for shard in shards)
    n_done = sum(shard.to_compute for shard in todo)
    n_retried = sum(shard.retried for shard in todo)
    n_missing = sum(not shard.retried for shard in todo)
    notes = [f"extracted {n_missing} of {len(shards)} shards; {n_done} images in {took_s:.1f} s"]
    if n_done:
        notes[0] += f", {n_done / took_s:.1f} images/s"
    if n_retried:
        notes.append(f"{n_retried} photographs were tried again, the others kept")
    if removed:
        notes.append(f"{removed} finished shard(s) were removed: the index has other photographs there now")
    notes.extend(sorted({f"on {mark.network}" for mark in marks.values() if mark.network}))
    spent = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    notes.append(f"all shards, summed over threads: {spent}")
    return StageReport("features", dict(counts), notes)


@contextmanager
def _own_workers(spark: SparkSession) -> Iterator[None]:
    """Python workers that no other stage uses.

    Spark hands tasks to its idle workers in turn: among those that other stages left, each would load the model in its
    turn. Workers of another environment are kept apart, and the size of their buffer is part of it. When the stage is
    over they end after a minute, and their memory is free.
    """
    with spark_settings(spark, {OWN_WORKERS: OWN_BUFFER_BYTES}):
        yield
