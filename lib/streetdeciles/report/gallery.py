"""The gallery: which locations it shows, and their photographs as small JPEGs."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.archives.damage import ArchiveDamaged, MemberTooLarge
from streetdeciles.archives.reading import MemberReader, lies_open, read_range

if TYPE_CHECKING:
    import pandas as pd

    from streetdeciles.report.collect import Exhibit

LONGER_SIDE = 320
"""Pixels of a thumbnail."""

MOST_BYTES = 512 * 1024 * 1024
"""A larger member of an archive is no photograph."""

TURNS = (1, 10, 5, 8, 3, 6, 2, 9, 4, 7)
"""In which order deciles are drawn from, so that even a small gallery shows both ends and the middle."""


@dataclass(frozen=True)
class Thumbnail:
    """`source` is a data URI; None where the photograph could not be read (any more)."""

    exhibit: Exhibit
    source: str | None


def choose(candidates: pd.DataFrame, most: int) -> list[str]:
    """At most `most` location_ids, spread over the true deciles, ordered by decile.

    `candidates`: location_id, true_decile, in the order in which each decile's locations are to be taken.
    """
    waiting = {decile: list(group["location_id"]) for decile, group in candidates.groupby("true_decile")}
    chosen: list[tuple[int, str]] = []
    while len(chosen) < most and any(waiting.values()):
        for decile in TURNS:
            if waiting.get(decile) and len(chosen) < most:
                chosen.append((decile, waiting[decile].pop(0)))
    return [location_id for _, location_id in sorted(chosen, key=lambda pair: pair[0])]


def thumbnails(exhibits: list[Exhibit]) -> list[Thumbnail]:
    """The exhibits with their photographs, read and made small."""
    members = MemberReader()
    try:
        return [Thumbnail(exhibit, _data_uri(exhibit, members)) for exhibit in exhibits]
    finally:
        members.close()


def shrink(content: bytes) -> bytes:
    """Any photograph as an upright RGB JPEG of LONGER_SIDE pixels; OSError where it is none."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            # Its size was judged by the features stage; a large one is not news here.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
            image.draft("RGB", (2 * LONGER_SIDE, 2 * LONGER_SIDE))
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise OSError(f"not a photograph: {error}") from error
    upright.thumbnail((LONGER_SIDE, LONGER_SIDE))
    small = io.BytesIO()
    upright.save(small, "JPEG", quality=80, optimize=True)
    return small.getvalue()


def _data_uri(exhibit: Exhibit, members: MemberReader) -> str | None:
    try:
        jpeg = shrink(_content(exhibit, members))
    except (OSError, ArchiveDamaged, MemberTooLarge):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def _content(exhibit: Exhibit, members: MemberReader) -> bytes:
    if not lies_open(exhibit.uri, exhibit.member, exhibit.offset):
        name = exhibit.member or ""
        return members.read(exhibit.uri, name, exhibit.offset, exhibit.length, max_bytes=MOST_BYTES)
    if exhibit.offset is not None and exhibit.length is not None:
        return read_range(exhibit.uri, exhibit.offset, exhibit.length)
    return storage.read_bytes(exhibit.uri)
