"""The catalogue of outcomes that published tables give. A new one is one entry here, and its columns in `sources/`.

`make config-doc` writes docs/outcomes.md from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HigherIs = Literal["better", "worse"]


@dataclass(frozen=True)
class Publication:
    """Who publishes a table, and the line that its licence asks for."""

    name: str
    publisher: str
    licence: str

    @property
    def attribution(self) -> str:
        return f"{self.name}: {self.publisher}, {self.licence}"


@dataclass(frozen=True)
class Outcome:
    """A statistic of areas that is predicted."""

    title: str
    """What the report calls it."""
    publication: Publication
    formula: str
    """How the value of an area is computed from the table."""
    higher_is: HigherIs
    """`worse`: areas with the highest values are in decile 1, the most deprived; `better`: those with the lowest."""
    unit: Literal["rank", "share", "£ a year"]


IOD = Publication(
    "English Indices of Deprivation",
    "Ministry of Housing, Communities and Local Government",
    "Open Government Licence v3.0",
)
CENSUS = Publication("Census", "Office for National Statistics", "Open Government Licence v3.0")
GLA = Publication("Modelled household income", "Greater London Authority", "Open Government Licence v2.0")


def _rank(title: str) -> Outcome:
    return Outcome(title, IOD, "rank, 1 = most deprived", "better", "rank")


def _share(title: str, formula: str) -> Outcome:
    return Outcome(title, CENSUS, formula, "worse", "share")


OUTCOMES: dict[str, Outcome] = {
    "imd": _rank("Index of Multiple Deprivation"),
    "imd_income": _rank("Income deprivation"),
    "imd_employment": _rank("Employment deprivation"),
    "imd_education": _rank("Education deprivation"),
    "imd_health": _rank("Health deprivation and disability"),
    "imd_crime": _rank("Crime"),
    "imd_housing": _rank("Barriers to housing and services"),
    "imd_living_environment": _rank("Living environment"),
    "idaci": _rank("Income deprivation affecting children"),
    "idaopi": _rank("Income deprivation affecting older people"),
    "imd_children_young_people": _rank("Education: children and young people"),
    "imd_adult_skills": _rank("Education: adult skills"),
    "imd_geographical_barriers": _rank("Housing: geographical barriers"),
    "imd_wider_barriers": _rank("Housing: wider barriers"),
    "imd_indoors": _rank("Living environment: indoors"),
    "imd_outdoors": _rank("Living environment: outdoors"),
    "health_self_reported": _share("Self-reported health", "(bad + very bad health) / all residents"),
    "overcrowding": _share(
        "Occupancy rating", "households with an occupancy rating by rooms of -1 or less / all households"
    ),
    "overcrowding_bedrooms": _share(
        "Occupancy rating (bedrooms)", "households with an occupancy rating by bedrooms of -1 or less / all households"
    ),
    "unemployment": _share(
        "Unemployment", "unemployed, without full-time students / residents of 16 to 74 (2021: 16 and over)"
    ),
    "education_below_level2": _share("Education", "(no qualifications + level 1) / residents of 16 and over"),
    "income_mean": Outcome("Mean household income", GLA, "latest year of the table", "better", "£ a year"),
    "income_median": Outcome("Median household income", GLA, "latest year of the table", "better", "£ a year"),
}
"""By name, in the order of the publications."""
