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

from streetdeciles.archives.damage import ArchiveBomb, ArchiveDamaged, damage_told
from streetdeciles.archives.guarded import MAX_GROWTH, Guarded
from streetdeciles.archives.names import COMPRESSED_TAR, ZIP, is_nested, leads_out, zip_member_name
from streetdeciles.archives.opening import opened

MAX_BYTES = 512 * 1024 * 1024
"""A larger member is no photograph."""

SMALL_BYTES = 16 * 1024 * 1024
"""Up to here growth does no harm."""

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
"""All but `file` are left out; the last three concern the archive, and have no name."""


@dataclass(frozen=True)
class Member:
    name: str | None
    kind: MemberKind
    offset: int | None = None
    """First byte in the archive, or in a compressed tar of what it holds; None for a compressed member of a zip."""
    length: int | None = None
    """Bytes, uncompressed."""
    detail: str | None = None
    modified: str | None = None
    """What shows that the member has been replaced: its checksum in a zip, its time in a tar, where that is kept."""


def list_members(uri: str) -> Iterator[Member]:
    """What is in the archive, in its order, folders left out; at least one row.

    Raises:
        Exception: it cannot be read now; whichever its file system raises.
    """
    times: Counter[str] = Counter()
    try:
        with opened(uri) as file, damage_told():
            for member in _zip_members(file) if ZIP.fullmatch(uri) else _tar_members(file, uri):
                yield _told_apart(member, times)
    except ArchiveBomb as error:
        yield Member(None, "archive_bomb", detail=str(error))
        return
    except ArchiveDamaged as error:
        yield Member(None, "archive_damaged", detail=f"{error}; members before the damage are used")
        return
    if not times:
        yield Member(None, "archive_empty", detail="it has no members")


def _told_apart(member: Member, times: Counter[str]) -> Member:
    """The member, with the reasons that lie in its name; `times`: how often each name was there."""
    name = member.name or ""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        member = replace(member, name=name, kind="name_not_utf8")
    times[name] += 1
    if times[name] > 1:
        return replace(member, name=f"{name}#{times[name]}", kind="name_twice")
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
    tar = tarfile.TarFile(fileobj=guarded)  # type: ignore[arg-type]  # reads, seeks and tells, and that is enough
    while (info := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # it would keep them all
        if info.isdir():
            continue
        if info.size < 0:
            raise ArchiveDamaged("a member of negative size")
        kind: MemberKind = "file" if info.isreg() and not info.issparse() else "not_a_file"
        modified = str(info.mtime) if info.mtime else None
        yield Member(info.name, kind, info.offset_data, info.size, modified=modified)
    if guarded.last.strip(b"\0") or not guarded.last:  # tarfile takes a damaged header for the end
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
        return "member_unreadable", f"compressed in way {info.compress_type}; expected deflate or none"
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        return "member_unreadable", "two lengths that differ"
    if info.file_size > max(SMALL_BYTES, MAX_GROWTH * info.compress_size):
        return "member_too_large", f"{info.compress_size} bytes that become {info.file_size}"
    return "file", None


def _first_byte(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """The name and the extra field before it may be longer than the archive's directory says."""
    file.seek(info.header_offset)
    header = file.read(30)
    if header[:4] != b"PK\x03\x04":
        raise ArchiveDamaged(f"no member where the directory says that {info.filename[:80]!r} is")
    name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
    return info.header_offset + 30 + int(name_bytes) + int(extra_bytes)
