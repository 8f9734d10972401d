"""The ground along the whole street: road, kerbs, verges, pavements, and what is worn or patched in them."""

from __future__ import annotations

from demo_city.mesh import Colour, mix
from demo_city.site import BLACK, GRASS, GROUND_M, WORN_GRASS, Site

WHOLE = (-GROUND_M, GROUND_M)
KERB: Colour = (196, 194, 188)
GUTTER: Colour = (74, 73, 72)
PAVINGS: tuple[Colour, ...] = ((186, 180, 172), (150, 146, 142), (182, 166, 150))
MENDED: tuple[Colour, ...] = ((56, 56, 58), (70, 70, 72), (156, 150, 144))
SLAB_M = 0.9


def lay_sides(site: Site, side: int) -> None:
    """The land beyond, then verge, kerb and pavement."""
    plan, rng, traits = site.plan, site.rng, site.traits
    site.cover(side, (0.0, 130.0), WHOLE, mix((150, 144, 128), GRASS, 0.25 + 0.6 * traits.greenery))
    inner = plan.half_road + plan.verge
    paving = mix(rng.choice(PAVINGS), (150, 146, 142), rng.random())
    site.cover(side, (inner, plan.boundary), WHOLE, paving)
    if plan.verge:
        site.cover(side, (plan.half_road, inner), WHOLE, mix(WORN_GRASS, GRASS, 0.3 + 0.7 * traits.care))
    joint, middle = mix(paving, BLACK, 0.16), (inner + plan.boundary) / 2
    for i in range(-22, 23):
        z = i * SLAB_M
        site.cover(side, (inner, plan.boundary), (z, z + 0.03), joint)
        for across in ((inner, middle), (middle, plan.boundary)):
            if abs(i) < 17 and rng.random() < 0.45 * (1 - traits.care):
                tone = mix(paving, rng.choice(((90, 88, 84), (206, 200, 190))), rng.uniform(0.15, 0.5))
                site.cover(side, across, (z + 0.03, z + SLAB_M), tone)
    site.cover(side, (middle, middle + 0.03), (-20.0, 20.0), joint)
    site.cover(side, (plan.half_road, plan.half_road + 0.14), WHOLE, KERB)
    site.cover(side, (plan.half_road - 0.1, plan.half_road), WHOLE, GUTTER)


def lay_road(site: Site) -> None:
    """The carriageway with its markings, worn where nobody cares, and its patches."""
    plan, rng, worn = site.plan, site.rng, 1.0 - site.traits.care
    half = plan.half_road - 0.1
    tar = mix((108, 108, 111), (134, 131, 127), rng.random())
    site.cover(1, (-half, half), WHOLE, tar)
    for _ in range(int(2 + 30 * worn**1.4 * rng.uniform(0.6, 1.4))):
        at, z = rng.uniform(-half, half - 0.6), rng.triangular(-34, 34, 0)
        size = (rng.uniform(0.4, 1.6), rng.uniform(0.5, 3.2))
        tone = mix(tar, rng.choice(MENDED), rng.uniform(0.25, 0.6))
        site.cover(1, (at, min(half, at + size[0])), (z, z + size[1]), tone)
    if rng.random() < 0.7:
        white = mix((226, 226, 220), tar, 0.1 + 0.5 * worn)
        for i in range(-16, 17):
            site.cover(1, (-0.06, 0.06), (i * 5.0, i * 5.0 + 2.2), white)
    if rng.random() < 0.35:
        yellow = mix((216, 176, 62), tar, 0.1 + 0.4 * worn)
        for line in (half - 0.42, half - 0.25):
            for side in (-1, 1):
                site.cover(side, (line - 0.04, line + 0.04), WHOLE, yellow)
    for _ in range(2):
        at, z = rng.uniform(-half + 0.5, half - 0.8), rng.uniform(-12, 12)
        site.cover(1, (at, at + 0.62), (z, z + 0.62), mix(tar, (30, 30, 32), 0.5))
        site.cover(1, (at + 0.06, at + 0.56), (z + 0.06, z + 0.56), mix(tar, (60, 56, 54), 0.6))
