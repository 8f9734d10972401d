"""File 7 of the English Indices of Deprivation, as MHCLG publishes it: ranks and deciles, 1 the most deprived."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from published_layouts.region import noisy

DOMAINS = {
    "Index of Multiple Deprivation (IMD)": "income",
    "Income": "income",
    "Employment": "income",
    "Education, Skills and Training": "income",
    "Health Deprivation and Disability": "health",
    "Crime": "health",
    "Barriers to Housing and Services": "surroundings",
    "Living Environment": "surroundings",
    "Income Deprivation Affecting Children Index (IDACI)": "income",
    "Income Deprivation Affecting Older People (IDAOPI)": "income",
    "Children and Young People Sub-domain": "income",
    "Adult Skills Sub-domain": "income",
    "Geographical Barriers Sub-domain": "surroundings",
    "Wider Barriers Sub-domain": "surroundings",
    "Indoors Sub-domain": "surroundings",
    "Outdoors Sub-domain": "surroundings",
}
"""Domains and sub-domains of File 7, and the trait that each follows here."""


@dataclass(frozen=True)
class Release:
    """What differs between the releases' headers."""

    areas: str
    districts: str
    n_areas: int
    """Areas of England: ranks go up to it."""


IOD_2015 = Release("2011", "2013", 32_844)
IOD_2025 = Release("2021", "2024", 33_755)


def write_file_7(areas: pd.DataFrame, release: Release, path: Path, seed: int) -> None:
    """CSV in UTF-8 with a byte order mark, columns as in the release of that year."""
    rng = np.random.default_rng([seed, 7])
    table = pd.DataFrame(
        {
            f"LSOA code ({release.areas})": areas["area_id"],
            f"LSOA name ({release.areas})": areas["area_name"],
            f"Local Authority District code ({release.districts})": areas["district_code"],
            f"Local Authority District name ({release.districts})": areas["district_name"],
        }
    )
    for domain, trait in DOMAINS.items():
        known = np.sort(rng.choice(release.n_areas, len(areas), replace=False)) + 1
        rank = known[np.argsort(np.argsort(noisy(areas, trait, rng)))]
        table[f"{domain} Rank (where 1 is most deprived)"] = rank
        decile = np.ceil(rank * 10 / release.n_areas).astype(int)
        table[f"{domain} Decile (where 1 is most deprived 10% of LSOAs)"] = decile
    table.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")
