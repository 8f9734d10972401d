"""Ids that do not match and look alike: what a spreadsheet, another system or a hurried hand makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from streetdeciles.ids.spelling import normalise_ids
from streetdeciles.queries import query

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

SEVERAL = "several of case, accents, zeros, .0 and punctuation"
KEYS = "id string, loose string, spellings array<string>"


@dataclass(frozen=True)
class Lookalikes:
    """Ids of two sides that differ in one way only."""

    difference: str
    n_left: int
    n_right: int
    example: tuple[str, str]

    def between(self, left: str, right: str) -> str:
        """A clause such as `3 locations and 3 photographs differ by leading zeros, e.g. 12 / 00012`."""
        return (
            f"{self.n_left:,} {left} and {self.n_right:,} {right} differ by {self.difference}, "
            f"e.g. {self.example[0]} / {self.example[1]}"
        )


def find_lookalikes(left: DataFrame, right: DataFrame) -> list[Lookalikes]:
    """Rows of `left` and `right` (the first column of each is an id) that are alike but for their spelling.

    The largest group comes first. No id may be in both frames: it would be alike too.
    """
    sides = {name: _with_keys(frame) for name, frame in (("left", left), ("right", right))}
    arguments = {"steps": "|".join(_steps()), "several": SEVERAL}
    counted = query("streetdeciles.ids", "lookalikes", arguments, **sides).collect()
    return [Lookalikes(row["difference"], row["n_left"], row["n_right"], tuple(row["example"])) for row in counted]


def _with_keys(frame: DataFrame) -> DataFrame:
    return frame.selectExpr(f"`{frame.columns[0]}` AS id").mapInArrow(key_batches, KEYS)


def key_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The column `id` with the columns of KEYS; `spellings` are what each step alone makes of the id."""
    import pyarrow as pa

    for batch in batches:
        ids = normalise_ids(batch.column("id"))
        each = [step(ids) for step in _steps().values()]
        spellings = [list(texts) for texts in zip(*(array.to_pylist() for array in each), strict=True)]
        arrays = [batch.column("id"), loose_spelling(ids), pa.array(spellings, pa.list_(pa.string()))]
        yield pa.RecordBatch.from_arrays(arrays, ["id", "loose", "spellings"])


def loose_spelling(ids: pa.Array) -> pa.Array:
    """The ids with all that is lost or added on the way through other programs taken away; '' if nothing is left."""
    for step in _steps().values():
        ids = step(ids)
    return ids


def _steps() -> dict[str, Callable[[pa.Array], pa.Array]]:
    """By the words for a difference what makes it disappear, in the order in which the loose spelling takes them."""
    import pyarrow.compute as pc

    def replace(pattern: str, replacement: str) -> Callable[[pa.Array], pa.Array]:
        return partial(pc.replace_substring_regex, pattern=pattern, replacement=replacement)

    def without_accents(ids: pa.Array) -> pa.Array:
        return replace(r"\p{M}+", "")(pc.utf8_normalize(ids, "NFKD"))

    return {
        "upper and lower case": pc.utf8_lower,
        "accents": without_accents,
        "an exponent": _without_exponents,
        "separators of thousands": _without_thousands,
        "a .0 at the end": replace(r"[.,]0+$", ""),
        "leading zeros": replace(r"(^|[^0-9])0+([0-9])", r"\1\2"),
        "punctuation or blanks": replace(r"[^\p{L}\p{N}]+", ""),
    }


def _without_exponents(ids: pa.Array) -> pa.Array:
    """1e3 and 1.5e+03 as the numbers that a spreadsheet takes them for, and the other way round."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.fill_null(pc.match_substring_regex(ids, r"^[0-9]+([.][0-9]+)?[eE][+]?[0-9]{1,2}$"), fill_value=False)
    if not pc.any(numbers).as_py():
        return ids
    texts = zip(ids.to_pylist(), numbers.to_pylist(), strict=True)
    return pa.array([f"{Decimal(text):f}" if is_number else text for text, is_number in texts], pa.string())


def _without_thousands(ids: pa.Array) -> pa.Array:
    """12,345 and 12'345 without what parts the thousands."""
    import pyarrow.compute as pc

    numbers = pc.match_substring_regex(ids, r"^[0-9]{1,3}([,'’ ][0-9]{3})+([.][0-9]+)?$")
    return pc.if_else(numbers, pc.replace_substring_regex(ids, r"[,'’ ]", ""), ids)


def describe(alike: Sequence[Lookalikes], left: str, right: str) -> str:
    """One clause for each way in which ids differ; '' for none."""
    return "; ".join(lookalikes.between(left, right) for lookalikes in alike)
