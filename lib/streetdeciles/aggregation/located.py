"""The locations with numbers in place of texts, so that a worker finds the area of many predictions at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

UNIT_COLUMNS = ("region", "area_id", "oa", "msoa", "district")
"""Units are the smallest parts in which locations differ: those of a unit have the same UNIT_COLUMNS."""

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Located:
    """The locations in the order of `ids`.

    unit: the number of each location's unit [n].
    region_of_unit: the number of each unit's region [units].
    """

    ids: pa.Array
    unit: Numbers
    region_of_unit: Numbers

    def find(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        """The position of each id, -1 where there is no such location."""
        import pyarrow.compute as pc

        ends = pc.min_max(ids)
        if not ends["min"].is_valid:
            return np.full(len(ids), -1)
        # Files mostly have the order of the ids, so that only a small part of them must be searched.
        first = pc.sum(pc.less(self.ids, ends["min"])).as_py() or 0
        n = len(self.ids) - first - (pc.sum(pc.greater(self.ids, ends["max"])).as_py() or 0)
        positions = pc.index_in(ids, value_set=self.ids.slice(first, n))
        return np.asarray(pc.fill_null(pc.add(positions.cast("int64"), first), -1), np.int64)


def number_regions(units: pd.DataFrame) -> tuple[Numbers, tuple[str, ...]]:
    """The number of each unit's region [units], and the names of the regions in the order of their numbers."""
    import pandas as pd

    numbers, regions = pd.factorize(units["region"])
    return numbers.astype(np.int32), tuple(regions)


def number_locations(locations: pa.Table, units: pd.DataFrame) -> Located:
    """The locations that have an area, each with the number of its unit: its row in `units`.

    Args:
        locations: `location_id` and UNIT_COLUMNS.
        units: the UNIT_COLUMNS of all these locations, each row once; null where a unit lacks a level.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    known = locations.filter(pc.is_valid(locations["area_id"]))
    codes = pd.DataFrame({name: _codes(pa.array(units[name], pa.string()), known[name]) for name in UNIT_COLUMNS})
    # Groups are numbered as they appear, and the units come first.
    unit = codes.groupby([*UNIT_COLUMNS], sort=False).ngroup().to_numpy(np.int32)[len(units) :]
    order = pc.sort_indices(known["location_id"])
    ids = pa.concat_arrays(known["location_id"].take(order).cast(pa.string()).chunks or [pa.array([], pa.string())])
    return Located(ids, unit[order.to_numpy()], number_regions(units)[0])


def _codes(first: pa.Array, second: pa.ChunkedArray) -> Numbers:
    """A number for each text of both, equal for equal texts; -1 for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chunks = [first.dictionary_encode(), *(chunk.dictionary_encode() for chunk in second.chunks)]
    unified = pa.chunked_array(chunks).unify_dictionaries().chunks
    indices = pa.chunked_array([chunk.indices for chunk in unified])
    return np.asarray(pc.fill_null(indices, -1), np.int32)
