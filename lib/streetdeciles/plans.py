"""The nine stages in order: what each reads and writes, which are up to date, and which must run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.inputs import signatures
from streetdeciles.manifests import Manifest, differences, find_files
from streetdeciles.run_log import Mark
from streetdeciles.splits.registry import split_of


@dataclass(frozen=True)
class Stage:
    """A package `streetdeciles.<name>` whose module `stage` has `run(spark, config) -> StageReport`."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    """Tables, folders and files below the work_dir; they are there when the stage is done."""
    may_write: tuple[str, ...] = ()
    """Those that only some configs ask for."""
    resumes: bool = False
    """Whether it goes on from its own finished tables; `run(spark, config, afresh=True)` makes it start over."""


STAGES = (
    Stage("labels", reads=(), writes=("area_labels", "locations", "left_out/stage=labels")),
    Stage(
        "images",
        reads=(),
        writes=("image_index", "left_out/stage=images"),
        may_write=("image_columns",),
        resumes=True,
    ),
    Stage("features", reads=("images",), writes=("features", "rejects"), resumes=True),
    Stage(
        "dataset",
        reads=("labels", "features"),
        writes=("training_set", "left_out/stage=dataset"),
        may_write=("training_set.h5", "training_set.csv"),
    ),
    Stage("training", reads=("dataset",), writes=("models",)),
    Stage("prediction", reads=("dataset", "training"), writes=("predictions",)),
    Stage("aggregation", reads=("labels", "prediction"), writes=("area_predictions",)),
    Stage("evaluation", reads=("labels", "prediction", "aggregation"), writes=("metrics",)),
    Stage(
        "report",
        reads=("labels", "images", "features", "dataset", "training", "prediction", "aggregation", "evaluation"),
        writes=("report.html",),
    ),
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


Action = Literal["run", "up to date", "not selected"]


@dataclass(frozen=True)
class Planned:
    """What will be done about one stage, and why."""

    stage: Stage
    fingerprint: str
    action: Action
    why: str
    inputs: Mapping[str, str]
    """What showed which version of each input is there, by key of the config."""


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


def plan(
    config: RunConfig, selected: Sequence[str], *, force: bool, photographs_as_indexed: bool = False
) -> list[Planned]:
    """What a run would do; RunRefused where a stage that is not selected has to run before a selected one.

    With `photographs_as_indexed` the stage images, unless it is selected, is up to date whatever has become of the
    photographs since: rejects are retried by the index that there is.
    """
    stages = stages_of(config)
    if not any(stage.name in selected for stage in stages):
        raise RunRefused(split_of(config.dataset).why_skipped)
    needed = _all_that_precede(selected, stages)
    stale: dict[str, str] = {}
    planned: list[Planned] = []
    for stage in stages:
        mark = run_log.read_mark(config.work_dir, stage.name)
        as_indexed = photographs_as_indexed and stage.name == "images" and stage.name not in selected
        if mark and getattr(config, stage.name).is_absent:
            # Of a stage whose section the config does not have, what is there is taken as it is.
            fingerprint, inputs = mark.fingerprint, mark.inputs
        else:
            fingerprint = run_log.fingerprint(config, stage.name)
            inputs = mark.inputs if mark and as_indexed else signatures(config, stage.name)
        why = _why_stale(config.work_dir, stage, fingerprint=fingerprint, inputs=inputs, stale=stale)
        if why and stage.name in needed and stage.name not in selected:
            command = f"streetdeciles run --from {stage.name} --to {selected[-1]}"
            raise RunRefused(f"stage {stage.name} must run first ({why}): {command}")
        if force and stage.name in selected:
            why = "--force"
        if why:
            stale[stage.name] = why
        action: Action = "run" if why else "up to date"
        if stage.name not in selected:
            action, why = "not selected", why or "up to date"
        planned.append(Planned(stage, fingerprint, action, why, inputs))
    return planned


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
    """Why the stage must run, or nothing; `stale` holds the stages before it that must."""
    mark = run_log.read_mark(work_dir, stage.name)
    if mark is None:
        return "not done yet"
    if not mark.generation:
        return "done by an earlier version, which did not record what it read and wrote"
    if mark.fingerprint != fingerprint:
        return "its settings have changed"
    return _other_inputs(work_dir, stage, mark, inputs, stale) or _other_files(work_dir, stage, mark)


def _other_inputs(work_dir: str, stage: Stage, mark: Mark, inputs: Mapping[str, str], stale: Mapping[str, str]) -> str:
    for key, signature in inputs.items():
        if signature != mark.inputs.get(key):
            return f"{key} has changed"
    for name in stage.reads:
        if name in stale:
            return f"{name} must run first"
        if mark.reads.get(name) != generation_of(work_dir, name):
            return f"{name} has been done again since"
    return ""


def _other_files(work_dir: str, stage: Stage, mark: Mark) -> str:
    written = find_files(work_dir, [*stage.writes, *stage.may_write])
    path, what = next(differences(recorded_files(work_dir, mark), written), ("", ""))
    return f"{path} {what}" if path else ""


def generation_of(work_dir: str, name: str) -> str:
    mark = run_log.read_mark(work_dir, name)
    return mark.generation if mark else ""


def recorded_files(work_dir: str, mark: Mark) -> Manifest:
    """All files that a finished stage has written."""
    return {**mark.files, **files_of_shards(work_dir)} if mark.stage == "features" else mark.files


def files_of_shards(work_dir: str) -> Manifest:
    """The files in features and rejects, which are recorded shard by shard."""
    from streetdeciles.features import ledger

    return ledger.recorded_files(work_dir)
