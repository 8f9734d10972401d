"""Projection: where a face comes to lie on the canvas, which faces are left out, and how they fade."""

from __future__ import annotations

import pytest

from demo_city.camera import NEAR_M, Camera, Faces, project
from demo_city.mesh import Builder, Face

CAMERA = Camera(x=0.0, y=2.0, z=0.0, heading=0.0, focal=100.0, width=200, height=160, horizon=80.0)
HAZE = (200.0, 200.0, 200.0)
CLEAR = 1e12
RED = (255.0, 0.0, 0.0)


def upright(x0: float, x1: float, z: float) -> list[tuple[float, float, float]]:
    """From the ground to 4 m, clockwise as seen from z = 0."""
    return [(x0, 0.0, z), (x0, 4.0, z), (x1, 4.0, z), (x1, 0.0, z)]


def test_face_ahead_lies_where_a_pinhole_puts_it() -> None:
    (polygon,) = project(Faces.of([Face(upright(-1, 1, 10), RED)]), CAMERA, HAZE, CLEAR)
    assert polygon is not None
    # 100 px of focal length at 10 m: 10 px to the metre, about the middle column and the horizon.
    assert polygon[0] == pytest.approx([90, 100, 90, 60, 110, 60, 110, 100])
    assert polygon[1] == (255, 0, 0)


def test_camera_turned_right_sees_what_lies_across() -> None:
    turned = Camera(x=0.0, y=2.0, z=0.0, heading=90.0, focal=100.0, width=200, height=160, horizon=80.0)
    across = [(10.0, 0.0, 1.0), (10.0, 4.0, 1.0), (10.0, 4.0, -1.0), (10.0, 0.0, -1.0)]
    (polygon,) = project(Faces.of([Face(across, RED)]), turned, HAZE, CLEAR)
    assert polygon is not None
    assert polygon[0] == pytest.approx([90, 100, 90, 60, 110, 60, 110, 100])


def test_faces_behind_turned_away_aside_or_tiny_are_left_out() -> None:
    faces = [
        Face(upright(-1, 1, -10), RED),
        Face(upright(-1, 1, 10)[::-1], RED),
        Face(upright(40, 42, 10), RED),
        Face([(0.0, 2.0, 90.0), (0.0, 2.5, 90.0), (0.5, 2.5, 90.0), (0.5, 2.0, 90.0)], RED),
    ]
    assert project(Faces.of(faces), CAMERA, HAZE, CLEAR) == [None] * 4


def test_two_sided_face_is_seen_from_behind() -> None:
    (polygon,) = project(Faces.of([Face(upright(-1, 1, 10)[::-1], RED, True)]), CAMERA, HAZE, CLEAR)
    assert polygon is not None


def test_ground_under_the_camera_is_cut_where_it_comes_too_near() -> None:
    ground = [(-1.0, 0.0, -5.0), (-1.0, 0.0, 10.0), (1.0, 0.0, 10.0), (1.0, 0.0, -5.0)]
    (polygon,) = project(Faces.of([Face(ground, RED)]), CAMERA, HAZE, CLEAR)
    assert polygon is not None
    nearest = 80 + 100 * 2.0 / NEAR_M
    assert max(polygon[0][1::2]) == pytest.approx(nearest)
    assert min(polygon[0][1::2]) == pytest.approx(100)


def test_far_face_fades_into_the_haze() -> None:
    (polygon,) = project(Faces.of([Face(upright(-9, 9, 100), RED)]), CAMERA, HAZE, 100.0)
    assert polygon is not None
    # A share of 1 - 1/e of the haze at the distance of visibility.
    assert polygon[1] == (220, 126, 126)


def test_nothing_to_see_gives_nothing() -> None:
    assert project(Faces.of([]), CAMERA, HAZE, CLEAR) == []


@pytest.mark.parametrize("side", [-1, 1])
def test_panels_of_either_side_face_the_road(side: int) -> None:
    tones = dict.fromkeys(("front", "up", "near", "far", "none"), (1.0, 1.0, 1.0))
    build = Builder(side, 10.0, -1.0, tones)
    build.panel((0.0, 0.0), (2.0, 4.0), RED)
    build.box((0.0, 0.0, 0.0), (2.0, 1.0, 0.5), RED)
    heading = 90.0 * side
    camera = Camera(x=0.0, y=2.0, z=0.0, heading=heading, focal=100.0, width=200, height=160, horizon=80.0)
    panel, near, far, top, front = project(Faces.of(build.faces), camera, HAZE, CLEAR)
    assert panel is not None
    assert front is not None
    assert top is not None  # the camera is above the box
    assert near is None
    assert far is None
