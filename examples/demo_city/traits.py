"""From an area's deciles to what can be seen in its streets: loosely, and never by one thing alone.

Each trait follows some outcomes, and differs by chance between areas and between the locations of an area.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields

INCOME, HEALTH, LIVING = "imd_income", "imd_health", "imd_living_environment"
OUTCOMES = (INCOME, HEALTH, LIVING)
"""The deciles that the demo city is drawn from."""


@dataclass(frozen=True)
class Traits:
    """What a street is like, each 0..1 and about evenly spread over the city."""

    wealth: float
    """Kinds of houses, drives, how new the cars are."""
    upkeep: float
    """Litter, rubbish bags, boarded windows, graffiti, stained walls."""
    greenery: float
    """Trees, hedges, lawns, verges."""
    air: float
    """How clear the air and how blue the sky is."""
    care: float
    """The surface of road and pavement."""
    traffic: float
    """Cars parked and passing."""


@dataclass(frozen=True)
class Ties:
    """How a trait comes about: weights of the standardised deciles, and the strength of both kinds of chance."""

    weights: Mapping[str, float]
    area: float
    location: float


TIES: Mapping[str, Ties] = {
    "wealth": Ties({INCOME: 0.8, HEALTH: 0.2}, area=0.35, location=0.5),
    "upkeep": Ties({HEALTH: 0.75, INCOME: 0.15, LIVING: 0.1}, area=0.35, location=0.5),
    "greenery": Ties({LIVING: 0.75, INCOME: 0.25}, area=0.35, location=0.5),
    "air": Ties({LIVING: 1.0}, area=0.4, location=0.6),
    "care": Ties({LIVING: 0.5, HEALTH: 0.4}, area=0.4, location=0.6),
    "traffic": Ties({LIVING: -0.6, INCOME: 0.2}, area=0.4, location=0.7),
}


def traits_of(deciles: Mapping[str, int], area_rng: random.Random, location_rng: random.Random) -> Traits:
    """Traits of a location in an area with these deciles (1..10) of OUTCOMES; both generators are used up to here."""
    standing = {name: (deciles[name] - 5.5) / math.sqrt(8.25) for name in OUTCOMES}
    values = {}
    for trait in fields(Traits):
        ties = TIES[trait.name]
        signal = sum(weight * standing[name] for name, weight in ties.weights.items())
        chance = ties.area * area_rng.gauss(0, 1) + ties.location * location_rng.gauss(0, 1)
        size = math.sqrt(sum(w * w for w in ties.weights.values()) + ties.area**2 + ties.location**2)
        values[trait.name] = 0.5 * (1 + math.erf((signal + chance) / size / math.sqrt(2)))
    return Traits(**values)
