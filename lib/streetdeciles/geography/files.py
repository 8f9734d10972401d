"""A file of boundaries under a name that we choose, recognised by its first bytes.

GDAL has a syntax of its own for paths (`/vsizip/`, `GPKG:`, `?`), so it is never given the name that a user chose.
"""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from streetdeciles import storage
from streetdeciles.errors import RunRefused

JSON = ".geojson"
PARQUET = ".parquet"
SHAPEFILE = ".shp"
BEGINNINGS = {
    ".gpkg": rb"SQLite format 3\x00",
    ".fgb": rb"fgb[\x01-\x1f]",
    PARQUET: rb"PAR1",
    SHAPEFILE: rb"\x00\x00\x27\x0a",
    ".zip": rb"PK(\x03\x04|\x05\x06)",
}
SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
IN_ARCHIVES = (".shp", ".gpkg", ".fgb", ".geojson", ".json", ".parquet", ".geoparquet")
MAX_UNPACKED_BYTES = 16 << 30
"""England's LSOAs, not generalised, have 1 GB."""


@contextmanager
def plain_file(uri: str) -> Iterator[Path]:
    """The file at `uri` in a temporary folder, as `areas` with the extension of what it holds; JSON for all else.

    A local file is linked, one on an object store copied, one in a zip archive unpacked; with a shapefile come its
    parts.

    Raises:
        RunRefused: it is not one file of boundaries.
    """
    with TemporaryDirectory(prefix="streetdeciles-") as name:
        folder = Path(name)
        kind = _kind(uri)
        if kind != ".zip":
            yield _fetch_all(uri, folder, kind)
            return
        _fetch(uri, archive := folder / "archive.zip")
        yield _unpack(uri, archive, folder)


def _kind(uri: str) -> str:
    fs, path = storage.filesystem(uri)
    if fs.info(path)["type"] != "file":
        raise RunRefused(
            f"{uri}: is not a regular file; expected one file of boundaries, e.g. the .shp of a shapefile's folder"
        )
    with fs.open(path, "rb") as file:
        return _recognise(file.read(16))


def _recognise(head: bytes) -> str:
    return next((kind for kind, beginning in BEGINNINGS.items() if re.match(beginning, head)), JSON)


def _fetch_all(uri: str, folder: Path, kind: str) -> Path:
    _fetch(uri, target := folder / f"areas{kind}")
    if kind == SHAPEFILE:
        fs, path = storage.filesystem(uri)
        parent, _, file_name = path.rpartition("/")
        names = [entry.rstrip("/").rpartition("/")[2] for entry in fs.ls(parent or "/", detail=False)]
        parts = _parts_of_shapefile(uri, {name: name for name in names}, file_name)
        for suffix, name in parts.items():
            _fetch(uri.rstrip("/").removesuffix(file_name) + name, folder / f"areas{suffix}")
    return target


def _fetch(uri: str, target: Path) -> None:
    if storage.is_local(uri):
        target.symlink_to(storage.local_path(uri).rstrip("/"))
    else:
        fs, path = storage.filesystem(uri)
        fs.get_file(path, str(target))


def _parts_of_shapefile(uri: str, files: Mapping[str, Any], shp: str) -> dict[str, Any]:
    """By extension those of `files` (by name) that belong to the shapefile `shp`, without itself."""
    stem = PurePosixPath(shp).with_suffix("").as_posix()
    parts = {}
    for name, file in files.items():
        path = PurePosixPath(name)
        if path.with_suffix("").as_posix() == stem and path.suffix.lower() in SHAPEFILE_PARTS[1:]:
            parts[path.suffix.lower()] = file
    lacking = [suffix for suffix in (".shx", ".dbf") if suffix not in parts]
    if lacking:
        raise RunRefused(
            f"{uri}: the shapefile has no {' and no '.join(lacking)} beside it; copy all of its files "
            f"({', '.join(SHAPEFILE_PARTS)})"
        )
    return parts


def _unpack(uri: str, path: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            member, parts = _only_member(uri, archive)
            kind = _recognise(_beginning(archive, member))
            for suffix, part in {kind: member, **parts}.items():
                with archive.open(part) as source, (folder / f"areas{suffix}").open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise RunRefused(f"{uri}: is a zip archive that cannot be read ({error}); download it again") from error
    return folder / f"areas{kind}"


def _only_member(uri: str, archive: zipfile.ZipFile) -> tuple[zipfile.ZipInfo, dict[str, zipfile.ZipInfo]]:
    """The one member that is a file of boundaries, with the parts of a shapefile."""
    files = {
        info.filename: info
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    }
    fits = [name for name in files if PurePosixPath(name).suffix.lower() in IN_ARCHIVES]
    if len(fits) != 1:
        listed = ", ".join(map(repr, (fits or [*files])[:5])) or "none"
        raise RunRefused(
            f"{uri}: is a zip archive with {len(fits)} files of boundaries ({listed}); expected one shapefile, "
            "GeoPackage, GeoJSON, GeoParquet or FlatGeobuf file, so unpack it and name the one to use"
        )
    is_shapefile = fits[0].lower().endswith(SHAPEFILE)
    parts = _parts_of_shapefile(uri, files, fits[0]) if is_shapefile else {}
    members = [files[fits[0]], *parts.values()]
    if any(info.flag_bits & 1 for info in members):
        raise RunRefused(f"{uri}: is a zip archive with a password; unpack it")
    if sum(info.file_size for info in members) > MAX_UNPACKED_BYTES:
        raise RunRefused(
            f"{uri}: would be {sum(info.file_size for info in members) >> 30} GB unpacked, and at most "
            f"{MAX_UNPACKED_BYTES >> 30} GB are; unpack it and name the file in it"
        )
    return files[fits[0]], parts


def _beginning(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        return file.read(16)
