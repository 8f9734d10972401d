"""Reading imported files in a task: rows of an HDF5 file, or the NumPy files of a folder or archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles import storage
from streetdeciles.archives.damage import ArchiveDamaged, MemberTooLarge
from streetdeciles.archives.opening import NotAFile, opened
from streetdeciles.archives.reading import MemberReader, lies_open, read_range
from streetdeciles.errors import RunFailed, reason
from streetdeciles.imports.feature_files import MAX_BYTES, Unusable, read_features
from streetdeciles.imports.hdf5_features import FeatureFile, read_rows
from streetdeciles.imports.limits import SLICE_BYTES
from streetdeciles.imports.names import ids_in_names
from streetdeciles.imports.pieces import Piece, Refused

if TYPE_CHECKING:
    import pyarrow as pa


def read_table_rows(batches: Iterable[pa.RecordBatch], features: FeatureFile) -> Iterator[Piece]:
    """The features of the rows in the column `row` (ascending), with the ids of the column `location_id`."""
    name = features.uri.rsplit("/", 1)[-1]
    for batch in batches:
        rows = batch.column("row").to_numpy()
        location_ids = batch.column("location_id").to_pylist()
        starts = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
        for start, end in zip(starts[:-1], starts[1:], strict=True):
            for row, values, mask in read_rows(features, int(rows[start]), int(rows[start]) + end - start):
                at = start + row - int(rows[start])
                names = [f"{name} row {number:09d}" for number in range(row, row + len(values))]
                yield Piece(names, location_ids[at : at + len(values)], values, mask)


def read_files(batches: Iterable[pa.RecordBatch], folder: str) -> Iterator[Piece | Refused]:
    """The features in files and members of archives: the columns of `listing.ENTRIES`, in an archive's order.

    `folder` is the path above them, which is left out of their names.
    """
    reader = MemberReader()
    waiting: list[tuple[str, str, Any]] = []
    n_bytes = 0
    try:
        for batch in batches:
            for entry, location_id in zip(batch.to_pylist(), ids_in_names(batch.column("relative")), strict=True):
                try:
                    features = _features(reader, entry, location_id)
                except Unusable as error:
                    yield Refused(_name(entry, folder), location_id, error.reason, error.detail)
                    continue
                if waiting and (waiting[0][2].shape != features.shape or n_bytes + features.nbytes > SLICE_BYTES):
                    yield _together(waiting)
                    waiting, n_bytes = [], 0
                waiting.append((_name(entry, folder), location_id or "", features))
                n_bytes += features.nbytes
        if waiting:
            yield _together(waiting)
    finally:
        reader.close()


def _together(files: list[tuple[str, str, Any]]) -> Piece:
    names, location_ids, features = zip(*files, strict=True)
    stacked = np.stack(features)
    return Piece(names, location_ids, stacked, np.ones(stacked.shape[:2], np.bool_))


def _name(entry: dict[str, Any], folder: str) -> str:
    """The path below the folder; of a member, behind that of its archive."""
    path = str(entry["path"]).removeprefix(f"{folder.rstrip('/')}/")
    return path if entry["member"] is None else f"{path}!{entry['relative']}"


def _features(reader: MemberReader, entry: dict[str, Any], location_id: str | None) -> Any:
    if entry["kind"] != "file":
        raise Unusable(entry["kind"], entry["detail"] or "not a file that may be read")
    if location_id is None:
        raise Unusable("name_does_not_match", "expected the location_id and .npy or .npz")
    return read_features(_content(reader, entry))


def _content(reader: MemberReader, entry: dict[str, Any]) -> bytes:
    uri, member, offset, length = entry["uri"], entry["member"], entry["offset"], entry["length"]
    if (length or 0) > MAX_BYTES:
        raise Unusable("too_large", f"{length:,} bytes")
    try:
        if member is None:
            with opened(uri) as file:
                return bytes(file.read(MAX_BYTES))
        if lies_open(uri, member, offset):
            return read_range(uri, offset, length)
        return reader.read(uri, member, offset, length, max_bytes=MAX_BYTES)
    except MemberTooLarge:
        raise Unusable("too_large", f"more than {MAX_BYTES:,} bytes") from None
    except (ArchiveDamaged, NotAFile) as error:
        raise Unusable("not_an_array", str(error)) from None
    except OSError as error:
        if member is None and storage.is_absent(uri):
            raise Unusable("missing", "was there when the folder was listed") from None
        raise RunFailed(f"{uri}: cannot be read ({reason(error)}); make sure that the workers may read it") from error
