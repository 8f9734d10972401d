"""What all builders of a street share: its widths, its light, its layers, and the lists that they add to."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from demo_city import plants
from demo_city.light import Light
from demo_city.mesh import Builder, Colour, Face, Facing, Part, Sprite, tinted
from demo_city.traits import Traits

Kind = Literal["flats", "terraced", "semi", "detached"]

END, BEHIND, HOUSES, GARDEN, BOUNDARY, PAVEMENT, PARKED, ROAD = range(8)
"""Layers, from the one furthest from the road's middle: a line of sight only ever goes outwards through them."""

LENGTH_M = 68.0
"""The street ends this far from the camera, either way."""
GROUND_M = 150.0
"""The ground goes on to here."""

GRASS: Colour = (112, 140, 70)
WORN_GRASS: Colour = (148, 142, 92)
BLACK: Colour = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Plan:
    """Widths in metres from the road's middle outwards, and what most of the houses are."""

    kind: Kind
    half_road: float
    verge: float
    pavement: float
    garden: float

    @property
    def boundary(self) -> float:
        """Where the front gardens begin."""
        return self.half_road + self.verge + self.pavement

    @property
    def front(self) -> float:
        """Where the houses stand."""
        return self.boundary + self.garden


@dataclass
class Street:
    """All that stands in a street and lies on its ground."""

    ground: list[Face] = field(default_factory=list)
    """In the order in which they are drawn."""
    shadows: list[Face] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Site:
    """A street that is being built: by which traits, in which light, by what chance, in which colours."""

    traits: Traits
    light: Light
    plan: Plan
    rng: random.Random
    wall: Colour
    roof: Colour
    autumn: float
    """Share of the trees whose leaves have turned."""
    street: Street = field(default_factory=Street)

    @cached_property
    def tones(self) -> Mapping[int, Mapping[Facing, Colour]]:
        """The light on each facing, for either side (-1, 1)."""
        return {side: self.light.tones(side) for side in (-1, 1)}

    def builder(self, side: int, front: float, z: float) -> Builder:
        """A builder of things on a side, with d = 0 at `front` metres from the road's middle and u = 0 at `z`."""
        return Builder(side, front, z, self.tones[side])

    def add(self, layer: int, z: float, faces: list[Face], sprites: Sequence[Sprite] = ()) -> None:
        self.street.parts.append(Part(layer, z, faces, list(sprites)))

    def cover(self, side: int, across: tuple[float, float], along: tuple[float, float], colour: Colour) -> None:
        """Cover the ground between two distances from the road's middle, and two places along the street."""
        (near, far), (z0, z1) = across, along
        tint = self.light.on((0.0, 1.0, 0.0))
        corners = ((near, z0), (near, z1), (far, z1), (far, z0))
        self.street.ground.append(Face([(side * x, 0.0, z) for x, z in corners], tinted(colour, tint), True))

    def leaf_light(self) -> Colour:
        """The light that leaves get: they face every way."""
        sun, ambient = self.light.weather.sun, self.light.weather.ambient
        red, green, blue = (a + 0.8 * s for a, s in zip(ambient, sun, strict=True))
        return (red, green, blue)

    def plant_tree(self, at: tuple[float, float], height: float, layer: int) -> None:
        """A tree of a chance kind at (x, z), with its shadow; nobody plants firs along a pavement."""
        weights = (80, 20, 0) if layer == PAVEMENT else (68, 16, 16)
        (names,) = self.rng.choices((plants.BROAD, plants.TALL, plants.FIR), weights=weights)
        trunk, crown = plants.tree(
            self.rng, (at[0], 0.0, at[1]), height, names=names, autumn=self.autumn, light=self.leaf_light()
        )
        self.add(layer, at[1], trunk, [crown])
        x, up, z = self.light.to_sun
        reach, wide = 0.62 * height / up, crown.width * 0.4
        for _ in range(7 if abs(at[1]) < 32 else 1):
            turn, out = self.rng.uniform(0, 2 * math.pi), wide * 0.62 * self.rng.random() ** 0.5
            spot = (at[0] - x * reach + out * math.sin(turn), at[1] - z * reach + out * math.cos(turn))
            self.shade(spot, (wide * 0.5, wide * 0.5))
        self.shade(at, (wide * 0.35, wide * 0.35))

    def shade(self, at: tuple[float, float], half: tuple[float, float]) -> None:
        """A round shadow on the ground about (x, z)."""
        ring = ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7))
        points = [(at[0] + a * half[0], 0.0, at[1] + b * half[1]) for a, b in ring]
        self.street.shadows.append(Face(points, BLACK, True))

    def shade_of_block(self, corners: Sequence[tuple[float, float]], height: float) -> None:
        """The shadow of a block whose foot has these (x, z) corners."""
        x, up, z = self.light.to_sun
        shift_x, shift_z = -x / up * height, -z / up * height
        foot = [(a, 0.0, b) for a, b in corners]
        moved = [(a + shift_x, 0.0, b + shift_z) for a, b in corners]
        self.street.shadows.append(Face(moved, BLACK, True))
        for i in range(len(foot)):
            j = (i + 1) % len(foot)
            self.street.shadows.append(Face([foot[i], foot[j], moved[j], moved[i]], BLACK, True))
