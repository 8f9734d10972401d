"""What a name says: whether a file is an archive, and whether a member may be taken from it."""

from __future__ import annotations

import re
from struct import unpack
from zipfile import ZipInfo
from zlib import crc32

ARCHIVE = re.compile(r"(?:^|.*/)[^/.][^/]*[.](?:tar|tar[.]gz|tgz|zip)", re.IGNORECASE | re.DOTALL)
"""Hidden files are excluded: a Mac's `._photos.zip` is not an archive."""

COMPRESSED_TAR = re.compile(r".*[.](?:tar[.]gz|tgz)", re.IGNORECASE | re.DOTALL)
ZIP = re.compile(r".*[.]zip", re.IGNORECASE | re.DOTALL)
PARQUET = re.compile(r".*[.]parquet", re.IGNORECASE | re.DOTALL)
_NESTED = re.compile(r".*[.](?:tar|gz|tgz|zip|bz2|tbz2?|xz|txz|zst|7z|rar)", re.IGNORECASE | re.DOTALL)

UNICODE_PATH = 0x7075
WINDOWS = 0
"""`create_system` of a zip's member that was packed on Windows (APPNOTE 4.4.2)."""


def is_archive(path: str) -> bool:
    return ARCHIVE.fullmatch(path) is not None


def containing_file(uri: str) -> str:
    """The archive in `archive!member`, or the Parquet file in `file!row`, as `left_out` and `rejects` write them.

    Other URIs are returned as they are, since `!` may be part of any name.

    >>> containing_file("photographs/north.tar!00012_0.jpg")
    'photographs/north.tar'
    """
    for mark in re.finditer("!", uri):
        before = uri[: mark.start()]
        if is_archive(before) or PARQUET.fullmatch(before):
            return before
    return uri


def zip_member_name(info: ZipInfo) -> str:
    """The member's name with `/` between folders, even from programs for Windows that write a backslash."""
    name = _decoded_name(info)
    return name.replace("\\", "/") if info.create_system == WINDOWS else name


def _decoded_name(info: ZipInfo) -> str:
    """The name, even if it is UTF-8 and the zip does not say so, in which case `zipfile` reads it as cp437.

    Info-ZIP on Windows also writes the UTF-8 name to an extra field, with a checksum of the other name. `zipfile` takes
    it from there since Python 3.12; the original name is cp437 in all versions.
    """
    if info.flag_bits & 0x800 or (info.orig_filename.isascii() and not info.extra):
        return info.filename
    raw = info.orig_filename.encode("cp437")
    extra = info.extra
    while len(extra) >= 9:
        kind, size = unpack("<HH", extra[:4])
        if kind == UNICODE_PATH and unpack("<I", extra[5:9])[0] == crc32(raw):
            raw = extra[9 : 4 + size]
        extra = extra[4 + size :]
    try:
        return raw.decode("utf-8").split("\0", 1)[0]
    except UnicodeDecodeError:
        return info.filename


def is_nested(member: str) -> bool:
    """Whether the member is itself an archive, of any kind."""
    return _NESTED.fullmatch(member) is not None


def leads_out(member: str) -> bool:
    """Whether the member would end up outside the folder if the archive were unpacked.

    >>> leads_out("../../etc/passwd"), leads_out("north/00012_0.jpg")
    (True, False)
    """
    parts = re.split(r"[/\\]", member)
    return ".." in parts or parts[0] == "" or re.match(r"[A-Za-z]:", member) is not None
