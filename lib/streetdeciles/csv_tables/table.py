"""A CSV table: one file, or a folder of part files as Spark writes it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np

from streetdeciles import storage
from streetdeciles.csv_tables.formats import Format, recognise, text_chunks
from streetdeciles.csv_tables.records import is_blank, records
from streetdeciles.csv_tables.structure import record_ends
from streetdeciles.errors import RunRefused

_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "vertical bars"}


@dataclass(frozen=True)
class CsvFile:
    """A file of a table. `header_row` is the number of the header's row: the first that is not blank."""

    uri: str
    size: int
    format: Format
    header_row: int

    @property
    def name(self) -> str:
        """The file in words, with its name in an archive."""
        return self.uri if self.format.member is None else f"{self.uri}, {self.format.member}"


@dataclass(frozen=True)
class CsvTable:
    """A table of one or more files with the same `header`: the names of the columns, with runs of blanks made one."""

    uri: str
    header: tuple[str, ...]
    files: tuple[CsvFile, ...]

    def rows(self) -> Iterator[tuple[str, int, list[str]]]:
        """(URI of the file, number of the row, cells) of each row below the header that is not blank.

        Rows count from 1 in each file. There may be more or fewer cells than the header has. RunRefused names the
        file and row of any damage.
        """
        for file in self.files:
            for row, cells in records(text_chunks(file.uri, file.format), file.uri, position=file.format.mark_bytes):
                if row > file.header_row and not is_blank(cells, len(self.header)):
                    yield file.uri, row, cells


def open_table(uri: str, *, windows_1252: bool = False) -> CsvTable:
    """The table at `uri`; RunRefused if it is not one. Reads only the beginning of each file.

    With `windows_1252` that is the encoding of files that are not UTF-16; NotUtf8 is raised where it may be needed.
    """
    return open_parts(uri, [(file, None) for file in _files(uri)], windows_1252=windows_1252)


def open_parts(uri: str, parts: Sequence[tuple[str, str | None]], *, windows_1252: bool = False) -> CsvTable:
    """The table in several files, each with its URI and, in a zip archive, its name there; `uri` names them all."""
    opening = partial(_open_file, windows_1252=windows_1252)
    with ThreadPoolExecutor(16) as pool:
        opened = [pair for pair in pool.map(opening, *zip(*parts, strict=True)) if pair]
    if not opened:
        raise RunRefused(f"{uri}: is empty; expected a CSV table with a header")
    first, header = opened[0]
    for file, other in opened[1:]:
        if other != header:
            raise RunRefused(
                f"{file.name}: has the columns {', '.join(other)}, and {first.name} has {', '.join(header)}; "
                "the files of a folder must be parts of one table, each with its header"
            )
    return CsvTable(uri, header, tuple(_with_share(file, len(parts)) for file, _ in opened))


def _with_share(file: CsvFile, n_parts: int) -> CsvFile:
    """The file with its part of the archive's size, by which work is divided."""
    return file if file.format.member is None else replace(file, size=file.size // n_parts)


def _files(uri: str) -> list[str]:
    """The file at `uri`, or the files in the folder at `uri`."""
    fs, path = storage.filesystem(uri)
    if not fs.isdir(path):
        return [uri]
    entries = {entry["name"].rstrip("/").rsplit("/", 1)[-1]: entry for entry in fs.ls(path, detail=True)}
    if "_temporary" in entries:
        raise RunRefused(f"{uri}: is still being written, or was left unfinished (_temporary); write it again")
    # Spark's own rule: files with such names are not part of a table.
    parts = {name: entry for name, entry in sorted(entries.items()) if not name.startswith(("_", "."))}
    folders = [name for name, entry in parts.items() if entry["type"] == "directory"]
    if folders or not parts:
        what = f"the folder {folders[0]!r}" if folders else "no files"
        raise RunRefused(f"{uri}: is a folder that holds {what}; expected a CSV file, or the part files of one table")
    return [storage.join(uri, name) for name in parts]


def _open_file(uri: str, member: str | None, *, windows_1252: bool) -> tuple[CsvFile, tuple[str, ...]] | None:
    """The file and its header, or None if all its rows are blank."""
    fs, path = storage.filesystem(uri)
    info = fs.info(path)
    if info["type"] != "file":
        raise RunRefused(f"{uri}: is not a regular file; expected a CSV table (save a pipe's output to a file)")
    file_format = recognise(uri, member)
    if windows_1252 and file_format.encoding == "utf-8" and not file_format.mark_bytes:
        file_format = replace(file_format, encoding="windows-1252")
    chunks = text_chunks(uri, file_format)
    first = next(chunks, b"")
    _refuse_other_separators(uri, first)
    for row, cells in records(chain([first], chunks), uri, position=file_format.mark_bytes):
        header = tuple(" ".join(cell.split()) for cell in cells)
        if any(header):
            return CsvFile(uri, _size(uri, info["size"]), file_format, row), header
    return None


def _size(uri: str, size: int | None) -> int:
    """The file's size in bytes, also where a web server does not say it."""
    if size is not None:
        return size
    fs, path = storage.filesystem(uri)
    with fs.open(path, "rb") as file:
        return int(file.seek(0, io.SEEK_END))


def _refuse_other_separators(uri: str, text: bytes) -> None:
    """Judges by the first line of `text` that is not empty. Such files often have decimal commas too."""
    text = text.lstrip(b"\r\n ")
    ends = record_ends(np.frombuffer(text, np.uint8))
    line = re.sub(rb'"[^"]*"', b"", text[: ends[0]] if len(ends) else text)
    for separator, name in _SEPARATORS.items():
        if line.count(separator) > line.count(b","):
            raise RunRefused(
                f"{uri}: its columns are separated by {name}; expected commas, so save it as "
                "'CSV UTF-8 (comma delimited)', with decimal points"
            )
