"""Running the stages of a plan, one after the other, and recording what each has read and written."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING

from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.lock import locked
from streetdeciles.manifests import make_manifest
from streetdeciles.plans import (
    STAGE_NAMES,
    STAGES,
    Planned,
    files_of_shards,
    generation_of,
    plan,
    select_stages,
    stages_of,
)
from streetdeciles.preflight import preflight
from streetdeciles.run_log import StageReport
from streetdeciles.session import spark_session
from streetdeciles.work_dir import refuse_unwritable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["STAGES", "STAGE_NAMES", "plan", "run", "run_learning_curve", "select_stages"]

logger = logging.getLogger(__name__)


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


def run_learning_curve(config: RunConfig, *, on_start: Callable[[], None] = lambda: None) -> StageReport:
    """Train on growing shares of the areas, of a run whose dataset is there; its models stay as they are."""
    from streetdeciles.training.curve_stage import learning_curve

    refuse_unwritable(config.work_dir)
    with locked(config.work_dir):
        run_log.refuse_other_config(config)
        plan(config, ("training",), force=False)  # refuses where the dataset is not there, or out of date
        on_start()
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
    on_start: Callable[[], None] = lambda: None,
    on_report: Callable[[Planned, StageReport], None] = lambda planned, report: None,
) -> None:
    """Run what of `selected` is not up to date; what is refused changes nothing in the work_dir.

    With `retry_rejects` the shards of rejects that may be features now are no longer up to date, nor is what follows.

    Args:
        on_start: called once the plan is accepted, before the inputs are checked and anything is changed.
        on_report: called for each stage, also for those up to date.
    """
    if config.training.mlflow and "training" in selected:
        from streetdeciles.training.mlflow_log import refuse_without_mlflow

        refuse_without_mlflow()
    is_new = not storage.exists(config.work_dir)
    refuse_unwritable(config.work_dir)
    if is_new:
        _plan_or_leave_no_folder(config, selected, force=force)
    with ExitStack() as stack:
        stack.enter_context(locked(config.work_dir))
        if not force:
            run_log.refuse_other_config(config)
        steps = plan(config, selected, force=force, photographs_as_indexed=retry_rejects)
        on_start()
        preflight(config, selected if retry_rejects else [step.stage.name for step in steps if step.action == "run"])
        if retry_rejects:
            _retry_rejects(config.work_dir)
            steps = plan(config, selected, force=force, photographs_as_indexed=True)
        run_steps(config, steps, force=force, on_report=on_report)


def _plan_or_leave_no_folder(config: RunConfig, selected: Sequence[str], *, force: bool) -> None:
    try:
        plan(config, selected, force=force)
    except RunRefused:
        storage.remove(config.work_dir)
        raise


def run_steps(
    config: RunConfig, steps: Sequence[Planned], *, force: bool, on_report: Callable[[Planned, StageReport], None]
) -> None:
    """Carry out a plan, with the config saved in the work_dir as that of its tables."""
    previous = run_log.save_config(config)
    n_done = 0
    with ExitStack() as stack:
        spark: SparkSession | None = None
        for step in steps:
            if step.action == "up to date":
                mark = run_log.read_mark(config.work_dir, step.stage.name)
                assert mark is not None
                on_report(step, mark.report)
            elif step.action == "run":
                if spark is None:
                    spark = stack.enter_context(spark_session(config.spark, config.work_dir))
                try:
                    report = _run_stage(spark, config, step, force=force)
                except RunRefused:
                    if not n_done:
                        run_log.restore_config(config.work_dir, previous)
                    raise
                n_done += 1
                on_report(step, report)


def _run_stage(spark: SparkSession, config: RunConfig, step: Planned, *, force: bool) -> StageReport:
    """Run one stage and record what it read and wrote. A stage that refuses its input keeps the mark it had."""
    stage, work_dir = step.stage, config.work_dir
    names = [one.name for one in stages_of(config)]
    logger.info("[%d/%d] %s (%s)", names.index(stage.name) + 1, len(names), stage.name, step.why)
    before = run_log.read_mark(work_dir, stage.name)
    reads = {name: generation_of(work_dir, name) for name in stage.reads}
    run_log.forget(work_dir, stage.name)
    start = time.monotonic()
    # An index that is made again with the same settings keeps its shards: else all features would be computed again.
    keeps = stage.name == "images" and before is not None and before.fingerprint == step.fingerprint
    afresh = {"afresh": True} if force and stage.resumes and not keeps else {}
    try:
        report: StageReport = import_module(f"streetdeciles.{stage.name}.stage").run(spark, config, **afresh)
    except RunRefused:
        if before is not None:
            run_log.write_mark(work_dir, before)
        raise
    report.seconds = round(time.monotonic() - start, 2)
    known = files_of_shards(work_dir) if stage.name == "features" else {}
    files = make_manifest(work_dir, [*stage.writes, *stage.may_write], known=known)
    run_log.record(work_dir, report, step.fingerprint, inputs=step.inputs, reads=reads, files=files)
    return report
