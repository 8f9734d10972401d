"""The street of a location: ground, houses, gardens, trees and cars on both sides of a straight road.

The four views of a location look at one and the same street; only who and what passes by differs.
"""

from __future__ import annotations

import random

from demo_city import things
from demo_city.cars import car
from demo_city.light import Light
from demo_city.mesh import Colour, Face, mix, tinted
from demo_city.road import lay_road, lay_sides
from demo_city.roofs import DEPTH
from demo_city.rows import ROOFS, build_back_row, kind_of, line_with_houses
from demo_city.site import BEHIND, END, LENGTH_M, PARKED, PAVEMENT, ROAD, Plan, Site
from demo_city.traits import Traits

BRICKS: tuple[Colour, ...] = ((152, 88, 68), (168, 102, 78), (138, 82, 70), (176, 118, 92), (146, 102, 86))
CONCRETES: tuple[Colour, ...] = ((176, 168, 154), (160, 158, 152), (188, 176, 158), (150, 118, 100))

PARKING = {"terraced": 0.62, "flats": 0.42, "semi": 0.26, "detached": 0.14}
"""How likely a car stands at a place along the kerb."""


def lay_out(traits: Traits, light: Light, rng: random.Random) -> Site:
    """The whole street of a location."""
    plan = _plan(traits, rng)
    site = Site(
        traits=traits,
        light=light,
        plan=plan,
        rng=rng,
        wall=rng.choice(CONCRETES if plan.kind == "flats" else BRICKS),
        roof=rng.choice(ROOFS),
        autumn=rng.choice((0.0, 0.0, 0.0, 0.0, 0.1, 0.5)),
    )
    for side in (-1, 1):
        lay_sides(site, side)
    lay_road(site)
    for side in (-1, 1):
        build_back_row(site, side)
        line_with_houses(site, side)
        _line_with_trees(site, side)
        _furnish(site, side)
        _park_cars(site, side)
        _drop_litter(site, side)
    for end in (-1, 1):
        _close(site, end)
    return site


def pass_by(site: Site, rng: random.Random) -> Site:
    """What is there for one view only: perhaps a car in the other lane, people, a few more scraps."""
    passing = Site(site.traits, site.light, site.plan, rng, site.wall, site.roof, site.autumn)
    if rng.random() < 0.1 + 0.3 * site.traits.traffic:
        z, lane = rng.choice((-1, 1)) * rng.uniform(9, 40), rng.choice((-1, 1))
        faces = car(rng, site.tones[1], side=1, x=-lane * 1.5, z=z, forward=lane > 0, shine=site.traits.wealth)
        passing.add(ROAD, z, faces)
        passing.shade((-lane * 1.5, z), (1.1, 2.4))
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        side, z = rng.choice((-1, 1)), rng.choice((-1, 1)) * rng.uniform(5, 30)
        x = side * (site.plan.boundary - rng.uniform(0.4, 1.2))
        passing.add(PAVEMENT, z, things.person(rng, site.tones[side], (x, z)))
        passing.shade((x, z), (0.4, 0.4))
    return passing


def _plan(traits: Traits, rng: random.Random) -> Plan:
    kind = kind_of(traits.wealth, rng)
    if kind == "terraced":
        half_road, garden = 3.3, rng.choice((0.15, 1.8, 2.4))
    elif kind == "flats":
        half_road, garden = 3.7, rng.uniform(5, 9)
    else:
        half_road, garden = 3.5, rng.uniform(4, 6) if kind == "semi" else rng.uniform(6, 9)
    has_verge = rng.random() < traits.greenery - (0.35 if kind == "terraced" else 0.05)
    verge = rng.uniform(1.2, 2.2) if has_verge else 0.0
    return Plan(kind, half_road + rng.uniform(-0.2, 0.5), verge, rng.uniform(1.6, 2.3), garden)


def _line_with_trees(site: Site, side: int) -> None:
    """Trees along the pavement, and those of the back gardens, above the roofs and in the gaps."""
    plan, rng, green = site.plan, site.rng, site.traits.greenery
    for _ in range(int(26 * green * rng.uniform(0.6, 1.2))):
        x = plan.front + DEPTH + rng.uniform(3, 16)
        site.plant_tree((side * x, rng.uniform(-LENGTH_M, LENGTH_M)), rng.uniform(6, 12.5), BEHIND)
    if rng.random() > 0.1 + 1.0 * green:
        return
    spacing = 24 - 14 * green + rng.uniform(-2, 4)
    x = side * (plan.half_road + (plan.verge / 2 if plan.verge else 0.6))
    z = -LENGTH_M + rng.uniform(0, spacing)
    size = 4.2 + 4.2 * green * rng.uniform(0.6, 1.1)
    while z < LENGTH_M:
        if rng.random() < 0.88:
            site.plant_tree((x, z), size * rng.uniform(0.8, 1.2), PAVEMENT)
        z += spacing * rng.uniform(0.75, 1.25)


def _furnish(site: Site, side: int) -> None:
    """Street lamps, and on one side perhaps telegraph poles."""
    plan, rng = site.plan, site.rng
    # None stands right before the camera when it looks across.
    z = 4.0 + rng.uniform(0, 18) - 104
    while z < LENGTH_M:
        build = site.builder(side, plan.boundary, z)
        things.lamp(build, (0.0, plan.pavement + plan.verge - 0.45))
        site.add(PAVEMENT, z, build.faces)
        z += 26
    if side > 0 and rng.random() < 0.55:
        for z in (rng.uniform(-14, -6), rng.uniform(8, 18), rng.uniform(30, 44)):
            build = site.builder(side, plan.boundary, z)
            things.pole(build, rng, (0.0, 0.3), -plan.garden)
            site.add(PAVEMENT, z, build.faces)


def _park_cars(site: Site, side: int) -> None:
    plan, rng, traits = site.plan, site.rng, site.traits
    chance = PARKING[plan.kind] * (0.6 + 0.8 * traits.traffic)
    z, x = -LENGTH_M + rng.uniform(0, 6), plan.half_road - 1.1
    while z < LENGTH_M:
        # Right beside the camera a car would hide the houses: the driver found a gap there.
        if rng.random() < chance and abs(z) > 5.2:
            forward = (side < 0) != (rng.random() < 0.25)
            site.add(PARKED, z, car(rng, site.tones[side], side=side, x=x, z=z, forward=forward, shine=traits.wealth))
            site.shade((side * x, z), (1.15, 2.5))
        z += rng.uniform(5.2, 6.6)


def _drop_litter(site: Site, side: int) -> None:
    """Scraps, most of them along the kerb; rubbish bags; and things too large for a bin."""
    plan, rng, neglect = site.plan, site.rng, 1.0 - site.traits.upkeep
    width = plan.boundary - plan.half_road
    build = site.builder(side, plan.boundary, 0.0)
    for _ in range(int(64 * neglect**1.8 * rng.uniform(0.5, 1.5))):
        at_kerb = rng.random() < 0.4
        d = width + rng.uniform(-0.1, 0.35) if at_kerb else rng.uniform(0.1, width + 0.5)
        things.scrap(build, rng, (rng.triangular(-20, 20, 0), d))
    site.street.ground.extend(build.faces)
    for _ in range(int(rng.uniform(0, 9) * max(0.0, neglect - 0.3))):
        z, heap = rng.uniform(-16, 16), site.builder(side, plan.boundary, 0.0)
        for _ in range(rng.randint(1, 4)):
            things.bag(heap, rng, (z + rng.uniform(-0.7, 0.7), rng.uniform(0.2, 0.8)))
        site.add(PAVEMENT, z, heap.faces)
    if rng.random() < 0.9 * max(0.0, neglect - 0.45):
        z, heap = rng.choice((-1, 1)) * rng.uniform(1.5, 11), site.builder(side, plan.boundary, 0.0)
        things.dumped(heap, rng, (z, 0.25))
        site.add(PAVEMENT, z, heap.faces)


def _close(site: Site, end: int) -> None:
    """A row of houses across an end of the street, with trees before it."""
    rng, z = site.rng, end * (LENGTH_M + 14)
    tone, roof = site.tones[1]["near" if end > 0 else "far"], tinted(site.roof, site.tones[1]["up"])
    glass, width = tinted((58, 64, 72), tone), rng.uniform(6, 9)
    faces = []

    def upright(x0: float, x1: float, v0: float, v1: float) -> list[tuple[float, float, float]]:
        return [(x0, v0, z), (x0, v1, z), (x1, v1, z), (x1, v0, z)]

    for i in range(-9, 10):
        x = i * width
        wall = tinted(mix(site.wall, (120, 110, 100), rng.uniform(0, 0.3)), tone)
        faces.append(Face(upright(x, x + width, 0.0, 5.2), wall, True))
        faces.append(Face(upright(x + 0.1, x + width - 0.1, 5.2, 7.8), roof, True))
        for u, v in ((0.15, 0.9), (0.6, 0.9), (0.15, 3.4), (0.6, 3.4)):
            faces.append(Face(upright(x + u * width, x + (u + 0.22) * width, v, v + 1.3), glass, True))
    site.add(END, z, faces)
    for _ in range(int(3 + 12 * site.traits.greenery)):
        site.plant_tree((rng.uniform(-30, 30), z - end * rng.uniform(2, 5)), rng.uniform(4, 9), END)
