"""Roofs and chimneys of houses that are DEPTH metres deep."""

from __future__ import annotations

import random

from demo_city.facades import Look
from demo_city.mesh import Builder, Colour, mix

DEPTH = 8.0
HALF = -DEPTH / 2
"""Where the ridge is, as d."""

POT: Colour = (170, 98, 66)
TIMBER: Colour = (58, 44, 34)
AGED: tuple[Colour, ...] = ((70, 80, 44), (30, 30, 32), (120, 110, 90))
"""Moss, holes, tiles that were put in later."""


def gabled(build: Builder, look: Look, size: tuple[float, float, float], ends: tuple[bool, bool]) -> None:
    """A roof along the street over `size` (width, height of the eave, of the ridge), with a gable at each free end."""
    width, eave, ridge = size
    for present, u, far in ((ends[0], 0.0, False), (ends[1], width, True)):
        if present:
            gable = ((u, eave, -DEPTH), (u, ridge, HALF), (u, eave, 0.0))
            build.face(gable if far else gable[::-1], look.wall, "far" if far else "near")
    left, right = (-0.2 if ends[0] else 0.0), width + (0.2 if ends[1] else 0.0)
    low = eave - 0.15
    build.face(((right, low, 0.28), (right, ridge, HALF), (left, ridge, HALF), (left, low, 0.28)), look.roof, "up")
    if look.detail:
        _courses(build, look, (low, ridge), (left, right), slant=0.0)
    build.panel((left, eave - 0.27), (right - left, 0.12), look.trim, 0.28)
    build.panel((0.0, eave - 0.42), (width, 0.18), mix(look.wall, (0, 0, 0), 0.4))


def hipped(build: Builder, look: Look, size: tuple[float, float, float], *, inset: float) -> None:
    """A roof that slopes on all sides; its ridge begins `inset` metres in from either end."""
    width, eave, ridge = size
    low, left, right = eave - 0.12, -0.3, width + 0.3
    shaded = mix(look.roof, (0, 0, 0), 0.12)
    build.face(((left, low, 0.3), (inset, ridge, HALF), (left, low, -DEPTH)), shaded, "near", two_sided=True)
    build.face(((right, low, -DEPTH), (width - inset, ridge, HALF), (right, low, 0.3)), shaded, "far", two_sided=True)
    front = ((right, low, 0.3), (width - inset, ridge, HALF), (inset, ridge, HALF), (left, low, 0.3))
    build.face(front, look.roof, "up")
    if look.detail:
        _courses(build, look, (low, ridge), (left, right), slant=inset + 0.3)
    build.panel((left, low - 0.14), (right - left, 0.14), look.trim, 0.3)
    build.panel((0.0, low - 0.3), (width, 0.16), mix(look.wall, (0, 0, 0), 0.4))


def _courses(build: Builder, look: Look, vs: tuple[float, float], us: tuple[float, float], *, slant: float) -> None:
    """Rows of tiles; in a neglected roof some are missing or mossy. Each end comes in by `slant` up to the ridge."""
    dark, rows = mix(look.roof, (0, 0, 0), 0.18), 9
    for i in range(1, rows):
        share = i / rows
        v, d = vs[0] + (vs[1] - vs[0]) * share, 0.3 + (HALF - 0.3) * share
        a, b = us[0] + slant * share, us[1] - slant * share
        build.face(((b, v, d), (b, v + 0.05, d), (a, v + 0.05, d), (a, v, d)), dark, "up")
    rng = random.Random(round(build.start * 1000) + build.side)
    for _ in range(int(14 * look.neglect**2)):
        share = rng.uniform(0.05, 0.85)
        u = rng.uniform(us[0] + slant * share, us[1] - slant * share - 0.9)
        v, d = vs[0] + (vs[1] - vs[0]) * share, 0.3 + (HALF - 0.3) * share
        tone = mix(look.roof, rng.choice(AGED), 0.5)
        build.face(((u + 0.5, v, d), (u + 0.6, v + 0.2, d - 0.3), (u, v + 0.2, d - 0.3), (u, v, d)), tone, "up")


def gabled_wing(build: Builder, look: Look, size: tuple[float, float], wall: Colour, *, timbered: bool) -> None:
    """A wing of `size` (width, height of the eave) that stands out 0.8 m and turns its gable to the road."""
    width, eave = size
    peak, middle, out = eave + 2.0, width / 2, 1.05
    for edge in (-0.25, width + 0.25):
        slope = ((middle, peak, -3.0), (middle, peak, out), (edge, eave - 0.25, out), (edge, eave - 0.25, -0.4))
        build.face(slope, mix(look.roof, (0, 0, 0), 0.06), "up", two_sided=True)
    # After the roof, whose far slope it hides.
    build.box((0.0, 0.0, -1.0), (width, eave, 1.8), wall)
    build.face(((width, eave, 0.8), (middle, peak - 0.1, 0.8), (0.0, eave, 0.8)), wall, "front")
    for edge in (-0.25, width + 0.25):
        board = ((edge, eave - 0.4, out), (edge, eave - 0.2, out), (middle, peak, out), (middle, peak - 0.2, out))
        build.face(board, look.trim, "front", two_sided=True)
    if timbered and look.detail:
        for share in (0.25, 0.5, 0.75):
            tall = 1.8 * (1 - abs(share - 0.5) * 2)
            build.panel((width * share - 0.07, eave), (0.14, tall), TIMBER, 0.82)
        build.panel((0.1, eave), (width - 0.2, 0.14), TIMBER, 0.82)


def chimney(build: Builder, look: Look, u: float, ridge: float) -> None:
    """A stack on the ridge, with two pots."""
    build.box((u, ridge - 0.7, HALF - 0.35), (0.9, 1.7, 0.7), mix(look.wall, (70, 54, 46), 0.3))
    if look.detail:
        build.panel((u - 0.05, ridge + 0.85), (1.0, 0.15), mix(look.wall, (40, 36, 34), 0.4), HALF + 0.38)
        for shift in (0.12, 0.55):
            build.box((u + shift, ridge + 1.0, HALF - 0.12), (0.22, 0.4, 0.24), POT)
