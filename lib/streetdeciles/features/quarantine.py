"""A shard whose worker dies, taken apart until the photographs that do it are alone in their pieces."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from streetdeciles import storage
from streetdeciles.errors import RunFailed, ShardFailed
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.features.costly import map_without_costly
from streetdeciles.features.engine import Engine, WorkerDied
from streetdeciles.features.ledger import Shard
from streetdeciles.features.staged import write_rejects
from streetdeciles.features.workers import ExtractionTask

ATTEMPTS = 2
"""How often a single photograph is tried, besides Spark's own retries."""

MAX_CRASHED, MAX_CRASHED_SHARE = 3, 0.01
"""This many photographs of a shard, or this share of them, may become rejects; if it is more, the cause is another."""

MAX_NAMED = 3
"""Photographs that an error names."""

logger = logging.getLogger(__name__)


def take_apart(engine: Engine, task: ExtractionTask, shard: Shard) -> list[str]:
    """Compute the shard in pieces, halving those whose worker dies; a photograph that does it alone is a reject.

    Returns:
        URIs of what came out, together all of the shard, as `Engine.map` would have staged it.

    Raises:
        ShardFailed: too many photographs end their worker.
        RunFailed: every photograph that was tried does, so the cause is not the photographs.
    """
    images = _image_ids(engine, shard)
    pieces: list[Sequence[str]] = [images]
    if len(images) > 1:
        pieces = _halves(images)
    staged: list[str] = []
    crashed: dict[str, str] = {}
    try:
        while pieces:
            piece = pieces.pop()
            try:
                staged.append(_attempted(engine, task, shard, piece))
            except WorkerDied as died:
                if len(piece) > 1:
                    pieces += _halves(piece)
                    continue
                crashed[piece[0]] = str(died)
                logger.warning("features: a worker died on photograph %s of shard %d", piece[0], shard.number)
                _refuse_too_many(shard, crashed, computed=bool(staged))
        if crashed:
            if len(images) > 1 and not staged:
                raise _none_computed(shard, crashed)
            staged.append(_stage_rejects(engine, shard, crashed))
    except BaseException:
        for uri in staged:
            storage.remove(uri)
        raise
    return staged


def _halves(images: Sequence[str]) -> list[Sequence[str]]:
    half = len(images) // 2
    return [images[half:], images[:half]]


def _attempted(engine: Engine, task: ExtractionTask, shard: Shard, piece: Sequence[str]) -> str:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return map_without_costly(engine, task, [shard], span=(piece[0], piece[-1]))
        except WorkerDied:
            if len(piece) > 1 or attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _refuse_too_many(shard: Shard, crashed: dict[str, str], *, computed: bool) -> None:
    if len(crashed) <= max(MAX_CRASHED, MAX_CRASHED_SHARE * shard.images):
        return
    if not computed:
        raise _none_computed(shard, crashed)
    raise ShardFailed(
        f"a worker died on more than {len(crashed) - 1} of its {shard.images} photographs ({_examples(crashed)}); "
        "look at these, or give the workers more memory"
    )


def _none_computed(shard: Shard, crashed: dict[str, str]) -> RunFailed:
    return RunFailed(
        f"features: a worker died on each photograph of shard {shard.number} that was tried ({_examples(crashed)}); so "
        "it is not the photographs: give the workers more memory, and see their logs"
    )


def _examples(crashed: dict[str, str]) -> str:
    return f"{', '.join([*crashed][:MAX_NAMED])}, …: {[*crashed.values()][-1]}"


def _image_ids(engine: Engine, shard: Shard) -> list[str]:
    """The image_ids of the shard, some thousands, in order."""
    rows = engine.rows([shard]).select("image_id").sort("image_id").collect()
    return [row["image_id"] for row in rows]


def _stage_rejects(engine: Engine, shard: Shard, crashed: dict[str, str]) -> str:
    why = {image_id: Rejected("crashed_worker", detail) for image_id, detail in crashed.items()}
    staged = storage.staging_uri(engine.work_dir, "extracted")
    write_rejects(engine.rows([shard]), why, storage.join(staged, "rejects.parquet"))
    return staged
