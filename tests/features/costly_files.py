"""Small files whose decoding costs far more time or memory than their size suggests; no file is read for them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image


def costly_files() -> dict[str, bytes]:
    """By name; all but those of `in_budget` are beyond the limits of `extraction.structure`."""
    return {
        "scans.jpg": progressive_jpeg((1000, 1000), scans=1000),
        "app1.jpg": jpeg_with(segment(b"\xe1", b"Exif\0\0" + bytes(60_000)) * 1000),
        "comments.jpg": jpeg_with(segment(b"\xfe", b"") * 500_000),
        "stray.jpg": jpeg_with(bytes(20_000_000)),
        "restarts.jpg": jpeg_with(b"\xff\xd0" * 5_000_000),
        "strips.tif": tiff(height=2_000_000),
        "strips_not_listed.tif": tiff(height=40_000_000, listed=1),
        "strips_big_endian.tif": tiff(height=2_000_000, order=">"),
        "chunks.png": png(8, 8, before=chunk(b"teSt", b"") * 800_000),
        "empty_idats.png": png(8, 8, before=chunk(b"IDAT", b"") * 800_000),
        "rle.bmp": rle_bmp(5_000_000, 10),
    }


def in_budget() -> dict[str, bytes]:
    """Of 49 million pixels each, which is allowed: they are decoded, one at a time."""
    return {
        "webp": webp_lossless(7000, 7000),
        "png": png(7000, 7000),
        "bilevel.png": _saved(Image.new("1", (7000, 7000)), "PNG", transparency=0),
    }


def progressive_jpeg(size: tuple[int, int], scans: int) -> bytes:
    """A valid JPEG whose last scan comes again and again."""
    content = _saved(Image.new("L", size), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * scans + content[-2:]


def jpeg_with(segments: bytes) -> bytes:
    content = _saved(Image.new("RGB", (16, 16)), "JPEG")
    return content[:20] + segments + content[20:]  # behind the segment that makes it a JPEG


def segment(marker: bytes, content: bytes) -> bytes:
    return b"\xff" + marker + struct.pack(">H", len(content) + 2) + content


def tiff(height: int, listed: int | None = None, order: str = "<") -> bytes:
    """One pixel wide, one row a strip, all strips the same byte; `listed`: for how many strips there are entries."""
    n = height if listed is None else listed
    offsets = 8 + 2 + 9 * 12 + 4
    sizes = [(256, 1), (257, height), (258, 8), (259, 1), (262, 1), (277, 1), (278, 1)]
    entries = [(tag, 4, 1, value) for tag, value in sizes]
    entries += [(273, 4, n, offsets if n > 1 else 8), (279, 4, n, offsets + 4 * n if n > 1 else 1)]
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    directory = b"".join(struct.pack(f"{order}HHII", *entry) for entry in sorted(entries))
    return header + directory + bytes(4) + struct.pack(f"{order}I", 8) * n + struct.pack(f"{order}I", 1) * n


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, before: bytes = b"") -> bytes:
    """Black, RGB."""
    packed = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    pixels = b"".join([packed.compress(row) for _ in range(height)]) + packed.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def rle_bmp(width: int, height: int) -> bytes:
    """Each row one pixel and an end of line, which Pillow fills up in Python."""
    data = b"\1\1\0\0" * height + b"\0\1"
    sizes = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + sizes + bytes(1024) + data


def webp_lossless(width: int, height: int) -> bytes:
    return _saved(Image.new("RGB", (width, height)), "WEBP", lossless=True, method=0, quality=0)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
