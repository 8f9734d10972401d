"""What a name tells: whether a file is an archive, and whether a member may be taken from it."""

from __future__ import annotations

import re

ARCHIVE = re.compile(r"(?:^|.*/)[^/.][^/]*[.](?:tar|tar[.]gz|tgz|zip)", re.IGNORECASE | re.DOTALL)
"""No hidden file: a Mac's `._photos.zip` is none."""

COMPRESSED_TAR = re.compile(r".*[.](?:tar[.]gz|tgz)", re.IGNORECASE | re.DOTALL)
ZIP = re.compile(r".*[.]zip", re.IGNORECASE | re.DOTALL)
PARQUET = re.compile(r".*[.]parquet", re.IGNORECASE | re.DOTALL)
_NESTED = re.compile(r".*[.](?:tar|gz|tgz|zip|bz2|tbz2?|xz|txz|zst|7z|rar)", re.IGNORECASE | re.DOTALL)


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


def is_nested(member: str) -> bool:
    """Whether the member is an archive itself, of any kind."""
    return _NESTED.fullmatch(member) is not None


def leads_out(member: str) -> bool:
    """Whether the name would lead out of the folder that an archive were unpacked in."""
    parts = re.split(r"[/\\]", member)
    return ".." in parts or parts[0] == "" or re.match(r"[A-Za-z]:", member) is not None
