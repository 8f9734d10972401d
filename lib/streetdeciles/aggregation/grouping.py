"""All predictions of one outcome in one region together, and the rows of every level that follow from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles.aggregation.counting import count_units
from streetdeciles.aggregation.levels import Level, aggregate_level, unknown_locations
from streetdeciles.aggregation.reading import KINDS, UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa

Arrays = tuple[npt.NDArray[Any], ...]


def aggregate_groups(
    batches: Iterable[pa.RecordBatch], regions: tuple[str, ...], levels: tuple[Level, ...], *, with_score_classes: bool
) -> Iterator[pa.RecordBatch]:
    """The rows of `levels.aggregate_level` for each group and level; for unknown locations only their number.

    `batches` have the rows of `reading.grouped_predictions`, all of each of their groups. A prediction takes 13 bytes
    here, so a million locations with all outcomes fit in a worker.
    """
    parts: dict[tuple[int, str], list[Arrays]] = defaultdict(list)
    for batch in batches:
        keys = zip(*(batch.column(name).to_pylist() for name in ("region_number", "outcome")), strict=True)
        for row, key in enumerate(keys):
            buffers = {name: batch.column(name)[row].as_buffer() for name in KINDS}
            parts[key].append(tuple(np.frombuffer(buffers[name], kind) for name, kind in KINDS.items()))
    for region, outcome in sorted(parts):
        unit, score, decile = (np.concatenate(values) for values in zip(*parts.pop((region, outcome)), strict=True))
        if region == UNKNOWN:
            yield unknown_locations(outcome, len(unit))
            continue
        counts = count_units(unit, score, decile, with_score_classes=with_score_classes)
        for level in levels:
            rows = aggregate_level(level, counts, region=regions[region], outcome=outcome)
            if rows.num_rows:
                yield rows
