"""Views of a panorama, against a formula of its own for each pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streetdeciles.extraction.panorama import PanoramaViews
from streetdeciles.extraction.rejects import Rejected


def by_rotation(panorama: np.ndarray, heading: float, field_of_view: int, pixel: tuple[int, int]) -> list[float]:
    """One pixel: its ray as a vector, turned about the vertical axis, then looked up by atan2 and asin."""
    row, column, size = *pixel, field_of_view
    half = math.tan(math.radians(field_of_view) / 2)
    right, up, ahead = half * (2 * (column + 0.5) / size - 1), -half * (2 * (row + 0.5) / size - 1), 1.0
    turn = math.radians(heading)
    east = ahead * math.sin(turn) + right * math.cos(turn)
    north = ahead * math.cos(turn) - right * math.sin(turn)
    length = math.sqrt(east**2 + north**2 + up**2)
    height, width = panorama.shape[:2]
    x = (math.atan2(east, north) + math.pi) / (2 * math.pi) * width - 0.5
    y = (math.pi / 2 - math.asin(up / length)) / math.pi * height - 0.5
    x0, y0 = math.floor(x), math.floor(y)
    value = np.zeros(3)
    for dx in (0, 1):
        for dy in (0, 1):
            share = (1 - abs(x - (x0 + dx))) * (1 - abs(y - (y0 + dy)))
            value += share * panorama[min(max(y0 + dy, 0), height - 1), (x0 + dx) % width].astype(float)
    return value.tolist()


@pytest.mark.parametrize("field_of_view", [60, 90, 120])
@pytest.mark.parametrize("heading", [0, 90, 180, 270, -33.5])
def test_each_pixel_is_where_its_ray_meets_the_sphere(heading: float, field_of_view: float) -> None:
    panorama = np.random.default_rng(1).integers(0, 256, (180, 360, 3), dtype=np.uint8)
    view = PanoramaViews((0.0, heading), field_of_view)(panorama, 1)
    assert view.shape == (field_of_view, field_of_view, 3)
    assert view.dtype == np.uint8
    random = np.random.default_rng(2)
    for row, column in [(0, 0), (field_of_view - 1, 0), *random.integers(0, field_of_view, (60, 2)).tolist()]:
        expected = by_rotation(panorama, heading, field_of_view, (row, column))
        assert np.abs(view[row, column] - expected).max() <= 0.51


def test_heading_is_clockwise_from_the_middle() -> None:
    panorama = np.zeros((100, 200, 3), dtype=np.uint8)
    panorama[50:, :, 2] = 255  # the ground is blue
    panorama[:, 150] = (200, 100, 0)  # a post a quarter to the right
    views = PanoramaViews((0, 90, 180, 270), 80)
    # The post's middle is 0.9 degrees beyond: tan(0.9) / tan(40) of the half view, 21.9 columns of 44 from the left.
    assert views(panorama, 1)[10, :, 0].argmax() == 22
    assert views(panorama, 0)[10].max() == 0
    assert (views(panorama, 3)[-1] == (0, 0, 255)).all()


def test_photograph_that_is_not_a_panorama_is_a_reject() -> None:
    with pytest.raises(Rejected, match="not_a_panorama: 300 x 200 pixels"):
        PanoramaViews((0,), 90)(np.zeros((200, 300, 3), dtype=np.uint8), 0)
    assert PanoramaViews((0,), 90)(np.zeros((1, 2, 3), dtype=np.uint8), 0).shape == (1, 1, 3)
