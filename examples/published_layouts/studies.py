"""The studies that conf/london_2011.yaml and conf/england_2021.yaml run on: which files each has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from published_layouts.boundaries import write_geopackage
from published_layouts.census import write_infuse, write_nomis
from published_layouts.deprivation import IOD_2015, IOD_2025, write_file_7
from published_layouts.income import write_household_income
from published_layouts.photographs import list_photographed, write_photographs
from published_layouts.postcodes import invent_postcodes, write_onspd_2017, write_onspd_2025
from published_layouts.region import Grid, invent_areas

LONDON = {
    f"E09{number:06d}": name
    for number, name in enumerate(
        [
            *("City of London", "Barking and Dagenham", "Barnet", "Bexley", "Brent", "Bromley", "Camden", "Croydon"),
            *("Ealing", "Enfield", "Greenwich", "Hackney", "Hammersmith and Fulham", "Haringey", "Harrow", "Havering"),
            *("Hillingdon", "Hounslow", "Islington", "Kensington and Chelsea", "Kingston upon Thames", "Lambeth"),
            *("Lewisham", "Merton", "Newham", "Redbridge", "Richmond upon Thames", "Southwark", "Sutton"),
            *("Tower Hamlets", "Waltham Forest", "Wandsworth", "Westminster"),
        ],
        start=1,
    )
}
THREE_CITIES = {
    **{
        f"E0800000{number}": name
        for number, name in enumerate(
            ("Bolton", "Bury", "Manchester", "Oldham", "Rochdale", "Salford", "Stockport", "Tameside", "Trafford"), 1
        )
    },
    "E08000010": "Wigan",
    **{
        f"E080000{number}": name
        for number, name in enumerate(
            ("Birmingham", "Coventry", "Dudley", "Sandwell", "Solihull", "Walsall", "Wolverhampton"), 25
        )
    },
    **{
        f"E080000{number}": name
        for number, name in enumerate(("Bradford", "Calderdale", "Kirklees", "Leeds", "Wakefield"), 32)
    },
}
"""Districts of Greater Manchester, the West Midlands and West Yorkshire."""

POSTCODES_BESIDE = 1
"""Postcodes of households in each area that have no photographs, beside those that have."""


def london_2011(out: Path, *, n_areas: int, locations_per_area: int, seed: int) -> str:
    """Write the paper's sources: IoD 2015, Census 2011 from InFuse, household income, ONSPD of August 2017."""
    areas = invent_areas(LONDON, n_areas, Grid(503_000, 156_000, 1_000_001), seed)
    postcodes = invent_postcodes(areas, locations_per_area + POSTCODES_BESIDE, seed)
    write_file_7(areas, IOD_2015, out / "File_7_ID_2015.csv", seed)
    write_infuse(areas, out, seed)
    write_household_income(areas, out / "modelled-household-income-estimates-lsoa.csv", seed)
    write_onspd_2017(postcodes, out / "ONSPD_AUG_2017_UK.csv")
    photographed = list_photographed(postcodes, locations_per_area, seed)
    photographed[["pcd", "img_id"]].to_csv(out / "photographed.csv", index=False)
    pictures = write_photographs(photographed, areas, out / "photographs", seed)
    return f"{len(areas):,} areas, {len(postcodes):,} postcodes, {pictures:,} photographs"


def england_2021(out: Path, *, n_areas: int, locations_per_area: int, seed: int) -> str:
    """Write IoD 2025, Census 2021 from Nomis, ONSPD of 2025 in parts, boundaries of 2021."""
    areas = invent_areas(THREE_CITIES, n_areas, Grid(380_000, 390_000, 1_004_766), seed)
    postcodes = invent_postcodes(areas, locations_per_area + POSTCODES_BESIDE, seed)
    write_file_7(areas, IOD_2025, out / "File_7_IoD2025.csv", seed)
    write_nomis(areas, out, seed)
    write_onspd_2025(postcodes, out / "multi_csv")
    write_geopackage(areas, out / "LSOA_2021_EW_BGC.gpkg")
    photographed = list_photographed(postcodes, locations_per_area, seed)
    photographed[["pcd", "img_id"]].to_csv(out / "photographed.csv", index=False)
    pictures = write_photographs(photographed, areas, out / "photographs", seed)
    return f"{len(areas):,} areas, {len(postcodes):,} postcodes, {pictures:,} photographs"


STUDIES: dict[str, Callable[..., str]] = {"london_2011": london_2011, "england_2021": england_2021}
