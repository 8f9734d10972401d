"""An invented region: areas on a grid, their districts, and what life is like in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj

Array = npt.NDArray[np.float64]

AREA_M = 600.0
"""Side of an area, which is a square of the National Grid."""

TRAITS = ("income", "health", "surroundings")
"""0 (worst) to 1 (best) in each area; every published number and every photograph follows one of them, with noise."""


NOISE = 0.1
"""Standard deviation of what a published number adds to its trait."""


@dataclass(frozen=True)
class Grid:
    """Where a region's areas are: squares from the corner (easting, northing) on, district by district."""

    easting: float
    northing: float
    first_area: int
    """Number in the code of the first area: 1000001 gives E01000001."""


def invent_areas(districts: dict[str, str], n_areas: int, grid: Grid, seed: int) -> pd.DataFrame:
    """One row per area: area_id, area_name, msoa_id, district_code, district_name, easting, northing (of the centre,
    in metres), latitude, longitude (degrees), and `TRAITS`.

    Args:
        districts: name by code; each gets a block of neighbouring areas of about equal size.
    """
    side = int(np.ceil(np.sqrt(n_areas)))
    column, row = np.divmod(np.arange(n_areas), side)
    row = np.where(column % 2, side - 1 - row, row)  # to and fro, so that the next area is always a neighbour
    number = np.arange(n_areas)
    district = number * len(districts) // n_areas
    codes, names = list(districts), list(districts.values())
    easting = grid.easting + (column + 0.5) * AREA_M
    northing = grid.northing + (row + 0.5) * AREA_M
    to_degrees = pyproj.Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(easting, northing)
    areas = pd.DataFrame(
        {
            "area_id": [f"E0{grid.first_area + i}" for i in number],
            "area_name": [f"{names[d]} {i // 4 + 1:03d}{'ABCD'[i % 4]}" for i, d in zip(number, district, strict=True)],
            "msoa_id": [f"E0{grid.first_area + 1_000_000 + i // 4}" for i in number],
            "district_code": [codes[d] for d in district],
            "district_name": [names[d] for d in district],
            "easting": easting,
            "northing": northing,
            "latitude": latitude,
            "longitude": longitude,
        }
    )
    rng = np.random.default_rng([seed, 1])
    shared = _smooth(rng, column / side, row / side)
    for trait in TRAITS:
        own = _smooth(rng, column / side, row / side)
        areas[trait] = _to_unit(0.6 * shared + 0.4 * own + rng.normal(0, 0.15, n_areas))
    return areas


def noisy(areas: pd.DataFrame, trait: str, rng: np.random.Generator) -> Array:
    """A number in each area that follows the trait: 0 (worst) to 1 (best), all ranks taken once."""
    return _to_unit(areas[trait].to_numpy() + rng.normal(0, NOISE, len(areas)))


def _smooth(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """A surface of a few long waves, of standard deviation 1."""
    surface = np.zeros(len(x))
    for _ in range(6):
        kx, ky, phase = rng.normal(0, 6, 2).tolist() + [rng.uniform(0, 2 * np.pi)]
        surface += np.sin(kx * x + ky * y + phase)
    smooth: Array = (surface - surface.mean()) / (surface.std() or 1.0)
    return smooth


def _to_unit(values: Array) -> Array:
    """The rank of each value, from 0 (lowest) to 1 (highest)."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values)] = np.linspace(0, 1, len(values))
    return ranks
