"""The areas of the rows of a training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles.training_set.reader import open_training_set

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RowAreas:
    """The areas of the rows of a training set; what a split keeps together may hold several of them.

    keys: a frame of `region`, `area_id` and `block`, sorted by the first two; number: int64 [rows], the place of each
    row's area in `keys`.
    """

    keys: pd.DataFrame
    number: npt.NDArray[np.int64]


def read_row_areas(uri: str, n_rows: int) -> RowAreas:
    """The areas of the training set at `uri`, which has `n_rows`."""
    import pandas as pd

    known: dict[tuple[str, str], tuple[int, int]] = {}
    number = np.zeros(n_rows, np.int64)
    for batch in open_training_set(uri, ["row_number", "region", "area_id", "block"]):
        areas = zip(batch["region"], batch["area_id"], strict=True)
        numbered = [
            known.setdefault(area, (len(known), block))[0]
            for area, block in zip(areas, batch["block"].tolist(), strict=True)
        ]
        number[batch["row_number"]] = numbered
    in_order = sorted(known)
    place = np.empty(len(in_order), np.int64)
    place[[known[area][0] for area in in_order]] = np.arange(len(in_order))
    keys = pd.DataFrame(in_order, columns=["region", "area_id"])
    return RowAreas(keys.assign(block=[known[area][1] for area in in_order]), place[number])
