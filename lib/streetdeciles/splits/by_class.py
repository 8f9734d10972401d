"""The split `by_class` holds out the locations of some deciles from the single model of each outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.splits.split import Needs, ReportWords, sizes_by_fold
from streetdeciles.splits.train_only import all_to_learn_from

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ByClass:
    held_out_deciles: tuple[int, ...]

    needs = Needs.NOTHING
    skipped_stages = ()
    why_skipped = ""

    @property
    def report_words(self) -> ReportWords:
        deciles = " or ".join(map(str, sorted(self.held_out_deciles)))
        return ReportWords(
            f"models that had seen no location of decile {deciles}",
            f"a model that had seen no location of decile {deciles}",
            f"Every location whose true decile is {deciles}, and no other,",
            f"by class: locations of decile {deciles} are held out",
            (f"{len(self.held_out_deciles)}", "of ten deciles held out"),
        )

    def assign(self, units: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        return all_to_learn_from(units)

    def held_out(self, outcome: str) -> str:
        return f"coalesce(`{outcome}` IN ({', '.join(map(str, self.held_out_deciles))}), false)"

    def describe(self, units: pd.DataFrame, folds: pd.DataFrame) -> str:
        sizes = ", ".join(sizes_by_fold(units, folds).values())
        return (
            f"areas and locations of the split by_class: {sizes}; the held-out locations depend on the outcome's decile"
        )
