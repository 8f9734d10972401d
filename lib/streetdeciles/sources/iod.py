"""English Indices of Deprivation 2015, 2019 and 2025: Files 1, 2 and 7 (MHCLG; Open Government Licence v3.0).

The columns may be in any order, and copies may lack the names and districts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streetdeciles.sources.layout import Layout, OutcomeColumns, find, plain, year_in

LSOA_CODE = (r"lsoa code \((\d{4})\)", r"lsoa(\d\d)cd", r"lsoa[ _]?code( \(\d{4}\))?")
LSOA_NAME = (r"lsoa name \(\d{4}\)", r"lsoa\d\dnm", r"lsoa[ _]?name")
DISTRICT_CODE = (r"local authority district code \((\d{4})\)", r"lad(\d\d)cd", r"local authority district code")
DISTRICT_NAME = (r"local authority district name \(\d{4}\)", r"lad\d\dnm", r"local authority district name")

EDITION_OF_DISTRICTS = {2013: 2015, 2019: 2019, 2024: 2025}
EDITION_OF_POPULATION = {2012: 2015, 2015: 2019, 2022: 2025}
N_AREAS = {2011: 32_844, 2021: 33_755}
"""LSOAs of England, so the last rank, by the census year of the areas."""

DOMAINS = {
    "index of multiple deprivation (imd)": "imd",
    "index of multiple deprivation": "imd",
    "imd": "imd",
    "income": "imd_income",
    "employment": "imd_employment",
    "education, skills and training": "imd_education",
    "health deprivation and disability": "imd_health",
    "health and disability": "imd_health",
    "crime": "imd_crime",
    "barriers to housing and services": "imd_housing",
    "living environment": "imd_living_environment",
    "income deprivation affecting children index (idaci)": "idaci",
    "income deprivation affecting children index": "idaci",
    "idaci": "idaci",
    "income deprivation affecting older people (idaopi)": "idaopi",
    "income deprivation affecting older people index (idaopi)": "idaopi",
    "income deprivation affecting older people": "idaopi",
    "idaopi": "idaopi",
    "children and young people": "imd_children_young_people",
    "adult skills": "imd_adult_skills",
    "geographical barriers": "imd_geographical_barriers",
    "wider barriers": "imd_wider_barriers",
    "indoors": "imd_indoors",
    "outdoors": "imd_outdoors",
}
"""Outcome by the words before `Rank` or `Decile` in a header."""

_MEASURE = re.compile(r"(.+?)(?: sub-?domain)? (rank|decile)(?: \(where 1 is most deprived.*\))?")


def recognise(header: Sequence[str]) -> Layout | None:
    """The layout of a table of the Indices of Deprivation; None where the header is not that of one."""
    area_id = find(header, *LSOA_CODE)
    outcomes = _outcomes(header)
    if area_id is None or not outcomes:
        return None
    edition = _edition(header)
    year = year_in(area_id, LSOA_CODE[0]) or year_in(area_id, LSOA_CODE[1]) or _year_of(edition)
    return Layout(
        publication=f"English Indices of Deprivation{f' {edition}' if edition else ''}",
        area_id=area_id,
        outcomes=outcomes,
        area_name=find(header, *LSOA_NAME),
        district_code=find(header, *DISTRICT_CODE),
        district_name=find(header, *DISTRICT_NAME),
        year=year,
        n_ranks=N_AREAS.get(year or 0, max(N_AREAS.values())),
    )


def _outcomes(header: Sequence[str]) -> dict[str, OutcomeColumns]:
    ranks: dict[str, str] = {}
    deciles: dict[str, str] = {}
    for column in header:
        match = _MEASURE.fullmatch(plain(column))
        outcome = DOMAINS.get(match.group(1)) if match else None
        if match and outcome:
            (ranks if match.group(2) == "rank" else deciles).setdefault(outcome, column)
    return {outcome: OutcomeColumns((rank,), None, deciles.get(outcome)) for outcome, rank in ranks.items()}


def _edition(header: Sequence[str]) -> int | None:
    """The year of publication, from the years of the districts or of the population; None: a copy has neither."""
    districts = find(header, *DISTRICT_CODE[:2])
    by_district = EDITION_OF_DISTRICTS.get(
        (year_in(districts, DISTRICT_CODE[0]) or year_in(districts, DISTRICT_CODE[1]) or 0) if districts else 0
    )
    population = find(header, r"total population: mid \d{4}.*")
    by_population = EDITION_OF_POPULATION.get(
        (year_in(population, r"total population: mid (\d{4}).*") or 0) if population else 0
    )
    areas = find(header, *LSOA_CODE[:2])
    is_2021 = areas is not None and 2021 in (year_in(areas, LSOA_CODE[0]), year_in(areas, LSOA_CODE[1]))
    return by_district or by_population or (2025 if is_2021 else None)


def _year_of(edition: int | None) -> int | None:
    return None if edition is None else 2021 if edition == 2025 else 2011
