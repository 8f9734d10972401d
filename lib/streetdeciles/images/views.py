"""Views by their names: numbers from 0, letters from a, or the words of `images.view_names`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from streetdeciles.ids.spelling import normalise_ids

if TYPE_CHECKING:
    import pyarrow as pa

MAX_VIEWS = 16


def normalise_views(names: pa.Array) -> pa.Array:
    """In lower case and without blanks around; whole numbers as 90, not 090 or 90.0."""
    import pyarrow.compute as pc

    lower = pc.utf8_lower(normalise_ids(names))
    return pc.replace_substring_regex(lower, pattern=r"^0*([0-9]+)([.]0+)?$", replacement=r"\1")


def number_views(names: pa.Array, view_names: Sequence[str] | None, views: int) -> pa.Array:
    """int32: the place of each normalised name in `view_names`; null where it has none.

    Without `view_names` the views are 0, 1, 2 … or a, b, c … up to `views` of them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known = [*map(str, range(views))] if view_names is None else normalise_views(pa.array(view_names)).to_pylist()
    places = pc.index_in(names, value_set=pa.array(known, pa.string()))
    if view_names is None:
        letters = pa.array([*ascii_lowercase[:views]], pa.string())
        places = pc.coalesce(places, pc.index_in(names, value_set=letters))
    return pc.if_else(pc.is_valid(names), places, pa.scalar(None, pa.int32()))


def advise(seen: Mapping[str, int]) -> str:
    """What to write for `images.view_names`, given how many photographs have a view of each name."""
    names = [name for name, _ in Counter(seen).most_common()]
    if all(name.isdecimal() for name in names):
        names = sorted(names, key=int)
    if len(names) <= MAX_VIEWS:
        return f"the views are called {', '.join(names)}: set images.view_names: [{', '.join(names)}]"
    return (
        f"the views are called {', '.join(names[:MAX_VIEWS])} and so on: set images.view_names to those to use, "
        f"at most {MAX_VIEWS}, or correct images.pattern"
    )
