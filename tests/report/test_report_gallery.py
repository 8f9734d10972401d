"""Which locations the gallery shows, and that any photograph becomes a small JPEG or is named in the notes."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from streetdeciles.extraction.rejects import Rejected
from streetdeciles.report.collect import Exhibit
from streetdeciles.report.gallery import choose, lists_of, shrink, thumbnails

DATA = Path(__file__).parents[1] / "data"
MAX_PIXELS = 50_000_000


def candidates(*deciles: int) -> pd.DataFrame:
    return pd.DataFrame({"location_id": [f"{d}-{i}" for i, d in enumerate(deciles)], "true_decile": deciles})


def test_gallery_takes_every_decile_before_any_twice() -> None:
    chosen = choose(candidates(*[d for d in range(1, 11) for _ in range(5)]), 12)
    assert [int(name.split("-")[0]) for name in chosen] == [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]


def test_small_gallery_shows_both_ends_and_the_middle() -> None:
    chosen = choose(candidates(*range(1, 11)), 3)
    assert [int(name.split("-")[0]) for name in chosen] == [1, 5, 10]


def test_gallery_takes_what_there_is() -> None:
    assert choose(candidates(4, 4, 9), 12) == ["4-0", "4-1", "9-2"]
    assert choose(candidates(), 12) == []


def test_location_is_in_all_lists_that_chose_it() -> None:
    rows = [("right", "imd", "a"), ("wrong", "idaci", "a"), ("wrong", "imd", "b")]
    confident = pd.DataFrame(rows, columns=["kind", "outcome", "location_id"])
    assert lists_of(["c", "a"], confident, ["imd", "idaci"]) == {
        "c": ("random",),
        "a": ("random", "right-0", "wrong-1"),
        "b": ("wrong-0",),
    }


@pytest.mark.parametrize(
    "name", ["pil_sample_cmyk.jpg", "16bit.r.tif", "p_16.png", "la.png", "hopper.gif", "icc_profile_big.jpg"]
)
def test_any_kind_of_picture_becomes_a_small_rgb_jpeg(name: str) -> None:
    path = DATA / "difficult_images" / name.replace("la.png", "uncompressed_la.png")
    small = Image.open(io.BytesIO(shrink(path.read_bytes(), MAX_PIXELS)[0]))
    assert (small.format, small.mode) == ("JPEG", "RGB")
    assert max(small.size) <= 320


def test_thumbnail_keeps_the_proportions_of_a_photograph() -> None:
    content = (DATA / "photos" / "lund_01.jpg").read_bytes()
    width, height = Image.open(io.BytesIO(content)).size
    small = Image.open(io.BytesIO(shrink(content, MAX_PIXELS)[0]))
    assert max(small.size) == 320
    assert small.size[0] / small.size[1] == pytest.approx(width / height, rel=0.02)


def test_thumbnail_stands_upright() -> None:
    turned = DATA / "difficult_images" / "hopper_orientation_3.jpg"
    upright = Image.open(DATA / "difficult_images" / "hopper.jpg").convert("RGB")
    small = Image.open(io.BytesIO(shrink(turned.read_bytes(), MAX_PIXELS)[0]))
    for corner in [(5, 5), (small.size[0] - 6, small.size[1] - 6)]:
        there, expected = small.getpixel(corner), upright.resize(small.size).getpixel(corner)
        assert all(abs(a - b) < 60 for a, b in zip(there, expected, strict=True))


@pytest.mark.parametrize("name", ["broken_data_stream.png", "truncated_jpeg.jpg", "LICENSE", "zero_width.gif"])
def test_what_is_not_a_photograph_is_rejected(name: str) -> None:
    with pytest.raises(Rejected):
        shrink((DATA / "difficult_images" / name).read_bytes(), MAX_PIXELS)


def exhibit(uri: str, offset: int | None = None, length: int | None = None, *, member: str | None = None) -> Exhibit:
    return Exhibit("a", "bury", "E01", 0, uri, member, offset, length, {})


def test_photograph_that_cannot_be_shown_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("secret")
    (tmp_path / "drawing.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    names = ["gone.jpg", "text.jpg", "drawing.eps"]
    exhibits = [exhibit(str(DATA / "photos/lund_01.jpg")), *(exhibit(str(tmp_path / name)) for name in names)]
    shown, left_out = thumbnails(exhibits, MAX_PIXELS)
    assert [item.source.partition(",")[0] for item in shown] == ["data:image/jpeg;base64"]
    assert left_out == [
        f"{tmp_path}/gone.jpg (missing: was in the index, and is gone)",
        f"{tmp_path}/text.jpg (not_an_image: text, 6 bytes)",
        f"{tmp_path}/drawing.eps (not_an_image: a PostScript document, 49 bytes)",
    ]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG", "TIFF"])
def test_odd_exif_leaves_the_photograph(tmp_path: Path, kind: str) -> None:
    """An orientation of a kind that Pillow's own `exif_transpose` fails on."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0\0\0\0\0"
    Image.new("RGB", (20, 10), "red").save(tmp_path / "odd", kind, **({} if kind == "TIFF" else {"exif": exif}))
    shown, left_out = thumbnails([exhibit(str(tmp_path / "odd"))], MAX_PIXELS)
    assert (len(shown), left_out) == (1, [])


def test_photograph_within_an_archive_is_read_by_its_offset(tmp_path: Path) -> None:
    content = (DATA / "photos" / "lund_01.jpg").read_bytes()
    (tmp_path / "photos.tar").write_bytes(b"x" * 512 + content + b"y" * 512)
    ((actual,), _) = thumbnails([exhibit(str(tmp_path / "photos.tar"), 512, len(content))], MAX_PIXELS)
    assert base64.b64decode(actual.source.partition(",")[2]) == shrink(content, MAX_PIXELS)[0]


def test_photograph_within_a_compressed_archive_is_read(tmp_path: Path) -> None:
    photo = DATA / "photos" / "lund_01.jpg"
    with zipfile.ZipFile(tmp_path / "photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(photo, "deep/a_0.jpg")
    uri = str(tmp_path / "photos.zip")
    exhibits = [exhibit(uri, member="deep/a_0.jpg"), exhibit(uri, member="b_0.jpg")]
    ((actual,), left_out) = thumbnails(exhibits, MAX_PIXELS)
    assert base64.b64decode(actual.source.partition(",")[2]) == shrink(photo.read_bytes(), MAX_PIXELS)[0]
    assert left_out == [f"{uri}!b_0.jpg (archive_damaged: the member was in the index, and is gone)"]
