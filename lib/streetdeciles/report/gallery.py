"""The gallery: which locations it shows, and their photographs as small JPEGs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.archives.reading import MemberReader, lies_open
from streetdeciles.errors import ShardFailed
from streetdeciles.extraction.decoding import decode, prepare_pillow
from streetdeciles.extraction.reading import MAX_FILE_BYTES_PER_PIXEL, read_image, read_member
from streetdeciles.extraction.rejects import Rejected

if TYPE_CHECKING:
    import pandas as pd

    from streetdeciles.report.collect import Exhibit

LONGER_SIDE = 320
"""Pixels of a thumbnail."""

PAUSES_S = (0.5,)
"""Seconds before the second attempt to read a file; after that the page goes without the photograph."""

TURNS = (1, 10, 5, 8, 3, 6, 2, 9, 4, 7)
"""The order in which deciles are drawn, so that even a small gallery shows both ends and the middle."""


AT_RANDOM = "random"

MAX_CONFIDENT = 60
"""Photographs of the most confident predictions, right and wrong, of all outcomes."""


def confident_per_outcome(n_outcomes: int) -> int:
    """The number of right and of wrong ones that are shown of each outcome."""
    return max(1, min(6, MAX_CONFIDENT // (2 * n_outcomes)))


@dataclass(frozen=True)
class Thumbnail:
    """`source` is a data URI; `lists` are those of the page that show it; `size`: width and height of the photograph.

    The lists are AT_RANDOM, and `right-<n>` and `wrong-<n>` of the outcome of this number.
    """

    exhibit: Exhibit
    source: str
    lists: tuple[str, ...] = (AT_RANDOM,)
    size: tuple[int, int] | None = None


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


def lists_of(at_random: list[str], confident: pd.DataFrame, outcomes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The lists that show each location, as Thumbnail has them. `confident`: kind, outcome, location_id."""
    lists: dict[str, list[str]] = {location_id: [AT_RANDOM] for location_id in at_random}
    for row in confident.itertuples():
        lists.setdefault(str(row.location_id), []).append(f"{row.kind}-{outcomes.index(str(row.outcome))}")
    return {location_id: tuple(names) for location_id, names in lists.items()}


def thumbnails(exhibits: list[Exhibit], max_pixels: int) -> tuple[list[Thumbnail], list[str]]:
    """The exhibits with small versions of their photographs, and one line per photograph that cannot be shown."""
    prepare_pillow(max_pixels)
    members = MemberReader()
    shown: list[Thumbnail] = []
    left_out: list[str] = []
    try:
        for exhibit in exhibits:
            try:
                jpeg, size = shrink(_content(exhibit, members, MAX_FILE_BYTES_PER_PIXEL * max_pixels), max_pixels)
            except (Rejected, ShardFailed) as why:
                left_out.append(f"{_name(exhibit)} ({why})")
                continue
            source = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
            shown.append(Thumbnail(exhibit, source, size=size))
    finally:
        members.close()
    return shown, left_out


def shrink(content: bytes, max_pixels: int) -> tuple[bytes, tuple[int, int]]:
    """A photograph as an upright RGB JPEG of LONGER_SIDE pixels, and its own width and height.

    Raises Rejected as `decode` does.
    """
    from PIL import Image

    small = Image.fromarray(decode(content, max_pixels=max_pixels))
    size = small.size
    small.thumbnail((LONGER_SIDE, LONGER_SIDE))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80, optimize=True)
    return file.getvalue(), size


def _content(exhibit: Exhibit, members: MemberReader, max_bytes: int) -> bytes:
    byte_range = exhibit.uri, exhibit.offset, exhibit.length
    if lies_open(exhibit.uri, exhibit.member, exhibit.offset):
        return read_image(*byte_range, max_bytes=max_bytes, pauses_s=PAUSES_S)
    return read_member(
        members, exhibit.uri, exhibit.member or "", *byte_range[1:], max_bytes=max_bytes, pauses_s=PAUSES_S
    )


def _name(exhibit: Exhibit) -> str:
    return exhibit.uri if exhibit.member is None else f"{exhibit.uri}!{exhibit.member}"
