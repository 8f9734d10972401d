"""Houses, from the terrace to the villa and the block of flats; each adds its faces to the front's builder.

All stand with their front at d = 0 and their left corner at u = 0; heights and widths in metres.
"""

from __future__ import annotations

from demo_city.facades import STONE, Front, graffiti
from demo_city.mesh import Builder, Colour, mix
from demo_city.roofs import DEPTH, chimney, gabled, gabled_wing, hipped

DOORS: tuple[Colour, ...] = (
    (138, 34, 38),
    (32, 62, 104),
    (36, 78, 58),
    (28, 30, 34),
    (236, 232, 222),
    (96, 60, 36),
    (104, 132, 140),
    (86, 40, 84),
    (206, 164, 50),
)
CREAM: Colour = (236, 228, 210)
BAY_M = 2.8


def terraced(front: Front, width: float, *, ends: tuple[bool, bool]) -> None:
    """Two floors straight from the pavement; `ends`: whether the row begins, and ends, with this house."""
    build, rng, look = front.build, front.rng, front.look
    eave, ridge = 5.3, 7.7
    _walls(build, (width, eave), look.wall, ends)
    if look.detail > 1:
        front.bricks((0.0, 0.0), (width, eave))
    if look.detail:
        front.stains((width, eave))
        build.panel((0.0, 0.0), (width, 0.45), mix(look.wall, (60, 58, 54), 0.3))
    gabled(build, look, (width, eave, ridge), ends)
    left = rng.random() < 0.5
    front.door((0.45 if left else width - 1.5, 0.12))
    wide = min(1.8, width - 2.8)
    middle = (1.5 + width) / 2 + 0.25 if left else (width - 1.5) / 2
    front.window((middle - wide / 2, 0.95), (wide, 1.5))
    if rng.random() < 0.6:
        for u in (0.55, width - 1.6):
            front.window((u, 3.4), (1.05, 1.35))
    else:
        front.window((width / 2 - 0.8, 3.4), (1.6, 1.35))
    chimney(build, look, width - 0.5, ridge)
    if look.detail:
        front.pipe(width - 0.12, eave)
        if rng.random() < 0.15 + 0.4 * look.neglect:
            front.dish((rng.uniform(0.6, width - 0.6), rng.uniform(2.9, 3.1)))


def semi(front: Front, width: float) -> None:
    """A pair under one hipped roof, each with a bay."""
    build, rng, look = front.build, front.rng, front.look
    eave, ridge, half = 5.2, 7.9, width / 2
    _walls(build, (width, eave), look.wall, (True, True))
    if look.detail > 1:
        front.bricks((0.0, 0.0), (width, eave))
    if rng.random() < 0.4:
        build.panel((0.0, 2.8), (width, eave - 2.8), mix(look.wall, CREAM, 0.85))
    if look.detail:
        front.stains((width, eave))
    hipped(build, look, (width, eave, ridge), inset=2.6)
    for left in (True, False):
        _bay(front, 1.8 if left else width - 1.8 - BAY_M)
        front.door((0.4 if left else width - 1.46, 0.12), rng.choice(DOORS))
        front.window((0.45 if left else width - 1.35, 3.35), (0.9, 1.2))
    chimney(build, look, half - 0.45, ridge)
    if look.detail:
        front.pipe(half - 0.05, eave)


def detached(front: Front, width: float) -> None:
    """A wide house with a gabled wing, a porch, and a garage beside it."""
    build, rng, look = front.build, front.rng, front.look
    eave, ridge, garage, wing = 5.4, 8.2, 3.2, 3.8
    main = width - garage
    _garage(front, main, garage)
    _walls(build, (main, eave), look.wall, (True, True))
    if look.detail > 1:
        front.bricks((wing, 0.0), (main - wing, eave), 0.8)
    gabled(build, look, (main, eave, ridge), (True, True))
    wing_wall = mix(look.wall, (240, 234, 220), rng.choice((0.0, 0.8)))
    gabled_wing(build, look, (wing, eave), wing_wall, timbered=rng.random() < 0.4)
    front.window((0.6, 0.9), (2.6, 1.6), 0.8)
    front.window((0.9, 3.3), (2.0, 1.4), 0.8)
    middle = wing + 0.5
    front.door((middle, 0.12))
    build.box((middle - 0.25, 2.75, 0.0), (1.6, 0.16, 1.0), look.trim, top=look.roof)
    if look.detail:
        for u in (middle - 0.2, middle + 1.2):
            build.box((u, 0.0, 0.85), (0.12, 2.75, 0.12), look.trim)
    front.window((main - 2.3, 0.9), (1.7, 1.5))
    front.window((main - 2.2, 3.3), (1.5, 1.3))
    front.window((middle, 3.4), (1.0, 1.2))
    chimney(build, look, main - 1.2, ridge)


def flats(front: Front, width: float, floors: int) -> None:
    """A slab of flats with a flat roof, a glazed stair and, often, balconies."""
    build, rng, look = front.build, front.rng, front.look
    storey = 2.75
    height = floors * storey + 0.5
    _walls(build, (width, height), look.wall, (True, True))
    build.panel((0.0, height - 0.35), (width, 0.35), mix(look.wall, (60, 60, 60), 0.35))
    if look.detail:
        front.stains((width, height))
    band = mix(look.door, (150, 150, 146), 0.45)
    balconies = rng.random() < 0.5
    for floor in range(floors):
        _storey(front, width, floor * storey, band, balconies=balconies and floor > 0)
    stair = width / 2 - 1.3
    build.panel((stair, 0.0), (2.6, height - 0.4), mix(look.wall, (70, 74, 78), 0.5))
    for floor in range(1, floors):
        front.window((stair + 0.4, floor * storey + 0.2), (1.8, 1.9))
    front.door((stair + 0.8, 0.1))
    build.box((stair - 0.2, 2.65, 0.0), (3.0, 0.18, 1.3), mix(look.wall, (40, 40, 40), 0.3))
    if look.detail and rng.random() < 0.6 * look.neglect:
        graffiti(build, rng, (rng.uniform(0.4, width / 3), 0.3), (2.6, 1.2))


def _storey(front: Front, width: float, v: float, band: Colour, *, balconies: bool) -> None:
    build, look = front.build, front.look
    if look.detail:
        build.panel((0.0, v + 2.55), (width, 0.14), mix(look.wall, (40, 40, 40), 0.2))
    bays = max(2, int((width / 2 - 1.8) // 3.2))
    step = (width / 2 - 1.5) / bays
    for side in (0.0, width / 2 + 1.4):
        for i in range(bays):
            u = side + step * (i + 0.5) - 0.9
            build.panel((u, v + 0.35), (1.8, 0.55), band)
            front.window((u, v + 0.9), (1.8, 1.35))
            if balconies and i % 2 == 0:
                build.box((u - 0.3, v + 0.1, 0.0), (2.4, 1.0, 1.1), mix(band, look.trim, 0.5))


def _walls(build: Builder, size: tuple[float, float], colour: Colour, ends: tuple[bool, bool]) -> None:
    width, height = size
    if ends[0]:
        build.end((0.0, 0.0, -DEPTH), (height, DEPTH), colour, far=False)
    if ends[1]:
        build.end((width, 0.0, -DEPTH), (height, DEPTH), colour, far=True)
    build.panel((0.0, 0.0), size, colour)


def _bay(front: Front, u: float) -> None:
    """A bay of two floors."""
    build, look = front.build, front.look
    build.box((u, 0.0, 0.0), (BAY_M, 5.0, 0.75), look.wall)
    front.window((u + 0.15, 0.85), (BAY_M - 0.3, 1.55), 0.75)
    build.panel((u + 0.05, 2.55), (BAY_M - 0.1, 0.7), mix(look.wall, STONE, 0.5), 0.75)
    front.window((u + 0.15, 3.35), (BAY_M - 0.3, 1.35), 0.75)
    roof = ((u + BAY_M + 0.1, 4.95, 0.85), (u + BAY_M / 2, 6.3, -0.9), (u - 0.1, 4.95, 0.85))
    build.face(roof, mix(look.roof, look.trim, 0.25), "up")


def _garage(front: Front, u: float, width: float) -> None:
    build, look = front.build, front.look
    build.box((u, 0.0, -6.0), (width, 2.7, 5.0), look.wall, top=look.roof)
    right = u + width + 0.1
    build.face(((right, 2.6, -0.8), (right, 3.9, -4.0), (u, 3.9, -4.0), (u, 2.6, -0.8)), look.roof, "up")
    build.panel((u + 0.35, 0.05), (width - 0.7, 2.15), look.trim, -1.0)
    if look.detail:
        for i in range(1, 4):
            build.panel((u + 0.35, 0.05 + i * 0.54), (width - 0.7, 0.04), mix(look.trim, (0, 0, 0), 0.3), -1.0)
