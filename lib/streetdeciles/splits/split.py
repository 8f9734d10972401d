"""What every split can do. A new split is one file with such a class, and a line in `registry.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ReportWords:
    """What the report says of the split.

    `models` ends "predicted by …"; `model` says the same of one location; `locations` begins "… was predicted by";
    `setting` is a line of the run's settings; `figure` is a tile at the top, if any.
    """

    models: str
    model: str
    locations: str
    setting: str
    figure: tuple[str, str] | None = None


class Split(Protocol):
    """One way of holding locations out, with its numbers from the config."""

    @property
    def skipped_stages(self) -> tuple[str, ...]:
        """The stages that have nothing to do with this split."""
        ...

    @property
    def why_skipped(self) -> str:
        """What a user who asks for a skipped stage reads; empty where there are none."""
        ...

    @property
    def report_words(self) -> ReportWords: ...

    def assign(self, areas: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        """The fold of each area: columns `area_id` and `fold`, sorted by `area_id`.

        A fold is a number from 0 that its models do not see, or `training_set.LEARNED` or `VALIDATED`.

        Args:
            areas: one row per area, in any order: `area_id` str, `stratum` (the class to be spread evenly; null is a
                class of its own), `n_locations` int >= 1.
            seed: which areas of equal size go together; the same seed gives the same folds on every machine.

        Raises:
            RunRefused: too few areas.
        """
        ...

    def held_out(self, outcome: str) -> str:
        """The condition, in Spark SQL on the training set's columns, that an outcome's model has not seen a row."""
        ...

    def describe(self, areas: pd.DataFrame, folds: pd.DataFrame) -> str:
        """How many areas and locations are in each part, for the stage's report; `folds` is what `assign` returned."""
        ...


UNSEEN = "models that had not seen the area", "a model that had not seen its area"
"""`ReportWords.models` and `model` where whole areas are held out."""


def sizes_by_fold(areas: pd.DataFrame, folds: pd.DataFrame) -> dict[int, str]:
    """The text "<areas> and <locations>" of each fold, in the order of the folds."""
    joined = areas.merge(folds, on="area_id").groupby("fold")["n_locations"].agg(["count", "sum"])
    return {int(fold): f"{n_areas} and {n}" for fold, n_areas, n in joined.itertuples()}
