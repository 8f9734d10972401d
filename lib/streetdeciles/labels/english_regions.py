"""The nine regions of England and the metropolitan counties, by the codes of their districts.

The Office for National Statistics numbered unitary authorities by region in the beginning, and districts by county, so
a region is a few ranges of numbers. Those that were formed later are listed with the region that they lie in.
"""

from __future__ import annotations

from collections.abc import Iterator

_REGIONS: dict[str, str] = {
    "E12000001": "E06 1-5,47,48,57 E08 20-24,37",
    "E12000002": "E06 6-9,49,50,63,64 E07 26-31,117-128 E08 1-15",
    "E12000003": "E06 10-14,65 E07 163-169 E08 16-19,32-36,38,39",
    "E12000004": "E06 15-18,61,62 E07 32-39,129-142,150-156,170-176",
    "E12000005": "E06 19-21,51 E07 192-199,218-222,234-239 E08 25-31",
    "E12000006": "E06 31-34,55,56 E07 8-12,66-77,95-104,143-149,200-206,240-245",
    "E12000007": "E09 1-33",
    "E12000008": "E06 35-46,60 E07 4-7,61-65,84-94,105-116,177-181,207-217,223-229",
    "E12000009": "E06 22-30,52-54,58,59,66 E07 40-53,78-83,187-191,246",
}

PRESETS: dict[str, str] = {
    "greater_london": "E09 1-33",
    "greater_manchester": "E08 1-10",
    "west_midlands": "E08 25-31",
    "west_yorkshire": "E08 32-36",
}
"""The paper's four regions, as their districts."""

_NAMES = {
    "E08000001": "Bolton",
    "E08000002": "Bury",
    "E08000003": "Manchester",
    "E08000004": "Oldham",
    "E08000005": "Rochdale",
    "E08000006": "Salford",
    "E08000007": "Stockport",
    "E08000008": "Tameside",
    "E08000009": "Trafford",
    "E08000010": "Wigan",
    "E08000025": "Birmingham",
    "E08000026": "Coventry",
    "E08000027": "Dudley",
    "E08000028": "Sandwell",
    "E08000029": "Solihull",
    "E08000030": "Walsall",
    "E08000031": "Wolverhampton",
    "E08000032": "Bradford",
    "E08000033": "Calderdale",
    "E08000034": "Kirklees",
    "E08000035": "Leeds",
    "E08000036": "Wakefield",
    "E09000001": "City of London",
    "E09000002": "Barking and Dagenham",
    "E09000003": "Barnet",
    "E09000004": "Bexley",
    "E09000005": "Brent",
    "E09000006": "Bromley",
    "E09000007": "Camden",
    "E09000008": "Croydon",
    "E09000009": "Ealing",
    "E09000010": "Enfield",
    "E09000011": "Greenwich",
    "E09000012": "Hackney",
    "E09000013": "Hammersmith and Fulham",
    "E09000014": "Haringey",
    "E09000015": "Harrow",
    "E09000016": "Havering",
    "E09000017": "Hillingdon",
    "E09000018": "Hounslow",
    "E09000019": "Islington",
    "E09000020": "Kensington and Chelsea",
    "E09000021": "Kingston upon Thames",
    "E09000022": "Lambeth",
    "E09000023": "Lewisham",
    "E09000024": "Merton",
    "E09000025": "Newham",
    "E09000026": "Redbridge",
    "E09000027": "Richmond upon Thames",
    "E09000028": "Southwark",
    "E09000029": "Sutton",
    "E09000030": "Tower Hamlets",
    "E09000031": "Waltham Forest",
    "E09000032": "Wandsworth",
    "E09000033": "Westminster",
}


def _codes(ranges: str) -> Iterator[str]:
    """`E08 1-3,7` is E08000001, E08000002, E08000003 and E08000007."""
    prefix = ""
    for word in ranges.split():
        if word.startswith("E"):
            prefix = word
            continue
        for part in word.split(","):
            first, _, last = part.partition("-")
            yield from (f"{prefix}{number:06d}" for number in range(int(first), int(last or first) + 1))


REGION_OF_DISTRICT: dict[str, str] = {code: region for region, ranges in _REGIONS.items() for code in _codes(ranges)}
"""Code of the region by code of the district, of every district of England from 2009 on."""

REGION_CODES = tuple(_REGIONS)


def preset_districts(name: str) -> dict[str, str]:
    """Names of a preset's districts by their codes."""
    return {code: _NAMES[code] for code in _codes(PRESETS[name])}
