"""`streetdeciles plan`: time, storage and price of a large run, from the marks of a small one of one's own."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.features.ledger import Mark, read_marks
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
    """What a stage would take: seconds on the clock, and bytes that it leaves in the work_dir."""

    stage: str
    seconds: float
    n_bytes: float


@dataclass(frozen=True)
class Forecast:
    """A run of `photographs`; `images_per_s` is the rate of one device in the small run."""

    photographs: int
    small: int
    shards: int
    images_per_s: float
    stages: tuple[StageForecast, ...]

    @property
    def hours(self) -> float:
        return sum(stage.seconds for stage in self.stages) / 3600

    @property
    def n_bytes(self) -> float:
        return sum(stage.n_bytes for stage in self.stages)


def forecast(config: RunConfig, photographs: int, devices: int) -> Forecast:
    """Scale the finished run of the config to `photographs`, with features on `devices` like those that it had.

    The extraction takes the devices' time for each photograph, and starts as it did. What the other stages took beyond
    START_S grows with the number of photographs; machines that start more slowly make that too much.

    Raises:
        RunRefused: a stage is not finished, or none of its photographs was computed.
    """
    if config.replaced_stages:
        raise RunRefused("plan estimates the extraction of features from photographs, and dataset.import has neither")
    marks = {stage.name: run_log.read_mark(config.work_dir, stage.name) for stage in stages_of(config)}
    missing = [name for name, mark in marks.items() if mark is None]
    shards = [*read_marks(config.work_dir).values()]
    small, busy = sum(mark.images for mark in shards), sum(sum(mark.device_seconds.values()) for mark in shards)
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
            start_s, growing_s = max(0.0, mark.seconds - busy / _devices_then(shards, busy)), busy / devices
        else:
            start_s = min(mark.seconds, START_S[stage.name])
            growing_s = mark.seconds - start_s
        n_bytes = sum(file.bytes for file in recorded_files(config.work_dir, stage).values())
        stages.append(StageForecast(stage.name, start_s + growing_s * ratio, n_bytes * ratio))
    n_shards = -(-photographs // config.images.shard_size)
    return Forecast(photographs, small, n_shards, small / busy, tuple(stages))


def _devices_then(shards: Collection[Mark], busy_s: float) -> int:
    """How many devices were busy at a time, at least."""
    took_s = max(mark.ended for mark in shards) - min(mark.started for mark in shards)
    return max(1, math.ceil(busy_s / took_s)) if took_s > 0 else 1
