"""Views by their names: numbers from 0, letters from a, or the words of `images.view_names`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from streetdeciles.config import ImagesConfig
from streetdeciles.config.images import MAX_VIEWS
from streetdeciles.ids.spelling import normalise_columns, normalise_views

if TYPE_CHECKING:
    import pyarrow as pa

COMPASS = ("n", "ne", "e", "se", "s", "sw", "w", "nw", "north", "east", "south", "west")


def number_views(names: pa.Array, view_names: Sequence[str] | None, views: int) -> pa.Array:
    """int32: the index of each normalised name in `view_names`, or null.

    Without `view_names`, the first `views` of 0, 1, 2 … and of a, b, c … are views.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.array(map(str, range(views)) if view_names is None else view_names, pa.string())
    indices = pc.index_in(names, value_set=normalise_views(known))
    if view_names is None:
        letters = pa.array([*ascii_lowercase[:views]], pa.string())
        indices = pc.coalesce(indices, pc.index_in(names, value_set=letters))
    return pc.if_else(pc.is_valid(names), indices, pa.scalar(None, pa.int32()))


def view_batches(batches: Iterable[pa.RecordBatch], images: ImagesConfig) -> Iterator[pa.RecordBatch]:
    """Rows of the table of photographs with normalised `location_id`; `view` (int) and `view_name` come from `view`."""
    import pyarrow as pa

    for batch in normalise_columns(batches, ids=["location_id"]):
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns["view_name"] = normalise_views(columns["view"])
        columns["view"] = number_views(columns["view_name"], images.view_names, images.views)
        yield pa.RecordBatch.from_arrays([*columns.values()], [*columns])


def explain(images: ImagesConfig) -> str:
    """Which views the config allows, in words for the table left_out."""
    if images.view_names is None:
        return f"images.views is {images.views}"
    return f"images.view_names is {', '.join(images.view_names)}"


def advise(names: Sequence[str]) -> str:
    """What to set `images.view_names` to, from the names of views in the photographs."""
    if all(name.isdecimal() for name in names):
        names = sorted(names, key=int)
    elif all(name in COMPASS for name in names):
        names = sorted(names, key=COMPASS.index)
    if len(names) <= MAX_VIEWS:
        return f"the views are called {', '.join(names)}: set images.view_names: [{', '.join(names)}]"
    return (
        f"the views are called {', '.join(names[:MAX_VIEWS])} and so on: set images.view_names to those to use, "
        f"at most {MAX_VIEWS}, or correct images.pattern"
    )
