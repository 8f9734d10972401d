"""The ledger of the extraction: a small file for each finished shard, and what follows from them for a rerun."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from streetdeciles import storage
from streetdeciles.errors import RunRefused
from streetdeciles.features.shard_files import count_rows, files_by_shard, shard_folders
from streetdeciles.manifests import WrittenFile, differences, make_manifest
from streetdeciles.shown import redacted
from streetdeciles.state_files import read_state
from streetdeciles.tables import FEATURES, REJECTS

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """One shard of the index as it is now."""

    number: int
    images: int
    members: str
    """Hash of what is in it."""
    versions: str = ""
    """Hash of what shows which version of each photograph is there."""
    retried: int = 0
    """How many of its photographs are computed again while the others are kept; 0 if all are computed."""
    since: float = 0.0
    """When the retries were planned, in seconds since 1970."""

    @property
    def to_compute(self) -> int:
        """How many photographs are computed."""
        return self.retried or self.images


@dataclass(frozen=True)
class Mark:
    """The content of `features/_shards/<shard>.json`: this shard is finished, with these settings and figures."""

    shard: int
    members: str
    settings: Mapping[str, Any]
    images: int
    features: int
    rejects: Mapping[str, int]
    """By reason."""
    seconds: Mapping[str, float]
    """`reading`, `decoding`, `computing` (summed over threads) and `writing`."""
    network: str
    started: float = 0.0
    """When its wave began, in seconds since 1970; 0 in marks of versions that did not record it."""
    ended: float = 0.0
    versions: str = ""
    """Hash of what showed which version of each photograph was there; empty if that was not recorded."""
    files: Mapping[str, WrittenFile] | None = None
    """The files that it has written, by path below the work_dir; None if they were not recorded."""
    device_seconds: Mapping[str, float] = field(default_factory=dict)
    """Time on the clock in which the device computed, or waited for something, by what that was."""
    declined: int = 0
    """JPEGs that the GPU should have decoded, and the CPU did."""


@dataclass(frozen=True)
class Failure:
    """Why a shard failed when it was last tried."""

    shard: int
    why: str


def read_marks(work_dir: str) -> dict[int, Mark]:
    """The marks of all finished shards, by number."""
    return {mark.shard: mark for mark in _read_all(_marks_uri(work_dir), Mark)}


def recorded_files(work_dir: str) -> dict[str, WrittenFile]:
    """The files of all finished shards, by path below the work_dir."""
    marks = read_marks(work_dir).values()
    return {path: written for mark in marks for path, written in (mark.files or {}).items()}


def read_mark(work_dir: str, shard: int) -> Mark | None:
    """The mark of one shard; None where it is not finished."""
    return read_state(_mark_uri(work_dir, shard), Mark)


def write_mark(work_dir: str, mark: Mark) -> None:
    storage.write_json(_mark_uri(work_dir, mark.shard), asdict(mark))
    storage.remove(_failure_uri(work_dir, mark.shard))
    storage.remove(retry_uri(work_dir, mark.shard))


def read_failures(work_dir: str) -> dict[int, str]:
    """Why shards failed when they were last tried, by number."""
    return {failure.shard: failure.why for failure in _read_all(_failures_uri(work_dir), Failure)}


def write_failure(work_dir: str, shard: int, why: str) -> None:
    storage.write_json(_failure_uri(work_dir, shard), asdict(Failure(shard, redacted(why))))


def refuse_other_settings(marks: Iterable[Mark], settings: Mapping[str, Any], work_dir: str) -> None:
    """RunRefused where shards were finished with settings that give other features."""
    for mark in marks:
        differ = [name for name in {**mark.settings, **settings} if mark.settings.get(name) != settings.get(name)]
        if differ:
            what = "; ".join(f"{name} was {mark.settings.get(name)}, is {settings.get(name)}" for name in differ)
            raise RunRefused(
                f"{storage.join(work_dir, FEATURES.name)} holds features of other settings ({what}); take another "
                "work_dir, or make all of them again: streetdeciles run --force --from features"
            )


def finished_shards(shards: Iterable[Shard], marks: Mapping[int, Mark], work_dir: str) -> set[int]:
    """Numbers of the marked shards that have the same photographs as at their mark, and the same files."""
    files = files_by_shard(work_dir)
    finished = set()
    for shard in shards:
        mark = marks.get(shard.number)
        if mark is None or mark.members != shard.members or mark.images != shard.images:
            continue
        if mark.versions and mark.versions != shard.versions:
            continue
        if mark.files is not None:
            whole = not [*differences(mark.files, files.get(shard.number, {}))]
        else:
            whole = count_rows(work_dir, files.get(shard.number, {})) == (mark.features, sum(mark.rejects.values()))
        if whole:
            finished.add(shard.number)
    return finished


def complete_marks(shards: Iterable[Shard], marks: Mapping[int, Mark], work_dir: str) -> None:
    """Add to the marks of finished shards what earlier versions did not record."""
    for shard in shards:
        mark = marks[shard.number]
        if mark.files is None or mark.versions != shard.versions:
            files = mark.files if mark.files is not None else shard_manifest(shard.number, work_dir)
            write_mark(work_dir, replace(mark, versions=shard.versions, files=files))


def shard_manifest(number: int, work_dir: str) -> dict[str, WrittenFile]:
    """The shard's files as they are now; they are all read."""
    return make_manifest(work_dir, [f"{table.name}/shard={number}" for table in (FEATURES, REJECTS)])


def remove_shards(numbers: Collection[int], work_dir: str) -> None:
    """Remove marks and rows of these shards: first the mark, so that a kill leaves no shard that seems finished."""
    for number in numbers:
        storage.remove(_mark_uri(work_dir, number))
        for table in (FEATURES, REJECTS):
            storage.remove(storage.join(work_dir, table.name, f"shard={number}"))


def remove_all(work_dir: str) -> None:
    """Remove both tables; the marks first, so that a kill in between leaves no shard that seems finished."""
    storage.remove(_marks_uri(work_dir))
    for table in (FEATURES, REJECTS):
        storage.remove(storage.join(work_dir, table.name))


def remove_leftovers(keep: Collection[int], marks: Mapping[int, Mark], work_dir: str) -> int:
    """Remove what belongs to no shard of `keep`, and what a killed run left; returns the finished shards among it."""
    here = {*marks, *shard_folders(FEATURES, work_dir), *shard_folders(REJECTS, work_dir)}
    remove_shards(here.difference(keep), work_dir)
    for table in (FEATURES, REJECTS):
        _remove_named(storage.join(work_dir, table.name), ".spark-staging-")
    for path in files_by_shard(work_dir).get(None, {}):
        logger.warning("features: %s was not written by this run and would be read as part of it; removed", path)
        storage.remove(storage.join(work_dir, path))
    remove_staged("extracted", work_dir)
    return len(set(marks).difference(keep))


def remove_staged(name: str, work_dir: str) -> None:
    """Remove what killed runs have left under `storage.staging_uri(work_dir, name)`."""
    _remove_named(storage.join(work_dir, "_staging"), f"{name}-")


def _remove_named(folder: str, prefix: str) -> None:
    for name in [*storage.names_in(folder, prefix=prefix)]:
        storage.remove(storage.join(folder, name))


def totals(marks: Iterable[Mark]) -> tuple[Counter[str], Counter[str]]:
    """(counts, seconds) over all marks: images, features, rejects and each reason; seconds by what they went to."""
    counts: Counter[str] = Counter({"images": 0, "features": 0, "rejects": 0})
    seconds: Counter[str] = Counter()
    for mark in marks:
        counts.update(images=mark.images, features=mark.features, rejects=sum(mark.rejects.values()))
        counts.update({f"rejects: {reason}": n for reason, n in mark.rejects.items()})
        for name, value in mark.seconds.items():
            seconds[name] += value  # type: ignore[assignment]
    return counts, seconds


def _marks_uri(work_dir: str) -> str:
    return storage.join(work_dir, FEATURES.name, "_shards")


def _read_all(uri: str, kind: type[T]) -> list[T]:
    """The content of the JSON files in a folder, if there is one, without files that are damaged or just removed."""
    uris = [storage.join(uri, name) for name in storage.names_in(uri) if name.endswith(".json")]
    with ThreadPoolExecutor(16) as pool:  # an object store answers slowly, but many at a time
        return [value for value in pool.map(lambda file: read_state(file, kind), uris) if value is not None]


def _failures_uri(work_dir: str) -> str:
    return storage.join(work_dir, FEATURES.name, "_failed")


def _failure_uri(work_dir: str, shard: int) -> str:
    return storage.join(_failures_uri(work_dir), f"{shard:05d}.json")


def retry_uri(work_dir: str, shard: int) -> str:
    """Where the list of the shard's photographs to compute again is."""
    return storage.join(work_dir, FEATURES.name, "_retry", f"{shard:05d}.json")


def _mark_uri(work_dir: str, shard: int) -> str:
    return storage.join(_marks_uri(work_dir), f"{shard:05d}.json")
