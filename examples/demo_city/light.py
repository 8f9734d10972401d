"""The weather of a location: the sun, its light on each facing, and the sky that the camera sees."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo_city.camera import Camera
from demo_city.mesh import Colour, Facing, mix

Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Weather:
    """Colours of the sky at the zenith and the horizon, of the clouds, of the light, and how much of each."""

    zenith: Colour
    horizon: Colour
    cloud: Colour
    cloud_share: float
    sun: Colour
    """Strength of the direct light, 1.0 in each colour being white light of full strength."""
    ambient: Colour


CLEAR = Weather((76, 132, 200), (196, 220, 236), (250, 251, 252), 0.30, (0.52, 0.49, 0.42), (0.60, 0.63, 0.68))
FAIR = Weather((92, 142, 198), (203, 219, 230), (244, 245, 247), 0.58, (0.42, 0.40, 0.35), (0.66, 0.68, 0.71))
DULL = Weather((158, 168, 180), (206, 211, 214), (228, 230, 233), 0.85, (0.10, 0.10, 0.09), (0.86, 0.87, 0.89))
EVENING = Weather((104, 134, 184), (246, 214, 176), (250, 226, 202), 0.45, (0.62, 0.49, 0.31), (0.60, 0.59, 0.64))
MORNING = Weather((128, 164, 204), (238, 226, 210), (248, 243, 236), 0.40, (0.48, 0.44, 0.34), (0.64, 0.65, 0.68))

DIRTY_AIR: Colour = (199, 187, 166)

COARSE = 6
"""Pixels of the canvas to one of the sky's grid, each way."""


@dataclass(frozen=True)
class Light:
    """The weather, where the sun stands (degrees from the street's direction, and above the ground), and the haze."""

    weather: Weather
    azimuth: float
    elevation: float
    haze: Colour
    visibility: float
    """Metres, see `camera.project`."""
    cloud_seed: int

    @property
    def to_sun(self) -> tuple[float, float, float]:
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        flat = math.cos(elevation)
        return (flat * math.sin(azimuth), math.sin(elevation), flat * math.cos(azimuth))

    def tones(self, side: int) -> Mapping[Facing, Colour]:
        """Light on each facing of the things on a side of the street."""
        normals: dict[Facing, tuple[float, float, float]] = {
            "front": (-side, 0, 0),
            "up": (-0.35 * side, 0.94, 0),
            "near": (0, 0, -1),
            "far": (0, 0, 1),
        }
        tones: dict[Facing, Colour] = {facing: self.on(normal) for facing, normal in normals.items()}
        return {**tones, "none": (1.0, 1.0, 1.0)}

    def on(self, normal: tuple[float, float, float]) -> Colour:
        """The light, in each colour, on a surface with this normal."""
        shine = max(0.0, sum(a * b for a, b in zip(normal, self.to_sun, strict=True)))
        red, green, blue = (a + s * shine for a, s in zip(self.weather.ambient, self.weather.sun, strict=True))
        return (red, green, blue)


def draw_light(rng: random.Random, air: float) -> Light:
    """Weather by chance; `air` (0 foul .. 1 clean) sets how far one sees and how blue the sky is."""
    (weather,) = rng.choices((CLEAR, FAIR, DULL, EVENING, MORNING), weights=(24, 34, 20, 10, 12))
    low = weather in (EVENING, MORNING)
    foul = 1.0 - air
    horizon = mix(weather.horizon, DIRTY_AIR, 0.75 * foul)
    weather = Weather(
        mix(weather.zenith, DIRTY_AIR, 0.42 * foul),
        horizon,
        mix(weather.cloud, DIRTY_AIR, 0.35 * foul),
        weather.cloud_share,
        weather.sun,
        weather.ambient,
    )
    return Light(
        weather=weather,
        azimuth=rng.uniform(0, 360),
        elevation=rng.uniform(16, 26) if low else rng.uniform(34, 56),
        haze=horizon,
        visibility=85.0 + 420.0 * air**1.5,
        cloud_seed=rng.randrange(1 << 30),
    )


@cache
def noise(size: int = 512) -> Floats32:
    """A tileable cloudy pattern [size, size], about 0..1; the same on every machine."""
    rng = np.random.default_rng(20190417)
    total = np.zeros((size, size), np.float32)
    cells, weight = 4, 1.0
    while cells <= size // 2:
        grid = rng.random((cells, cells), dtype=np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        step = size // cells
        image = Image.fromarray(wrapped).resize(((cells + 4) * step,) * 2, Image.Resampling.BICUBIC)
        total += weight * np.asarray(image)[2 * step : -2 * step, 2 * step : -2 * step]
        cells, weight = cells * 2, weight * 0.55
    total -= total.min()
    pattern: Floats32 = (total / total.max()).astype(np.float32)
    return pattern


def paint_sky(light: Light, camera: Camera, size: tuple[int, int]) -> Image.Image:
    """The sky above the horizon, `size` pixels large; clouds lie on a level and shrink towards the horizon.

    It is soft, so it is computed on a coarse grid.
    """
    width, height = camera.width // COARSE, max(8, int(camera.horizon) // COARSE)
    columns = (np.arange(width, dtype=np.float32) + 0.5) * (camera.width / width) - camera.width / 2
    rows = camera.horizon * (1 - (np.arange(height, dtype=np.float32) + 0.5) / height)
    across = (columns / np.float32(camera.focal))[None, :]
    up = np.maximum(rows / np.float32(camera.focal), np.float32(0.012)).astype(np.float32)[:, None]
    climb = (up / np.sqrt(1 + across**2)) ** np.float32(0.6)
    weather = light.weather
    sky = _blend(weather.horizon, weather.zenith, np.clip(climb * 1.25, 0, 1))
    sky = _with_clouds(sky, light, camera, across, up)
    sky = _with_glow(sky, light, camera, across, up)
    return Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


def _blend(one: Colour, other: Colour, share: Floats32) -> Floats32:
    start, end = np.array(one, np.float32), np.array(other, np.float32)
    return start + (end - start) * share[..., None]


def _with_clouds(sky: Floats32, light: Light, camera: Camera, across: Floats32, up: Floats32) -> Floats32:
    pattern = noise()
    size = len(pattern)
    cos, sin = camera.turn
    ahead, right = 1.0 / (up + 0.06), across / (up + 0.06)
    east, north = right * cos + ahead * sin, ahead * cos - right * sin
    seed = light.cloud_seed
    x, y = (east * 62 + seed % 509) % size, (north * 62 + seed // 509 % 503) % size
    height = _between(pattern, x, y)
    # The same pattern a little towards the sun: where it is higher there, the cloud lies in its own shade.
    shade = _between(pattern, x + 6, y + 9)
    edge = 0.62 - 0.42 * light.weather.cloud_share
    cover = np.clip((height - edge) / 0.16, 0, 1)
    cover = cover * cover * (3 - 2 * cover) * np.clip(up * 9, 0.25, 0.94)
    cloud = np.array(light.weather.cloud, np.float32) * (1.02 - 0.55 * np.clip(shade - edge, 0, 0.4))[..., None]
    return sky + (cloud - sky) * cover[..., None]


def _between(pattern: Floats32, x: NDArray[Any], y: NDArray[Any]) -> Floats32:
    """The tileable pattern at points between its own, by linear interpolation."""
    size = len(pattern)
    columns, rows = x.astype(np.int32), y.astype(np.int32)
    along, down = (x - columns).astype(np.float32), (y - rows).astype(np.float32)
    columns, rows, right, below = columns % size, rows % size, (columns + 1) % size, (rows + 1) % size
    upper = pattern[rows, columns] * (1 - along) + pattern[rows, right] * along
    lower = pattern[below, columns] * (1 - along) + pattern[below, right] * along
    blended: Floats32 = upper * (1 - down) + lower * down
    return blended


def _with_glow(sky: Floats32, light: Light, camera: Camera, across: Floats32, up: Floats32) -> Floats32:
    if light.weather.cloud_share > 0.8:
        return sky
    bearing = math.radians(light.azimuth - camera.heading)
    elevation = math.radians(light.elevation)
    forward, sideways = math.cos(bearing) * math.cos(elevation), math.sin(bearing) * math.cos(elevation)
    towards = (forward + across * sideways + up * math.sin(elevation)) / np.sqrt(1 + across**2 + up**2)
    glow = np.clip(towards, 0, 1) ** 24 * 0.55 + np.clip(towards, 0, 1) ** 4 * 0.12
    warm = np.array((255, 246, 226), np.float32)
    lit: Floats32 = sky + (warm - sky) * glow[..., None]
    return lit
