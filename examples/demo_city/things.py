"""What stands and lies about on pavements: lamps, poles, bins, litter, dumped furniture, people."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from demo_city.mesh import Builder, Colour, Face, Facing, Point, mix, tinted

LIDS: tuple[Colour, ...] = ((58, 62, 66), (40, 84, 142), (104, 72, 46), (58, 116, 68))
PAPER: tuple[Colour, ...] = (
    (232, 230, 224),
    (222, 214, 196),
    (84, 118, 164),
    (176, 72, 66),
    (212, 184, 92),
    (180, 148, 112),
    (112, 152, 122),
)
BAGS: tuple[Colour, ...] = ((34, 34, 38), (44, 44, 50), (78, 110, 150), (216, 216, 212))
CLOTHES: tuple[Colour, ...] = (
    (168, 52, 48),
    (52, 74, 118),
    (76, 84, 78),
    (214, 180, 96),
    (110, 86, 120),
    (226, 224, 218),
)
TROUSERS: tuple[Colour, ...] = ((44, 48, 60), (70, 66, 62), (36, 36, 40))
BLACK: Colour = (0.0, 0.0, 0.0)
WHITE: Colour = (255.0, 255.0, 255.0)

Spot = tuple[float, float]
"""(u, d) on the ground: along the street, towards the road."""


def lamp(build: Builder, at: Spot) -> None:
    """A street lamp whose arm reaches over the road."""
    (u, d), steel = at, (104.0, 110.0, 114.0)
    build.box((u, 0.0, d), (0.16, 1.2, 0.16), mix(steel, BLACK, 0.2))
    build.box((u + 0.03, 1.2, d + 0.03), (0.1, 5.6, 0.1), steel)
    build.box((u + 0.05, 6.75, d + 0.05), (0.06, 0.08, 1.5), steel)
    build.box((u - 0.06, 6.66, d + 1.3), (0.28, 0.14, 0.7), (186, 190, 192))


def pole(build: Builder, rng: random.Random, at: Spot, houses_d: float) -> None:
    """A telegraph pole with its wires to the houses' fronts at `houses_d`."""
    (u, d), wood = at, (92.0, 74.0, 58.0)
    build.box((u, 0.0, d), (0.2, 7.6, 0.2), wood)
    build.box((u - 0.3, 7.1, d), (0.8, 0.08, 0.12), wood)
    for _ in range(5):
        away, high, sag = rng.uniform(-14, 14), rng.uniform(4.8, 5.2), rng.uniform(0.8, 1.4)
        line: list[Point] = []
        for i in range(7):
            share = i / 6
            v = 7.3 + (high - 7.3) * share - sag * share * (1 - share)
            line.append((u + 0.1 + away * share, v, d + 0.1 + (houses_d - d - 0.1) * share))
        for one, other in zip(line, line[1:], strict=False):
            upper = [(other[0], other[1] + 0.03, other[2]), (one[0], one[1] + 0.03, one[2])]
            build.face([one, other, *upper], (58, 58, 62), "none", two_sided=True)


def wheelie_bin(build: Builder, at: Spot, lid: Colour) -> None:
    u, d = at
    build.box((u, 0.06, d), (0.56, 0.92, 0.66), mix(lid, (44, 46, 50), 0.55))
    build.box((u - 0.03, 0.98, d - 0.03), (0.62, 0.09, 0.74), lid)


def bag(build: Builder, rng: random.Random, at: Spot) -> None:
    """A full rubbish bag, tied at the top."""
    (u, d), colour = at, rng.choice(BAGS)
    wide, tall = rng.uniform(0.26, 0.38), rng.uniform(0.36, 0.56)
    shapes: list[tuple[list[tuple[float, float]], Colour]] = [
        ([(-math.cos(math.pi * i / 8), math.sin(math.pi * i / 8) ** 0.7) for i in range(9)], colour),
        ([(-0.5, 0.3), (-0.25, 0.85), (0.05, 0.5)], mix(colour, WHITE, 0.2)),
        ([(-0.2, 0.92), (-0.28, 1.3), (0.26, 1.34), (0.2, 0.92)], mix(colour, BLACK, 0.2)),
    ]
    for shape, tone in shapes:
        build.face([(u + wide * a, tall * v, d) for a, v in shape], tone, "front", two_sided=True)


def scrap(build: Builder, rng: random.Random, at: Spot) -> None:
    """A piece of paper, card or plastic on the ground."""
    size, turn, tall = rng.uniform(0.04, 0.14), rng.uniform(0, math.pi), rng.uniform(0.0, 0.06)
    corners = []
    for i in range(4):
        angle = turn + i * math.pi / 2 + rng.uniform(-0.35, 0.35)
        corners.append((at[0] + size * math.cos(angle), 0.02 + tall * (i % 2), at[1] + size * 0.8 * math.sin(angle)))
    build.face(corners, mix(rng.choice(PAPER), (90, 88, 80), rng.uniform(0, 0.4)), "up", two_sided=True)


def dumped(build: Builder, rng: random.Random, at: Spot) -> None:
    """Something large that was left in the street: a mattress, a sofa, a fridge."""
    (u, d), kind = at, rng.random()
    if kind < 0.4:
        cover = mix((214, 206, 190), (120, 110, 90), rng.uniform(0, 0.4))
        build.box((u, 0.0, d), (1.4, 1.15, 0.2), cover)
        for i in range(1, 5):
            build.panel((u + i * 0.28, 0.05), (0.03, 1.05), mix(cover, (60, 70, 110), 0.4), d + 0.2)
    elif kind < 0.75:
        cloth: Colour = rng.choice(((116, 64, 58), (70, 82, 96), (128, 112, 84)))
        build.box((u, 0.0, d), (1.8, 0.85, 0.3), cloth)
        build.box((u, 0.0, d + 0.3), (1.8, 0.42, 0.6), mix(cloth, WHITE, 0.08))
        for arm in (0.0, 1.6):
            build.box((u + arm, 0.0, d + 0.28), (0.22, 0.6, 0.64), mix(cloth, BLACK, 0.1))
    else:
        build.box((u, 0.0, d), (0.6, 1.4, 0.6), (222, 222, 218))
        build.panel((u + 0.02, 0.86), (0.56, 0.03), (120, 120, 120), d + 0.6)


def person(rng: random.Random, tones: Mapping[Facing, Colour], at: tuple[float, float]) -> list[Face]:
    """Somebody who stands at (x, z): two flat figures, so that one is seen from along and from across the street."""
    coat, legs = rng.choice(CLOTHES), rng.choice(TROUSERS)
    skin = mix((236, 196, 168), (112, 74, 54), rng.random())
    scale = rng.uniform(0.92, 1.06)
    turns = [i * math.pi / 5 for i in range(10)]
    shapes: list[tuple[list[tuple[float, float]], Colour]] = [
        ([(-0.17, 0.0), (-0.13, 0.86), (0.0, 0.86), (-0.06, 0.0)], legs),
        ([(0.06, 0.0), (0.0, 0.86), (0.13, 0.86), (0.19, 0.0)], mix(legs, BLACK, 0.2)),
        ([(-0.2, 0.8), (-0.23, 1.38), (-0.1, 1.48), (0.1, 1.48), (0.23, 1.38), (0.2, 0.8)], coat),
        ([(0.1 * math.cos(a), 1.62 + 0.13 * math.sin(a)) for a in turns], skin),
        ([(0.105 * math.cos(a), 1.66 + 0.12 * math.sin(a)) for a in turns[:6]], (52, 42, 36)),
    ]
    faces = []
    for dx, dz in ((0.0, scale), (scale, 0.0)):
        for shape, colour in shapes:
            points = [(at[0] + a * dx, v * scale, at[1] + a * dz) for a, v in shape]
            faces.append(Face(points, tinted(colour, tones["front"]), True))
    return faces
