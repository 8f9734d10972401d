"""The camera on the car's roof, and the world's faces as flat arrays that it projects all at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from demo_city.mesh import Face, Point

NEAR_M = 0.5
"""What is nearer than this is cut off."""

SMALLEST_PX = 0.7
"""A face that is smaller than this both ways is not drawn."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A pinhole. `heading` in degrees: 0 along the street, 90 to its right; sizes in pixels of the canvas."""

    x: float
    y: float
    z: float
    heading: float
    focal: float
    width: int
    height: int
    horizon: float

    def see(self, points: Floats) -> Floats:
        """World points [n, 3] as seen from the camera: right, up, ahead, in metres."""
        cos, sin = self.turn
        x, y, z = points[:, 0] - self.x, points[:, 1] - self.y, points[:, 2] - self.z
        return np.stack([x * cos - z * sin, y, x * sin + z * cos], axis=1)

    def see_one(self, point: Point) -> Point:
        """The same for a single point."""
        cos, sin = self.turn
        x, y, z = point[0] - self.x, point[1] - self.y, point[2] - self.z
        return (x * cos - z * sin, y, x * sin + z * cos)

    @property
    def turn(self) -> tuple[float, float]:
        """Cosine and sine of the heading."""
        angle = math.radians(self.heading)
        return math.cos(angle), math.sin(angle)

    def place(self, seen: Floats) -> Floats:
        """Pixels [n, 2] of seen points, which must lie ahead."""
        scale = self.focal / seen[:, 2]
        return np.stack([self.width / 2 + seen[:, 0] * scale, self.horizon - seen[:, 1] * scale], axis=1)


@dataclass(frozen=True)
class Faces:
    """Many faces as arrays: corners [n, 3], and of each face its first corner, colour and sidedness."""

    corners: Floats
    starts: NDArray[np.int64]
    colours: Floats
    two_sided: NDArray[np.bool_]

    @classmethod
    def of(cls, faces: Sequence[Face]) -> Faces:
        flat = chain.from_iterable
        counts = [len(face.points) for face in faces]
        return cls(
            np.fromiter(flat(flat(face.points for face in faces)), np.float64).reshape(-1, 3),
            np.cumsum([0, *counts], dtype=np.int64)[:-1],
            np.fromiter(flat(face.colour for face in faces), np.float64).reshape(-1, 3),
            np.array([face.two_sided for face in faces], dtype=np.bool_),
        )


Polygon = tuple[list[float], tuple[int, int, int]]
"""Flat pixel coordinates x, y, x, y, … and the fill."""


def project(faces: Faces, camera: Camera, haze: tuple[float, float, float], visibility: float) -> list[Polygon | None]:
    """Each face as a polygon on the canvas, None where it cannot be seen.

    Far faces fade into the colour `haze`; at `visibility` metres about two thirds of a colour is gone.
    """
    if not len(faces.starts):
        return []
    seen = camera.see(faces.corners)
    ahead = seen[:, 2]
    nearest = np.minimum.reduceat(ahead, faces.starts)
    furthest = np.maximum.reduceat(ahead, faces.starts)
    pixels = camera.place(np.stack([seen[:, 0], seen[:, 1], np.maximum(ahead, NEAR_M)], axis=1))
    whole = nearest >= NEAR_M
    shown = (furthest > NEAR_M) & (~whole | _worth_drawing(pixels, faces, camera))
    chosen = np.flatnonzero(shown)
    faded = 1.0 - np.exp(-np.maximum(nearest[chosen], 0.0) / visibility)
    colours = faces.colours[chosen]
    colours += (np.array(haze) - colours) * faded[:, None]
    fills = np.clip(colours, 0, 255).round().astype(np.int64).tolist()
    flat = pixels.ravel().tolist()
    ends = np.append(faces.starts[1:], len(seen))
    polygons: list[Polygon | None] = [None] * len(ends)
    spans = zip(chosen.tolist(), faces.starts[chosen].tolist(), ends[chosen].tolist(), fills, strict=True)
    for i, start, end, fill in spans:
        outline = flat[2 * start : 2 * end] if whole[i] else _cut(seen[start:end], camera, bool(faces.two_sided[i]))
        if outline:
            polygons[i] = (outline, tuple(fill))
    return polygons


def _worth_drawing(pixels: Floats, faces: Faces, camera: Camera) -> NDArray[np.bool_]:
    """Whether each face is on the canvas, turned towards the camera, and large enough to matter."""
    low = np.minimum.reduceat(pixels, faces.starts)
    high = np.maximum.reduceat(pixels, faces.starts)
    on_canvas = (high[:, 0] >= 0) & (low[:, 0] < camera.width) & (high[:, 1] >= 0) & (low[:, 1] < camera.height)
    following = np.arange(1, len(pixels) + 1)
    following[np.append(faces.starts[1:], len(pixels)) - 1] = faces.starts
    cross = pixels[:, 0] * pixels[following, 1] - pixels[following, 0] * pixels[:, 1]
    turned = np.add.reduceat(cross, faces.starts) > 0
    size = (high - low).max(axis=1)
    worth: NDArray[np.bool_] = on_canvas & (turned | faces.two_sided) & (size > SMALLEST_PX)
    return worth


def _cut(seen: Floats, camera: Camera, two_sided: bool) -> list[float] | None:
    """The outline of what lies ahead of a face that reaches behind the camera."""
    kept: list[list[float]] = []
    corners = seen.tolist()
    for i, other in enumerate(corners):
        one = corners[i - 1]
        if (one[2] >= NEAR_M) != (other[2] >= NEAR_M):
            share = (NEAR_M - one[2]) / (other[2] - one[2])
            kept.append([one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share, NEAR_M])
        if other[2] >= NEAR_M:
            kept.append(other)
    if len(kept) < 3:
        return None
    flat: list[float] = []
    for right, up, ahead in kept:
        scale = camera.focal / ahead
        flat += (camera.width / 2 + right * scale, camera.horizon - up * scale)
    if two_sided:
        return flat
    xs, ys = flat[::2], flat[1::2]
    area = sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs)))
    return flat if area > 0 else None
