"""Which stages of a run are up to date, and which must run, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Literal

from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.inputs import signatures
from streetdeciles.manifests import Manifest, differences, find_files, is_below
from streetdeciles.run_log import Mark
from streetdeciles.splits.registry import split_of
from streetdeciles.stages import STAGE_NAMES, STAGES, Stage


def stages_of(config: RunConfig) -> tuple[Stage, ...]:
    """The stages of this run, without those that its split skips, or that `dataset.import` takes the place of."""
    skipped = () if config.dataset.is_absent else split_of(config.dataset).skipped_stages
    skipped += config.replaced_stages
    return tuple(
        replace(stage, reads=tuple(name for name in stage.reads if name not in skipped))
        for stage in STAGES
        if stage.name not in skipped
    )


Action = Literal["run", "export", "up to date", "not selected"]


@dataclass(frozen=True)
class Planned:
    """What will be done about one stage, and why."""

    stage: Stage
    fingerprint: str
    action: Action
    why: str
    inputs: Mapping[str, str]
    """The signature of each input, by its key in the config."""


def select_stages(first: str | None, last: str | None, only: str | None) -> tuple[str, ...]:
    """Names of the stages from `first` to `last`, or `only` that one."""
    if only is not None:
        if first is not None or last is not None:
            raise RunRefused("--only cannot be combined with --from or --to")
        return (only,)
    start = STAGE_NAMES.index(first) if first else 0
    end = STAGE_NAMES.index(last) if last else len(STAGE_NAMES) - 1
    if start > end:
        raise RunRefused(f"--from {first} comes after --to {last}; the order is {', '.join(STAGE_NAMES)}")
    return STAGE_NAMES[start : end + 1]


def plan(config: RunConfig, selected: Sequence[str], *, force: bool, inputs_as_read: bool = False) -> list[Planned]:
    """What a run would do; RunRefused if a stage that is not selected must run before a selected one.

    With `inputs_as_read` a stage that is not selected is up to date whatever has become of its inputs since it read
    them.
    """
    stages = stages_of(config)
    if not any(stage.name in selected for stage in stages):
        raise RunRefused(why_skipped(config, selected))
    needed = _all_that_precede(selected, stages)
    stale: dict[str, str] = {}
    planned: list[Planned] = []
    for stage in stages:
        mark = run_log.read_mark(config.work_dir, stage.name)
        as_read = inputs_as_read and stage.name not in selected
        if mark and getattr(config, stage.name).is_absent:
            # If the config has no section for the stage, its finished work is used as it is.
            fingerprint, inputs = mark.fingerprint, mark.inputs
        else:
            fingerprint = run_log.fingerprint(config, stage.name)
            inputs = mark.inputs if mark and as_read else signatures(config, stage.name)
        why = _why_stale(config.work_dir, stage, fingerprint=fingerprint, inputs=inputs, stale=stale)
        if why and stage.name in needed and stage.name not in selected:
            command = f"streetdeciles run --from {stage.name} --to {selected[-1]}"
            raise RunRefused(f"stage {stage.name} must run first ({why}): {command}")
        if force and stage.name in selected:
            why = "--force"
        if why:
            stale[stage.name] = why
        action: Action = "run" if why else "up to date"
        if not why and (why := _damaged_export(config.work_dir, stage)):
            action = "export"
        if stage.name not in selected:
            action, why = "not selected", why or "up to date"
        planned.append(Planned(stage, fingerprint, action, why, inputs))
    return planned


def why_skipped(config: RunConfig, selected: Sequence[str]) -> str:
    """The message for a user who asks for stages that this run does not have."""
    if {*selected} & {*config.replaced_stages}:
        return (
            f"there is no stage {' or '.join(selected)}: dataset.import takes the place of "
            f"{' and '.join(config.replaced_stages)}; run the stage dataset"
        )
    return split_of(config.dataset).why_skipped


def _all_that_precede(selected: Sequence[str], stages: Sequence[Stage]) -> set[str]:
    """The stages that selected ones read, directly or through others."""
    needed: set[str] = set()
    for stage in reversed(stages):
        if stage.name in selected or stage.name in needed:
            needed.update(stage.reads)
    return needed


def _why_stale(
    work_dir: str, stage: Stage, *, fingerprint: str, inputs: Mapping[str, str], stale: Mapping[str, str]
) -> str:
    """Why the stage must run, or an empty text; `stale` holds the earlier stages that must."""
    mark = run_log.read_mark(work_dir, stage.name)
    if mark is None:
        return "not done yet"
    if not mark.generation:
        return "done by an earlier version, which did not record what it read and wrote"
    if mark.fingerprint != fingerprint:
        return "its settings have changed"
    return _other_inputs(work_dir, stage, mark, inputs, stale) or _other_files(work_dir, stage)


def _other_inputs(work_dir: str, stage: Stage, mark: Mark, inputs: Mapping[str, str], stale: Mapping[str, str]) -> str:
    for key, signature in inputs.items():
        if signature != mark.inputs.get(key):
            return f"{key} has changed"
    for name in stage.reads:
        if name in stale:
            return f"{name} must run first"
        if mark.reads.get(name) != generation_of(work_dir, name):
            return f"{name} has been redone since"
    return ""


def _other_files(work_dir: str, stage: Stage) -> str:
    """What is wrong with the files that other stages read."""
    return _difference(
        work_dir, stage, [name for name in (*stage.writes, *stage.may_write) if name not in stage.exports]
    )


def _damaged_export(work_dir: str, stage: Stage) -> str:
    return _difference(work_dir, stage, stage.exports) if stage.exports else ""


def _difference(work_dir: str, stage: Stage, names: Collection[str]) -> str:
    """The first difference between the files of these tables or files and those that the stage has recorded."""
    recorded = recorded_files(work_dir, stage)
    of_names = {path: file for path, file in recorded.items() if is_below(path, names)}
    path, what = next(differences(of_names, find_files(work_dir, names)), ("", ""))
    return f"{path} {what}" if path else ""


def generation_of(work_dir: str, name: str) -> str:
    mark = run_log.read_mark(work_dir, name)
    return mark.generation if mark else ""


def recorded_files(work_dir: str, stage: Stage) -> Manifest:
    """All files that a stage has recorded; none if it is not finished."""
    mark = run_log.read_mark(work_dir, stage.name)
    return {**mark.files, **files_in_ledger(work_dir, stage)} if mark else {}


def files_in_ledger(work_dir: str, stage: Stage) -> Manifest:
    """The files that the stage's own ledger records, if it has one."""
    if not stage.has_ledger:
        return {}
    files: Manifest = import_module(f"streetdeciles.{stage.name}.ledger").recorded_files(work_dir)
    return files
