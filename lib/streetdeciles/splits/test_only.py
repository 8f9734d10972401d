"""The split `test_only`: the models of another run (`prediction.models`) predict every location."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.splits.split import Needs, ReportWords, sizes_by_fold
from streetdeciles.splits.train_only import all_to_learn_from
from streetdeciles.stages import TRAINING_STAGE

if TYPE_CHECKING:
    import pandas as pd

ELSEWHERE = "models that were trained elsewhere"


@dataclass(frozen=True)
class TestOnly:
    __test__ = False  # tells pytest that this is not a test

    needs = Needs.NOTHING
    skipped_stages = (TRAINING_STAGE,)
    why_skipped = "prediction.models is set, so this run trains nothing; remove it from the config to train"
    report_words = ReportWords(
        ELSEWHERE,
        f"the mean of {ELSEWHERE}",
        "Every location",
        "not known: every location is predicted by models of another run",
    )

    def assign(self, units: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        return all_to_learn_from(units)

    def held_out(self, outcome: str) -> str:
        return "true"

    def describe(self, units: pd.DataFrame, folds: pd.DataFrame) -> str:
        sizes = ", ".join(sizes_by_fold(units, folds).values())
        return f"areas and locations of the split test_only: {sizes}; the models of another run predict all"
