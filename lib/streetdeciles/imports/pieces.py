"""From imported files to Arrow batches with one row per view: keys with what is wrong, and features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles.table import column_names

if TYPE_CHECKING:
    import pyarrow as pa

KEYS = (
    "image_id string, location_id string, view tinyint, views int, feature_size int, zeros boolean, hash bigint, "
    "reason string, detail string"
)
FEATURES = "image_id string, location_id string, view tinyint, features array<float>"


@dataclass(frozen=True)
class Piece:
    """The features of some locations.

    `names` says in words where those of each are; `features` float32 [n, views, numbers], `view_mask` bool [n, views].
    """

    names: Sequence[str]
    location_ids: Sequence[str | None]
    features: npt.NDArray[np.float32]
    view_mask: npt.NDArray[np.bool_]

    def usable(self) -> npt.NDArray[np.bool_]:
        """[n, views]: the views with a location_id and numbers that are all finite."""
        has_id = np.array([bool(location_id) for location_id in self.location_ids])
        usable: npt.NDArray[np.bool_] = self.view_mask & has_id[:, None] & np.isfinite(self.features).all(axis=2)
        return usable


@dataclass(frozen=True)
class Refused:
    """A file, or another entry of a folder or archive, that gives no features."""

    name: str
    location_id: str | None
    reason: str
    detail: str


Pieces = Callable[[Iterable["pa.RecordBatch"]], Iterator[Piece | Refused]]
"""Reads what some batches name."""


def key_batches(batches: Iterable[pa.RecordBatch], pieces: Pieces) -> Iterator[pa.RecordBatch]:
    """KEYS: one row per view that the files have, and per refused file (without a view)."""
    for piece in pieces(batches):
        yield _refused_key(piece) if isinstance(piece, Refused) else _keys(piece)


def feature_batches(
    batches: Iterable[pa.RecordBatch], pieces: Pieces, views: int, feature_size: int
) -> Iterator[pa.RecordBatch]:
    """FEATURES: one row per usable view of the files that have `views` views of `feature_size` numbers."""
    for piece in pieces(batches):
        if isinstance(piece, Piece) and piece.features.shape[1:] == (views, feature_size):
            yield _features(piece)


def _keys(piece: Piece) -> pa.RecordBatch:
    import pyarrow as pa

    n_locations, views, feature_size = piece.features.shape
    location, view = np.nonzero(piece.view_mask)
    numbers = np.ascontiguousarray(piece.features[location, view])
    n_wrong = feature_size - np.isfinite(numbers).sum(axis=1)
    ids = [piece.location_ids[i] or None for i in location.tolist()]
    problems = [_problem(location_id, int(n), feature_size) for location_id, n in zip(ids, n_wrong, strict=True)]
    hashes = [int.from_bytes(blake2b(row, digest_size=8).digest(), "little", signed=True) for row in numbers]
    n = len(numbers)
    columns: list[Any] = [
        pa.array(_image_ids(piece, location, view), pa.string()),
        pa.array(ids, pa.string()),
        pa.array(view, pa.int8()),
        pa.array([views] * n, pa.int32()),
        pa.array([feature_size] * n, pa.int32()),
        pa.array(~numbers.any(axis=1), pa.bool_()),
        pa.array(hashes, pa.int64()),
        *(pa.array([problem[i] for problem in problems], pa.string()) for i in range(2)),
    ]
    return pa.RecordBatch.from_arrays(columns, column_names(KEYS))


def _problem(location_id: str | None, n_wrong: int, feature_size: int) -> tuple[str | None, str | None]:
    if location_id is None:
        return "no_location_id", "its row of the table has no location_id"
    if n_wrong:
        return "not_finite", f"{n_wrong:,} of its {feature_size:,} numbers are NaN or infinite"
    return None, None


def _refused_key(file: Refused) -> pa.RecordBatch:
    import pyarrow as pa

    values = {"image_id": file.name, "location_id": file.location_id, "reason": file.reason, "detail": file.detail}
    kinds = {
        "tinyint": pa.int8(),
        "int": pa.int32(),
        "boolean": pa.bool_(),
        "bigint": pa.int64(),
        "string": pa.string(),
    }
    columns = [column.split(" ") for column in KEYS.split(", ")]
    return pa.RecordBatch.from_arrays(
        [pa.array([values.get(name)], kinds[kind]) for name, kind in columns], [name for name, _ in columns]
    )


def _features(piece: Piece) -> pa.RecordBatch:
    import pyarrow as pa

    location, view = np.nonzero(piece.usable())
    numbers = piece.features[location, view]
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * piece.features.shape[2]
    columns = [
        pa.array(_image_ids(piece, location, view), pa.string()),
        pa.array([piece.location_ids[i] for i in location.tolist()], pa.string()),
        pa.array(view, pa.int8()),
        pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(numbers.ravel(), pa.float32())),
    ]
    return pa.RecordBatch.from_arrays(columns, column_names(FEATURES))


def _image_ids(piece: Piece, location: npt.NDArray[Any], view: npt.NDArray[Any]) -> list[str]:
    return [f"{piece.names[i]} view {v}" for i, v in zip(location.tolist(), view.tolist(), strict=True)]
