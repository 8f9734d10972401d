"""Running the stages of a plan, one after the other, and recording what each has read and written."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from streetdeciles import run_log, storage
from streetdeciles.borrowed_sessions import session_of_others
from streetdeciles.catalog.copies import copy_inputs
from streetdeciles.catalog.publishing import pending, publish, refuse_unpublishable
from streetdeciles.catalog_inputs import all_catalog_inputs, named_as_in_catalog, with_copies_in
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.job_names import jobs_named
from streetdeciles.lock import locked
from streetdeciles.manifests import is_below, make_manifest
from streetdeciles.plans import Planned, files_in_ledger, generation_of, plan, stages_of
from streetdeciles.preflight import preflight
from streetdeciles.progress_file import progress_file
from streetdeciles.run_log import StageReport
from streetdeciles.session import spark_session
from streetdeciles.stages import stages_that_follow
from streetdeciles.work_dir import create_work_dir

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Reopen = Callable[[str, Callable[[], None]], None]
"""Makes some finished work of the selected stage undone, e.g. `features.retry.retry_rejects`.

It is called with the work_dir and a function that it calls before it changes anything there.
"""

logger = logging.getLogger(__name__)


def run(
    config: RunConfig,
    selected: Sequence[str],
    *,
    force: bool = False,
    take_over: bool = False,
    reopen: Reopen | None = None,
    on_start: Callable[[], None] = lambda: None,
    on_report: Callable[[Planned, StageReport], None] = lambda planned, report: None,
) -> None:
    """Run those of the `selected` stages that are not up to date; a refused run changes nothing in the work_dir.

    Args:
        take_over: if another run is at work in the work_dir, end it.
        reopen: is applied to the only selected stage before it runs.
        on_start: called once the plan is accepted, before the inputs are checked and anything is changed.
        on_report: called for each stage, even if it is up to date.
    """
    is_new = create_work_dir(config.work_dir)
    steps = _plan_or_leave_no_folder(config, selected, force=force) if is_new else None
    with locked(config.work_dir, take_over=take_over), named_as_in_catalog(config), ExitStack() as stack:
        if not force:
            run_log.refuse_other_config(config)
        spark = _start_session(config, stack) if all_catalog_inputs(config) else None
        if steps is None or spark is not None or not run_log.is_empty(config.work_dir):
            steps = plan(config, selected, force=force, inputs_as_read=reopen is not None)
        on_start()
        to_run = selected if reopen else [step.stage.name for step in steps if step.action == "run"]
        if spark is not None:
            copy_inputs(spark, config, to_run)
        preflight(config, to_run)
        if reopen:
            (name,) = selected
            reopen(config.work_dir, lambda: forget_from(config.work_dir, name))
            steps = plan(config, selected, force=force, inputs_as_read=True)
        _run_steps(config, steps, spark, stack, force=force, on_report=on_report)


def dry_run(
    config: RunConfig, selected: Sequence[str], *, force: bool, on_plan: Callable[[Sequence[Planned]], None]
) -> None:
    """Plan a run and check its inputs as `run` does, and leave the work_dir as it is."""
    with ExitStack() as stack:
        spark, folder = None, ""
        if all_catalog_inputs(config) or config.output.tables is not None:
            folder = stack.enter_context(TemporaryDirectory(prefix="streetdeciles-dry-run-"))
            spark = _start_session(config, stack, log_in=folder)
        steps = plan(config, selected, force=force)
        on_plan(steps)
        to_run = [step.stage.name for step in steps if step.action == "run"]
        if spark is not None:
            config = with_copies_in(config, folder)
            stack.enter_context(named_as_in_catalog(config))
            copy_inputs(spark, config, to_run, is_trial=True)
        preflight(config, to_run)


def _start_session(config: RunConfig, stack: ExitStack, *, log_in: str | None = None) -> SparkSession:
    """A session until the end of `stack`; RunRefused if results cannot be published in its catalog."""
    is_own = session_of_others() is None
    spark = stack.enter_context(spark_session(config.spark, log_in or config.work_dir))
    refuse_unpublishable(spark, config, is_own_session=is_own)
    return spark


def _plan_or_leave_no_folder(config: RunConfig, selected: Sequence[str], *, force: bool) -> list[Planned]:
    try:
        return plan(config, selected, force=force)
    except RunRefused:
        storage.remove(config.work_dir)
        raise


def run_beside(
    config: RunConfig,
    stage: str,
    work: Callable[[RunConfig], StageReport],
    *,
    on_start: Callable[[], None] = lambda: None,
) -> StageReport:
    """Do work that reads what `stage` reads, and leaves its tables as they are; none of it is recorded.

    Raises:
        RunRefused: what the stage reads is not there, or out of date.
    """
    create_work_dir(config.work_dir)
    with locked(config.work_dir):
        run_log.refuse_other_config(config)
        plan(config, (stage,), force=False)
        on_start()
        start = time.monotonic()
        report = work(config)
        report.seconds = round(time.monotonic() - start, 2)
    return report


def _run_steps(
    config: RunConfig,
    steps: Sequence[Planned],
    spark: SparkSession | None,
    stack: ExitStack,
    *,
    force: bool,
    on_report: Callable[[Planned, StageReport], None],
) -> None:
    """Carry out a plan, with the config saved in the work_dir as that of its tables; Spark starts when it is needed."""
    previous = run_log.save_config(config)
    n_done = 0
    names = [stage.name for stage in stages_of(config)]
    with progress_file(config.work_dir, len(names)) as file:
        for step in steps:
            if step.action == "up to date":
                mark = run_log.read_mark(config.work_dir, step.stage.name)
                assert mark is not None
                on_report(step, mark.report)
            elif step.action == "export":
                on_report(step, _export(config, step))
            elif step.action == "run":
                number = names.index(step.stage.name) + 1
                try:
                    spark = spark or _start_session(config, stack)
                    logger.info("[%d/%d] %s (%s)", number, len(names), step.stage.name, step.why)
                    file.stage(step.stage.name, number)
                    with jobs_named(spark, step.stage.name, stage=step.stage.name):
                        report = _run_stage(spark, config, step, force=force)
                except RunRefused:
                    if not n_done:
                        run_log.restore_config(config.work_dir, previous)
                    raise
                n_done += 1
                on_report(step, report)
        if pending(config):
            publish(spark or _start_session(config, stack), config)


def _run_stage(spark: SparkSession, config: RunConfig, step: Planned, *, force: bool) -> StageReport:
    """Run one stage and record what it read and wrote. A stage that refuses its input keeps the mark it had."""
    stage, work_dir = step.stage, config.work_dir
    before = run_log.read_mark(work_dir, stage.name)
    reads = {name: generation_of(work_dir, name) for name in stage.reads}
    run_log.forget(work_dir, stage.name)
    start = time.monotonic()
    afresh = {"afresh": True} if force and _starts_over(step, before) else {}
    try:
        report: StageReport = import_module(f"streetdeciles.{stage.name}.stage").run(spark, config, **afresh)
    except RunRefused:
        if before is not None:
            run_log.write_mark(work_dir, before)
        raise
    report.seconds = round(time.monotonic() - start, 2)
    files = make_manifest(work_dir, [*stage.writes, *stage.may_write], known=files_in_ledger(work_dir, stage))
    run_log.record(work_dir, report, step.fingerprint, inputs=step.inputs, reads=reads, files=files)
    return report


def _export(config: RunConfig, step: Planned) -> StageReport:
    """Make the exports of a finished stage again. It keeps its generation, so no other stage is redone."""
    stage, work_dir = step.stage, config.work_dir
    logger.info("%s: made again, %s", stage.name, step.why)
    mark = run_log.read_mark(work_dir, stage.name)
    assert mark is not None
    import_module(f"streetdeciles.{stage.name}.stage").export(config)
    others = {path: file for path, file in mark.files.items() if not is_below(path, stage.exports)}
    run_log.write_mark(work_dir, replace(mark, files={**others, **make_manifest(work_dir, stage.exports)}))
    return mark.report


def _starts_over(step: Planned, before: run_log.Mark | None) -> bool:
    """Whether a forced stage discards its finished work.

    An index that is made again with the same settings keeps its shards, because otherwise all features would be
    computed again.
    """
    if step.stage.afresh == "if forced with other settings":
        return before is None or before.fingerprint != step.fingerprint
    return step.stage.afresh == "if forced"


def forget_from(work_dir: str, name: str) -> None:
    """Forget that a stage, and those that follow from it, are done; a run that is killed then goes on as any other."""
    for stage in (name, *stages_that_follow(name)):
        run_log.forget(work_dir, stage)
