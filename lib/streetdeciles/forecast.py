"""`streetdeciles plan`: time, storage and price of a large run, from the marks of a small one of one's own."""

from __future__ import annotations

from dataclasses import dataclass

from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.features.ledger import read_marks
from streetdeciles.plans import recorded_files, stages_of
from streetdeciles.stages import FEATURES_STAGE


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

    The extraction takes the devices' time for each photograph. All other stages are taken to grow with the number of
    photographs, which is too much where starting Spark was most of their time.

    Raises:
        RunRefused: a stage is not finished, or none of its photographs was computed.
    """
    marks = {stage.name: run_log.read_mark(config.work_dir, stage.name) for stage in stages_of(config)}
    missing = [name for name, mark in marks.items() if mark is None]
    shards = read_marks(config.work_dir).values()
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
        seconds = busy / devices if stage.name == FEATURES_STAGE else mark.seconds
        n_bytes = sum(file.bytes for file in recorded_files(config.work_dir, stage).values())
        stages.append(StageForecast(stage.name, seconds * ratio, n_bytes * ratio))
    n_shards = -(-photographs // config.images.shard_size)
    return Forecast(photographs, small, n_shards, small / busy, tuple(stages))
