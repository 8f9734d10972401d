"""How far a training is, on disk: one that was killed goes on from there and ends as if nothing had happened."""

from __future__ import annotations

import json
import logging
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.history import HistoryRow

WRITING_SHARE = 0.05
"""Of the time at most goes on checkpoints. Where an epoch takes seconds, only some are followed by one."""

CHECKPOINTS = ("_cache", "training_checkpoints")
"""Their folder in a run's work_dir."""

ABOUT = "about"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingState:
    """After some epoch, the last of `history`: all that decides how the training goes on, as arrays by name."""

    history: list[HistoryRow]
    arrays: dict[str, npt.NDArray[Any]]


class Checkpoint:
    """The state of one round, in one file that is written whole or not at all; `key` says what it is a state of."""

    def __init__(self, uri: str, key: str) -> None:
        self.uri = uri
        self.key = key
        self._written_at = 0.0
        self._seconds = 0.0

    def read(self) -> TrainingState | None:
        """The state to go on from; None where there is none, or one that cannot be used, which the log says."""
        fs, path = storage.filesystem(self.uri)
        if not fs.exists(path):
            return None
        try:
            with fs.open(path, "rb") as file, np.load(file, allow_pickle=False) as saved:
                about = json.loads(saved[ABOUT].tobytes())
                if about["key"] != self.key:
                    logger.info("training: %s is of other settings or another training set; it is ignored", self.uri)
                    return None
                arrays = {name: saved[name] for name in saved.files if name != ABOUT}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            logger.info("training: %s cannot be read (%s); it is ignored", self.uri, error)
            return None
        return TrainingState([HistoryRow(*row)._replace(val_scores=tuple(row[-1])) for row in about["history"]], arrays)

    def due(self) -> bool:
        return time.monotonic() - self._written_at >= self._seconds / WRITING_SHARE

    def write(self, state: TrainingState) -> None:
        start = time.monotonic()
        about = json.dumps({"key": self.key, "history": state.history}).encode()
        fs, path = storage.filesystem(self.uri)
        fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        unfinished = f"{path}.unfinished"  # one name, so that kills leave one such file at most
        with fs.open(unfinished, "wb") as file:
            np.savez(file, **{ABOUT: np.frombuffer(about, np.uint8)}, **state.arrays)
        fs.mv(unfinished, path)
        self._written_at = time.monotonic()
        self._seconds = self._written_at - start


class Checkpoints:
    """Those of all rounds of a training, in a folder of their own.

    The rounds are kept too: a plan made anew, with other memory free, would part the models otherwise.
    """

    def __init__(self, folder: str, key: str) -> None:
        self.folder = folder
        self.key = key

    def rounds(self, assignments: Assignments, plan: Callable[[], Sequence[Assignments]]) -> list[Assignments]:
        """The rounds of the training that was killed, if it was this one, else those of `plan`."""
        uri = storage.join(self.folder, "rounds.json")
        if storage.exists(uri):
            kept = storage.read_json(uri)
            if kept["key"] == self.key:
                return [assignments.part(folds, outcomes) for folds, outcomes in kept["rounds"]]
            logger.info("training: %s is of other settings or another training set; it is ignored", self.folder)
        storage.remove(self.folder)
        rounds = list(plan())
        places = [
            ([assignments.folds.index(f) for f in part.folds], [assignments.outcomes.index(o) for o in part.outcomes])
            for part in rounds
        ]
        storage.write_json(uri, {"key": self.key, "rounds": places})
        return rounds

    def of_round(self, number: int) -> Checkpoint:
        return Checkpoint(storage.join(self.folder, f"round-{number}.npz"), self.key)
