"""The network's predictions from the files of their table, sorted into groups of one outcome in one region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.aggregation.located import UNIT_COLUMNS, Located
from streetdeciles.methods import NETWORK
from streetdeciles.tables import LOCATIONS, PREDICTIONS

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = ("location_id", "outcome", "model")
UNKNOWN = -1
"""The number of the region of predictions whose location is not known."""

KINDS = {"unit": np.int32, "score": np.float64, "decile": np.int8}
"""The columns of a group, and the types of their numbers."""

GROUPED = {"region_number": "int", "outcome": "string", **dict.fromkeys(KINDS, "binary")}
"""The columns of `grouped_predictions`, and their types in Spark."""


def read_locations(work_dir: str) -> pa.Table:
    """The columns of the table locations that `number_locations` needs; all but the ids as dictionaries."""
    import pyarrow.parquet as pq

    fs, path = storage.filesystem(storage.join(work_dir, LOCATIONS.name))
    columns = ["location_id", *UNIT_COLUMNS]
    return pq.read_table(path, filesystem=fs, columns=columns, read_dictionary=[*UNIT_COLUMNS], use_threads=False)


def prediction_files(work_dir: str) -> list[str]:
    """The URIs of the Parquet files of the table predictions; none if there is no such table."""
    uri = storage.join(work_dir, PREDICTIONS.name)
    return [storage.join(uri, name) for name in sorted(storage.names_in(uri)) if name.endswith(".parquet")]


def grouped_predictions(uri: str, located: Located) -> Iterator[pa.RecordBatch]:
    """One row per group and row group of a file: the KINDS of all its predictions, each as the bytes of an array.

    Predictions of unknown locations have the region UNKNOWN and the unit -1.
    """
    import pyarrow.parquet as pq

    fs, path = storage.filesystem(uri)
    with fs.open(path, "rb") as file:
        parquet = pq.ParquetFile(file, read_dictionary=[*TEXTS])
        for number in range(parquet.num_row_groups):
            rows = parquet.read_row_group(number, columns=[*TEXTS, "score", "decile"], use_threads=False)
            yield _grouped(rows, located)


def _grouped(rows: pa.Table, located: Located) -> pa.RecordBatch:
    import pyarrow as pa

    rows = rows.combine_chunks().unify_dictionaries()
    model, models = _codes(rows["model"])
    outcome, outcomes = _codes(rows["outcome"])
    location, ids = _codes(rows["location_id"])
    position = located.find(ids)
    unit = np.append(located.unit, np.int32(-1))[position]
    region = np.append(located.region_of_unit, np.int32(UNKNOWN))[unit]
    group = (region[location] + 1).astype(np.int64) * len(outcomes) + outcome
    is_network = np.array([name == NETWORK for name in models.to_pylist()], bool)[model]
    order = np.argsort(group, kind="stable")
    order = order[is_network[order]]
    columns = {
        "unit": unit[location],
        "score": rows["score"].to_numpy(),
        "decile": rows["decile"].to_numpy(),
    }
    numbers, starts = np.unique(group[order], return_index=True)
    ends = np.append(starts, len(order))[1:]
    pieces = [order[start:end] for start, end in zip(starts, ends, strict=True)]
    arrays: dict[str, Any] = {
        "region_number": pa.array(numbers // max(1, len(outcomes)) - 1, pa.int32()),
        "outcome": outcomes.take(pa.array(numbers % max(1, len(outcomes)))),
    }
    for name, kind in KINDS.items():
        arrays[name] = pa.array([columns[name][piece].astype(kind).tobytes() for piece in pieces], pa.binary())
    return pa.RecordBatch.from_pydict(arrays)


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], pa.Array]:
    """The position of each value in an array of all, and that array."""
    import pyarrow as pa

    if not column.num_chunks:
        return np.empty(0, np.int32), pa.array([], pa.string())
    encoded = column.combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.cast(pa.string())
