"""The split `column`: the user's folds, from a column of the locations or of a table of areas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.errors import RunRefused
from streetdeciles.splits.split import UNSEEN, Needs, ReportWords, assigned, sizes_by_fold
from streetdeciles.training_set.fold_codes import LEARNED

if TYPE_CHECKING:
    import pandas as pd

MAX_FOLDS = 100
NUMBER = re.compile("[0-9]{1,3}")


@dataclass(frozen=True)
class Column:
    """A fold for each value of the column `name`; all models learn from units without a value."""

    name: str

    needs = Needs.USER_FOLDS
    skipped_stages = ()
    why_skipped = ""

    @property
    def report_words(self) -> ReportWords:
        return ReportWords(
            *UNSEEN,
            f"Every location of an area with a value in the column {self.name}, and no other,",
            f"one fold for each value of the column {self.name}; all locations of an area are in one",
        )

    def assign(self, units: pd.DataFrame, *, seed: int) -> pd.DataFrame:
        values = units.drop_duplicates("unit").set_index("unit")["user_fold"]
        numbers = fold_numbers(self.name, values.dropna().unique().tolist())
        fold = values.map(numbers).fillna(LEARNED).astype(int)
        if (fold == LEARNED).all() or fold.nunique() < 2:
            raise RunRefused(
                f"dataset.fold_column: all areas with photographs have the same value of {self.name}, or none; "
                "at least two are needed, so that models can learn from one part and predict the other"
            )
        return assigned(values.index.to_numpy(), fold.to_numpy())

    def held_out(self, outcome: str) -> str:
        return "fold >= 0"

    def describe(self, units: pd.DataFrame, folds: pd.DataFrame) -> str:
        values = units.drop_duplicates("unit").merge(folds, on="unit").drop_duplicates("fold").set_index("fold")
        sizes = sizes_by_fold(units, folds)
        without = sizes.pop(LEARNED, "")
        names = values["user_fold"].to_dict()
        parts = [f"{size} in {names[fold]}" for fold, size in sizes.items()]
        text = f"areas and locations of the {len(sizes)} folds in the column {self.name}: {', '.join(parts)}"
        return f"{text}; {without} without a value, which every model learns from" if without else text


def fold_numbers(column: str, values: list[str]) -> dict[str, int]:
    """The fold of each value: the number that it is if all are whole numbers, else its position in their order.

    Raises:
        RunRefused: more than MAX_FOLDS values.
    """
    if len(values) > MAX_FOLDS:
        raise RunRefused(
            f"dataset.fold_column: {column} has {len(values)} different values; expected at most {MAX_FOLDS}"
        )
    if all(NUMBER.fullmatch(value) for value in values) and len({*map(int, values)}) == len(values):
        return {value: int(value) for value in values}
    return {value: number for number, value in enumerate(sorted(values))}
