"""Rows of houses along the street, each with the front garden that goes with it."""

from __future__ import annotations

import random

from demo_city.facades import Front, Look, graffiti
from demo_city.gardens import Plot
from demo_city.houses import DOORS, detached, flats, semi, terraced
from demo_city.mesh import Colour, mix
from demo_city.roofs import DEPTH
from demo_city.site import BEHIND, END, HOUSES, LENGTH_M, Kind, Site

RENDERS: tuple[Colour, ...] = ((232, 222, 200), (222, 212, 196), (206, 204, 196), (236, 232, 222), (198, 176, 150))
ROOFS: tuple[Colour, ...] = ((84, 88, 98), (98, 96, 100), (122, 82, 66), (108, 76, 64), (76, 78, 84))
TRIMS: tuple[Colour, ...] = ((240, 239, 234), (240, 239, 234), (232, 226, 208), (74, 60, 50))


def kind_of(wealth: float, rng: random.Random) -> Kind:
    """What is built where the wealth is about this."""
    score = wealth + rng.gauss(0, 0.08)
    if score < 0.24:
        return "flats" if rng.random() < 0.5 else "terraced"
    if score < 0.5:
        return "terraced"
    return "semi" if score < 0.75 else "detached"


def line_with_houses(site: Site, side: int) -> None:
    """House after house until the street's end."""
    rng, kind = site.rng, site.plan.kind
    z = -LENGTH_M + rng.uniform(0, 8)
    while z < LENGTH_M:
        own = kind if rng.random() < 0.84 else kind_of(site.traits.wealth, rng)
        z = _terrace(site, side, z) if own == "terraced" else _single(site, side, z, own)


def _terrace(site: Site, side: int, z: float) -> float:
    """A row of terraced houses; returns where the next may stand."""
    rng = site.rng
    count, width = rng.randint(4, 9), rng.uniform(4.6, 5.4)
    for i in range(count):
        front = _front(site, side, z, "terraced", width)
        terraced(front, width, ends=(i == 0, i == count - 1))
        _finish(site, front, (width, 7.0), "terraced")
        Plot(site, side, "terraced", z, width).lay()
        z += width
    gap = rng.uniform(1.4, 4.0)
    _fence_gap(site, side, z, gap)
    return z + gap


def _single(site: Site, side: int, z: float, kind: Kind) -> float:
    """A pair, a villa or a block of flats; returns where the next may stand."""
    rng = site.rng
    if kind == "flats":
        width, gap, floors = rng.uniform(17, 23), rng.uniform(5, 10), rng.randint(3, 4)
        front = _front(site, side, z, kind, width)
        flats(front, width, floors)
        height = floors * 2.75 + 0.5
    else:
        width = rng.uniform(11.0, 12.4) if kind == "semi" else rng.uniform(12.2, 14)
        gap = rng.uniform(2.8, 3.8 if kind == "semi" else 6.0)
        front, height = _front(site, side, z, kind, width), 7.0
        (semi if kind == "semi" else detached)(front, width)
    _finish(site, front, (width, height), kind)
    Plot(site, side, kind, z, width + gap).lay()
    _fence_gap(site, side, z + width, gap)
    return z + width + gap


def _fence_gap(site: Site, side: int, z: float, gap: float) -> None:
    """What hides the back gardens between two houses: a fence, a wall or a gate."""
    build = site.builder(side, site.plan.front, z)
    colour = site.rng.choice(((138, 108, 80), (120, 96, 76), site.wall, (96, 104, 98)))
    build.panel((-0.1, 0.0), (gap + 0.2, site.rng.uniform(1.6, 2.1)), colour, -DEPTH / 2)
    for i in range(1, int(gap / 0.3)):
        build.panel((i * 0.3, 0.05), (0.02, 1.6), mix(colour, (0, 0, 0), 0.3), -DEPTH / 2)
    # Behind either house in the order of drawing, for both hide it.
    site.add(BEHIND, 0.0, build.faces)


def build_back_row(site: Site, side: int) -> None:
    """The next street's houses, which show above and between those of this one."""
    rng, z = site.rng, -LENGTH_M
    behind = site.plan.front + DEPTH + rng.uniform(20, 28)
    while z < LENGTH_M:
        width = rng.uniform(7, 13)
        build = site.builder(side, behind, z)
        wall, roof = mix(site.wall, rng.choice(RENDERS), rng.choice((0.0, 0.6))), mix(site.roof, rng.choice(ROOFS), 0.5)
        build.panel((0.0, 0.0), (width, 5.2), mix(wall, (120, 112, 104), 0.25))
        slope = ((width + 0.2, 5.1, 0.3), (width + 0.2, 7.7, -4.0), (-0.2, 7.7, -4.0), (-0.2, 5.1, 0.3))
        build.face(slope, roof, "up")
        for u in (width * 0.2, width * 0.62):
            build.panel((u, 3.3), (1.2, 1.2), (74, 82, 90))
        build.box((width * 0.45, 7.2, -4.3), (0.9, 1.5, 0.6), mix(wall, (80, 64, 56), 0.4))
        site.add(END, z + width / 2, build.faces)
        z += width + rng.uniform(0.0, 5.0)


def _front(site: Site, side: int, z: float, kind: Kind, width: float) -> Front:
    away = 0.0 if z <= 0 <= z + width else min(abs(z), abs(z + width))
    detail = 2 if away < 9 else 1 if away < 30 else 0
    return Front(site.builder(side, site.plan.front, z), site.rng, _look(site, kind, detail))


def _look(site: Site, kind: Kind, detail: int) -> Look:
    rng = site.rng
    upkeep = min(1.0, max(0.0, site.traits.upkeep + rng.gauss(0, 0.13)))
    rendered = rng.random() < (0.14 if kind in ("terraced", "flats") else 0.36)
    wall = rng.choice(RENDERS) if rendered else site.wall
    wall = mix(mix(wall, (96, 88, 78), 0.3 * (1 - upkeep)), (128, 120, 110), rng.uniform(0, 0.12))
    return Look(
        wall=wall,
        roof=mix(site.roof, rng.choice(ROOFS), rng.choice((0.0, 0.15, 0.5))),
        trim=mix(rng.choice(TRIMS), (134, 128, 114), 0.4 * (1 - upkeep)),
        door=rng.choice(DOORS),
        upkeep=upkeep,
        sky=mix(site.light.weather.zenith, site.light.weather.horizon, 0.5),
        detail=detail,
        stone=kind == "terraced" or rng.random() < 0.4,
    )


def _finish(site: Site, front: Front, size: tuple[float, float], kind: Kind) -> None:
    """Perhaps a tag on the wall; then the house stands, and casts its shadow unless it is too far to matter."""
    build, (width, height) = front.build, size
    neglect = max(0.0, 0.5 - site.traits.upkeep)
    if kind in ("terraced", "flats") and front.look.detail and site.rng.random() < 0.5 * neglect:
        graffiti(build, site.rng, (0.2, 0.4), (min(3.0, width * 0.6), 1.0))
    site.add(HOUSES, build.start + width / 2, build.faces)
    if abs(build.start) > 48:
        return
    foot = [build.at(u, 0.0, d) for u, d in ((0.0, -DEPTH), (width, -DEPTH), (width, 0.0), (0.0, 0.0))]
    site.shade_of_block([(x, z) for x, _, z in foot], height)
