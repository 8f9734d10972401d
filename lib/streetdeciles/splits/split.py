"""The protocol of all splits. A new split is one file with such a class, and one line in `registry.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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


class Split(Protocol):
    """A way to hold locations out, with its numbers from the config."""

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

    def assign(self, areas: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        """The fold of each area: columns `area_id` and `fold`, sorted by `area_id`.

        A fold is a number from 0 that its models do not see, or `training_set.LEARNED` or `VALIDATED`.

        Args:
            areas: one row per area, in any order: `area_id` str, `stratum` (the class to be spread evenly; null is a
                class of its own), `n_locations` int >= 1.
            seed: decides which areas of equal size go together; the same seed gives the same folds on every machine.

        Raises:
            RunRefused: too few areas.
        """
        ...

    def held_out(self, outcome: str) -> str:
        """The condition that an outcome's model has not seen a row, in Spark SQL on the training set's columns."""
        ...

    def describe(self, areas: pd.DataFrame, folds: pd.DataFrame) -> str:
        """The numbers of areas and locations in each part, for the stage's report; `folds` comes from `assign`."""
        ...


UNSEEN = "models that had not seen the area", "a model that had not seen its area"
"""`ReportWords.models` and `model` for splits that hold out whole areas."""


def sizes_by_fold(areas: pd.DataFrame, folds: pd.DataFrame) -> dict[int, str]:
    """The text "<areas> and <locations>" of each fold, in the order of the folds."""
    joined = areas.merge(folds, on="area_id").groupby("fold")["n_locations"].agg(["count", "sum"])
    return {int(fold): f"{n_areas} and {n}" for fold, n_areas, n in joined.itertuples()}
