"""What `dataset.import` names, checked before any work: an HDF5 file with its table, or NumPy files by location."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from streetdeciles import storage
from streetdeciles.archives.names import is_archive
from streetdeciles.archives.opening import NotAFile
from streetdeciles.config import FeatureImport
from streetdeciles.errors import RunRefused, reason
from streetdeciles.imports.hdf5_features import FeatureFile, is_hdf5, open_features
from streetdeciles.imports.location_rows import read_location_ids
from streetdeciles.imports.names import ids_in_names
from streetdeciles.listing import list_archive, list_folder

if TYPE_CHECKING:
    import pyarrow as pa

MAX_SAMPLED = 10_000
"""Ids, or names of files, that are looked at before a run."""

REFERENCE_DEFECT = (
    "The reference's code leaves locations without photographs out of the features and keeps them in the table, so "
    "from the first of them on each row of features belongs to another location (docs/reference.md, 3), and nothing in "
    "the files says which locations these are"
)


@dataclass(frozen=True)
class Rows:
    """An HDF5 file, and the location_id of each of its rows."""

    features: FeatureFile
    location_ids: pa.ChunkedArray


@dataclass(frozen=True)
class Files:
    """A folder, or one archive, of NumPy files that are named by their location_ids."""

    uri: str
    is_folder: bool


class Sample(NamedTuple):
    """Some normalised location_ids of what is imported; `is_whole`: there are no others."""

    location_ids: frozenset[str]
    is_whole: bool


def sample_ids(section: FeatureImport) -> Sample:
    """The first location_ids, within seconds; RunRefused where `open_source` refuses, or no file has a fitting name."""
    import pyarrow as pa

    source = open_source(section)
    if isinstance(source, Rows):
        ids = source.location_ids
        return Sample(frozenset(filter(None, ids[:MAX_SAMPLED].to_pylist())), len(ids) <= MAX_SAMPLED)
    names = [*islice(_names_in(source), MAX_SAMPLED + 1)]
    location_ids = frozenset(filter(None, ids_in_names(pa.array(names, pa.string()))))
    is_whole = len(names) <= MAX_SAMPLED
    if is_whole and not location_ids:
        example = f"there is e.g. {min(names)}" if names else "it is empty"
        raise RunRefused(
            f"dataset.import.features: no file in {source.uri} is called <location_id>.npy or .npz ({example})"
        )
    return Sample(location_ids, is_whole)


def _names_in(source: Files) -> Iterator[str]:
    """Paths of files and of members of archives."""
    waiting = deque([(storage.filesystem(source.uri)[1], source.uri, source.is_folder)])
    while waiting:
        path, uri, is_folder = waiting.popleft()
        for entry in list_folder(path, source.uri) if is_folder else list_archive(path, uri):
            if entry.kind in ("folder", "archive"):
                waiting.append((entry.path, entry.uri, entry.kind == "folder"))
            elif entry.kind == "file":
                yield entry.relative


def open_source(section: FeatureImport) -> Rows | Files:
    """What the section names, checked by its headers and the column of the ids.

    Raises:
        RunRefused: nothing can be imported from there, or rows of features and table do not agree.
    """
    uri = section.features
    fs, path = storage.filesystem(uri)
    is_folder = fs.isdir(path)
    if is_folder or is_archive(uri):
        if section.table is not None:
            raise RunRefused(
                "dataset.import.table has no effect with files by location, whose names are the location_ids; remove it"
            )
        return Files(uri, is_folder)
    if not _is_hdf5(uri):
        raise RunRefused(
            f"dataset.import.features: {uri} is not HDF5, nor a folder or archive (.tar, .tgz, .tar.gz, .zip) of "
            ".npy or .npz files by location"
        )
    if section.table is None:
        raise RunRefused(
            f"dataset.import.table: {uri} does not say which location a row is of; name the table with one row for "
            "each row of features"
        )
    rows = Rows(open_features(uri), read_location_ids(section.table, section.location_id))
    _refuse_other_count(rows, section.table)
    return rows


def _is_hdf5(uri: str) -> bool:
    try:
        return is_hdf5(uri)
    except (NotAFile, OSError) as error:
        raise RunRefused(f"dataset.import.features: {uri} cannot be read ({reason(error, 200)})") from error


def _refuse_other_count(rows: Rows, table: str) -> None:
    n_features, n_locations = rows.features.rows, len(rows.location_ids)
    if n_features == n_locations:
        return
    counts = (
        f"dataset.import: {rows.features.uri} has {n_features:,} rows of features, and {table} has {n_locations:,} "
        "rows; row i of both must be the same location. "
    )
    if n_features < n_locations:
        raise RunRefused(
            f"{counts}{REFERENCE_DEFECT}. Remove those rows from the table if you know them, or make the features again"
        )
    raise RunRefused(f"{counts}Take the table that was made together with the features")
