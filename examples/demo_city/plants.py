"""Trees, bushes, hedges: crowns are painted once from thousands of leaves, then tinted and scaled for each tree."""

from __future__ import annotations

import math
import random
from functools import cache

from PIL import Image, ImageDraw, ImageFilter

from demo_city.mesh import Builder, Colour, Face, Point, Sprite, mix, tinted

SPRITE_PX = 320

GREENS: tuple[tuple[Colour, Colour], ...] = (
    ((38, 66, 34), (128, 160, 76)),
    ((34, 62, 42), (108, 146, 84)),
    ((46, 74, 32), (150, 172, 80)),
    ((30, 56, 38), (96, 134, 78)),
    ((52, 70, 36), (142, 152, 78)),
)
"""Shaded and lit leaves."""

TURNED: tuple[tuple[Colour, Colour], ...] = (
    ((110, 62, 26), (222, 158, 66)),
    ((104, 44, 30), (206, 106, 64)),
    ((112, 88, 32), (220, 192, 88)),
)
BLOSSOM: tuple[tuple[Colour, Colour], ...] = (
    ((168, 108, 124), (248, 216, 224)),
    ((150, 148, 140), (250, 248, 242)),
)

BROAD = ("broad0", "broad1", "broad2", "broad3")
TALL = ("tall0", "tall1")
FIR = ("fir0", "fir1")
BUSH = ("bush0", "bush1", "bush2")

SHAPES = {"broad": (0.46, 0.44, 34), "tall": (0.27, 0.47, 30), "fir": (0.30, 0.48, 0), "bush": (0.47, 0.40, 20)}
"""By kind: half width and half height as shares of the sprite, and the clumps that make it up."""

Clump = tuple[float, float, float]
"""Middle and radius, as shares of the sprite."""

Pair = tuple[Image.Image, Image.Image]
"""Lightness and cover, greyscale."""


@cache
def _painted(name: str) -> Pair:
    """A crown of SPRITE_PX squared, lit from the upper left."""
    kind = name.rstrip("0123456789")
    rng = random.Random(name)
    size = SPRITE_PX * 2
    lightness, cover = Image.new("L", (size, size), 60), Image.new("L", (size, size), 0)
    draw_lightness, draw_cover = ImageDraw.Draw(lightness), ImageDraw.Draw(cover)
    clumps = _fir_clumps(rng) if kind == "fir" else _clumps(rng, *SHAPES[kind])
    for x, y, radius in clumps:
        lit = 0.58 - 0.5 * (x - 0.5) - 0.75 * (y - 0.5) + rng.gauss(0, 0.05)
        for _ in range(int(12 + 1700 * radius)):
            angle, reach = rng.uniform(0, 2 * math.pi), radius * math.sqrt(rng.random()) * 1.1
            dx, dy = reach * math.cos(angle), reach * math.sin(angle) * 0.86
            own = lit + 1.9 * (-0.6 * dx - 0.8 * dy) + rng.gauss(0, 0.08)
            leaf, flat = rng.uniform(0.004, 0.0105), rng.uniform(0.55, 1.2)
            left, top = (x + dx - leaf) * size, (y + dy - leaf * flat) * size
            box = (left, top, left + 2 * leaf * size, top + 2 * leaf * flat * size)
            draw_lightness.ellipse(box, fill=max(0, min(255, int(255 * own))))
            draw_cover.ellipse(box, fill=255)
    small = (SPRITE_PX, SPRITE_PX)
    blurred = lightness.filter(ImageFilter.GaussianBlur(0.8))
    return blurred.resize(small, Image.Resampling.BOX), cover.resize(small, Image.Resampling.BOX)


@cache
def _crown(name: str, halvings: int, flipped: bool) -> Pair:
    """The same at 1 / 2 ** halvings of the size, so that far trees are not scaled down from the whole of it."""
    if flipped:
        lightness, cover = _crown(name, halvings, False)
        mirror = Image.Transpose.FLIP_LEFT_RIGHT
        return lightness.transpose(mirror), cover.transpose(mirror)
    if halvings == 0:
        return _painted(name)
    lightness, cover = _crown(name, halvings - 1, False)
    return lightness.reduce(2), cover.reduce(2)


def _clumps(rng: random.Random, half_width: float, half_height: float, count: int) -> list[Clump]:
    """The clumps of a round crown, from the darker ones at the back to those in front."""
    clumps = []
    for _ in range(count):
        angle, reach = rng.uniform(0, 2 * math.pi), rng.random() ** 0.4
        radius = rng.uniform(0.26, 0.42) * half_width
        x = 0.5 + (half_width - radius) * reach * math.cos(angle)
        y = 0.5 + (half_height - radius * 0.9) * reach * math.sin(angle)
        clumps.append((x, y, radius))
    heart = [(0.5, 0.55, half_width * 0.62), (0.5, 0.45, half_width * 0.6)]
    return [*heart, *sorted(clumps, key=lambda clump: -clump[1] + 0.35 * rng.random())]


def _fir_clumps(rng: random.Random) -> list[Clump]:
    """Boughs in tiers, each hanging a little at its ends."""
    clumps = []
    tiers = 26
    for tier in range(tiers):
        y = 0.95 - tier * 0.9 / tiers
        half = 0.3 * (1 - tier / tiers) ** 0.9 + 0.012
        for _ in range(max(3, int(half * 60))):
            x = rng.uniform(-half, half)
            clumps.append((0.5 + x, y + 0.12 * x * x / half + rng.uniform(-0.012, 0.018), 0.02 + 0.02 * rng.random()))
    return clumps


def paint_crown(sprite: Sprite, size: tuple[int, int], part: tuple[int, int, int, int], *, flipped: bool) -> Pair:
    """The `part` of the crown at `size` pixels (left, top, right, bottom): in its colours, and its cover.

    `flipped`: the light comes from the right.
    """
    halvings = max(0, min(4, int(math.log2(SPRITE_PX / max(size)))))
    lightness, cover = _crown(sprite.name, halvings, flipped)
    across, down = lightness.width / size[0], lightness.height / size[1]
    box = (part[0] * across, part[1] * down, part[2] * across, part[3] * down)
    shown = (part[2] - part[0], part[3] - part[1])
    lightness = lightness.resize(shown, Image.Resampling.BILINEAR, box=box)
    cover = cover.resize(shown, Image.Resampling.BILINEAR, box=box)
    dark, light = (tuple(max(0, min(255, int(c))) for c in colour) for colour in (sprite.dark, sprite.light))
    return Image.composite(Image.new("RGB", shown, light), Image.new("RGB", shown, dark), lightness), cover


def leaf_colours(rng: random.Random, light: Colour, autumn: float = 0.0) -> tuple[Colour, Colour]:
    """Shaded and lit colour of leaves under `light`; `autumn`: the share of trees whose leaves have turned."""
    chance = rng.random()
    pair = rng.choice(TURNED if chance < autumn else GREENS)
    return _lit(rng, light, pair)


def _lit(rng: random.Random, light: Colour, pair: tuple[Colour, Colour]) -> tuple[Colour, Colour]:
    strength = rng.uniform(0.9, 1.1)
    tint = (light[0] * strength, light[1] * strength, light[2] * strength)
    return tinted(pair[0], tint), tinted(pair[1], tint)


def tree(
    rng: random.Random, foot: Point, height: float, *, names: tuple[str, ...], autumn: float, light: Colour
) -> tuple[list[Face], Sprite]:
    """The trunk and the crown of a tree."""
    x, _, z = foot
    name = rng.choice(names)
    is_fir = name in FIR
    dark, lit = leaf_colours(rng, light, 0.0 if is_fir else autumn)
    if is_fir:
        dark, lit = mix(dark, (22, 44, 38), 0.5), mix(lit, (70, 104, 78), 0.5)
    elif rng.random() < 0.035:
        dark, lit = _lit(rng, light, rng.choice(BLOSSOM))
    bare = 0.06 if is_fir else rng.uniform(0.18, 0.28)
    bark = mix((70, 58, 48), (100, 92, 84), rng.random())
    trunk = _trunk((x, z), 0.018 * height + 0.04, height * (bare + 0.28), bark)
    crown_height = height * (1 - bare)
    # A crown fills its sprite's height, and of its width a part that depends on the kind.
    width = crown_height * rng.uniform(0.95, 1.25)
    return trunk, Sprite(name, (x, height * bare, z), width, crown_height, dark, lit)


def _trunk(at: tuple[float, float], thick: float, height: float, colour: Colour) -> list[Face]:
    """Two crossed strips: whichever way one looks, a trunk is seen."""
    (x, z), top = at, thick * 0.55
    one = ((x - thick, 0.0, z), (x - top, height, z), (x + top, height, z), (x + thick, 0.0, z))
    other = ((x, 0.0, z - thick), (x, height, z - top), (x, height, z + top), (x, 0.0, z + thick))
    return [Face(one, colour, True), Face(other, mix(colour, (0, 0, 0), 0.12), True)]


def bush(rng: random.Random, foot: Point, height: float, *, autumn: float, light: Colour) -> Sprite:
    """A bush: a crown without a trunk."""
    dark, lit = leaf_colours(rng, light, autumn)
    if rng.random() < 0.08:
        dark, lit = mix(dark, (150, 60, 90), 0.4), mix(lit, (232, 120, 150), 0.6)
    return Sprite(rng.choice(BUSH), foot, height * rng.uniform(1.1, 1.6), height, dark, lit)


def hedge(build: Builder, rng: random.Random, u: float, length: float, height: float, *, light: Colour) -> None:
    """A clipped hedge along the street, 0.7 m deep behind d = 0, with leaves on its front."""
    dark, lit = leaf_colours(rng, light)
    build.box((u, 0.0, -0.7), (length, height, 0.7), mix(dark, lit, 0.3), top=mix(dark, lit, 0.7))
    leaves = 16 if abs(build.start + u) < 18 else 3
    for _ in range(int(length * height * leaves)):
        size = rng.uniform(0.05, 0.13) * (1.0 if leaves > 3 else 2.0)
        at = (u + rng.uniform(0, length - size), rng.uniform(0.0, height - size * 0.5))
        shade = 0.05 + 0.62 * at[1] / height + rng.uniform(-0.12, 0.2)
        build.panel(at, (size, size * 0.8), mix(dark, lit, min(1.0, max(0.0, shade))), 0.02)
