"""Headers of published tables, as their publishers write them."""

from __future__ import annotations

import csv

DOMAINS = (
    "Income",
    "Employment",
    "Education, Skills and Training",
    "Health Deprivation and Disability",
    "Crime",
    "Barriers to Housing and Services",
    "Living Environment",
)
FURTHER = (
    "Income Deprivation Affecting Children Index (IDACI)",
    "Income Deprivation Affecting Older People (IDAOPI)",
    "Children and Young People Sub-domain",
    "Adult Skills Sub-domain",
    "Geographical Barriers Sub-domain",
    "Wider Barriers Sub-domain",
    "Indoors Sub-domain",
    "Outdoors Sub-domain",
)
IMD = "Index of Multiple Deprivation (IMD)"


def iod_measures(domain: str) -> tuple[str, str, str]:
    """Score, rank and decile of a domain, as File 7 calls them."""
    return (
        f"{domain} Score",
        f"{domain} Rank (where 1 is most deprived)",
        f"{domain} Decile (where 1 is most deprived 10% of LSOAs)",
    )


def iod_areas(lsoa: int, district: int) -> tuple[str, str, str, str]:
    return (
        f"LSOA code ({lsoa})",
        f"LSOA name ({lsoa})",
        f"Local Authority District code ({district})",
        f"Local Authority District name ({district})",
    )


def _file_7(lsoa: int, district: int, population: str, domains: tuple[str, ...]) -> list[str]:
    measures = [column for domain in domains for column in iod_measures(domain)]
    return [
        *iod_areas(lsoa, district),
        *measures,
        f"Total population: mid {population}",
        "Dependent Children aged 0-15",
    ]


def nomis(topic: str, *categories: str, ending: str = "; measures: Value") -> list[str]:
    """A bulk table of 2011."""
    return ["date", "geography", "geography code", "Rural Urban", *(f"{topic}: {name}{ending}" for name in categories)]


def nomis_2021(topic: str, *categories: str) -> list[str]:
    """A bulk table of 2021."""
    return ["date", "geography", "geography code", *(f"{topic}: {name}" for name in categories)]


_HEALTH = ("Very good health", "Good health", "Fair health", "Bad health", "Very bad health")
_INFUSE = ["CDU_ID", "GEO_CODE", "GEO_LABEL", "GEO_TYPE", "GEO_TYP2"]
_RATINGS = ("+2 or more", "+1", "0", "-1", "-2 or less")
_STUDENTS = "Economically active (excluding full-time students)"

HEADERS: dict[str, list[str]] = {
    "iod2015_file_7": _file_7(2011, 2013, "2012 (excluding prisoners)", (IMD, *DOMAINS, *FURTHER)),
    "iod2019_file_7": _file_7(2011, 2019, "2015 (excluding prisoners)", (IMD, *DOMAINS, *FURTHER)),
    "iod2025_file_7": _file_7(2021, 2024, "2022", (IMD, *DOMAINS[::-1], *FURTHER)),
    "iod2019_file_1": next(csv.reader([f"{','.join(iod_areas(2011, 2019))},{IMD} Rank,{IMD} Decile"])),
    "iod2019_file_2": [*iod_areas(2011, 2019), *(c for d in DOMAINS for c in iod_measures(d)[1:])],
    "infuse_health": [*_INFUSE, "F1778", "F1779", "F1780", "F1781", "F1782", "F1777", ""],
    "infuse_occupancy": [*_INFUSE, "F2376", "F2375", ""],
    "infuse_activity": [*_INFUSE, "F1391", "F1399", ""],
    "infuse_qualifications": [*_INFUSE, "F186", "F187", "F188", "F189", ""],
    "QS302EW": nomis("General Health", "All categories: General health", *_HEALTH),
    "QS408EW": nomis(
        "Occupancy Rating",
        "All categories: Occupancy rating (rooms)",
        *(f"Occupancy rating (rooms) of {rating}" for rating in _RATINGS),
    ),
    "QS412EW": nomis(
        "Occupancy Rating",
        "All categories: Occupancy rating bedrooms",
        *(f"Occupancy rating (bedrooms) of {rating}" for rating in _RATINGS),
    ),
    "KS403EW": nomis(
        "Central Heating",
        "All categories: Type of central heating in household",
        "Does not have central heating",
        "Occupancy rating (rooms) of -1 or less",
        "Occupancy rating (bedrooms) of -1 or less",
        "Average household size",
    ),
    "KS601EW": nomis(
        "Economic Activity",
        "All usual residents aged 16 to 74",
        "Economically active: Employee: Part-time",
        "Economically active: Unemployed",
        "Economically active: Full-time student",
        "Unemployed: Age 16 to 24",
        "Long-term unemployed",
    ),
    "QS601EW": nomis(
        "Economic Activity",
        "All categories: Economic activity",
        "Economically active: Total",
        "Economically active: Unemployed",
        "Economically active: Full-time student",
    ),
    "QS501EW": nomis(
        "Qualification",
        "All categories: Highest level of qualification",
        "No qualifications",
        "Level 1 qualifications",
        "Level 2 qualifications",
    ),
    "KS501EW": nomis(
        "Qualifications",
        "All categories: Highest level of qualification",
        "No qualifications",
        "Highest level of qualification: Level 1 qualifications",
        "Highest level of qualification: Level 2 qualifications",
    ),
    "TS037": nomis_2021("General health", "Total: All usual residents", *_HEALTH),
    "TS052": nomis_2021(
        "Occupancy rating for bedrooms",
        "Total: All households",
        *(f"Occupancy rating of bedrooms: {rating}" for rating in _RATINGS),
    ),
    "TS053": nomis_2021(
        "Occupancy rating for rooms",
        "Total: All households",
        *(f"Occupancy rating of rooms: {rating}" for rating in _RATINGS),
    ),
    "TS066": nomis_2021(
        "Economic activity status",
        "Total: All usual residents aged 16 years and over",
        f"{_STUDENTS}:In employment",
        f"{_STUDENTS}: Unemployed",
        "Economically active and a full-time student: Unemployed",
    ),
    "TS067": nomis_2021(
        "Highest level of qualification",
        "Total: All usual residents aged 16 years and over",
        "No qualifications",
        "Level 1 and entry level qualifications",
        "Level 2 qualifications",
    ),
    "gla_income": [
        "Code",
        "Names",
        *(f"{kind} 20{y:02d}/{y + 1:02d}" for kind in ("Mean", "Median") for y in (11, 12)),
    ],
}
