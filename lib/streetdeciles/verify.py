"""Check that the files of a run have not changed since they were written, e.g. after copying them, or years later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streetdeciles import run_log
from streetdeciles.errors import RunRefused
from streetdeciles.lock import lock_owner
from streetdeciles.manifests import Manifest, damaged_files, differences, find_files, is_below
from streetdeciles.plans import recorded_files
from streetdeciles.stages import STAGES, Stage


@dataclass(frozen=True)
class Problem:
    """A file or table that has changed since it was written."""

    path: str
    """The path below the work_dir."""
    what: str
    advice: str


@dataclass(frozen=True)
class Verification:
    files: int
    """The number of files that were compared."""
    tables: int
    problems: list[Problem]


def verify(work_dir: str) -> Verification:
    """Read every file that finished stages have written, and compare sizes and SHA-256 with their marks.

    Needs no Spark; in memory some MB for each of 16 threads.

    Raises:
        RunRefused: no stage has finished there, or a run is at work.
    """
    if owner := lock_owner(work_dir):
        raise RunRefused(f"work_dir {work_dir} is in use by {owner}; verify it after that run has ended")
    n_files, tables, problems = 0, set[str](), list[Problem]()
    for stage in STAGES:
        manifest = recorded_files(work_dir, stage)
        n_files += len(manifest)
        names = [*stage.writes, *stage.may_write]
        tables |= {name for name in names if any(path == name or path.startswith(f"{name}/") for path in manifest)}
        problems += _problems(work_dir, stage, manifest)
    if not tables and not problems:
        raise RunRefused(f"work_dir {work_dir} holds no finished stage, so there is nothing to verify; check the path")
    return Verification(n_files, len(tables), problems)


_EXPORTED = "run `streetdeciles run` with this config, which writes it again"


def _problems(work_dir: str, stage: Stage, manifest: Manifest) -> Iterator[Problem]:
    mark = run_log.read_mark(work_dir, stage.name)
    files = find_files(work_dir, [*stage.writes, *stage.may_write])
    again = f"run `streetdeciles run` with this config, which redoes the stage {stage.name}"
    if mark is None:
        if files:
            what = f"belongs to the stage {stage.name}, which is not finished"
            yield Problem(_table(next(iter(files)), stage), what, again)
        return
    if not mark.generation:
        uri = f"run_log/{stage.name}.json"
        yield Problem(uri, "was written by an earlier version, which recorded no checksums", again)
        return
    if stage.has_ledger:
        again += " for these shards only"
    wrong = dict(differences(manifest, files))
    for path, what in wrong.items():
        copy = "copy it from an intact work_dir, or " if path in manifest else "remove it, or "
        yield Problem(path, what, copy + (_EXPORTED if is_below(path, stage.exports) else again))
    unchanged = {path: written for path, written in manifest.items() if path not in wrong}
    for path, what in damaged_files(unchanged, work_dir):
        remedy = _EXPORTED if is_below(path, stage.exports) else again
        yield Problem(path, what, f"copy it from an intact work_dir, or remove it and {remedy}")


def _table(path: str, stage: Stage) -> str:
    return next(name for name in (*stage.writes, *stage.may_write) if path == name or path.startswith(f"{name}/"))
