"""From a street and a camera to a picture: sky, hills, ground with its shadows, then part after part."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from demo_city.camera import NEAR_M, Camera, Faces, Polygon, project
from demo_city.light import Light, noise, paint_sky
from demo_city.mesh import Colour, Face, Part, Sprite, mix
from demo_city.plants import paint_crown
from demo_city.site import Street

SCALE = 2
"""The canvas has this many pixels to one of the picture, each way: that smooths all edges."""

NO_HAZE = 1e9
"""Visibility, in metres, of what brings its own haze."""

RANGES: tuple[tuple[float, float, Colour, float], ...] = (
    (900.0, 70.0, (104, 124, 128), 0.62),
    (600.0, 34.0, (92, 116, 98), 0.45),
    (330.0, 14.0, (74, 98, 70), 0.28),
)
"""Ranges of hills: distance and height in metres, colour, and the share of haze in it on a clear day."""


@dataclass(frozen=True)
class Packed:
    """A street as arrays, made once for the four views of a location."""

    ground: Faces
    shadows: Faces
    faces: Faces
    parts: list[Part]

    @classmethod
    def of(cls, street: Street) -> Packed:
        every = [face for part in street.parts for face in part.faces]
        return cls(Faces.of(street.ground), Faces.of(street.shadows), Faces.of(every), street.parts)


def render(streets: Sequence[Packed], hills: Faces, light: Light, camera: Camera) -> Image.Image:
    """The picture, RGB, of the canvas' size divided by SCALE; `streets` stand in one and the same space."""
    canvas = Image.new("RGB", (camera.width, camera.height), _rgb(light.haze))
    # As fine as the picture is fine enough for what is soft: each of its pixels is doubled, and halved at the end.
    half = (camera.width // SCALE, math.ceil(camera.horizon / SCALE))
    canvas.paste(_doubled(paint_sky(light, camera, half)), (0, 0))
    draw = ImageDraw.Draw(canvas)
    _fill(draw, project(hills, camera, light.haze, NO_HAZE))
    top = int(camera.horizon)
    draw.rectangle((0, top, camera.width, camera.height), fill=_rgb(light.haze))
    for street in streets:
        _fill(draw, project(street.ground, camera, light.haze, light.visibility))
    _shade(canvas, streets, light, camera)
    for part, polygons in _in_order(streets, light, camera):
        _fill(draw, polygons)
        for sprite in part.sprites:
            _paste(canvas, sprite, light, camera)
    return canvas.reduce(SCALE)


def hills_around(rng: random.Random, light: Light) -> Faces:
    """Ranges of hills all around, each further one closer to the haze."""
    faces = []
    steps = 64
    for distance, tall, tone, share in RANGES:
        colour = mix(tone, light.haze, min(0.9, share + 32.0 / light.visibility))
        phases = [rng.uniform(0, 2 * math.pi) for _ in range(4)]
        line = []
        for i in range(steps + 1):
            angle = 2 * math.pi * i / steps
            wave = sum(math.sin(angle * f + p) / f**0.7 for f, p in zip((2, 5, 11, 23), phases, strict=True))
            line.append((distance * math.sin(angle), tall * (0.62 + 0.22 * wave), distance * math.cos(angle)))
        for (x0, y0, z0), (x1, y1, z1) in zip(line, line[1:], strict=False):
            faces.append(Face([(x0, -2.0, z0), (x0, y0, z0), (x1, y1, z1), (x1, -2.0, z1)], colour, True))
    return Faces.of(faces)


def _in_order(streets: Sequence[Packed], light: Light, camera: Camera) -> list[tuple[Part, list[Polygon | None]]]:
    """Every part with what is to be seen of its faces, the furthest first."""
    visible: list[tuple[Part, list[Polygon | None]]] = []
    for street in streets:
        polygons, first = project(street.faces, camera, light.haze, light.visibility), 0
        for part in street.parts:
            visible.append((part, polygons[first : first + len(part.faces)]))
            first += len(part.faces)
    return sorted(visible, key=lambda item: (item[0].layer, -abs(item[0].z - camera.z)))


def _doubled(image: Image.Image) -> Image.Image:
    return image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.NEAREST)


def _fill(draw: ImageDraw.ImageDraw, polygons: Sequence[Polygon | None]) -> None:
    polygon = draw.polygon
    for item in polygons:
        if item:
            polygon(item[0], fill=item[1])


def _rgb(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (max(0, min(255, int(value))) for value in colour)
    return (red, green, blue)


def _shade(canvas: Image.Image, streets: Sequence[Packed], light: Light, camera: Camera) -> None:
    """Put shadows, and the unevenness of the ground, on the canvas below the horizon."""
    quarter = replace(
        camera,
        focal=camera.focal / 4,
        width=camera.width // 4,
        height=camera.height // 4,
        horizon=camera.horizon / 4,
    )
    mask = Image.new("L", (quarter.width, quarter.height), 255)
    dark = int(255 * (0.86 - 0.48 * max(light.weather.sun)))
    draw = ImageDraw.Draw(mask)
    for street in streets:
        for item in project(street.shadows, quarter, light.haze, NO_HAZE):
            if item:
                draw.polygon(item[0], fill=dark)
    mask = mask.filter(ImageFilter.GaussianBlur(1.3))
    top = int(camera.horizon) // SCALE * SCALE
    half = (camera.width // SCALE, (camera.height - top) // SCALE)
    mask = mask.resize(half, Image.Resampling.BILINEAR, box=(0.0, top / 4, quarter.width, quarter.height))
    cover = _doubled(ImageChops.multiply(mask, _grain(camera, top, half)))
    box = (0, top, camera.width, camera.height)
    # The strip of sky that this may touch is thinner than a pixel of the picture.
    canvas.paste(ImageChops.multiply(canvas.crop(box), Image.merge("RGB", (cover, cover, cover))), box)


def _grain(camera: Camera, top: int, size: tuple[int, int]) -> Image.Image:
    """Unevenness of the ground below the canvas' row `top`, finer with nearness: greyscale, as fine as the picture."""
    pattern = noise()
    last = len(pattern) - 1
    below = (np.arange(size[1], dtype=np.float32)[:, None] * SCALE + 1 + np.float32(top - camera.horizon)).clip(1)
    ahead = np.float32(camera.focal * camera.y) / below
    across = (np.arange(size[0], dtype=np.float32)[None, :] * SCALE - camera.width / 2) * (ahead / camera.focal)
    cos, sin = (np.float32(share) for share in camera.turn)
    x, z = across * cos + (ahead * sin + camera.x), (ahead * cos + camera.z) - across * sin
    total = np.ones(across.shape, np.float32)
    for per_metre, reach, weight in ((30.0, 9.0, 0.34), (5.0, 34.0, 0.26), (0.9, 160.0, 0.22)):
        # The table's side is a power of two, so that masking the index is taking it modulo the side.
        rows, columns = (z * per_metre).astype(np.int32) & last, (x * per_metre).astype(np.int32) & last
        total += (pattern[rows, columns] - np.float32(0.5)) * (np.exp(-ahead / reach) * np.float32(weight))
    return Image.fromarray(np.clip(238 * total, 0, 255).astype(np.uint8))


def _paste(canvas: Image.Image, sprite: Sprite, light: Light, camera: Camera) -> None:
    x, y, ahead = camera.see_one(sprite.foot)
    if ahead < NEAR_M + 1.0:
        return
    scale = camera.focal / ahead / SCALE
    width, height = int(sprite.width * scale), int(sprite.height * scale)
    left = int(camera.width / 2 / SCALE + x * scale - width / 2)
    top = int(camera.horizon / SCALE - y * scale) - height
    # Only the part that is on the picture is painted: of a near tree that may be a small one.
    part = (
        max(0, -left),
        max(0, -top),
        min(width, camera.width // SCALE - left),
        min(height, camera.height // SCALE - top),
    )
    if part[0] >= part[2] or part[1] >= part[3] or min(width, height) < 2:
        return
    faded = 1.0 - math.exp(-ahead / light.visibility)
    hazy = sprite._replace(dark=mix(sprite.dark, light.haze, faded), light=mix(sprite.light, light.haze, faded))
    to_right = math.sin(math.radians(light.azimuth - camera.heading)) > 0
    image, cover = paint_crown(hazy, (width, height), part, flipped=to_right)
    canvas.paste(_doubled(image), (SCALE * (left + part[0]), SCALE * (top + part[1])), _doubled(cover))
