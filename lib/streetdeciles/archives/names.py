"""What a name tells: whether a file is an archive, and whether a member may be taken from it."""

from __future__ import annotations

import re
from struct import unpack
from zipfile import ZipInfo
from zlib import crc32

ARCHIVE = re.compile(r"(?:^|.*/)[^/.][^/]*[.](?:tar|tar[.]gz|tgz|zip)", re.IGNORECASE | re.DOTALL)
"""No hidden file: a Mac's `._photos.zip` is none."""

COMPRESSED_TAR = re.compile(r".*[.](?:tar[.]gz|tgz)", re.IGNORECASE | re.DOTALL)
ZIP = re.compile(r".*[.]zip", re.IGNORECASE | re.DOTALL)
PARQUET = re.compile(r".*[.]parquet", re.IGNORECASE | re.DOTALL)
_NESTED = re.compile(r".*[.](?:tar|gz|tgz|zip|bz2|tbz2?|xz|txz|zst|7z|rar)", re.IGNORECASE | re.DOTALL)

UNICODE_PATH = 0x7075
WINDOWS = 0
"""Where a zip's member was packed (APPNOTE 4.4.2)."""


def is_archive(path: str) -> bool:
    return ARCHIVE.fullmatch(path) is not None


def containing_file(uri: str) -> str:
    """The archive or the Parquet file of `archive!member` or `file!row`, as `left_out` and `rejects` have them.

    Other URIs are returned as they are: `!` may be part of any name.
    """
    for found in re.finditer("!", uri):
        before = uri[: found.start()]
        if is_archive(before) or PARQUET.fullmatch(before):
            return before
    return uri


def zip_member_name(info: ZipInfo) -> str:
    """The member's name with `/` between folders, where some programs for Windows write a backslash."""
    name = _decoded_name(info)
    return name.replace("\\", "/") if info.create_system == WINDOWS else name


def _decoded_name(info: ZipInfo) -> str:
    """Also where it is UTF-8 and the zip does not say so: `zipfile` then reads it as cp437.

    Info-ZIP on Windows writes the UTF-8 name beside the other, as an extra field with the other's checksum.
    """
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    raw = info.filename.encode("cp437")
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
    """Whether the member is an archive itself, of any kind."""
    return _NESTED.fullmatch(member) is not None


def leads_out(member: str) -> bool:
    """Whether the name would lead out of the folder that an archive were unpacked in."""
    parts = re.split(r"[/\\]", member)
    return ".." in parts or parts[0] == "" or re.match(r"[A-Za-z]:", member) is not None
