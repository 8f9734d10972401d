"""Workbooks as publishers give them: the sheet with the table is found among notes, and read as its CSV file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from source_headers import HEADERS, IMD, iod_areas
from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.sources.opening import open_source
from streetdeciles.sources.reading import AreaTable, read_source
from workbooks import write_workbook

HEADER = [*iod_areas(2011, 2015), f"{IMD} Rank (where 1 is most deprived)", f"{IMD} Decile"]


def read(path: Path, **columns: object) -> AreaTable:
    return read_source(open_source(LabelTable.model_validate({"path": str(path), **columns})))


def test_sheet_is_found_by_its_header_below_titles(tmp_path: Path) -> None:
    path = tmp_path / "File_1.xlsx"
    rows = [["E01000001", "a", "E1", "b", 29199, 9], ["E01000002", "a", "E1", "b", "[c]", None], ["Source: MHCLG"]]
    write_workbook(path, {"Notes": [["About"], ["Rank"]], "IMD 2015": [["Indices"], [], HEADER, *rows]})
    table = read(path)
    assert table.areas["area_id"].tolist() == ["E01000001", "E01000002"]
    assert table.areas["imd"].fillna(-1).tolist() == [29_199, -1]
    assert table.areas["imd_national_decile"].fillna(-1).tolist() == [9, -1]


def test_wrong_cell_is_named_by_sheet_and_row(tmp_path: Path) -> None:
    path = tmp_path / "File_1.xlsx"
    write_workbook(path, {"IMD": [["Indices"], HEADER, ["E01000001", "a", "E1", "b", 1.5, 1]]})
    assert read(path).unfit["imd"] == (
        f"{path}, sheet 'IMD', row 3, column '{HEADER[4]}': expected a rank from 1 to 32,844, got '1.5'"
    )


def test_sheet_with_the_columns_of_the_config_is_found(tmp_path: Path) -> None:
    path = tmp_path / "own.xlsx"
    write_workbook(path, {"Read me": [["x"]], "Data": [["Tract", "Poverty"], [1001020100, 0.125], [1001020200, 1e-7]]})
    columns = {"area_id": "Tract", "outcomes": {"poverty": {"column": "Poverty", "higher_is": "worse"}}}
    table = read(path, columns=columns)
    assert table.areas["area_id"].tolist() == ["1001020100", "1001020200"]
    assert table.areas["poverty"].tolist() == [0.125, 1e-7]


def test_workbook_without_a_known_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.xlsx"
    write_workbook(path, {"Read me": [["x"]], "Data": [["Tract", "Poverty"], [1, 2]]})
    with pytest.raises(RunRefused, match="no sheet of the workbook .*; the sheets are 'Read me', 'Data'"):
        read(path)


def test_damaged_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "File_1.xlsx"
    write_workbook(path, {"IMD": [HEADERS["iod2019_file_1"]]})
    path.write_bytes(path.read_bytes().replace(b"worksheets/sheet1", b"worksheets/sheet9"))
    with pytest.raises(RunRefused, match=r"File_1.xlsx: "):
        read(path)
