"""The locations with numbers in place of texts, so that a worker finds the area of many predictions at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

UNIT_COLUMNS = ("region", "area_id", "oa", "msoa", "district")

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Located:
    """The locations in the order of `ids`.

    unit: the number of each location's unit [n]: units are the smallest parts in which locations differ.
    region: the number of each location's region [n], its position in `regions`.
    """

    ids: pa.Array
    unit: Numbers
    region: Numbers
    regions: tuple[str, ...]

    def find(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        """The position of each id, -1 where there is no such location."""
        import pyarrow.compute as pc

        ends = pc.min_max(ids)
        if not ends["min"].is_valid:
            return np.full(len(ids), -1)
        # Files mostly have the order of the ids, so that few of them need be looked at.
        first = pc.sum(pc.less(self.ids, ends["min"])).as_py() or 0
        n = len(self.ids) - first - (pc.sum(pc.greater(self.ids, ends["max"])).as_py() or 0)
        found = pc.index_in(ids, value_set=self.ids.slice(first, n))
        return np.asarray(pc.fill_null(pc.add(found.cast("int64"), first), -1), np.int64)


def number_locations(locations: pa.Table) -> tuple[Located, pd.DataFrame]:
    """The locations, and UNIT_COLUMNS of each unit in the order of their numbers, null where a unit lacks a level.

    `locations` has `location_id` and UNIT_COLUMNS; those without an area are left out.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    known = locations.filter(pc.is_valid(locations["area_id"]))
    known = known.take(pc.sort_indices(known["location_id"])).combine_chunks()
    codes, names = {}, {}
    for name in UNIT_COLUMNS:
        encoded = _whole(known[name]).dictionary_encode()
        codes[name] = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        names[name] = np.array([*encoded.dictionary.to_pylist(), None], object)
    unit = pd.DataFrame(codes).groupby([*UNIT_COLUMNS], sort=False).ngroup().to_numpy()
    first = np.unique(unit, return_index=True)[1]
    units = pd.DataFrame({name: names[name][codes[name][first]] for name in UNIT_COLUMNS}, dtype=object)
    regions = tuple(names["region"][:-1])
    ids = _whole(known["location_id"]).cast(pa.string())
    return Located(ids, unit.astype(np.int32), codes["region"].astype(np.int32), regions), units


def _whole(column: pa.ChunkedArray) -> Any:
    import pyarrow as pa

    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], whole.type)
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole
