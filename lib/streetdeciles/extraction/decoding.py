"""From a file's bytes, whatever they are, to upright RGB or the reason for rejecting it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import reason
from streetdeciles.extraction.memory import decoding_bytes
from streetdeciles.extraction.plain_jpeg import plain_jpeg_size
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.extraction.structure import refuse_costly, webp_size

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")
"""No others: some of Pillow's formats start other programs."""

STARTS_OF_IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"BM")
BRANDS = ("heic", "heix", "heim", "heis", "hevc", "mif1", "msf1", "avif", "avis", "isom", "mp42", "qt  ")
KINDS_OF_FILES = {
    b"<!doctype html": "an HTML page",
    b"<html": "an HTML page",
    b"<?xml": "an XML document",
    b"<svg": "an SVG drawing",
    b"{": "JSON or text",
    b"[": "JSON or text",
    b"%pdf": "a PDF document",
    b"%!ps": "a PostScript document",
    b"pk\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
}
"""By how a file begins, after blanks and in lower case."""

ORIENTATION = 0x0112


def prepare_pillow(max_pixels: int) -> None:
    """Once in a process that decodes: Pillow must not warn of each damaged file, and its size limit is ours.

    `decode` sees a picture's size when Pillow has opened it, which is too late for a GIF with a first frame of 65,535 x
    65,535, or for a TIFF with such tiles: Pillow's own check is made before it takes the memory, at twice its limit.
    """
    from PIL import Image

    Image.init()  # else the first pictures of several threads would load the formats side by side
    warnings.filterwarnings("ignore", module=r"PIL\.")
    Image.MAX_IMAGE_PIXELS = max_pixels


def decode(
    content: bytes,
    *,
    max_pixels: int,
    min_pixels: int = 1,
    reserve: Callable[[int], None] | None = None,
    scratch: bytearray | None = None,
) -> Array:
    """Upright RGB, uint8 [height, width, 3]: turned as EXIF says, first frame, alpha over white, 16 bits to 8.

    Args:
        reserve: called once with the bytes that decoding will take, before they are taken; it may wait.
        scratch: memory that the pixels may be in; they are then there until it is used again.

    Raises:
        Rejected: with the reason.
    """
    if not content:
        raise Rejected("empty", "the file has 0 bytes")
    plain = plain_jpeg_size(content)
    if plain is not None and min_pixels <= plain[0] * plain[1] <= max_pixels:
        _reserve(reserve, "JPEG", plain)
        reserve = None  # Pillow would need as much
        pixels = _by_simplejpeg(content, plain, scratch)
        if pixels is not None:
            return pixels
    refuse_costly(content)
    return _by_pillow(content, max_pixels, min_pixels, reserve, scratch)


def _by_pillow(
    content: bytes,
    max_pixels: int,
    min_pixels: int,
    reserve: Callable[[int], None] | None,
    scratch: bytearray | None,
) -> Array:
    """The pixels of a file whose headers Pillow reads; simplejpeg still decodes what it can."""
    from PIL import Image, UnidentifiedImageError

    known = webp_size(content)
    try:
        if known is not None:
            _check_size(known, min_pixels, max_pixels)
            _reserve(reserve, "WEBP", known)
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _check_size(image.size, min_pixels, max_pixels)
            if known is None:
                _reserve(reserve, image.format or "", image.size)
            fast = image.format == "JPEG" and image.mode in ("RGB", "L")
            pixels = _by_simplejpeg(content, image.size, scratch) if fast else None
            if pixels is None:
                image.load()
                return np.asarray(_upright(_to_rgb(image), _orientation(image)))
            orientation = _orientation(image)
            return pixels if orientation == 1 else np.asarray(_upright(Image.fromarray(pixels), orientation))
    except (Rejected, MemoryError):
        raise
    except UnidentifiedImageError:
        raise _not_identified(content) from None
    except Image.DecompressionBombError:
        raise Rejected("too_large", f"more than {2 * max_pixels} pixels; features.max_pixels is {max_pixels}") from None
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise _damaged(error) from error


def _by_simplejpeg(content: bytes, size: tuple[int, int], scratch: bytearray | None) -> Array | None:
    """RGB uint8 [height, width, 3] of a JPEG in grey or RGB, as by Pillow; None where Pillow must decide.

    It is a view of pixels of four bytes, which are picked faster.

    Both use libjpeg-turbo, but this takes less time and does not hold the interpreter's lock. It is strict: of damaged
    files it decodes none.
    """
    import simplejpeg

    try:
        fits = scratch is not None and 4 * size[0] * size[1] <= len(scratch)
        pixels: Array = simplejpeg.decode_jpeg(content, "RGBX", buffer=scratch if fits else None)
    except ValueError:
        return None
    return pixels[..., :3] if pixels.shape[1::-1] == size else None


def _check_size(size: tuple[int, int], min_pixels: int, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise Rejected("too_large", f"{width} x {height} pixels; features.max_pixels is {max_pixels}")
    if width * height == 0:
        raise Rejected("damaged", f"{width} x {height} pixels")
    if width * height < min_pixels:
        raise Rejected("too_small", f"{width} x {height} pixels; features.min_pixels is {min_pixels}")


def _reserve(reserve: Callable[[int], None] | None, kind: str, size: tuple[int, int]) -> None:
    if reserve is not None:
        reserve(decoding_bytes(kind, size[0] * size[1]))


def _to_rgb(image: Image) -> Image:
    from PIL import Image

    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        return _sixteen_bits_to_rgb(image)
    if image.mode in ("I", "F"):
        raise Rejected("unsupported_mode", f"{image.mode}: 32-bit values have no agreed range")
    if "transparency" not in image.info and image.mode in ("L", "1", "P", "CMYK", "YCbCr"):
        return image.convert("RGB")
    if image.mode in ("L", "1", "P", "RGB", "RGBA", "RGBX", "LA", "PA", "La", "RGBa"):
        seen = image.convert("LA") if image.mode == "La" else image
        seen = seen if seen.mode == "RGBA" else seen.convert("RGBA")
        # The pixels of Image.alpha_composite, in a third of its time and without the interpreter's lock.
        white = Image.new("RGB", image.size, "white")
        white.paste(seen, mask=seen)
        return white
    raise Rejected("unsupported_mode", image.mode)


def _sixteen_bits_to_rgb(image: Image) -> Image:
    from PIL import Image

    values = np.asarray(image).astype(np.uint32)
    grey = ((values + 128) // 257).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    return Image.fromarray(grey).convert("RGB")


def _orientation(image: Image) -> int:
    """How the camera was held, 1 to 8 as in EXIF; 1, upright, where that cannot be read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF is often damaged while the picture is not
        return 1


def _upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _not_identified(content: bytes) -> Rejected:
    """The detail never holds bytes of the file: it may be anything that a link leads to."""
    if content[4:8] == b"ftyp":
        brand = content[8:12].decode("ascii", errors="replace")
        kind = brand if brand in BRANDS else "ISO media"
        return Rejected("unsupported_format", f"{kind} (HEIF, AVIF or video); convert it to JPEG")
    if content.startswith(STARTS_OF_IMAGES):
        return Rejected("damaged", "starts like an image, and its header cannot be read")
    return Rejected("not_an_image", f"{_kind_of_file(content)}, {len(content)} bytes")


def _kind_of_file(content: bytes) -> str:
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for begins, kind in KINDS_OF_FILES.items():
        if start.startswith(begins):
            return kind
    if not content.strip(b"\0"):
        return "only zero bytes"
    text = content[:512].decode("utf-8", errors="replace").rstrip("\ufffd")  # the cut may be within a letter
    is_text = "\ufffd" not in text and all(letter.isprintable() or letter.isspace() for letter in text)
    return "text" if is_text else "an unknown format"


def _damaged(error: Exception) -> Rejected:
    text = reason(error, 200)
    if "too large" in text:
        return Rejected("too_large", text)
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return Rejected("truncated", text)
    return Rejected("damaged", text)
