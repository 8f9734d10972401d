"""Photographs that take too long end their task; it is run again without them, and they become rejects."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from streetdeciles import storage
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.extraction.watch import PhotographTooCostly
from streetdeciles.features.engine import Engine, Span
from streetdeciles.features.ledger import Shard
from streetdeciles.features.staged import write_rejects
from streetdeciles.features.workers import ExtractionTask

logger = logging.getLogger(__name__)


def map_without_costly(
    engine: Engine, task: ExtractionTask, shards: Sequence[Shard], *, span: Span | None = None
) -> str:
    """`Engine.map`, and the rejects of photographs that take too long.

    Raises:
        WorkerDied: a worker was lost.
    """
    costly: list[str] = []
    while True:
        try:
            staged = engine.map(task.run, shards, span=span, without=costly)
            break
        except PhotographTooCostly as error:
            for shard, image_id in error.photographs:
                logger.warning("features: photograph %s of shard %d takes too long, and is left out", image_id, shard)
                costly.append(image_id)
    if costly:
        detail = f"more than {task.preparation.max_decoding_s:g} s of a processor's time"
        why = dict.fromkeys(costly, Rejected("too_costly", detail))
        write_rejects(engine.rows(shards, span), why, storage.join(staged, "too_costly.parquet"))
    return staged
