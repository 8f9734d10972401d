"""Each difficult image has its expected outcome here; of damaged ones see test_features_mutations.py."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from paths import DATA
from streetdeciles.extraction import decoding
from streetdeciles.extraction.decoding import decode, prepare_pillow
from streetdeciles.extraction.rejects import Rejected

DIFFICULT = DATA / "difficult_images"
MAX_PIXELS = 50_000_000

OUTCOMES: dict[str, tuple[int, int] | str] = {
    "16bit.r.tif": (64, 64),
    "1_trns.png": (64, 64),
    "7x13.png": (13, 7),
    "broken.png": "damaged",
    "broken_data_stream.png": "damaged",
    "cross_scan_line.png": (2, 2),
    "decompression_bomb.gif": "too_large",
    "decompression_bomb_extents.gif": (100, 100),
    "dispose_bgnd.gif": (100, 100),
    "exif_gps.jpg": (8, 8),
    "flower.jpg": (360, 480),
    "flower.webp": (360, 480),
    "frozenpond.mpo": (480, 640),
    "hopper.gif": (128, 128),
    "hopper.jpg": (128, 128),
    "hopper.png": (128, 128),
    "hopper.webp": (128, 128),
    "hopper_gray.jpg": (128, 128),
    "hopper_orientation_3.jpg": (128, 128),
    "hopper_orientation_6.jpg": (128, 128),
    "i_trns.png": (64, 64),
    "icc_profile_big.jpg": (250, 425),
    "imagedraw_polygon_1px_high.png": (3, 3),
    "invalid-exif.jpg": (200, 200),
    "jpeg_ff00_header.jpg": (225, 300),
    "junk_jpeg_header.jpg": (768, 1024),
    "l_trns.png": (64, 64),
    "p_16.png": (128, 128),
    "pil_sample_cmyk.jpg": (100, 100),
    "pil_sample_rgb.jpg": (100, 100),
    "png_decompression_dos.png": "too_large",
    "rgb_trns.png": (64, 64),
    "test-card.png": (480, 640),
    "tiny.png": (4, 4),
    "transparent.png": (150, 200),
    "truncated_image.png": "truncated",
    "truncated_jpeg.jpg": "truncated",
    "uncompressed_l.png": (128, 128),
    "uncompressed_la.png": (128, 128),
    "unknown_compression_method.png": "damaged",
    "zero_width.gif": "damaged",
}


@pytest.fixture(autouse=True)
def _pillow() -> None:
    prepare_pillow(MAX_PIXELS)


def outcome(content: bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int] | str:
    try:
        image = decode(content, max_pixels=max_pixels)
    except Rejected as rejected:
        return rejected.reason
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    return image.shape[0], image.shape[1]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def colours(content: bytes) -> np.ndarray:
    return decode(content, max_pixels=MAX_PIXELS)


def test_every_difficult_image_is_listed_here() -> None:
    assert {path.name for path in DIFFICULT.iterdir()} - {"LICENSE"} == set(OUTCOMES)
    assert len(OUTCOMES) == 41


@pytest.mark.parametrize("name", OUTCOMES)
def test_difficult_image(name: str) -> None:
    assert outcome((DIFFICULT / name).read_bytes()) == OUTCOMES[name]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"no picture", "not_an_image"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "not_an_image"),
        (b"\0" * 1000, "not_an_image"),
        (b"%PDF-1.7 ...", "not_an_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not_an_image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported_format"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
    ],
)
def test_bytes_that_are_no_photograph(content: bytes, reason: str) -> None:
    assert outcome(content) == reason


def test_size_is_checked_before_the_pixels_are_decoded() -> None:
    """The header of a picture of 60,000 x 60,000 pixels alone; decoding it would fail, and need 10 GB."""
    header = bytearray(encoded(Image.new("RGB", (8, 8)), "BMP"))
    header[18:26] = (60_000).to_bytes(4, "little") * 2
    with pytest.raises(Rejected, match="too_large: more than 100000000 pixels; features.max_pixels is 50000000"):
        decode(bytes(header), max_pixels=MAX_PIXELS)


def test_first_frame_of_a_gif_is_no_way_around_the_limit() -> None:
    """A screen of 100 x 100, a frame of 65,535 x 65,535 to be wiped afterwards: 4 GB in Pillow when it is opened."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 100, 100, 0x80, 0, 0) + bytes(6)
    wiped = b"!\xf9\x04" + bytes([2 << 2, 0, 0, 0, 0])
    frame = b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02L\x01\0;"
    with pytest.raises(Rejected, match="too_large: more than 100000000 pixels"):
        decode(screen + wiped + frame, max_pixels=MAX_PIXELS)


def test_limit_is_inclusive() -> None:
    content = encoded(Image.new("RGB", (20, 10)), "PNG")
    assert outcome(content, max_pixels=200) == (10, 20)
    assert outcome(content, max_pixels=199) == "too_large"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_picture_is_turned_as_exif_says(orientation: int, kind: str) -> None:
    """Stored so that a viewer has to do what EXIF's table says of each value; the arrays below undo it by NumPy."""
    upright = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options)
    assert np.array_equal(colours(content), upright)


def test_turned_photograph_of_a_camera_is_upright() -> None:
    """The same portrait, stored lying on its side; two JPEG compressions apart."""
    upright = colours((DIFFICULT / "hopper.jpg").read_bytes()).astype(int)
    for name in ("hopper_orientation_3.jpg", "hopper_orientation_6.jpg"):
        turned = colours((DIFFICULT / name).read_bytes()).astype(int)
        assert np.abs(turned - upright).mean() < 10


def test_exif_that_cannot_be_read_leaves_the_picture() -> None:
    content = encoded(Image.new("RGB", (3, 2), (9, 8, 7)), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert colours(content).tolist() == [[[9, 8, 7]] * 3] * 2


def test_alpha_lies_over_white() -> None:
    pixels = np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [0, 100, 200, 51]]], dtype=np.uint8)
    actual = colours(encoded(Image.fromarray(pixels, "RGBA"), "PNG"))
    assert actual[0, :2].tolist() == [[255, 255, 255], [0, 0, 0]]
    assert np.abs(actual[0, 2].astype(int) - [204, 224, 244]).max() <= 1  # 0.2 x colour + 0.8 x 255


def test_every_alpha_is_blended_to_the_nearest_level() -> None:
    level, alpha = np.meshgrid(np.arange(256), np.arange(256))
    file = BytesIO()
    Image.fromarray(np.stack([level, 255 - level, level.T, alpha], axis=-1).astype(np.uint8)).save(file, "PNG")
    over_white = alpha * level + (255 - alpha) * 255  # times 255
    decoded = decode(file.getvalue(), max_pixels=MAX_PIXELS)
    assert np.array_equal(decoded[..., 0], (2 * over_white + 255) // 510)
    assert np.array_equal(decoded[..., 1], decoded[:, ::-1, 0])


def longest_wait_share(work: Callable[[], object]) -> float:
    """The longest time for which this thread could not count while another works, as a share of all the time."""
    worker = threading.Thread(target=work)
    longest = 0.0
    start = last = time.perf_counter()
    worker.start()
    while worker.is_alive():
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest / (last - start)


def test_thread_that_blends_alpha_does_not_stop_others() -> None:
    """24 megapixels, as from a PNG or WebP; the lowest of five, because a busy machine stops threads too."""
    picture = Image.new("RGBA", (6000, 4000), (10, 200, 30, 128))
    assert min(longest_wait_share(lambda: decoding._to_rgb(picture)) for _ in range(5)) < 0.2


def test_transparent_colour_of_a_palette_and_of_grey_is_white() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    assert colours(encoded(palette, "PNG", transparency=1)).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    grey = Image.fromarray(np.array([[7, 8]], dtype=np.uint8))
    assert colours(encoded(grey, "PNG", transparency=7)).tolist() == [[[255] * 3, [8] * 3]]


def test_sixteen_bits_become_eight() -> None:
    values = np.array([[0, 257, 128 * 257, 65535, 128]], dtype=np.uint16)
    for kind in ("PNG", "TIFF"):
        actual = colours(encoded(Image.fromarray(values), kind))
        assert actual[0, :, 0].tolist() == [0, 1, 128, 255, 0]
        assert (actual == actual[:, :, :1]).all()


def test_cmyk_grey_and_palette_become_rgb() -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert colours(encoded(cmyk, "TIFF"))[0, 0].tolist() == [255, 0, 0]
    assert colours(encoded(Image.new("L", (4, 4), 77), "PNG"))[0, 0].tolist() == [77, 77, 77]
    assert colours(encoded(Image.new("1", (4, 4), 1), "PNG"))[0, 0].tolist() == [255, 255, 255]


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert colours(content)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_values_without_a_range_are_rejected(mode: str) -> None:
    assert outcome(encoded(Image.new(mode, (4, 4)), "TIFF")) == "unsupported_mode"
