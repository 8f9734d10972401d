"""Photographs of every format, and ways to damage them as disks, networks and programs do."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

from paths import DATA


class Mutation(NamedTuple):
    """Where something happens to a file; positions are taken modulo its length."""

    kind: str
    """`truncate` at the first position, `flip` the byte at each, or `splice` bytes of another file in at the first."""
    positions: Sequence[int]
    bits: int = 1
    """What a flipped byte is changed by, 1 to 255."""
    length: int = 0
    """How many bytes of the other file come in."""
    replaces: bool = False
    """Whether as many bytes go out."""


def mutated(content: bytes, other: bytes, mutation: Mutation) -> bytes:
    if not content:
        return content
    at = mutation.positions[0] % len(content)
    if mutation.kind == "truncate":
        return content[:at]
    if mutation.kind == "splice":
        start = mutation.positions[-1] % max(1, len(other))
        end = at + mutation.length if mutation.replaces else at
        return content[:at] + other[start : start + mutation.length] + content[end:]
    changed = bytearray(content)
    for position in mutation.positions:
        changed[position % len(content)] ^= mutation.bits
    return bytes(changed)


def example_files() -> dict[str, bytes]:
    """The difficult images, the photographs, and one of these, small, in each way it can be written."""
    paths = [*(DATA / "difficult_images").iterdir(), *(DATA / "photos").iterdir()]
    # Cameras' pictures of 8 megapixels differ from the others only in the time that they take.
    files = {path.name: path.read_bytes() for path in sorted(paths) if not path.name.startswith(("LICENSE", "berlin"))}
    with Image.open(DATA / "photos" / "mapillary_06.jpg") as photo:
        small = photo.convert("RGB").resize((128, 64))
    grey = small.convert("L")
    for name, image, kind, options in _WAYS:
        file = BytesIO()
        made = small.convert(image) if image != "I;16" else grey.convert("I").point(lambda v: v * 257).convert("I;16")
        made.save(file, kind, **options)
        files[name] = file.getvalue()
    return files


_WAYS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("progressive.jpg", "RGB", "JPEG", {"progressive": True}),
    ("cmyk.jpg", "CMYK", "JPEG", {}),
    ("alpha.png", "RGBA", "PNG", {}),
    ("palette.png", "P", "PNG", {"transparency": 3}),
    ("16bit.png", "I;16", "PNG", {}),
    ("lossless.webp", "RGBA", "WEBP", {"lossless": True}),
    ("lossy.webp", "RGB", "WEBP", {}),
    ("plain.tif", "RGB", "TIFF", {}),
    ("lzw.tif", "RGB", "TIFF", {"compression": "tiff_lzw"}),
    ("deflate.tif", "RGBA", "TIFF", {"compression": "tiff_adobe_deflate"}),
    ("jpeg.tif", "RGB", "TIFF", {"compression": "jpeg"}),
    ("fax.tif", "1", "TIFF", {"compression": "group4"}),
    ("palette.gif", "P", "GIF", {}),
    ("plain.bmp", "RGB", "BMP", {}),
]
