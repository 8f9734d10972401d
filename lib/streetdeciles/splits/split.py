"""The protocol of all splits. A new split is one file with such a class, and one line in `registry.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ReportWords:
    """The words of the report for a split.

    `models` completes "predicted by …", and `model` does so for a single location; `locations` completes
    "… was predicted by"; `setting` is a line of the run's settings; `figure` is an optional tile at the top.
    """

    models: str
    model: str
    locations: str
    setting: str
    figure: tuple[str, str] | None = None


class Needs(Enum):
    """What a split must know of the units besides their sizes."""

    NOTHING = "nothing"
    SHAPES = "the column `shape`: a shapely geometry in WGS84 degrees, or None"
    USER_FOLDS = "the column `user_fold`: a value of the user's column, or None"


class Split(Protocol):
    """A way to hold locations out, with its numbers from the config."""

    @property
    def needs(self) -> Needs:
        """What `assign` must know of the units besides their sizes."""
        ...

    @property
    def skipped_stages(self) -> tuple[str, ...]:
        """The stages that do not run with this split."""
        ...

    @property
    def why_skipped(self) -> str:
        """The message for a user who asks for a skipped stage; empty if no stage is skipped."""
        ...

    @property
    def report_words(self) -> ReportWords:
        """The words of the report."""
        ...

    def assign(self, units: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        """The fold of each unit, with the columns of `assigned`.

        A fold is a number from 0 that its models do not see, or `training_set.LEARNED` or `VALIDATED`.

        Args:
            units: what is never divided: areas, or what `dataset.split_level` says. One row per unit and class, in any
                order: `unit` str, `stratum` (the class to be spread evenly; null is a class of its own), `n_locations`
                int >= 1, `region` str, and what the split `needs`.
            seed: decides which units of equal size go together; the same seed gives the same folds on every machine.

        Raises:
            RunRefused: too few units.
        """
        ...

    def held_out(self, outcome: str) -> str:
        """The condition that an outcome's model has not seen a row, in Spark SQL on the training set's columns."""
        ...

    def describe(self, units: pd.DataFrame, folds: pd.DataFrame) -> str:
        """The numbers of areas and locations in each part, for the stage's report; `folds` comes from `assign`."""
        ...


NO_BLOCK = -1
"""The block of a unit in a split without blocks."""

UNSEEN = "models that had not seen the area", "a model that had not seen its area"
"""`ReportWords.models` and `model` for splits that hold out whole areas."""


def assigned(
    ids: Sequence[Any] | npt.NDArray[Any],
    fold: npt.NDArray[Any] | int,
    block: npt.NDArray[np.int64] | int = NO_BLOCK,
    buffer_of: Sequence[list[int]] | None = None,
) -> pd.DataFrame:
    """What `Split.assign` returns: `unit`, `fold`, `block` (NO_BLOCK without blocks) and `buffer_of`, sorted by `unit`.

    `buffer_of` lists the folds whose models do not learn from the unit although it is in another fold.
    """
    import pandas as pd

    frame = pd.DataFrame({"unit": ids}).assign(fold=fold, block=block)
    frame["buffer_of"] = [[] for _ in range(len(frame))] if buffer_of is None else buffer_of
    frame = frame.astype({"fold": "int32", "block": "int32"})
    return frame.sort_values("unit", ignore_index=True)


def sizes_by_fold(units: pd.DataFrame, folds: pd.DataFrame) -> dict[int, str]:
    """The text "<units> and <locations>" of each fold, in the order of the folds."""
    joined = units.merge(folds, on="unit").groupby("fold").agg(n=("unit", "nunique"), size=("n_locations", "sum"))
    return {int(fold): f"{n_units} and {n}" for fold, n_units, n in joined.itertuples()}
