"""How a path leaves this package: fsspec, Spark and Hadoop each have a syntax of their own for paths.

What a user calls a file (`a::b`, `[1]`, `%20`, `s3:`) must not be read as such. `storage` is the door that others use.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

URI_START = "([A-Za-z][A-Za-z0-9+.-]*)://|(file|dbfs):/"
"""Spark itself writes `file:/x` and `dbfs:/x`, so tables of photographs hold them. All else is a local path."""


STORES = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), "azure"),
}
"""By scheme of an object store, the extra of this package that reads it."""

WEB = ("http", "https")
_PACKAGES = {scheme: f"'streetdeciles[{extra}]'" for scheme, extra in STORES.items()} | dict.fromkeys(
    WEB, "aiohttp requests"
)

VOLUMES = "/Volumes/"
"""Where Unity Catalog's volumes are mounted."""


def is_uri(path: str) -> bool:
    """Whether `path` begins with a scheme (`s3://…`); other paths are local, whatever characters they hold."""
    return re.match(URI_START, path) is not None


def is_local(uri: str) -> bool:
    """Whether it is a path on this machine; `dbfs:/` is one, because Databricks mounts it on every machine."""
    return _scheme(uri) in (None, "file", "dbfs")


def local_path(uri: str) -> str:
    """The absolute path behind a local path, a `file:` or a `dbfs:` URI; nothing in it is unquoted."""
    if _scheme(uri) == "dbfs":
        path = "/" + uri.removeprefix("dbfs:").lstrip("/")
        return path if f"{path}/".startswith(VOLUMES) else f"/dbfs{path}"
    if is_uri(uri):
        uri = "/" + uri.removeprefix("file:").lstrip("/")
    return uri if uri.startswith("/") else f"{Path.cwd()}/{uri}"


def resolved_path(path: Path) -> str:
    """The absolute path without links and dots.

    Raises:
        OSError: links lead back to themselves; since Python 3.13 `Path.resolve` lets that pass.
    """
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
    return str(path.resolve())


def filesystem(uri: str) -> tuple[AbstractFileSystem, str]:
    """The fsspec file system of `uri` and the path in it.

    URLs are not chained: `::` is a part of the name. The path may be given to methods that take it as it is
    (`open`, `info`, `ls`, `get_file`), never to those that expand patterns (`glob`, `expand_path`).

    Raises:
        ValueError: no file system is known for the scheme.
        RunRefused: the package for the scheme is not installed.
    """
    import fsspec

    if is_local(uri):
        # fsspec leaves an absolute path alone.
        return fsspec.filesystem("file"), local_path(uri).rstrip("/") or "/"
    scheme = str(_scheme(uri))
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        package = _PACKAGES.get(scheme)
        if package is None and isinstance(error, ValueError):
            raise
        how = f": pip install {package}, on executors, too" if package else ""
        raise RunRefused(f"{scheme}:// needs a package that is not installed ({error}){how}") from error
    if scheme in WEB:
        from streetdeciles.web_files import WebFiles

        kind = WebFiles
    fs = kind(**kind._get_kwargs_from_urls(uri))
    return fs, str(fs._strip_protocol(uri))


def _scheme(uri: str) -> str | None:
    if uri.startswith("/"):  # so of nearly every photograph, which a pattern takes ten times as long to see
        return None
    match = re.match(URI_START, uri)
    return (match[1] or match[2]) if match else None


def spark_uri(uri: str) -> str:
    """`uri` as Spark must be given it to write there: a bare path would be on the cluster's default file system.

    Not quoted, as `Path.as_uri` would: Hadoop takes `%20` in a path for a name with a per cent sign. On Databricks,
    Spark reaches what is mounted below `/Volumes` and `/dbfs` as `dbfs:/`, never as files of one machine.
    """
    if not is_local(uri) or _scheme(uri) == "dbfs":
        return uri
    path = str(Path(local_path(uri)))
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        if path.startswith(VOLUMES):
            return f"dbfs:{path}"
        if path.startswith("/dbfs/"):
            return f"dbfs:{path.removeprefix('/dbfs')}"
    return f"file://{path}"


def join(uri: str, *parts: str) -> str:
    return "/".join([uri.rstrip("/"), *parts])


def is_absent(uri: str) -> bool:
    """Whether the file system itself, asked now and by name, says that there is nothing at `uri`.

    Raises:
        Exception: whatever the file system raises where it cannot say.
    """
    if is_local(uri):
        try:
            os.stat(local_path(uri))
        except (FileNotFoundError, NotADirectoryError, ValueError):  # no file can have a null character in its name
            return True
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return True
        return False
    fs, path = filesystem(uri)
    fs.invalidate_cache()
    try:
        fs.info(path)
    except FileNotFoundError:
        return True
    return False
