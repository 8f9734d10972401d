"""The record of a work_dir: which stages are finished, with which settings and inputs, and what they wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from streetdeciles import __version__, storage
from streetdeciles.config import RunConfig, public_values, result_settings
from streetdeciles.digests import settings_digest
from streetdeciles.errors import RunRefused
from streetdeciles.manifests import Manifest, WrittenFile
from streetdeciles.shown import redacted
from streetdeciles.state_files import read_state


@dataclass
class StageReport:
    """What a stage did. `counts` add up (rows in = rows out + left out); `notes` are sentences for people."""

    stage: str
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Mark:
    """The content of `run_log/<stage>.json`: the stage is finished, read these inputs and wrote these files."""

    stage: str
    counts: dict[str, int]
    notes: list[str]
    seconds: float
    fingerprint: str
    """The digest of its settings."""
    inputs: dict[str, str] = field(default_factory=dict)
    """The signature of each input that was read, by its key in the config."""
    reads: dict[str, str] = field(default_factory=dict)
    """The generation of the tables that were read, by the stage that wrote them."""
    files: dict[str, WrittenFile] = field(default_factory=dict)
    """The files that were written, by path below the work_dir."""
    generation: str = ""
    """A new value each time the stage finishes; empty in the marks of versions that did not record it."""

    @property
    def report(self) -> StageReport:
        return StageReport(self.stage, self.counts, self.notes, self.seconds)


def fingerprint(config: RunConfig, stage: str) -> str:
    """Hash of the settings that decide a stage's result, the seed among them."""
    return settings_digest(settings=result_settings(getattr(config, stage)), seed=config.seed, version=__version__)


def record(
    work_dir: str,
    report: StageReport,
    stage_fingerprint: str,
    *,
    inputs: Mapping[str, str] | None = None,
    reads: Mapping[str, str] | None = None,
    files: Manifest | None = None,
) -> None:
    """Mark the stage as done; the last thing a stage's run does."""
    mark = Mark(
        report.stage,
        report.counts,
        report.notes,
        report.seconds,
        stage_fingerprint,
        inputs=dict(inputs or {}),
        reads=dict(reads or {}),
        files=dict(files or {}),
        generation=uuid4().hex[:16],
    )
    write_mark(work_dir, mark)


def write_mark(work_dir: str, mark: Mark) -> None:
    storage.write_json(
        _mark_uri(work_dir, mark.stage), {**asdict(mark), "notes": [redacted(note) for note in mark.notes]}
    )


def forget(work_dir: str, stage: str) -> None:
    storage.remove(_mark_uri(work_dir, stage))


def is_empty(work_dir: str) -> bool:
    """Whether no stage has ever finished in the work_dir."""
    return not storage.exists(storage.join(work_dir, "run_log"))


def read_mark(work_dir: str, stage: str) -> Mark | None:
    """The mark of a stage's last finished run; None if there is none, or if the stage has started again since."""
    return read_state(_mark_uri(work_dir, stage), Mark)


def finished(work_dir: str, stage: str) -> tuple[StageReport, str] | None:
    """The report and fingerprint of the last finished run of a stage, or None."""
    mark = read_mark(work_dir, stage)
    return (mark.report, mark.fingerprint) if mark else None


def refuse_other_config(config: RunConfig) -> None:
    """RunRefused if the work_dir already holds a run with other settings."""
    uri = _config_uri(config.work_dir)
    values = read_state(uri, dict[str, Any])
    if values is None:
        return
    settings = _compared(config, _sections(config))
    try:
        saved = _compared(RunConfig.model_validate(values), {*values})
    except ValidationError as error:
        raise RunRefused(
            f"{uri} was written by another version of streetdeciles ({error.errors()[0]['msg']}); "
            "choose another work_dir, or redo everything in this one with --force"
        ) from error
    if differ := _differing(saved, settings):
        what = "; ".join(f"{key} was {saved.get(key)!r}, is {settings.get(key)!r}" for key in differ[:5])
        raise RunRefused(
            f"work_dir {config.work_dir} holds a run with another config ({what}); choose another work_dir, "
            f"or accept the change: streetdeciles run --force --from <the first stage that it affects>"
        )


def _sections(config: RunConfig) -> set[str]:
    """All sections; of a config for some stages only, the sections that it has."""
    return config.model_fields_set if config.is_partial else {*RunConfig.model_fields}


def _section_of(key: str) -> str:
    return key.partition(".")[0].partition("[")[0]


def _compared(config: RunConfig, sections: set[str]) -> dict[str, Any]:
    """The settings of these sections that decide results, as JSON has them."""
    settings = {key: value for key, value in result_settings(config).items() if _section_of(key) in sections}
    compared: dict[str, Any] = json.loads(json.dumps(settings))
    return compared


def _differing(saved: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """The keys that differ, in the sections that both have. A work_dir may be moved, so its path is not compared."""
    both = {_section_of(key) for key in saved} & {_section_of(key) for key in settings} - {"work_dir"}
    keys = (key for key in {*saved, *settings} if _section_of(key) in both)
    return sorted(key for key in keys if saved.get(key) != settings.get(key))


def save_config(config: RunConfig) -> dict[str, Any] | None:
    """Save the resolved config in the work_dir; returns the previous one, for `restore_config`.

    Sections that a config for some stages does not have stay as they were.
    """
    uri = _config_uri(config.work_dir)
    previous = read_state(uri, dict[str, Any])
    values = {key: value for key, value in public_values(config).items() if key in _sections(config)}
    kept = previous or {} if config.is_partial else {}
    storage.write_json(uri, {**kept, **values}, private=True)
    return previous


def restore_config(work_dir: str, previous: dict[str, Any] | None) -> None:
    """Undo `save_config`."""
    if previous is None:
        storage.remove(_config_uri(work_dir))
    else:
        storage.write_json(_config_uri(work_dir), previous, private=True)


def _config_uri(work_dir: str) -> str:
    return storage.join(work_dir, "config.json")


def _mark_uri(work_dir: str, stage: str) -> str:
    return storage.join(work_dir, "run_log", f"{stage}.json")
