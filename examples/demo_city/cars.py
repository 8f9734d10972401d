"""Cars, as a side profile drawn across their width, with windows, wheels and lamps."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from demo_city.mesh import Builder, Colour, Face, Facing, Point, mix

PAINTS: tuple[Colour, ...] = (
    (196, 200, 204),
    (226, 226, 224),
    (52, 54, 60),
    (98, 104, 112),
    (44, 66, 108),
    (146, 38, 40),
    (70, 94, 98),
    (124, 116, 104),
    (44, 90, 74),
)
GLASS: Colour = (38, 45, 52)
TYRE: Colour = (30, 30, 32)
WIDTH_M = 1.76
WHEEL: tuple[tuple[float, Colour], ...] = (
    (0.38, (22, 22, 24)),
    (0.31, TYRE),
    (0.2, (146, 148, 152)),
    (0.07, (76, 76, 80)),
)
"""Radius in metres and colour of the arch, the tyre, the rim and the hub."""
FAR_M = 30.0
"""A car further away than this is drawn with fewer parts."""
LEAN_M = 0.17
"""The roof is narrower than the body by this much on either side."""

Outline = tuple[tuple[float, float], ...]
"""(along, up) from the rear lamp over the roof to the front lamp, as a share of the length and in metres."""

HATCH: Outline = ((0.0, 0.75), (0.03, 0.95), (0.13, 1.4), (0.52, 1.44), (0.72, 0.95), (0.97, 0.8), (1.0, 0.6))
SALOON: Outline = (
    (0.0, 0.7),
    (0.02, 0.92),
    (0.17, 0.96),
    (0.32, 1.38),
    (0.56, 1.4),
    (0.73, 0.94),
    (0.98, 0.78),
    (1.0, 0.6),
)
TALL: Outline = ((0.0, 0.8), (0.02, 1.06), (0.07, 1.62), (0.58, 1.66), (0.74, 1.06), (0.97, 0.96), (1.0, 0.7))
VAN: Outline = ((0.0, 0.7), (0.01, 1.0), (0.02, 1.95), (0.7, 1.98), (0.84, 1.12), (0.98, 0.98), (1.0, 0.65))
SHAPES = ((HATCH, 3.9), (SALOON, 4.5), (TALL, 4.4), (VAN, 4.8))


def car(
    rng: random.Random, tones: Mapping[Facing, Colour], *, side: int, x: float, z: float, forward: bool, shine: float
) -> list[Face]:
    """A car along the street, its middle `x` metres from the road's middle on `side`, and at `z`.

    `shine` (0 old and worn .. 1 new) sets its paint; `forward`: it points to larger z.
    """
    (shape,) = rng.choices(SHAPES, weights=(46, 20, 14 + 30 * shine, 10))
    outline, length = shape
    paint = mix(rng.choice(PAINTS), (128, 122, 112), 0.5 * (1 - shine) * rng.random())
    if outline is VAN:
        paint = mix(paint, (232, 232, 230), 0.7)
    build = Builder(side, x + WIDTH_M / 2, z - length / 2, tones)
    points = [(u * length, v) for u, v in outline]
    if not forward:
        points = [(length - u, v) for u, v in reversed(points)]
    _ends(build, points, paint, forward=forward)
    _top(build, points, paint)
    _flank(build, points, paint, forward=forward)
    for share in (0.19, 0.81):
        _wheel(build, share * length, WHEEL if abs(z) < FAR_M else WHEEL[1:2])
    if rng.random() < 0.35 * (1 - shine):
        rust = mix(paint, (110, 70, 50), 0.5)
        build.panel((length * 0.3, 0.35), (0.5, 0.25), rust, WIDTH_M + 0.01)
    return build.faces


def _ends(build: Builder, points: list[tuple[float, float]], paint: Colour, *, forward: bool) -> None:
    """Both bumpers with lamps and number plates; only the one that faces the camera will be drawn."""
    for far, (u, v) in ((False, points[0]), (True, points[-1])):
        front = far == forward
        build.end((u, 0.28, 0.0), (v - 0.28, WIDTH_M), mix(paint, (0, 0, 0), 0.1), far=far)
        build.end((u, 0.22, 0.05), (0.16, 1.66), (44, 44, 46), far=far)
        lamp: Colour = (240, 238, 224) if front else (178, 40, 40)
        for d in (0.06, 1.36):
            build.end((u, v - 0.2, d), (0.14, 0.34), lamp, far=far)
        build.end((u, v - 0.19, 0.5), (0.1, 0.76), (50, 52, 56) if front else mix(paint, (0, 0, 0), 0.2), far=far)
        build.end((u, 0.4, 0.62), (0.11, 0.52), (232, 232, 224) if front else (226, 200, 84), far=far)


def _top(build: Builder, points: list[tuple[float, float]], paint: Colour) -> None:
    """The strips from bumper to bumper over bonnet, windscreen, roof and boot."""
    highest = max(v for _, v in points)
    for (u0, v0), (u1, v1) in zip(points, points[1:], strict=False):
        facing: Facing = "up" if abs(v1 - v0) < 0.7 else ("near" if v1 > v0 else "far")
        in0, in1 = (LEAN_M if v > 1.2 else 0.0 for v in (v0, v1))
        build.face(_strip((u0, v0, in0), (u1, v1, in1)), paint, facing)
        if abs(v1 - v0) > 0.3 and max(v0, v1) > highest - 0.1:
            low, high = _part_way((u0, v0, in0), (u1, v1, in1), 0.1), _part_way((u0, v0, in0), (u1, v1, in1), 0.9)
            low, high = (low[0], low[1], low[2] + 0.1), (high[0], high[1], high[2] + 0.08)
            build.face(_strip(low, high), GLASS, facing)
            middle = _part_way(low, high, 0.5)
            sky = _strip(middle, high) if v1 > v0 else _strip(low, middle)
            build.face(sky, mix(GLASS, (150, 166, 180), 0.3), facing)


def _strip(one: Point, other: Point) -> list[Point]:
    """A rectangle across the car between two (u, v, distance from the edge)."""
    (u0, v0, in0), (u1, v1, in1) = one, other
    return [(u1, v1, WIDTH_M - in1), (u1, v1, in1), (u0, v0, in0), (u0, v0, WIDTH_M - in0)]


def _part_way(one: Point, other: Point, share: float) -> Point:
    return (
        one[0] + (other[0] - one[0]) * share,
        one[1] + (other[1] - one[1]) * share,
        one[2] + (other[2] - one[2]) * share,
    )


def _flank(build: Builder, points: list[tuple[float, float]], paint: Colour, *, forward: bool) -> None:
    """The side that faces the road: body, then the cabin with its windows, which leans in."""
    waist, length = 0.94, points[-1][0]
    body = [(u, min(v, waist + 0.02), WIDTH_M) for u, v in points]
    build.face([*body[::-1], (0.0, 0.3, WIDTH_M), (length, 0.3, WIDTH_M)], paint, "front", two_sided=True)
    build.panel((0.1, 0.3), (length - 0.2, 0.14), mix(paint, (0, 0, 0), 0.35), WIDTH_M)
    cabin = [(u, v, WIDTH_M - (LEAN_M if v > 1.2 else 0.0)) for u, v in points if v > waist - 0.01]
    if len(cabin) < 4:
        return
    build.face(cabin[::-1], mix(paint, (0, 0, 0), 0.08), "front", two_sided=True)
    middle = sum(u for u, _, _ in cabin) / len(cabin)
    panes = [(middle + (u - middle) * 0.88, waist + (v - waist) * 0.82 + 0.03, d) for u, v, d in cabin]
    build.face(panes[::-1], GLASS, "front", two_sided=True)
    pillar = length * (0.43 if forward else 0.52)
    build.panel((pillar, waist), (0.09, 0.4), mix(paint, (0, 0, 0), 0.1), WIDTH_M - LEAN_M / 2)
    for u in (pillar, length * (0.62 if forward else 0.34)):
        build.panel((u, 0.36), (0.025, waist - 0.38), mix(paint, (0, 0, 0), 0.3), WIDTH_M)
    build.panel((pillar + (0.2 if forward else -0.3), 0.8), (0.16, 0.04), mix(paint, (0, 0, 0), 0.5), WIDTH_M)


def _wheel(build: Builder, u: float, rings: Sequence[tuple[float, Colour]]) -> None:
    turns = [i * math.pi / 7 for i in range(14)]
    for radius, colour in rings:
        ring = [(u + radius * math.cos(a), max(0.0, 0.32 + radius * math.sin(a)), WIDTH_M + 0.02) for a in turns]
        build.face(ring, colour, "none", two_sided=True)
