"""A shard that brings its worker down, taken apart until the photographs that do it stand alone."""

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
"""At a single photograph, beside those that Spark itself makes."""

AT_LEAST, SHARE = 3, 0.01
"""So many photographs of a shard, or so large a share of them, may be quarantined; more are another fault's work."""

logger = logging.getLogger(__name__)


def take_apart(engine: Engine, task: ExtractionTask, shard: Shard) -> list[str]:
    """Compute the shard in pieces, halving those whose worker dies; a photograph that does it alone is a reject.

    Returns:
        URIs of what came out, together all of the shard, as `Engine.map` would have staged it.

    Raises:
        ShardFailed: too many photographs do it.
        RunFailed: all that were tried do it, so that it is not their fault.
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
                _check_number(shard, crashed, computed=bool(staged))
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


def _check_number(shard: Shard, crashed: dict[str, str], *, computed: bool) -> None:
    if len(crashed) <= max(AT_LEAST, SHARE * shard.images):
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
    return f"{', '.join([*crashed][:AT_LEAST])}, …: {[*crashed.values()][-1]}"


def _image_ids(engine: Engine, shard: Shard) -> list[str]:
    """In their order; a shard is some thousands."""
    rows = engine.rows([shard]).select("image_id").sort("image_id").collect()
    return [row["image_id"] for row in rows]


def _stage_rejects(engine: Engine, shard: Shard, crashed: dict[str, str]) -> str:
    why = {image_id: Rejected("crashed_worker", said) for image_id, said in crashed.items()}
    staged = storage.staging_uri(engine.work_dir, "extracted")
    write_rejects(engine.rows([shard]), why, storage.join(staged, "rejects.parquet"))
    return staged
