"""What is on a house's front: windows, doors, brickwork, stains, boards, graffiti, dishes, pipes."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from demo_city.mesh import Builder, Colour, mix

BOARD: Colour = (182, 146, 100)
STEEL: Colour = (148, 152, 156)
GLASS: Colour = (40, 48, 56)
STONE: Colour = (196, 188, 170)
CURTAINS: tuple[Colour, ...] = ((226, 220, 206), (176, 120, 104), (120, 140, 160), (200, 186, 150))
SPRAY: tuple[Colour, ...] = (
    (206, 62, 96),
    (58, 116, 188),
    (36, 36, 40),
    (236, 236, 230),
    (96, 168, 80),
    (226, 156, 48),
)

Spot = tuple[float, float]
"""(u, v) on the front: along the street, up."""
Size = tuple[float, float]
"""(width, height)."""


@dataclass(frozen=True)
class Look:
    """How a house looks: its colours, how well it is kept (0..1), and how much of it is worth drawing (0..2)."""

    wall: Colour
    roof: Colour
    trim: Colour
    door: Colour
    upkeep: float
    sky: Colour
    detail: int
    stone: bool
    """Whether the windows have lintels and sills of stone."""

    @property
    def neglect(self) -> float:
        return 1.0 - self.upkeep


@dataclass(frozen=True)
class Front:
    """The front of one house: where it is built, by what chance, and in which look."""

    build: Builder
    rng: random.Random
    look: Look

    def window(self, at: Spot, size: Size, d: float = 0.0) -> None:
        """A window with its lintel, sill, frame and curtains; in a neglected house perhaps boarded up."""
        build, rng, look, (u, v), (width, height) = self.build, self.rng, self.look, at, size
        if look.stone and look.detail:
            build.panel((u - 0.1, v + height), (width + 0.2, 0.2), STONE, d)
            build.panel((u - 0.1, v - 0.1), (width + 0.2, 0.1), mix(STONE, (0, 0, 0), 0.12), d)
        if rng.random() < 0.34 * max(0.0, look.neglect - 0.45):
            self._boards(at, size, d)
            return
        build.panel(at, size, look.trim, d)
        edge = 0.07
        pane = mix(GLASS, look.sky, rng.uniform(0.12, 0.42))
        inner, inner_size = (u + edge, v + edge), (width - 2 * edge, height - 2 * edge)
        build.panel(inner, inner_size, pane, d)
        if not look.detail:
            return
        self._glint(inner, inner_size, d)
        self._curtains(inner, inner_size, pane, d)
        if width > 0.9:
            build.panel((u + width / 2 - 0.03, v + edge), (0.06, inner_size[1]), look.trim, d)
        build.panel((u + edge, v + height * 0.68), (inner_size[0], 0.05), look.trim, d)
        build.panel((u + edge, v + height - edge - 0.1), (inner_size[0], 0.1), mix(pane, (0, 0, 0), 0.45), d)
        if look.detail > 1 and rng.random() < look.neglect - 0.3:
            tall = rng.uniform(0.4, 0.9)
            stain = mix(look.wall, (60, 56, 48), rng.uniform(0.1, 0.2))
            build.panel((u + rng.uniform(0, width * 0.7), v - 0.1 - tall), (rng.uniform(0.08, 0.2), tall), stain, d)

    def door(self, at: Spot, colour: Colour | None = None) -> None:
        """A door in its frame, with a light above it and a step in front."""
        build, rng, look, (u, v) = self.build, self.rng, self.look, at
        paint = mix(colour or look.door, (124, 120, 112), 0.5 * look.neglect * rng.random())
        build.panel(at, (1.06, 2.5), look.trim)
        build.panel((u + 0.09, v), (0.88, 2.02), paint)
        if not look.detail:
            return
        build.panel((u + 0.12, v + 2.1), (0.82, 0.32), mix(GLASS, look.sky, 0.35))
        build.slab((u - 0.05, 0.0), (1.16, 0.35), STONE, v + 0.02)
        dark, style = mix(paint, (0, 0, 0), 0.28), rng.random()
        if style < 0.4:
            for panel in ((0.18, 0.2), (0.58, 0.2), (0.18, 1.1), (0.58, 1.1)):
                build.panel((u + panel[0], v + panel[1]), (0.3, 0.75), dark)
        elif style < 0.75:
            build.panel((u + 0.2, v + 1.15), (0.66, 0.75), mix(GLASS, look.sky, 0.3))
            build.panel((u + 0.2, v + 0.2), (0.66, 0.7), dark)
        build.panel((u + 0.4, v + 1.02), (0.26, 0.05), (206, 190, 120))

    def bricks(self, at: Spot, size: Size, share: float = 1.0) -> None:
        """Some bricks that differ from the rest of the wall, along their courses."""
        build, rng, colour, (u, v), (width, height) = self.build, self.rng, self.look.wall, at, size
        for _ in range(int(width * height * 3.0 * share)):
            course = int(rng.uniform(0, height - 0.1) / 0.15)
            shade = rng.uniform(-0.22, 0.16)
            tone = mix(colour, (0, 0, 0), -shade) if shade < 0 else mix(colour, (255, 236, 214), shade)
            brick = (rng.choice((0.22, 0.22, 0.45)), 0.075)
            build.panel((u + rng.uniform(0, width - 0.46), v + course * 0.15), brick, tone)

    def stains(self, size: Size) -> None:
        """Damp at the foot and below the gutter of a neglected wall of this size."""
        rng, look, (width, height) = self.rng, self.look, size
        for _ in range(int(7 * look.neglect**1.5 * width / 5)):
            wide, tall = rng.uniform(0.3, 1.3), rng.uniform(0.4, 1.6)
            u = rng.uniform(0.0, max(0.1, width - wide))
            tone = mix(look.wall, (58, 60, 48), rng.uniform(0.08, 0.22))
            low, high = (0.0, tall) if rng.random() < 0.5 else (height, height - tall)
            # Wide where the water is, narrow where it ends; turned the other way round it would face the house.
            corners = ((u + wide, low, 0.0), (u + wide * 0.7, high, 0.0), (u + wide * 0.35, high, 0.0), (u, low, 0.0))
            self.build.face(corners, tone, "front", two_sided=True)

    def dish(self, at: Spot) -> None:
        """A satellite dish."""
        turns = [i * math.pi / 5 for i in range(10)]
        ring = [(at[0] + 0.3 * math.cos(a), at[1] + 0.32 * math.sin(a), 0.2) for a in turns]
        self.build.face(ring, (206, 206, 204), "front", two_sided=True)
        self.build.panel((at[0] - 0.03, at[1] - 0.04), (0.1, 0.08), (70, 70, 72), 0.25)

    def pipe(self, u: float, height: float) -> None:
        """A drainpipe."""
        self.build.panel((u, 0.0), (0.09, height), (52, 52, 54), 0.05)

    def _glint(self, at: Spot, size: Size, d: float) -> None:
        (u, v), (width, height) = at, size
        start, wide = self.rng.uniform(0.0, 0.45) * width, self.rng.uniform(0.2, 0.4) * width
        slant = min(0.25 * width, width - start - wide)
        corners = (
            (u + start + wide, v, d),
            (u + start + wide + slant, v + height, d),
            (u + start + slant, v + height, d),
            (u + start, v, d),
        )
        self.build.face(corners, mix(GLASS, self.look.sky, 0.5), "front")

    def _curtains(self, at: Spot, size: Size, pane: Colour, d: float) -> None:
        rng, (u, v), (width, height) = self.rng, at, size
        cloth, kind = mix(pane, rng.choice(CURTAINS), 0.72), rng.random()
        if kind < 0.45:
            wide = rng.uniform(0.14, 0.3) * width
            self.build.panel(at, (wide, height), cloth, d)
            self.build.panel((u + width - wide, v), (wide, height), cloth, d)
        elif kind < 0.75:
            drop = rng.uniform(0.2, 0.7) * height
            self.build.panel((u, v + height - drop), (width, drop), cloth, d)

    def _boards(self, at: Spot, size: Size, d: float) -> None:
        rng, (u, v), (width, height) = self.rng, at, size
        colour = mix(STEEL if rng.random() < 0.4 else BOARD, (0, 0, 0), rng.uniform(0.0, 0.2))
        self.build.panel(at, size, colour, d)
        for i in range(1, 3):
            self.build.panel((u, v + height * i / 3), (width, 0.03), mix(colour, (0, 0, 0), 0.35), d)
        if rng.random() < 0.15:
            graffiti(self.build, rng, at, size)


def graffiti(build: Builder, rng: random.Random, at: Spot, size: Size) -> None:
    """A sprayed tag: a wavy line of short strokes, a little in front of the wall."""
    (u, v), (width, height) = at, size
    colour = rng.choice(SPRAY)
    middle, swing = v + height * rng.uniform(0.4, 0.6), height * rng.uniform(0.18, 0.36)
    length = width * rng.uniform(0.55, 0.9)
    start, pace, phase = u + rng.uniform(0, width - length), rng.uniform(9.0, 16.0), rng.uniform(0, 6)
    thick, count = 0.03 + 0.03 * height, 22
    line = []
    for i in range(count + 1):
        turn = phase + pace * i / count
        line.append(
            (start + length * i / count + 0.14 * length * math.sin(turn * 1.6), middle + swing * math.sin(turn))
        )
    for (u0, v0), (u1, v1) in zip(line, line[1:], strict=False):
        across = math.hypot(u1 - u0, v1 - v0) or 1.0
        du, dv = -(v1 - v0) / across * thick, (u1 - u0) / across * thick
        corners = ((u0 + du, v0 + dv, 0.0), (u1 + du, v1 + dv, 0.0), (u1 - du, v1 - dv, 0.0), (u0 - du, v0 - dv, 0.0))
        build.face(corners, colour, "front", two_sided=True)
