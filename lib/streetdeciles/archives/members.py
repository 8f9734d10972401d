"""The members of an archive: which may be photographs, and why the others are left out."""

from __future__ import annotations

import gzip
import stat
import struct
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, Literal

from streetdeciles.archives.damage import ArchiveBomb, ArchiveDamaged, as_archive_damaged
from streetdeciles.archives.guarded import MAX_GROWTH, Guarded
from streetdeciles.archives.names import COMPRESSED_TAR, ZIP, is_nested, leads_out, zip_member_name
from streetdeciles.archives.opening import opened

MAX_BYTES = 512 * 1024 * 1024
"""A larger member is not a photograph."""

SMALL_BYTES = 16 * 1024 * 1024
"""Up to this size, growth does no harm."""

MemberKind = Literal[
    "file",
    "not_a_file",
    "name_not_utf8",
    "unsafe_name",
    "name_twice",
    "nested_archive",
    "member_too_large",
    "member_unreadable",
    "archive_bomb",
    "archive_damaged",
    "archive_empty",
]
"""All but `file` are left out; the last three concern the archive itself and have no name."""


@dataclass(frozen=True)
class Member:
    name: str | None
    kind: MemberKind
    offset: int | None = None
    """Position of the first byte in the archive, in a compressed tar after decompression; None for a compressed member
    of a zip."""
    length: int | None = None
    """Bytes, uncompressed."""
    detail: str | None = None
    modified: str | None = None
    """Text that changes when the member is replaced: its checksum in a zip, its time in a tar, if the tar has it."""


def list_members(uri: str) -> Iterator[Member]:
    """The members of the archive in their order, without folders; at least one row.

    Raises:
        Exception: the archive cannot be read now; the type depends on its file system.
    """
    names: Counter[str] = Counter()
    try:
        with opened(uri) as file, as_archive_damaged():
            for member in _zip_members(file) if ZIP.fullmatch(uri) else _tar_members(file, uri):
                yield _judged_by_name(member, names)
    except ArchiveBomb as error:
        yield Member(None, "archive_bomb", detail=str(error))
        return
    except ArchiveDamaged as error:
        yield Member(None, "archive_damaged", detail=f"{error}; members before the damage are used")
        return
    if not names:
        yield Member(None, "archive_empty", detail="it has no members")


def _judged_by_name(member: Member, names: Counter[str]) -> Member:
    """The member, left out if its name is a reason to; `names` counts how often each name has appeared."""
    name = member.name or ""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        member = replace(member, name=name, kind="name_not_utf8")
    names[name] += 1
    if names[name] > 1:
        return replace(member, name=f"{name}#{names[name]}", kind="name_twice")
    if member.kind != "file":
        return member
    if leads_out(name):
        return replace(member, kind="unsafe_name")
    if is_nested(name):
        return replace(member, kind="nested_archive")
    if member.length is not None and member.length > MAX_BYTES:
        return replace(member, kind="member_too_large", detail=f"{member.length} bytes")
    return member


def _tar_members(file: IO[bytes], uri: str) -> Iterator[Member]:
    compressed = COMPRESSED_TAR.fullmatch(uri) is not None
    guarded = Guarded(gzip.GzipFile(fileobj=file), file) if compressed else Guarded(file)
    tar = tarfile.TarFile(fileobj=guarded)  # type: ignore[arg-type]  # read, seek and tell are enough
    # An offset of 0: the end comes first, and Python 3.10 would look before the beginning.
    while tar.offset and (info := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # it would keep them all
        if info.isdir():
            continue
        if info.size < 0:
            raise ArchiveDamaged("a member of negative size")
        kind: MemberKind = "file" if info.isreg() and not info.issparse() else "not_a_file"
        modified = str(info.mtime) if info.mtime else None
        yield Member(info.name, kind, info.offset_data, info.size, modified=modified)
    if guarded.last.strip(b"\0") or not guarded.last:  # tarfile mistakes a damaged header for the end
        raise ArchiveDamaged("no end mark after the last member that could be read")


def _zip_members(file: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = zip_member_name(info)
            if name.endswith("/"):
                continue
            offset = _first_byte(file, info) if info.compress_type == zipfile.ZIP_STORED else None
            kind, detail = _judge(info)
            yield Member(name, kind, offset, info.file_size, detail, f"{info.CRC:08x}")


def _judge(info: zipfile.ZipInfo) -> tuple[MemberKind, str | None]:
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "not_a_file", None
    if info.flag_bits & 0x1:
        return "member_unreadable", "encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "member_unreadable", f"compressed by method {info.compress_type}; expected deflate or none"
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        return "member_unreadable", "two lengths that differ"
    if info.file_size > max(SMALL_BYTES, MAX_GROWTH * info.compress_size):
        return "member_too_large", f"{info.compress_size} bytes that become {info.file_size}"
    return "file", None


def _first_byte(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Read from the member's own header: name and extra field may be longer there than in the archive's directory."""
    file.seek(info.header_offset)
    header = file.read(30)
    if header[:4] != b"PK\x03\x04":
        raise ArchiveDamaged(f"no member where the directory says {info.filename[:80]!r} is")
    name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
    return info.header_offset + 30 + int(name_bytes) + int(extra_bytes)
