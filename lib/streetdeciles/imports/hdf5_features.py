"""The data set `features` of an HDF5 file, as the reference and the stage dataset write it, read in slices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.archives.opening import NotAFile, opened
from streetdeciles.config.images import MAX_VIEWS
from streetdeciles.errors import RunFailed, RunRefused, reason
from streetdeciles.file_damage import DAMAGE
from streetdeciles.imports.limits import SLICE_BYTES

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"

CACHE_BYTES = 64 * 1024 * 1024
"""For chunks of a file: one is decompressed once, although several slices need it."""


@dataclass(frozen=True)
class FeatureFile:
    """The size of `features` in the file at `uri`, and whether `view_mask` says which views there are."""

    uri: str
    rows: int
    views: int
    feature_size: int
    has_view_mask: bool

    @property
    def slice_rows(self) -> int:
        return max(1, SLICE_BYTES // (4 * self.views * self.feature_size))


def is_hdf5(uri: str) -> bool:
    """Whether the file begins as HDF5 does."""
    with opened(uri) as file:
        return bytes(file.read(len(SIGNATURE))) == SIGNATURE


def open_features(uri: str) -> FeatureFile:
    """The file's features, of which no number is read; RunRefused if there are none of a fitting shape and type."""
    with _file(uri, RunRefused) as file:
        features = _data_set(file, "features", uri)
        shape = features.shape
        if not 2 <= len(shape) <= 3 or 0 in shape or (len(shape) == 3 and shape[1] > MAX_VIEWS):
            raise RunRefused(
                f"{uri}: features is {_shown(shape)}; expected [rows, views, numbers] with at most {MAX_VIEWS} views, "
                "or [rows, numbers], e.g. 133000 x 4 x 4096"
            )
        if features.dtype.kind not in "fiu":
            raise RunRefused(f"{uri}: features is of type {features.dtype}; expected numbers, e.g. float32")
        views = shape[1] if len(shape) == 3 else 1
        has_view_mask = "view_mask" in file
        if has_view_mask:
            mask = _data_set(file, "view_mask", uri)
            if mask.shape != (shape[0], views) or mask.dtype != np.bool_:
                raise RunRefused(
                    f"{uri}: view_mask is {_shown(mask.shape)} of type {mask.dtype}; expected "
                    f"{_shown((shape[0], views))} truth values: which views of each row are there"
                )
    return FeatureFile(uri, shape[0], views, shape[-1], has_view_mask)


def read_rows(
    features: FeatureFile, first: int, end: int
) -> Iterator[tuple[int, npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    """(number of the first row, features [n, views, feature_size], view mask [n, views]) in slices of some MB."""
    with _file(features.uri, RunFailed) as file:
        values = _data_set(file, "features", features.uri)
        masks = _data_set(file, "view_mask", features.uri) if features.has_view_mask else None
        for row in range(first, end, features.slice_rows):
            n = min(features.slice_rows, end - row)
            try:
                # A float64 that is too large becomes infinite, and is left out as such.
                with np.errstate(over="ignore"):
                    numbers = np.asarray(values[row : row + n], np.float32)
                mask = np.ones((n, features.views), np.bool_) if masks is None else np.asarray(masks[row : row + n])
            except DAMAGE as error:
                raise RunFailed(
                    f"{features.uri}: rows {row} to {row + n - 1} of features cannot be read ({reason(error, 200)}); "
                    "the file is damaged or was replaced: copy it again"
                ) from error
            if numbers.size != n * features.views * features.feature_size:
                raise RunFailed(f"{features.uri}: has other features than at the start of the stage; run it again")
            yield row, numbers.reshape(n, features.views, features.feature_size), mask


@contextmanager
def _file(uri: str, refused: type[RunRefused] | type[RunFailed]) -> Iterator[h5py.File]:
    import h5py

    with ExitStack() as stack:
        try:
            content = stack.enter_context(opened(uri))  # it is a file, and may be read
            source = storage.local_path(uri) if storage.is_local(uri) else content
            file = stack.enter_context(h5py.File(source, "r", rdcc_nbytes=CACHE_BYTES))
        except NotAFile as error:
            raise refused(f"{uri}: is {error}; expected an HDF5 file") from error
        except DAMAGE as error:
            raise refused(
                f"{uri}: cannot be read as HDF5 ({reason(error, 200)}); it is incomplete or damaged: copy it again"
            ) from error
        yield file


def _data_set(file: h5py.File, name: str, uri: str) -> h5py.Dataset:
    """RunRefused where it is not there, or leads to files elsewhere, which could be any file of this machine."""
    import h5py

    link = file.get(name, getlink=True) if name in [*file] else None
    if link is None:
        raise RunRefused(f"{uri}: has no data set {name}; it has {', '.join([*file][:20]) or 'none'}")
    if isinstance(link, h5py.ExternalLink):
        raise RunRefused(f"{uri}: {name} is a link to another file ({link.filename!r:.80}); name that file itself")
    data_set = file.get(name)
    if not isinstance(data_set, h5py.Dataset) or data_set.shape is None:
        raise RunRefused(f"{uri}: {name} is not an array")
    if data_set.external:
        raise RunRefused(f"{uri}: the numbers of {name} are in other files; copy them into this one (h5repack)")
    if data_set.is_virtual:
        _refuse_missing_parts(data_set, name, uri)
    return data_set


def _refuse_missing_parts(virtual: h5py.Dataset, name: str, uri: str) -> None:
    """RunRefused where parts are missing, which HDF5 would read as zeros, or are not below the file's folder."""
    if not storage.is_local(uri):
        raise RunRefused(f"{uri}: {name} is in several files, which HDF5 needs on a disk; copy them there")
    folder = uri.rpartition("/")[0]
    for part in sorted({source.file_name for source in virtual.virtual_sources()} - {"."}):
        if part.startswith("/") or ".." in part.split("/"):
            raise RunRefused(f"{uri}: {name} is in files of other folders ({part!r:.80}); copy them beside it")
        if not storage.exists(storage.join(folder, part)):
            raise RunRefused(f"{uri}: {name} is in several files, and {part} is missing; copy all of them beside it")


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single value"
