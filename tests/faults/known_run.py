"""A run whose tables are known, and the same run as it was before any of its stages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any

import pyarrow.parquet as pq
import yaml
from small_site import SmallSite

from real_command import streetdeciles
from small_run import COORDINATES, make_small_run, photograph
from streetdeciles import run_log
from streetdeciles.features import ledger
from streetdeciles.stages import STAGE_NAMES, STAGES, stages_from

VIEWS = 16
PER_PLACE = 2
"""Locations at each of the small run's places; their photographs take two waves on a small cluster."""

WITHIN_S = 900.0
NOT_TABLES = ("models", "report.html", "training_set.h5", "training_set.csv", "training_set_parts")
BY_MARK = ("features", "rejects")
"""Tables whose readers take only the shards that are marked as finished."""


@dataclass(frozen=True)
class KnownRun:
    """An undisturbed run up to its stage `last`, on a cluster like those that will suffer."""

    config: Path
    work_dir: Path
    last: str
    seconds: dict[str, float]
    """By stage."""
    start_s: float
    """What the command took beside its stages: Python, the JVM, the session."""

    def before(self, stage: str, work_dir: Path) -> None:
        """Make `work_dir` that of a run of which `stage` is the next to begin."""
        shutil.copytree(self.work_dir, work_dir)
        _forget_from(stage, work_dir)

    def after(self, stage: str, work_dir: Path) -> None:
        """Make `work_dir` that of a run that has ended after `stage`."""
        shutil.copytree(self.work_dir, work_dir)
        later = stages_from(stage)[1:]
        if later:
            _forget_from(later[0], work_dir)

    def with_work_dir(self, work_dir: Path, spark: dict[str, Any]) -> Path:
        """A config like that of this run, for a run elsewhere."""
        values = yaml.safe_load(self.config.read_text()) | {"work_dir": str(work_dir), "spark": spark}
        path = self.config.with_name(f"{work_dir.parent.name}.yaml")
        path.write_text(yaml.safe_dump(values))
        return path

    def rows(self) -> dict[str, int]:
        return rows_of_tables(self.work_dir)


def make_known_run(folder: Path, site: SmallSite, last: str) -> KnownRun:
    run = make_small_run(folder)
    _write_photographs(folder)
    run.set(images={"views": VIEWS, "shard_size": 24}, dataset={"outcomes": ["imd"]}, spark=site.settings)
    start = time.monotonic()
    with streetdeciles("run", "--to", last, config=run.config) as command:
        assert command.process.wait(WITHIN_S) == 0, command.output
    took = time.monotonic() - start
    marks = {name: run_log.read_mark(str(run.work_dir), name) for name in STAGE_NAMES}
    seconds = {name: mark.seconds for name, mark in marks.items() if mark is not None}
    return KnownRun(run.config, run.work_dir, last, seconds, took - sum(seconds.values()))


def _write_photographs(folder: Path) -> None:
    places = [f"{latitude},{longitude}" for latitude, longitude in COORDINATES] * PER_PLACE
    rows = [f"{number:05d},{place}\n" for number, place in enumerate(places)]
    (folder / "locations.csv").write_text("location_id,latitude,longitude\n" + "".join(rows))
    for number in range(len(rows)):
        for view in range(VIEWS):
            name = f"{number:05d}_{view}"
            (folder / "photographs" / f"{name}.jpg").write_bytes(photograph(name))


def _forget_from(stage: str, work_dir: Path) -> None:
    later = [one for one in STAGES if one.name in stages_from(stage)]
    for one in later:
        run_log.forget(str(work_dir), one.name)
        for name in (*one.writes, *one.may_write):
            path = work_dir / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def rows_of_tables(work_dir: Path) -> dict[str, int]:
    """By folder of Parquet files, the rows that a reader would find there now; -1 where a file is not whole."""
    rows: dict[str, int] = {}
    finished = {f"shard={number}" for number in ledger.read_marks(str(work_dir))}
    names = {name for stage in STAGES for name in (*stage.writes, *stage.may_write)} - {*NOT_TABLES}
    for name in names:
        for file in (work_dir / name).rglob("*.parquet"):
            inner = file.relative_to(work_dir).parts
            if any(part.startswith(("_", ".")) for part in inner):
                continue
            if name in BY_MARK and inner[1] not in finished:
                continue
            folder = str(file.parent.relative_to(work_dir))
            try:
                n = pq.ParquetFile(file).metadata.num_rows
            except FileNotFoundError:  # a table that is replaced at this moment
                continue
            except Exception:  # whatever pyarrow says of half a file
                n = -1
            rows[folder] = n if n < 0 else rows.get(folder, 0) + n
    return rows


class Reader:
    """Looks again and again at what a reader of the run's tables would find, and keeps what should not be there."""

    def __init__(self, work_dir: Path, known: dict[str, int]) -> None:
        self._work_dir, self._known = work_dir, known
        self._ended = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self.wrong: list[str] = []

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            self.wrong += [*self._different()]

    def _different(self) -> Iterator[str]:
        for folder, n in rows_of_tables(self._work_dir).items():
            if n != self._known.get(folder):
                # A shard that is committed again loses its mark first, perhaps since the marks were read.
                if folder.startswith(BY_MARK) and rows_of_tables(self._work_dir).get(folder) in (
                    None,
                    self._known.get(folder),
                ):
                    continue
                yield f"{folder}: {n} rows, {self._known.get(folder)} expected"
