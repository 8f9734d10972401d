"""The files that a stage has written, with sizes and checksums, and whether they are still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from streetdeciles import storage

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

THREADS = 16
CHUNK_BYTES = 4 * 1024 * 1024


class WrittenFile(NamedTuple):
    """A file as it was written. `rows` are those of a Parquet file."""

    bytes: int
    sha256: str
    rows: int | None = None


Manifest = Mapping[str, WrittenFile]
"""Written files by path below the work_dir, so that it also fits a copy of the work_dir."""


def find_files(work_dir: str, names: Collection[str]) -> dict[str, int]:
    """Path below the work_dir and size of each file of these tables, folders or files, from one listing each.

    Hidden files and Spark's `_SUCCESS` are left out: no reader needs them.
    """
    fs, root = storage.filesystem(work_dir)
    fs.invalidate_cache()  # Spark writes there, past fsspec
    start = len(root.rstrip("/")) + 1
    sizes: dict[str, int] = {}
    for name in names:
        top = storage.join(root, name)
        for path, info in fs.find(top, detail=True).items():
            parts = path[len(top) + 1 :].split("/")
            if (path == top or path.startswith(f"{top}/")) and not _is_hidden(parts):
                sizes[path[start:]] = int(info["size"])
    return sizes


def _is_hidden(parts: list[str]) -> bool:
    return any(part.startswith(".") for part in parts) or parts[-1] == "_SUCCESS" or parts[-1].endswith(".unfinished")


def make_manifest(work_dir: str, names: Collection[str], *, known: Collection[str] = ()) -> dict[str, WrittenFile]:
    """The manifest of these tables: all files are read, except `known` ones; 16 threads need some MB each."""
    fs, root = storage.filesystem(work_dir)
    files = [path for path in find_files(work_dir, names) if path not in known]
    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(files, pool.map(lambda path: _read(fs, storage.join(root, path)), files), strict=True))


def is_below(path: str, names: Collection[str]) -> bool:
    """Whether the path below the work_dir belongs to one of these tables, folders or files."""
    return any(path == name or path.startswith(f"{name}/") for name in names)


def differences(manifest: Manifest, files: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) of each file that is missing, has another size, or does not belong to its table."""
    for path, written in manifest.items():
        if path not in files:
            yield path, "is missing"
        elif files[path] != written.bytes:
            yield path, f"has {files[path]:,} bytes instead of {written.bytes:,}"
    for path in files:
        if path not in manifest and not any(part.startswith("_") for part in path.split("/")):
            yield path, "was not written by this stage"


def damaged_files(manifest: Manifest, work_dir: str) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) of each file whose content has changed since it was written; all files are read."""
    fs, root = storage.filesystem(work_dir)

    def look(path: str) -> str:
        try:
            written = _read(fs, storage.join(root, path), rows=False)
        except OSError as error:
            return f"cannot be read ({error.strerror or error})"
        return "" if written.sha256 == manifest[path].sha256 else "has other content than was written"

    with ThreadPoolExecutor(THREADS) as pool:
        for path, what in zip(manifest, pool.map(look, manifest), strict=True):
            if what:
                yield path, what


def _read(fs: AbstractFileSystem, path: str, *, rows: bool = True) -> WrittenFile:
    digest, n_bytes, n_rows = hashlib.sha256(), 0, None
    with fs.open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            n_bytes += len(chunk)
        if rows and path.endswith(".parquet"):
            import pyarrow.parquet as pq

            n_rows = int(pq.ParquetFile(file).metadata.num_rows)
    return WrittenFile(n_bytes, digest.hexdigest(), n_rows)
