"""Signatures of inputs, which change when the input does: of the content where that is cheap, else of size and time."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from streetdeciles import storage
from streetdeciles.catalog.tables import catalog_signatures
from streetdeciles.config import FeaturesConfig, RunConfig, input_paths
from streetdeciles.config.features import network_files
from streetdeciles.tables import TRAINING_SET_PARTS

MAX_HASHED_BYTES = 64 * 1024 * 1024
"""Local files up to this size are compared by content, which takes 0.1 s at most."""

MAX_CHECKED_FILES = 100_000
"""In a local folder with more files only the names are compared, which takes a microsecond each, not several."""

CONTAINERS = (".tar", ".tar.gz", ".tgz", ".zip", ".parquet")
"""Files that hold many photographs. They are always compared by size and time, because one that grows does not change
its folder."""

VERSION_KEYS = (
    *("ETag", "etag", "e_tag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created"),
    *("Content-MD5", "Digest", "Last-Modified"),
)
"""The keys under which fsspec's file systems give the version of a file; the last ones are those of web servers."""

logger = logging.getLogger(__name__)


def signatures(config: RunConfig, stage: str) -> dict[str, str]:
    """The signature of each input of a stage, by its key in the config: text that changes when the input does.

    Missing inputs are left out, because a stage that does not run does not need them; and tables in a catalog where no
    session is there to ask for them.
    """
    section = getattr(config, stage)
    paths = {f"{stage}.{key}": path for key, path in input_paths(section)}
    if (features := paths.get("dataset.import.features")) is not None:
        # The parts of a large export: the file over them stays the same if they are replaced.
        parts = storage.join(features.rpartition("/")[0], TRAINING_SET_PARTS)
        paths |= {f"dataset.import.features ({TRAINING_SET_PARTS})": parts}
    if isinstance(section, FeaturesConfig):
        paths |= {f"{stage}.{key}": path for key, path in network_files(section).items()}
    signatures = {key: _signature_if_there(key, path) for key, path in paths.items()}
    known = {key: signature for key, signature in signatures.items() if signature is not None}
    return known | catalog_signatures(section)


def version_of(uri: str) -> str | None:
    """Text that changes when the file is replaced: the time of a local file, an ETag or a time on an object store."""
    fs, path = storage.filesystem(uri)
    return version_in(fs.info(path))


def version_in(info: Mapping[str, Any]) -> str | None:
    """The same, from what fsspec's `info` or `ls` returns for the file; None if that has no version."""
    return next((str(info[key]) for key in VERSION_KEYS if info.get(key) is not None), None)


def _signature_if_there(key: str, uri: str) -> str | None:
    try:
        return _signature(key, uri)
    except Exception as error:  # each kind of store has its own errors; those that matter are refused with the config
        logger.debug("%s: %s cannot be read (%s)", key, uri, error)
        return None


def _signature(key: str, uri: str) -> str:
    if not storage.is_local(uri):
        return _of_remote(key, uri)
    path = Path(storage.local_path(uri))
    if path.is_dir():
        return _of_folder(key, str(path))
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        return "not a file"  # reading a pipe might wait for ever; the stage refuses it
    if status.st_size > MAX_HASHED_BYTES:
        return f"{status.st_size} bytes of {status.st_mtime_ns}"
    return f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _of_remote(key: str, uri: str) -> str:
    if key == "images.folder":
        return "not listed"  # millions of objects would take minutes at the start of each run
    fs, path = storage.filesystem(uri)
    fs.invalidate_cache()
    if not fs.isdir(path):
        return _of_remote_file(uri, fs.info(path))
    total = 0
    for name, info in fs.find(path, detail=True).items():
        total += _hashed(name.removeprefix(path), info.get("size"), version_in(info))
    return f"listing {total % 2**128:032x}"


def _of_remote_file(uri: str, info: Mapping[str, Any]) -> str:
    version, size = version_in(info), info.get("size")
    if version is None and (size is None or size <= MAX_HASHED_BYTES):  # a web server that says neither
        return f"sha256 {hashlib.sha256(storage.read_bytes(uri)).hexdigest()}"
    return f"{size} bytes of {version}"


def _of_folder(key: str, root: str) -> str:
    """One pass over the folder, without a list of its files in memory: sums of hashes do not depend on the order."""
    n_files = names = checked = containers = folders = 0
    for path, is_folder in _entries(root):
        name = path.removeprefix(root)
        if is_folder:
            folders += _hashed(name, *_size_and_time(path)[1:])
            continue
        n_files += 1
        names += _hashed(name)
        is_container = name.lower().endswith(CONTAINERS)
        if n_files <= MAX_CHECKED_FILES or is_container:
            version = _hashed(name, *_size_and_time(path))
            checked += version
            containers += version if is_container else 0
    if n_files <= MAX_CHECKED_FILES:
        return f"listing {checked % 2**128:032x}"
    logger.info(
        "%s: has %d files, too many to check each at the start; to have overwritten ones noticed, run "
        "`streetdeciles %s --force`, which reads them all",
        key,
        n_files,
        key.partition(".")[0],
    )
    return f"names {(names + containers + folders) % 2**128:032x}"


def _entries(root: str) -> Iterator[tuple[str, bool]]:
    """(path, whether it is a folder) of everything below `root`; linked folders are followed once.

    Folders that may not be read are skipped here; the stage refuses them.
    """
    pending, seen = [root], {os.path.realpath(root)}
    while pending:
        folder = pending.pop()
        yield folder, True
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if not _is_folder(entry):
                    yield entry.path, False
                    continue
                if entry.is_symlink():
                    target = os.path.realpath(entry.path)
                    if target in seen:
                        continue
                    seen.add(target)
                pending.append(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _size_and_time(path: str) -> tuple[int, int]:
    """Size in bytes and time in nanoseconds; zeros if the file does not exist, as behind a broken link."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _hashed(*parts: object) -> int:
    text = "\0".join(map(str, parts)).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")
