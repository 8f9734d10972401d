"""Shards cut into waves: what one Spark job computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from streetdeciles.features.ledger import Shard

IMAGES_PER_TASK = 128
"""Small shards are put together until each task has this many photographs, so that starting Spark jobs costs little."""


def cut_into_waves(shards: Sequence[Shard], tasks_now: Callable[[], int]) -> Iterator[tuple[int, list[Shard]]]:
    """(number of tasks, shards) of each wave, with the shards in their order.

    `tasks_now` is asked for the number of tasks when it is the wave's turn.
    """
    begun = 0
    while begun < len(shards):
        tasks = tasks_now()
        wave: list[Shard] = []
        for shard in shards[begun:]:
            wave.append(shard)
            if len(wave) >= tasks and sum(member.to_compute for member in wave) >= tasks * IMAGES_PER_TASK:
                break
        begun += len(wave)
        yield tasks, wave
