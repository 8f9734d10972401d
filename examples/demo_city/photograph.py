"""One location's photographs as files: which camera took them, how it was held, and what it made of the light."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zlib import crc32

import numpy as np
from PIL import Image, ImageChops

from demo_city.camera import Camera
from demo_city.light import draw_light
from demo_city.render import SCALE, Packed, hills_around, render
from demo_city.street import lay_out, pass_by
from demo_city.traits import traits_of

VIEWS = 4

JPEG_SIZES = ((640, 640), (640, 480), (640, 480), (800, 600))
PNG_SIZES = ((480, 480), (480, 360))
PNG_SHARE = 0.08
JPEG_QUALITY = 82


@dataclass(frozen=True)
class Place:
    """A location to be drawn: where it is, and its area's deciles."""

    location_id: str
    area_id: str
    deciles: Mapping[str, int]


@dataclass(frozen=True)
class Format:
    ending: str
    size: tuple[int, int]


def generator(seed: int, name: str, number: int = 0) -> random.Random:
    """Chance that depends on these alone, so that each photograph can be drawn without the others."""
    words = np.random.SeedSequence([seed, crc32(name.encode()), number]).generate_state(4)
    return random.Random(int.from_bytes(words.tobytes(), "little"))


def format_of(seed: int, location_id: str) -> Format:
    """What a location's camera makes: JPEG, or (a minority) PNG, and its width and height in pixels."""
    rng = generator(seed, location_id, 1000)
    if rng.random() < PNG_SHARE:
        return Format("png", rng.choice(PNG_SIZES))
    return Format("jpg", rng.choice(JPEG_SIZES))


def draw_photographs(seed: int, place: Place, views: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """(view, content of its file) of the wanted views of a location, the same bytes each time."""
    rng = generator(seed, place.location_id)
    traits = traits_of(place.deciles, generator(seed, place.area_id), rng)
    light = draw_light(rng, traits.air)
    site = lay_out(traits, light, rng)
    street, hills = Packed.of(site.street), hills_around(rng, light)
    kind = format_of(seed, place.location_id)
    for view in views:
        own = generator(seed, place.location_id, 1 + view)
        passing = Packed.of(pass_by(site, own).street)
        picture = render((street, passing), hills, light, _camera(own, view, kind.size))
        yield view, _encode(own, _develop(own, picture), kind)


def _camera(rng: random.Random, view: int, size: tuple[int, int]) -> Camera:
    """On a car that drives on the left, with headings 0, 90, 180, 270 degrees for the views 0, 1, 2, 3."""
    width, height = size[0] * SCALE, size[1] * SCALE
    return Camera(
        x=-1.3 + rng.uniform(-0.3, 0.3),
        y=2.4 + rng.uniform(-0.2, 0.2),
        z=rng.uniform(-1.0, 1.0),
        heading=90.0 * view + rng.gauss(0, 5.0),
        focal=width * rng.uniform(0.52, 0.6),
        width=width,
        height=height,
        horizon=height * rng.uniform(0.51, 0.59),
    )


def _develop(rng: random.Random, picture: Image.Image) -> Image.Image:
    """Exposure, white balance and contrast of this shot, and darker corners."""
    exposure, warmth, contrast = rng.gauss(1.04, 0.05), rng.gauss(0, 0.025), rng.gauss(1.06, 0.04)
    gains = exposure * np.array([[1 + warmth], [1.0], [1 - warmth]])
    curves = np.clip((np.arange(256) * gains - 128) * contrast + 128, 0, 255).round().astype(int)
    return ImageChops.multiply(picture.point(curves.ravel().tolist()), _corners(picture.size))


def _with_grain(rng: random.Random, picture: Image.Image) -> Image.Image:
    grain = _grain()
    left, top = rng.randrange(grain.width - picture.width), rng.randrange(grain.height - picture.height)
    own = grain.crop((left, top, left + picture.width, top + picture.height))
    return ImageChops.add(picture, Image.merge("RGB", (own, own, own)), 1.0, -128)


@cache
def _corners(size: tuple[int, int]) -> Image.Image:
    x = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    shade = Image.fromarray((255 * (1 - 0.13 * ((x**2 + y**2) / 2) ** 1.5)).astype(np.uint8))
    return Image.merge("RGB", (shade, shade, shade))


@cache
def _grain() -> Image.Image:
    noise = np.random.default_rng(6229).normal(128, 2.6, (1024, 1024))
    return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))


def _encode(rng: random.Random, picture: Image.Image, kind: Format) -> bytes:
    """The file's content. A PNG is without grain, which would make it three times as long."""
    content = io.BytesIO()
    if kind.ending == "png":
        picture.save(content, "PNG")
    else:
        _with_grain(rng, picture).save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()
