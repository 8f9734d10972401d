"""The pattern of file names, such as `{location_id}_{view}.jpg|png`, and reading names with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import normalize

from streetdeciles.config import ImagesConfig
from streetdeciles.ids.spelling import compose, normalise_ids, normalise_views
from streetdeciles.images.views import number_views

if TYPE_CHECKING:
    import pyarrow as pa

# A name that starts with a dot is a hidden file or a Mac's `._` twin of a photograph, never a photograph.
LOCATION_ID = r"[^/.][^/]*"
WHOLE = r"(?:[.]0+)?"
"""After a number: programs that compute headings may write 90.0 for 90."""
VIEW = rf"[0-9]+{WHOLE}|[A-Za-z]"
ANY_VIEW = r"[\pL\pN]+(?:[.][0-9]+)?"
"""What could be a view that `images.view_names` does not list; in RE2's syntax only."""

NAMED = "location_id string, view_name string, view int, matches boolean"


@dataclass(frozen=True)
class NamePattern:
    """A regular expression for paths relative to the folder of photographs.

    `regex` is in RE2's syntax and has the groups `location_id` and `view`.
    """

    regex: str
    has_view: bool


def name_pattern(pattern: str, view_names: Sequence[str] | None = None) -> NamePattern:
    """Matches `pattern` for files at any depth in the folder, with endings in upper or lower case.

    A slash in the pattern stands for a folder above the file.
    """
    return _name_pattern(pattern, VIEW if view_names is None else _one_of(view_names), lazy=view_names is not None)


def _one_of(view_names: Sequence[str]) -> str:
    """The longest first, so that `270` is not read as `0` after `27`; 90 may be written 090."""
    import pyarrow as pa

    longest_first = sorted(normalise_views(pa.array(view_names, pa.string())).to_pylist(), key=len, reverse=True)
    return f"(?i:{'|'.join(f'0*{name}{WHOLE}' if name.isdecimal() else re.escape(name) for name in longest_first)})"


def _name_pattern(pattern: str, view: str, *, lazy: bool) -> NamePattern:
    name, endings = normalize("NFC", pattern).rsplit(".", 1)
    parts = re.split(r"(\{location_id\}|\{view\})", name)
    # With known names the view is the longest that fits, so the location takes as little as it can.
    groups = {
        "{location_id}": f"(?P<location_id>{LOCATION_ID}{'?' if lazy else ''})",
        "{view}": f"(?P<view>{view})",
    }
    regex = "".join(groups.get(part, re.escape(part)) for part in parts)
    ending = "|".join(re.escape(ending) for ending in endings.split("|"))
    return NamePattern(
        regex=f"^(?s:.*/)?{regex}[.](?i:{ending})$",
        has_view="{view}" in parts,
    )


def name_batches(batches: Iterable[pa.RecordBatch], images: ImagesConfig) -> Iterator[pa.RecordBatch]:
    """The batches with the columns of NAMED added, from the column `relative`.

    `view_name` is also set for names of which only the view does not match; `view` is null for views that the config
    does not have.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    pattern = name_pattern(images.pattern, images.view_names)
    by_any_view = _name_pattern(images.pattern, ANY_VIEW, lazy=False)
    for batch in batches:
        names = compose(batch.column("relative"))
        parsed = pc.extract_regex(names, pattern.regex)
        location_id = normalise_ids(pc.struct_field(parsed, "location_id"))
        matches = pc.fill_null(pc.greater(pc.utf8_length(location_id), 0), False)
        location_id = pc.if_else(matches, location_id, pa.scalar(None, pa.string()))
        if pattern.has_view:
            view_name = pc.if_else(
                parsed.is_valid(),
                pc.struct_field(parsed, "view"),
                pc.struct_field(pc.extract_regex(names, by_any_view.regex), "view"),
            )
            view_name = normalise_views(view_name)
            view = number_views(view_name, images.view_names, images.views)
        else:
            view_name = pa.nulls(batch.num_rows, pa.string())
            view = pa.array([0] * batch.num_rows, pa.int32())
        arrays = [*batch.columns, location_id, view_name, view, matches]
        yield pa.RecordBatch.from_arrays(arrays, [*batch.schema.names, "location_id", "view_name", "view", "matches"])
