"""Photographs of finished shards that are computed again: which ones, and the list of them on disk.

The list outlives a kill: it stays until its shard is committed again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.archives.names import containing_file
from streetdeciles.features.ledger import Mark, Shard, read_marks, retry_uri
from streetdeciles.state_files import read_state
from streetdeciles.tables import IMAGE_INDEX, REJECTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retry:
    """Photographs of one shard that are to be computed again."""

    image_ids: list[str]
    since: float
    """When the first of them was planned, in seconds since 1970."""


def retry_rejects(work_dir: str, before_change: Callable[[], None]) -> None:
    """Plan to compute the rejects again that may be features now; `before_change` is called if there are any."""
    retries = rejects_to_retry(work_dir)
    first = next(retries, None)
    if first is None:
        logger.info("features: there are no rejects whose files have changed since")
        return
    before_change()
    n_retried = 0
    for shard, image_ids in chain([first], retries):
        plan_retry(work_dir, shard, image_ids)
        n_retried += len(image_ids)
    logger.info("features: %d rejects whose files have changed are tried again", n_retried)


def rejects_to_retry(work_dir: str) -> Iterator[tuple[int, list[str]]]:
    """By shard the image_ids of rejects that may be features by now.

    A local file's times tell whether it was changed, or another one put in its place, after the shard was begun. Other
    files may have changed, and a worker that died may have had too little memory: these are always tried again.
    """
    for number, mark in sorted(read_marks(work_dir).items()):
        if mark.rejects and (image_ids := _may_differ(mark, work_dir)):
            yield number, image_ids


def plan_retry(work_dir: str, shard: int, image_ids: Iterable[str]) -> None:
    """Have these photographs computed again, and those that are planned already."""
    planned = read_state(retry_uri(work_dir, shard), Retry) or Retry([], time.time())
    together = sorted({*planned.image_ids, *image_ids})
    storage.write_json(retry_uri(work_dir, shard), asdict(replace(planned, image_ids=together)))


def with_retries(finished: Iterable[Shard], work_dir: str) -> list[Shard]:
    """Those of the finished shards that have photographs to compute again."""
    names = {*storage.names_in(retry_uri(work_dir, 0).rpartition("/")[0])}
    retried = []
    for shard in finished:
        uri = retry_uri(work_dir, shard.number)
        planned = read_state(uri, Retry) if uri.rpartition("/")[2] in names else None
        if planned is not None and planned.image_ids:
            retried.append(replace(shard, retried=len(planned.image_ids), since=planned.since))
    return retried


def retried_images(shards: Sequence[Shard], work_dir: str) -> list[str]:
    """The image_ids of a wave's retries; some thousands at most."""
    planned = [read_state(retry_uri(work_dir, shard.number), Retry) for shard in shards if shard.retried]
    return [image_id for retry in planned if retry is not None for image_id in retry.image_ids]


def images_to_compute(spark: SparkSession, shards: Sequence[Shard], work_dir: str) -> DataFrame:
    """Rows of the index: all of the shards, or, where they are retried, those of the photographs on their lists."""
    from pyspark.sql import functions as F

    index = storage.read_table(spark, IMAGE_INDEX, work_dir)
    # The index is sorted by shard, so Parquet skips the rest: else each wave would read all of it.
    rows = index.where(F.col("shard").isin([shard.number for shard in shards]))
    retried = retried_images(shards, work_dir)
    return rows.where(F.col("image_id").isin(retried)) if retried else rows


def _may_differ(mark: Mark, work_dir: str) -> list[str]:
    rejects = _rejects(work_dir, mark.shard)
    return [image_id for image_id, uri, reason in rejects if _changed(uri, reason, since=mark.started)]


def _changed(uri: str, reason: str, *, since: float) -> bool:
    if reason == "crashed_worker" or not storage.is_local(uri):
        return True
    try:
        status = os.stat(containing_file(storage.local_path(uri)))
    except (FileNotFoundError, NotADirectoryError):
        return reason != "missing"
    except OSError:
        return True
    # A file that is moved to the place of another one keeps its modification time, but not its change time.
    return reason == "missing" or max(status.st_mtime, status.st_ctime) >= since


def _rejects(work_dir: str, shard: int) -> Iterator[tuple[str, str, str]]:
    """(image_id, uri, reason); none where the table has lost them, which makes the shard again anyway."""
    import pyarrow.dataset as ds

    fs, folder = storage.filesystem(storage.join(work_dir, REJECTS.name, f"shard={shard}"))
    if not fs.exists(folder):
        return
    columns = ["image_id", "uri", "reason"]
    for batch in ds.dataset(folder, filesystem=fs, format="parquet").to_batches(columns=columns):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
