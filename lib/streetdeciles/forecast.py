"""`streetdeciles plan`: the time, room and memory that a large run takes, from the marks of a small run."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.features.ledger import Mark, read_marks
from streetdeciles.features.waves import IMAGES_PER_TASK
from streetdeciles.plans import recorded_files, stages_of
from streetdeciles.stages import FEATURES_STAGE

START_S = {
    "labels": 30.0,
    "images": 15.0,
    "dataset": 11.0,
    "training": 7.0,
    "prediction": 10.0,
    "aggregation": 6.0,
    "evaluation": 14.0,
    "report": 8.0,
}
"""Seconds that a stage other than features may take to start: Spark's planning and compiling, Python workers, published
tables. Twice what it took with 200 to 2,000 photographs on two cores; else chance differences between short stages,
multiplied by ten, would outweigh the rest."""


@dataclass(frozen=True)
class StageForecast:
    """What a stage would take."""

    stage: str
    seconds: float
    """Time on the clock."""
    n_bytes: float
    """What it leaves in the work_dir."""


@dataclass(frozen=True)
class Forecast:
    """What a run of `photographs` would take."""

    photographs: int
    small: int
    """Photographs of the small run."""
    shards: int
    images_per_s: float
    """The rate of one device in the small run."""
    stages: tuple[StageForecast, ...]
    on_gpu: bool
    """Whether a GPU made the features of the small run."""
    shuffle_bytes: float
    """What the stage dataset moves between executors: each photograph's features, once."""

    @property
    def driver_memory_gb(self) -> int:
        """The most that a stage needs, JVM and Python together: deploy/README.md, Sizes."""
        return 16 if self.photographs >= 1_000_000 else 8

    @property
    def task_memory_gb(self) -> tuple[int, int]:
        """Heap and overhead of an executor for each task of the stage features at a time, from the same table."""
        return 2, 16 if self.on_gpu else 4

    @property
    def hours(self) -> float:
        return sum(stage.seconds for stage in self.stages) / 3600

    @property
    def n_bytes(self) -> float:
        return sum(stage.n_bytes for stage in self.stages)


def forecast(config: RunConfig, photographs: int, devices: int) -> Forecast:
    """Scale the config's finished run to `photographs`, with features on this number of `devices` of the same kind.

    For the other stages, the time beyond START_S grows with the number of photographs, which overestimates them if
    the small run was on a machine that starts more slowly.

    Raises:
        RunRefused: a stage is not finished, or was run with other settings, or no photograph was computed.
    """
    if config.replaced_stages:
        raise RunRefused("plan estimates the extraction of features from photographs, and dataset.import has neither")
    run_log.refuse_other_config(config)
    marks = {stage.name: run_log.read_mark(config.work_dir, stage.name) for stage in stages_of(config)}
    missing = [name for name, mark in marks.items() if mark is None]
    shards = [*read_marks(config.work_dir).values()]
    small, busy = sum(mark.images for mark in shards), sum(_busy(mark) for mark in shards)
    if missing or not busy:
        raise RunRefused(
            f"work_dir {config.work_dir} has no finished run to plan from (missing: {', '.join(missing) or 'times'}); "
            "run it with some thousand photographs first"
        )
    ratio = photographs / small
    stages = []
    for stage in stages_of(config):
        mark = marks[stage.name]
        assert mark is not None
        if stage.name == FEATURES_STAGE:
            seconds = _extraction_seconds(shards, mark.seconds, photographs, devices, config.images.shard_size)
        else:
            start_s = min(mark.seconds, START_S[stage.name])
            seconds = start_s + (mark.seconds - start_s) * ratio
        n_bytes = sum(file.bytes for file in recorded_files(config.work_dir, stage).values())
        stages.append(StageForecast(stage.name, seconds, n_bytes * ratio))
    n_shards = -(-photographs // config.images.shard_size)
    return Forecast(
        photographs,
        small,
        n_shards,
        small / busy,
        tuple(stages),
        on_gpu=any(mark.network.startswith("gpu") for mark in shards),
        shuffle_bytes=next(stage.n_bytes for stage in stages if stage.stage == FEATURES_STAGE),
    )


def _extraction_seconds(
    shards: Collection[Mark], seconds: float, photographs: int, devices: int, shard_size: int
) -> float:
    """The start of the small run, the devices' time for each photograph, and what each wave of shards adds to that."""
    busy = sum(_busy(mark) for mark in shards)
    small_devices = _busy_devices(shards, busy)
    computing_s = busy / small_devices
    waves, wave_s = _waves(shards, small_devices)
    # The pause between two waves of an interrupted run counts, but only up to the time that the run took.
    wave_s = min(wave_s, max(0.0, seconds - computing_s) / max(1, waves - 1))
    start_s = max(0.0, seconds - computing_s - wave_s * (waves - 1))
    shards_per_task = -(-IMAGES_PER_TASK // min(shard_size, IMAGES_PER_TASK))
    waves_of_large = -(-photographs // (devices * shards_per_task * shard_size))
    return start_s + busy / sum(mark.images for mark in shards) * photographs / devices + wave_s * (waves_of_large - 1)


def _waves(shards: Collection[Mark], devices: int) -> tuple[int, float]:
    """How many waves there were, and the seconds between the ends of two of them beyond the devices' time.

    The first one does not count, since the network is loaded in it; the seconds are 0 if there is no other.
    """
    by_start: dict[float, list[Mark]] = defaultdict(list)
    for mark in shards:
        by_start[mark.started].append(mark)
    waves = sorted((max(mark.ended for mark in wave), sum(map(_busy, wave)) / devices) for wave in by_start.values())
    between = [end - before - busy for (before, _), (end, busy) in pairwise(waves)]
    return len(waves), max(0.0, median(between)) if between else 0.0


def _busy(mark: Mark) -> float:
    """The seconds that devices spent on the shard."""
    return sum(mark.device_seconds.values())


def _busy_devices(shards: Collection[Mark], busy_s: float) -> int:
    """The smallest number of devices that can have been busy for `busy_s` between the shards' start and end."""
    took_s = max(mark.ended for mark in shards) - min(mark.started for mark in shards)
    return max(1, math.ceil(busy_s / took_s)) if took_s > 0 else 1
