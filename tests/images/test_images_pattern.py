"""Which file names match a pattern, and their locations and views."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from streetdeciles.config import ImagesConfig
from streetdeciles.images.pattern import name_pattern


def parsed(pattern: str, relative: str) -> tuple[str, str] | None:
    match = pc.extract_regex(pa.scalar(relative), name_pattern(pattern).regex).as_py()
    return match and (match["location_id"], match.get("view", ""))


@pytest.mark.parametrize(
    ("pattern", "relative", "expected"),
    [
        ("{location_id}_{view}.jpg|png", "007_a.png", ("007", "a")),
        ("{location_id}_{view}.jpg|png", "north/AB1 0AA/AB1_0AA_3.JPG", ("AB1_0AA", "3")),
        ("{location_id}_{view}.jpg|png", "x_270.Png", ("x", "270")),
        ("{location_id}_{view}.jpg|png", "x_ab.png", None),
        ("{location_id}_{view}.jpg|png", "x.png", None),
        ("{location_id}_{view}.jpg|png", "_0.png", None),
        ("{location_id}_{view}.jpg|png", "x_0.png.txt", None),
        ("{location_id}_{view}.jpg|png", "x_0.jpeg", None),
        ("{location_id}_{view}.jpg|png", "x_0xjpg", None),
        ("{location_id}_{view}.jpg|png", "._x_0.jpg", None),
        ("{location_id}.jpg", "folder/lund_01.jpg", ("lund_01", "")),
        ("{view}-{location_id}.jpg", "b-x.y.jpg", ("x.y", "b")),
        ("{location_id}/{view}.jpg", "deep/er/x/1.jpg", ("x", "1")),
        ("{location_id}/{view}.jpg", "1.jpg", None),
        ("img.({location_id}).jpg", "img.(x).jpg", ("x", "")),
        ("img.({location_id}).jpg", "imga(x).jpg", None),
        ("{location_id}_{view}.jpg", "new\nline\u2028/x\ny_1.jpg", ("x\ny", "1")),
        ("{location_id}_{view}.jpg", "x_1.jpg\n", None),
    ],
)
def test_name_says_location_and_view(pattern: str, relative: str, expected: tuple[str, str] | None) -> None:
    assert parsed(pattern, relative) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "{view}.jpg",
        "{location_id}",
        "{location_id}{location_id}.jpg",
        "{location_id}_{heading}.jpg",
        "{location_id}_{view}{view}.jpg",
        "{location_id}.",
        "{location_id}.jpg|",
        "x.{location_id}",
    ],
)
def test_pattern_without_location_id_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="must hold {location_id} once"):
        ImagesConfig(folder="x", pattern=pattern, views=1)
