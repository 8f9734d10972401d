"""What ran in a work_dir, with which settings and inputs: the ground for doing only what is missing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from streetdeciles import __version__, storage
from streetdeciles.config import RunConfig, input_paths, public_values, result_settings
from streetdeciles.digests import settings_digest
from streetdeciles.errors import RunRefused


@dataclass
class StageReport:
    """What a stage did. `counts` add up (rows in = rows out + left out); `notes` are for the reader's eye."""

    stage: str
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


def fingerprint(config: RunConfig, stage: str, upstream: Mapping[str, str]) -> str:
    """Hash of all that decides a stage's result: its settings, the seed, its input files and the stages before it."""
    section = getattr(config, stage)
    content = {
        "settings": result_settings(section),
        "seed": config.seed,
        "inputs": {key: _signature(path) for key, path in input_paths(section)},
        "upstream": dict(upstream),
        "version": __version__,
    }
    return settings_digest(**content)


def record(work_dir: str, report: StageReport, stage_fingerprint: str) -> None:
    """Mark the stage as done; the last thing a stage's run does."""
    storage.write_json(_mark(work_dir, report.stage), {**asdict(report), "fingerprint": stage_fingerprint})


def forget(work_dir: str, stage: str) -> None:
    storage.remove(_mark(work_dir, stage))


def finished(work_dir: str, stage: str) -> tuple[StageReport, str] | None:
    """The report and fingerprint of the last finished run of a stage, or None."""
    if not storage.exists(_mark(work_dir, stage)):
        return None
    values: dict[str, Any] = storage.read_json(_mark(work_dir, stage))
    stage_fingerprint = values.pop("fingerprint")
    return StageReport(**values), stage_fingerprint


def claim_work_dir(config: RunConfig, *, force: bool) -> None:
    """Save the resolved config in the work_dir; RunRefused where a run with other settings is there already."""
    saved_at = storage.join(config.work_dir, "config.json")
    settings = json.loads(json.dumps(result_settings(config)))
    values = storage.read_json(saved_at) if storage.exists(saved_at) else {}
    if values and not force:
        saved = json.loads(json.dumps(result_settings(RunConfig.model_validate(values))))
        if differ := _differing(saved, settings):
            what = "; ".join(f"{key} was {saved.get(key)!r}, is {settings.get(key)!r}" for key in differ[:5])
            raise RunRefused(
                f"work_dir {config.work_dir} holds a run of another config ({what}); take another work_dir, "
                f"or accept it: streetdeciles run --force --from <the first stage that the change concerns>"
            )
    storage.write_json(saved_at, {**values, **public_values(config)}, private=True)


def _differing(saved: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """Keys that differ, of the sections that both have."""

    def section(key: str) -> str:
        return key.partition(".")[0].partition("[")[0]

    both = {section(key) for key in saved} & {section(key) for key in settings}
    keys = (key for key in {*saved, *settings} if section(key) in both)
    return sorted(key for key in keys if saved.get(key) != settings.get(key))


def _mark(work_dir: str, stage: str) -> str:
    return storage.join(work_dir, "run_log", f"{stage}.json")


def _signature(path: str) -> Any:
    """What tells that a local input has changed: size and time of a file, folders and their times of a folder."""
    if not storage.is_local(path):
        return path
    path = storage.local_path(path)
    if os.path.isfile(path):
        status = os.stat(path)
        return [status.st_size, status.st_mtime_ns]
    folders = sorted((folder, os.stat(folder).st_mtime_ns) for folder, _, _ in os.walk(path))
    return hashlib.sha256(json.dumps(folders).encode()).hexdigest()[:16]
