"""The progress of a training on disk: a killed training continues from it and ends with the same models."""

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
from streetdeciles.backbones.weights import write_npz
from streetdeciles.state_files import read_state
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.history import HistoryRow

WRITING_SHARE = 0.05
"""At most this share of the time is spent on checkpoints. If epochs take seconds, only some write one."""

CHECKPOINTS = ("_cache", "training_checkpoints")
"""The folder of the checkpoints in a run's work_dir."""

ABOUT = "about"

UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise on damaged files."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingState:
    """After the last epoch in `history`: everything that decides how the training continues, as arrays by name."""

    history: list[HistoryRow]
    arrays: dict[str, npt.NDArray[Any]]


class Checkpoint:
    """The state of one round, in a file that is written whole or not at all; `key` identifies the training."""

    def __init__(self, uri: str, key: str) -> None:
        self.uri = uri
        self.key = key
        self._written_at = 0.0
        self._seconds = 0.0

    def read(self) -> TrainingState | None:
        """The saved state; None if there is none, or if the log says why it is ignored."""
        fs, path = storage.filesystem(self.uri)
        if not fs.exists(path):
            return None
        try:
            with fs.open(path, "rb") as file, np.load(file, allow_pickle=False) as saved:
                about = json.loads(saved[ABOUT].tobytes())
                if about["key"] != self.key:
                    logger.info("training: ignored %s, which has other settings or another training set", self.uri)
                    return None
                arrays = {name: saved[name] for name in saved.files if name != ABOUT}
        except UNREADABLE as error:
            logger.info("training: ignored %s, which cannot be read (%s)", self.uri, error)
            return None
        return TrainingState([HistoryRow(*row)._replace(val_scores=tuple(row[-1])) for row in about["history"]], arrays)

    def due(self) -> bool:
        """Whether a checkpoint may be written now, in view of WRITING_SHARE."""
        return time.monotonic() - self._written_at >= self._seconds / WRITING_SHARE

    def write(self, state: TrainingState) -> None:
        """Replace the file by `state`."""
        start = time.monotonic()
        about = json.dumps({"key": self.key, "history": state.history}).encode()
        unfinished = f"{self.uri}.unfinished"  # always the same name, so that kills leave at most one such file
        write_npz([(ABOUT, np.frombuffer(about, np.uint8)), *state.arrays.items()], unfinished)
        storage.sync(unfinished)
        fs, path = storage.filesystem(self.uri)
        fs.mv(storage.filesystem(unfinished)[1], path)
        self._written_at = time.monotonic()
        self._seconds = self._written_at - start


@dataclass(frozen=True)
class _Rounds:
    key: str
    rounds: list[tuple[list[int], list[int]]]
    """For each round the indices of its folds and of its outcomes."""


class Checkpoints:
    """The checkpoints of all rounds of a training, in a folder of their own.

    The rounds are saved too: a new plan, with more or less free memory, would divide the models differently.
    """

    def __init__(self, folder: str, key: str) -> None:
        self.folder = folder
        self.key = key

    def rounds(self, assignments: Assignments, plan: Callable[[], Sequence[Assignments]]) -> list[Assignments]:
        """The saved rounds, if they belong to this training; else the rounds of `plan`."""
        uri = storage.join(self.folder, "rounds.json")
        saved = read_state(uri, _Rounds)
        if saved is not None:
            if saved.key == self.key:
                return [assignments.part(folds, outcomes) for folds, outcomes in saved.rounds]
            logger.info("training: ignored %s, which has other settings or another training set", self.folder)
        storage.remove(self.folder)
        rounds = list(plan())
        indices = [
            ([assignments.folds.index(f) for f in part.folds], [assignments.outcomes.index(o) for o in part.outcomes])
            for part in rounds
        ]
        storage.write_json(uri, {"key": self.key, "rounds": indices})
        return rounds

    def of_round(self, number: int) -> Checkpoint:
        """The checkpoint of a round, from 0."""
        return Checkpoint(storage.join(self.folder, f"round-{number}.npz"), self.key)
