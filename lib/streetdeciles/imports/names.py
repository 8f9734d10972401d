"""The location_id in the name of a NumPy file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles.ids.spelling import normalise_ids

if TYPE_CHECKING:
    import pyarrow as pa

STEM = r"^(?s:.*/)?(?P<location_id>[^/.][^/]*)[.](?i:npy|npz)$"
"""RE2. A name that starts with a dot is a hidden file."""


def ids_in_names(names: pa.Array) -> list[str | None]:
    """The id in each name or path such as `north/00012.npy`; None for names of other files."""
    import pyarrow.compute as pc

    ids = normalise_ids(pc.struct_field(pc.extract_regex(names, STEM), "location_id"))
    return [location_id or None for location_id in ids.to_pylist()]
