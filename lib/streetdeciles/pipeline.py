"""The nine stages in order: which are up to date, which must run, and running them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain
from typing import Literal

from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.lock import locked
from streetdeciles.preflight import preflight
from streetdeciles.run_log import StageReport
from streetdeciles.session import spark_session
from streetdeciles.splits.registry import split_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stage:
    """A package `streetdeciles.<name>` whose module `stage` has `run(spark, config) -> StageReport`."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    """Tables, folders and files below the work_dir; they are there when the stage is done."""


STAGES = (
    Stage("labels", reads=(), writes=("area_labels", "locations", "left_out/stage=labels")),
    Stage("images", reads=(), writes=("image_index", "left_out/stage=images")),
    Stage("features", reads=("images",), writes=("features", "rejects")),
    Stage("dataset", reads=("labels", "features"), writes=("training_set", "left_out/stage=dataset")),
    Stage("training", reads=("dataset",), writes=("models",)),
    Stage("prediction", reads=("dataset", "training"), writes=("predictions",)),
    Stage("aggregation", reads=("labels", "prediction"), writes=("area_predictions",)),
    Stage("evaluation", reads=("labels", "prediction", "aggregation"), writes=("metrics",)),
    Stage("report", reads=("evaluation", "training", "features"), writes=("report.html",)),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)


def stages_of(config: RunConfig) -> tuple[Stage, ...]:
    """The stages of this run: without those that its split skips."""
    skipped = () if config.dataset.is_absent else split_of(config.dataset).skipped_stages
    return tuple(
        replace(stage, reads=tuple(name for name in stage.reads if name not in skipped))
        for stage in STAGES
        if stage.name not in skipped
    )


@dataclass(frozen=True)
class Planned:
    """What will be done about one stage, and why."""

    stage: Stage
    fingerprint: str
    action: Literal["run", "up to date", "not selected"]
    why: str


def select_stages(first: str | None, last: str | None, only: str | None) -> tuple[str, ...]:
    """Names of the stages from `first` to `last`, or `only` that one."""
    if only is not None:
        if first is not None or last is not None:
            raise RunRefused("--only stands alone; give either --only or --from/--to")
        return (only,)
    start = STAGE_NAMES.index(first) if first else 0
    end = STAGE_NAMES.index(last) if last else len(STAGE_NAMES) - 1
    if start > end:
        raise RunRefused(f"--from {first} comes after --to {last}; the order is {', '.join(STAGE_NAMES)}")
    return STAGE_NAMES[start : end + 1]


def plan(config: RunConfig, selected: Sequence[str], *, force: bool) -> list[Planned]:
    """What a run would do; RunRefused where a stage that is not selected has to run before a selected one."""
    stages = stages_of(config)
    if not any(stage.name in selected for stage in stages):
        raise RunRefused(split_of(config.dataset).why_skipped)
    prints: dict[str, str] = {}
    planned: list[Planned] = []
    for stage in stages:
        upstream = {name: prints[name] for name in stage.reads}
        done = run_log.finished(config.work_dir, stage.name)
        is_absent = getattr(config, stage.name).is_absent
        # Of a stage whose section the config does not have, what is there is taken as it is.
        prints[stage.name] = done[1] if is_absent and done else run_log.fingerprint(config, stage.name, upstream)
        stale = _why_stale(config.work_dir, stage, prints[stage.name])
        if stage.name not in selected:
            needed = any(stage.name in later.reads for later in stages if later.name in selected)
            if stale and needed:
                command = f"streetdeciles run --from {stage.name} --to {selected[-1]}"
                raise RunRefused(f"stage {stage.name} must run first ({stale}): {command}")
            planned.append(Planned(stage, prints[stage.name], "not selected", stale or "up to date"))
        elif force or stale:
            planned.append(Planned(stage, prints[stage.name], "run", "--force" if force else str(stale)))
        else:
            planned.append(Planned(stage, prints[stage.name], "up to date", ""))
    return planned


def _why_stale(work_dir: str, stage: Stage, fingerprint: str) -> str | None:
    done = run_log.finished(work_dir, stage.name)
    if done is None:
        return "not done yet"
    if done[1] != fingerprint:
        return "its settings or inputs have changed"
    gone = [name for name in stage.writes if not storage.exists(storage.join(work_dir, name))]
    return f"{gone[0]} is gone" if gone else None


def _retry_rejects(work_dir: str) -> None:
    """Plan to compute the rejects again that may be features now.

    The stages that are done with them are forgotten before: a run that is killed in between goes on as any other.
    """
    from streetdeciles.features.retry import plan_retry, rejects_to_retry

    retries = rejects_to_retry(work_dir)
    first = next(retries, None)
    if first is None:
        logger.info("features: there are no rejects whose files have changed since")
        return
    stale = {"features"}
    for stage in STAGES:
        if stale.intersection(stage.reads):
            stale.add(stage.name)
    for name in stale:
        run_log.forget(work_dir, name)
    n_retried = 0
    for shard, image_ids in chain([first], retries):
        plan_retry(work_dir, shard, image_ids)
        n_retried += len(image_ids)
    logger.info("features: %d rejects whose files have changed are tried again", n_retried)


def run_learning_curve(config: RunConfig) -> StageReport:
    """Train on growing shares of the areas, of a run whose dataset is there; its models stay as they are."""
    from streetdeciles.training.curve_stage import learning_curve

    with locked(config.work_dir):
        run_log.claim_work_dir(config, force=False)
        plan(config, ("training",), force=False)  # refuses where the dataset is not there, or out of date
        start = time.monotonic()
        report = learning_curve(config)
        report.seconds = round(time.monotonic() - start, 2)
    return report


def run(
    config: RunConfig,
    selected: Sequence[str],
    *,
    force: bool = False,
    retry_rejects: bool = False,
    on_report: Callable[[Planned, StageReport], None] = lambda planned, report: None,
) -> None:
    """Run what of `selected` is not up to date. `on_report` is told of each stage, also of those up to date.

    With `retry_rejects` the shards of rejects that may be features now are no longer up to date, nor is what follows.
    """
    if config.training.mlflow and "training" in selected:
        from streetdeciles.training.mlflow_log import refuse_without_mlflow

        refuse_without_mlflow()
    with ExitStack() as stack:
        stack.enter_context(locked(config.work_dir))
        run_log.claim_work_dir(config, force=force)
        if retry_rejects:
            plan(config, selected, force=force)  # refuses before anything is forgotten
            _retry_rejects(config.work_dir)
        steps = plan(config, selected, force=force)
        preflight(config, [step.stage.name for step in steps if step.action == "run"])
        spark = None
        for planned in steps:
            if planned.action == "not selected":
                continue
            if planned.action == "up to date":
                done = run_log.finished(config.work_dir, planned.stage.name)
                assert done is not None
                on_report(planned, done[0])
                continue
            if spark is None:
                spark = stack.enter_context(spark_session(config.spark, config.work_dir))
            logger.info("%s: starts (%s)", planned.stage.name, planned.why)
            run_log.forget(config.work_dir, planned.stage.name)
            if force:
                for name in planned.stage.writes:
                    storage.remove(storage.join(config.work_dir, name))
            start = time.monotonic()
            report: StageReport = import_module(f"streetdeciles.{planned.stage.name}.stage").run(spark, config)
            report.seconds = round(time.monotonic() - start, 2)
            run_log.record(config.work_dir, report, planned.fingerprint)
            on_report(planned, report)
