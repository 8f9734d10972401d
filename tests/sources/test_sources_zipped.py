"""Zip archives of several tables: that of LSOAs is found, and nothing is guessed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from source_headers import HEADERS
from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.sources.opening import open_source
from streetdeciles.sources.reading import AreaTable, read_source


def table(name: str, code: str) -> str:
    header = ",".join(f'"{column}"' for column in HEADERS[name])
    return f"{header}\n2021,a,{code},1000,1,2,3,40,5\n"


def read(path: Path, **files: str) -> AreaTable:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return read_source(open_source(LabelTable(path=str(path))))


def test_table_of_lsoas_is_read_from_the_archive_of_nomis(tmp_path: Path) -> None:
    actual = read(
        tmp_path / "census2021-ts037.zip",
        **{f"census2021-ts037-{level}.csv": table("TS037", f"{code}000001") for level, code in LEVELS.items()},
        **{"metadata/ts037.txt": "General health", "__MACOSX/._census2021-ts037-lsoa.csv": "\0"},
    )
    assert actual.areas["area_id"].tolist() == ["E01000001"]
    assert actual.areas["health_self_reported"].tolist() == [0.045]


LEVELS = {"ctry": "E92", "ltla": "E09", "msoa": "E02", "lsoa": "E01", "oa": "E00"}


def test_archive_without_lsoas_is_refused(tmp_path: Path) -> None:
    files = {f"{level}.csv": table("TS037", f"{LEVELS[level]}000001") for level in ("oa", "msoa")}
    with pytest.raises(RunRefused, match=r"none of its files \(oa.csv, msoa.csv\) is a table .* and has LSOAs"):
        read(tmp_path / "x.zip", **files)


def test_archive_of_several_tables_is_refused_with_their_names(tmp_path: Path) -> None:
    files = {name: table("TS037", "E01000001") for name in ("a.csv", "b.csv")}
    with pytest.raises(RunRefused, match=r"several of its files are tables \(a.csv, b.csv\); unpack the archive"):
        read(tmp_path / "x.zip", **files, **{"c.csv": "x,y\n1,2\n"})
