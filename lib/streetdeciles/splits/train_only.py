"""The split `train_only`: models learn from every location, and the run ends with the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.splits.split import Needs, ReportWords, assigned, sizes_by_fold
from streetdeciles.stages import PREDICTION_STAGE, stages_from
from streetdeciles.training_set.fold_codes import LEARNED

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TrainOnly:
    needs = Needs.NOTHING
    skipped_stages = stages_from(PREDICTION_STAGE)
    why_skipped = (
        "dataset.split train_only holds nothing out, so there is nothing to predict or to measure; use another split, "
        "or use the models in another run as prediction.models"
    )
    report_words = ReportWords("no model", "no model", "No location", "train_only: nothing is held out")

    def assign(self, units: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        return all_to_learn_from(units)

    def held_out(self, outcome: str) -> str:
        return "false"

    def describe(self, units: pd.DataFrame, folds: pd.DataFrame) -> str:
        sizes = ", ".join(sizes_by_fold(units, folds).values())
        return f"areas and locations of the split train_only: {sizes}; all to learn from, none is held out"


def all_to_learn_from(units: pd.DataFrame) -> pd.DataFrame:
    """Assign every unit to LEARNED."""
    return assigned(units["unit"].unique(), LEARNED)
