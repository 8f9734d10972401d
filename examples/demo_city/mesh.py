"""Flat coloured faces in the street's space, and the frame in which a plot's things are built.

Space: x to the right across the street, y up, z along the street, in metres; the road's middle is x = 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Point = tuple[float, float, float]
Colour = tuple[float, float, float]
"""Red, green, blue, each 0..255."""

Facing = Literal["front", "up", "near", "far", "none"]
"""`front`: towards the road; `near` and `far`: along the street, to smaller and larger z."""


class Face(NamedTuple):
    """A polygon, its corners clockwise as seen from where it can be seen."""

    points: Sequence[Point]
    colour: Colour
    two_sided: bool = False


class Sprite(NamedTuple):
    """A painted cut-out that always faces the camera, e.g. a tree's crown."""

    name: str
    foot: Point
    """Middle of its lower edge."""
    width: float
    height: float
    dark: Colour
    light: Colour


@dataclass
class Part:
    """What is drawn in one go. Of two parts the one in the lower layer, then the one further along, is drawn first."""

    layer: int
    z: float
    faces: list[Face] = field(default_factory=list)
    sprites: list[Sprite] = field(default_factory=list)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with `share` (0..1) of `other` in it."""
    keep = 1.0 - share
    return (
        one[0] * keep + other[0] * share,
        one[1] * keep + other[1] * share,
        one[2] * keep + other[2] * share,
    )


def tinted(colour: Colour, tint: Colour) -> Colour:
    """`colour` under light of `tint`, 1.0 being white light of full strength."""
    return (colour[0] * tint[0], colour[1] * tint[1], colour[2] * tint[2])


@dataclass
class Builder:
    """Collects the faces of one side's things, in local terms.

    u runs along the street from `start`, v up, d towards the road from the plane at `front` metres from the
    road's middle. `side` is 1 for the street's right, -1 for its left; `tones` is the light on each facing.
    """

    side: int
    front: float
    start: float
    tones: Mapping[Facing, Colour]
    faces: list[Face] = field(default_factory=list)

    def at(self, u: float, v: float, d: float = 0.0) -> Point:
        return (self.side * (self.front - d), v, self.start + u)

    def face(self, corners: Sequence[Point], colour: Colour, facing: Facing, two_sided: bool = False) -> None:
        """Add a polygon of (u, v, d) corners, clockwise as seen from the road for a thing on the right side."""
        side, front, start = self.side, self.front, self.start
        points = [(side * (front - d), v, start + u) for u, v, d in corners]
        if side < 0:
            points.reverse()
        self.faces.append(Face(points, tinted(colour, self.tones[facing]), two_sided))

    def panel(self, at: tuple[float, float], size: tuple[float, float], colour: Colour, d: float = 0.0) -> None:
        """An upright rectangle that faces the road; `at` (u, v) is its lower corner, `size` (width, height)."""
        u, v = at
        u1, v1 = u + size[0], v + size[1]
        self.face(((u1, v, d), (u1, v1, d), (u, v1, d), (u, v, d)), colour, "front")

    def slab(self, at: tuple[float, float], size: tuple[float, float], colour: Colour, v: float = 0.0) -> None:
        """A level rectangle that faces up; `at` (u, d) is its corner away from the road, `size` (width, depth)."""
        u, d = at
        u1, d1 = u + size[0], d + size[1]
        self.face(((u1, v, d1), (u1, v, d), (u, v, d), (u, v, d1)), colour, "up")

    def end(self, at: Point, size: tuple[float, float], colour: Colour, *, far: bool) -> None:
        """An upright rectangle across the street's direction; `size` is (height, depth towards the road)."""
        u, v, d = at
        v1, d1 = v + size[0], d + size[1]
        corners = ((u, v, d), (u, v1, d), (u, v1, d1), (u, v, d1))
        self.face(corners if far else corners[::-1], colour, "far" if far else "near")

    def box(self, at: Point, size: Point, colour: Colour, top: Colour | None = None) -> None:
        """A box of `size` (width, height, depth) whose back lower corner is `at` (u, v, d)."""
        (u, v, d), (width, height, depth) = at, size
        self.end((u, v, d), (height, depth), colour, far=False)
        self.end((u + width, v, d), (height, depth), colour, far=True)
        self.slab((u, d), (width, depth), top or colour, v + height)
        self.panel((u, v), (width, height), colour, d + depth)
