"""The ONS Postcode Directory, as one file in August 2017 and in parts in May 2025."""

from __future__ import annotations

import csv
from pathlib import Path
from string import ascii_uppercase

import numpy as np
import pandas as pd

from published_layouts.region import AREA_M, TRAITS

DATA = Path(__file__).parent / "data"
UNITS = "ABDEFGHJLNPQRSTUWXYZ"
OTHERS = 0.12
"""Postcodes that are terminated, of a large user or without a grid reference, a third each, beside the others."""

PER_OUTWARD_CODE = 10 * len(UNITS) ** 2


def invent_postcodes(areas: pd.DataFrame, per_area: int, seed: int) -> pd.DataFrame:
    """One row per postcode: pcd (7 characters), terminated, large_user, no_grid, oa_id, and its area's columns.

    Each area has `per_area` postcodes of households; their places lie inside the area.
    """
    rng = np.random.default_rng([seed, 41])
    n_others = int(len(areas) * per_area * OTHERS)
    index = np.concatenate([np.repeat(np.arange(len(areas)), per_area), rng.integers(0, len(areas), n_others)])
    kind = np.concatenate([np.zeros(len(index) - n_others, int), rng.integers(1, 4, n_others)])
    rows = areas.drop(columns=list(TRAITS)).iloc[index].reset_index(drop=True)
    metres = rng.uniform(-0.45, 0.45, (len(rows), 2)) * AREA_M
    rows["easting"] = (rows["easting"] + metres[:, 0]).round()
    rows["northing"] = (rows["northing"] + metres[:, 1]).round()
    # A degree of latitude has 111.2 km everywhere; one of longitude has cos(latitude) of that.
    rows["latitude"] += metres[:, 1] / 111_200
    rows["longitude"] += metres[:, 0] / (111_200 * np.cos(np.radians(rows["latitude"])))
    rows["oa_id"] = [f"E00{int(area[3:]) % 1_000_000:06d}" for area in rows["area_id"]]
    rows["terminated"], rows["large_user"], rows["no_grid"] = kind == 1, kind == 2, kind == 3
    order = np.argsort(rows["district_code"].to_numpy(), kind="stable")
    rows = pd.DataFrame(rows.iloc[order]).reset_index(drop=True)
    rows.insert(0, "pcd", [_postcode(number) for number in range(len(rows))])
    return rows


def write_onspd_2017(postcodes: pd.DataFrame, path: Path) -> None:
    """One quoted CSV."""
    rows = _filled(postcodes, "onspd_2017", district="oslaua", large_user="usertype", latest="11")
    rows["oseast1m"], rows["osnrth1m"] = _grid_references(postcodes)
    rows.to_csv(path, index=False, quoting=csv.QUOTE_ALL, lineterminator="\r\n")


def write_onspd_2025(postcodes: pd.DataFrame, folder: Path) -> None:
    """A folder as the download's `Data/multi_csv`: one file per postcode area, columns by their names of 2025."""
    rows = _filled(postcodes, "onspd_2025", district="lad25cd", large_user="usrtypind", latest="21")
    rows["east1m"], rows["north1m"] = _grid_references(postcodes)
    folder.mkdir(parents=True, exist_ok=True)
    for letters, part in rows.groupby(rows["pcds"].str.extract(r"^([A-Z]+)", expand=False)):
        part.to_csv(folder / f"ONSPD_MAY_2025_UK_{letters}.csv", index=False, lineterminator="\r\n")


def _filled(postcodes: pd.DataFrame, layout: str, *, district: str, large_user: str, latest: str) -> pd.DataFrame:
    header = (DATA / f"{layout}_header.csv").read_text(encoding="utf-8").strip().split(",")
    ending = "" if latest == "11" else "cd"
    values = {
        header[0]: postcodes["pcd"],
        header[1]: postcodes["pcd"].str[:-3].str.ljust(5) + postcodes["pcd"].str[-3:],
        "pcds": postcodes["pcd"].str[:-3].str.strip() + " " + postcodes["pcd"].str[-3:],
        "dointr": "198001",
        "doterm": np.where(postcodes["terminated"], "201512", ""),
        district: postcodes["district_code"],
        large_user: np.where(postcodes["large_user"], "1", "0"),
        f"oa{latest}{ending}": postcodes["oa_id"],
        f"lsoa{latest}{ending}": postcodes["area_id"],
        f"msoa{latest}{ending}": postcodes["msoa_id"],
        "lat": np.where(postcodes["no_grid"], 99.999999, postcodes["latitude"].round(6)),
        "long": np.where(postcodes["no_grid"], 0.0, postcodes["longitude"].round(6)),
    }
    return pd.DataFrame({column: values.get(column, "") for column in header})


def _grid_references(postcodes: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Eastings and northings as the directory has them: text, northings with leading zeros."""
    no_grid = postcodes["no_grid"]
    return (
        ["" if none else f"{value:06.0f}" for value, none in zip(postcodes["easting"], no_grid, strict=True)],
        ["" if none else f"{value:07.0f}" for value, none in zip(postcodes["northing"], no_grid, strict=True)],
    )


def _postcode(number: int) -> str:
    """The postcode of that number: outward codes of one to four characters, padded to seven in all."""
    outward, unit = divmod(number, PER_OUTWARD_CODE)
    letter, district = divmod(outward, 30)
    start = f"{ascii_uppercase[letter % 26]}{ascii_uppercase[letter // 26] if letter >= 26 else ''}{district + 1}"
    digit, letters = divmod(unit, len(UNITS) ** 2)
    return f"{start:<4}{digit}{UNITS[letters // len(UNITS)]}{UNITS[letters % len(UNITS)]}"
