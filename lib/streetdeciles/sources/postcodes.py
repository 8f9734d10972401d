"""The ONS Postcode Directory and the National Statistics Postcode Lookup, of any release since 2013.

Columns are found by their stems, as the names change with the releases: `lsoa11`, `lsoa11cd`; `oslaua`, `laua`,
`lad25cd`. Source: user guides of the Office for National Statistics, Open Geography Portal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from streetdeciles import storage
from streetdeciles.csv_tables.table import CsvTable, open_parts, open_table
from streetdeciles.csv_tables.zip_files import zip_members
from streetdeciles.errors import RunRefused

CENSUS_YEARS = {"01": 2001, "11": 2011, "21": 2021}
EXPECTED = "the ONS Postcode Directory (ONSPD) or the National Statistics Postcode Lookup (NSPL)"


@dataclass(frozen=True)
class AreaColumns:
    """The columns that hold the codes of the areas of one census; None for those that a directory lacks."""

    lsoa: str
    oa: str | None
    msoa: str | None


@dataclass(frozen=True)
class PostcodeColumns:
    """The columns of a directory, by their names in its header."""

    postcode: str
    terminated: str
    """Year and month in which the postcode went out of use; empty while it is in use."""
    user_type: str
    """1 for a large user: one organisation."""
    latitude: str
    """The latitude, 99.999999 without a grid reference; or the northing, empty without one."""
    longitude: str
    """The longitude, or the easting."""
    in_degrees: bool
    """If not, they are on the British National Grid, or the Irish one in Northern Ireland."""
    district: str | None
    areas: Mapping[int, AreaColumns]
    """By year of the census."""

    def areas_of(self, year: int | None) -> AreaColumns:
        """The areas of that year, or of the newest census that the directory has."""
        return self.areas[year if year is not None and year in self.areas else max(self.areas)]


def recognise_directory(header: Sequence[str]) -> PostcodeColumns | None:
    """The columns of a directory with this header; None if it is not a directory's."""

    def find(*patterns: str) -> str | None:
        """The first pattern's column; the newest where several editions fit."""
        for pattern in patterns:
            fits = sorted((column.casefold(), column) for column in header if re.fullmatch(pattern, column.casefold()))
            if fits:
                return fits[-1][1]
        return None

    areas = {}
    for digits, year in CENSUS_YEARS.items():
        if lsoa := find(rf"lsoa{digits}(cd)?"):
            areas[year] = AreaColumns(lsoa, find(rf"oa{digits}(cd)?"), find(rf"msoa{digits}(cd)?"))
    postcode = find(r"pcds", r"pcd7?", r"pcd[28]", r"postcode")
    terminated, user_type = find(r"doterm"), find(r"use?rtyp(e|ind)?")
    degrees = find(r"lat(itude)?"), find(r"long(itude)?")
    latitude, longitude = degrees if all(degrees) else (find(r"(osnrth|north)1m"), find(r"(oseast|east)1m"))
    if not (areas and postcode and terminated and user_type and latitude and longitude):
        return None
    district = find(r"lad\d\d(cd)?", r"oslaua", r"laua", r"ladcd")
    return PostcodeColumns(postcode, terminated, user_type, latitude, longitude, all(degrees), district, areas)


def open_directory(uri: str) -> tuple[CsvTable, PostcodeColumns]:
    """The directory at `uri`: a CSV file, the published zip, or the folder that was unpacked from it.

    If there are the whole file and its parts by postcode area (`multi_csv`), the parts are read, several at a time.

    Raises:
        RunRefused: there is no such table.
    """
    fs, path = storage.filesystem(uri)
    if fs.isdir(path):
        files = {
            name.removeprefix(path).lstrip("/"): int(info.get("size") or 0)
            for name, info in fs.find(path, detail=True).items()
        }
        table = open_parts(uri, [(storage.join(uri, name), None) for name in _chosen(uri, files)])
    elif (members := zip_members(uri)) is not None:
        table = open_parts(uri, [(uri, name) for name in _chosen(uri, members)])
    else:
        table = open_table(uri)
    columns = recognise_directory(table.header)
    if columns is None:
        raise RunRefused(
            f"{uri}: expected {EXPECTED}, with the columns pcds (or pcd), doterm, usertype, lsoa11 or lsoa21, lat and "
            f"long (or oseast1m and osnrth1m); there are {', '.join(table.header)}"
        )
    return table, columns


def _chosen(uri: str, files: Mapping[str, int]) -> list[str]:
    """The parts in a folder `multi_csv`, or the largest CSV file, among files by their sizes."""
    tables = {
        name: size
        for name, size in files.items()
        if name.casefold().endswith((".csv", ".csv.gz"))
        and not any(part.startswith(("_", ".")) for part in PurePosixPath(name).parts)
    }
    if not tables:
        raise RunRefused(f"{uri}: holds no CSV file; expected {EXPECTED}")
    parts = [name for name in tables if PurePosixPath(name).parent.name.casefold() == "multi_csv"]
    if parts:
        return sorted(parts)
    if len({PurePosixPath(name).parent for name in tables}) == 1:
        return sorted(tables)
    return [max(tables, key=lambda name: tables[name])]  # the tables in the folders of documents are small
