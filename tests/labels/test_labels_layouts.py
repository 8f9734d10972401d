"""Published tables, as published and as they arrive damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from paths import DATA
from streetdeciles.errors import RunRefused
from streetdeciles.labels.layouts import AREA_COLUMNS, LAYOUTS, read_layout
from streetdeciles.outcomes import OUTCOMES

FILE_1 = str(DATA / "iod2019" / "File_1_-_IMD2019_Index_of_Multiple_Deprivation.csv")
FILE_7 = str(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv")

HEADER_1 = (
    "LSOA code (2011),LSOA name (2011),Local Authority District code (2019),Local Authority District name (2019),"
    "Index of Multiple Deprivation (IMD) Rank,Index of Multiple Deprivation (IMD) Decile"
)
ROW_1 = 'E01000001,City of London 001A,E09000001,City of London,"29,199",9'


@pytest.fixture(scope="module")
def file_7() -> pd.DataFrame:
    return read_layout("iod2019_file_7", FILE_7)


def written(folder: Path, *rows: str, header: str = HEADER_1, end: str = "\n") -> str:
    path = folder / "table.csv"
    path.write_bytes(end.join([header, *rows, ""]).encode())
    return str(path)


def refusal(path: str) -> str:
    with pytest.raises(RunRefused) as refused:
        read_layout("iod2019_file_1", path)
    return str(refused.value)


def test_file_1_with_cr_line_ends_and_quoted_thousands_is_read() -> None:
    table = read_layout("iod2019_file_1", FILE_1)
    assert list(table.columns) == [*AREA_COLUMNS, "imd"]
    assert len(table) == 32_844
    first = ["E01000001", "City of London 001A", "E09000001", "City of London", 29_199.0]
    assert table.iloc[0].tolist() == first
    assert (table["imd"].min(), table["imd"].max()) == (1, 32_844)


def test_file_7_is_read_with_every_outcome(file_7: pd.DataFrame) -> None:
    ranks = ["imd", "imd_income", "imd_employment", "imd_education", "imd_health", "imd_crime", "imd_housing"]
    assert list(file_7.columns) == [*AREA_COLUMNS, *ranks, "imd_living_environment"]
    # Bury 021A, as in the published table
    bury = file_7.set_index("area_id").loc["E01004941"]
    assert bury["area_name"] == "Bury 021A"
    assert (bury["district_code"], bury["district_name"]) == ("E08000002", "Bury")


def test_files_1_and_7_agree_on_imd(file_7: pd.DataFrame) -> None:
    file_1 = read_layout("iod2019_file_1", FILE_1)
    both = file_1.merge(file_7, on="area_id", suffixes=("_1", "_7"))
    assert len(both) == 32_844
    assert (both["imd_1"] == both["imd_7"]).all()


def test_every_outcome_of_a_layout_has_a_title() -> None:
    assert {outcome for layout in LAYOUTS.values() for outcome in layout.outcomes} <= {*OUTCOMES}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_byte_order_mark_and_any_line_end_are_read(tmp_path: Path, end: str, mark: str) -> None:
    table = read_layout("iod2019_file_1", written(tmp_path, ROW_1, ",,,,,", "", header=mark + HEADER_1, end=end))
    assert table["imd"].tolist() == [29_199.0]


def test_empty_cell_is_a_missing_value(tmp_path: Path) -> None:
    table = read_layout("iod2019_file_1", written(tmp_path, ROW_1, "E2,b,D1,d, ,1"))
    assert table["imd"].isna().tolist() == [False, True]


def test_missing_column_is_refused_with_the_columns_there(tmp_path: Path) -> None:
    told = refusal(written(tmp_path, "E1,a,D1,d", header=HEADER_1.rsplit(",", 2)[0]))
    assert "table.csv" in told
    assert "'Index of Multiple Deprivation (IMD) Rank'" in told
    assert "'Local Authority District name (2019)'" in told


@pytest.mark.parametrize("text", ["none", "nan", "1e3", "1,2,3", "12 000", "1_000"])
def test_value_that_is_no_number_is_refused_with_row_and_column(tmp_path: Path, text: str) -> None:
    told = refusal(written(tmp_path, ROW_1, f'E2,b,D1,d,"{text}",1'))
    assert "table.csv, row 3, column 'Index of Multiple Deprivation (IMD) Rank'" in told
    assert repr(text) in told


def test_area_that_appears_twice_is_refused_with_both_rows(tmp_path: Path) -> None:
    told = refusal(written(tmp_path, ROW_1, "E2,b,D1,d,5,1", ROW_1))
    assert "table.csv: area E01000001 appears twice, in rows 2 and 4" in told


def test_row_without_an_area_is_refused(tmp_path: Path) -> None:
    assert "row 2: column 'LSOA code (2011)' is empty" in refusal(written(tmp_path, ",b,D1,d,5,1"))


def test_row_of_another_length_is_refused(tmp_path: Path) -> None:
    assert "row 3: has 5 fields where the header has 6" in refusal(written(tmp_path, ROW_1, "E2,b,D1,d,5"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "is empty"), (HEADER_1.encode(), "no areas"), (HEADER_1.encode() + b"\nE1,\xe9,D,d,1,1", "not UTF-8")],
)
def test_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert expected in refusal(str(path))


def test_compressed_table_and_folder_of_parts_are_read(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "part-0.csv").write_bytes(gzip.compress(f"{HEADER_1}\n{ROW_1}\n".encode()))
    again = tmp_path / "parts" / "part-1.csv"
    again.write_text(f'{HEADER_1}\nE2,"b\nc",D1,d,5,1\n')
    table = read_layout("iod2019_file_1", str(tmp_path / "parts"))
    assert table["area_name"].tolist() == ["City of London 001A", "b c"]
    again.write_text(f"{HEADER_1}\n\n{ROW_1}\n")
    told = refusal(str(tmp_path / "parts"))
    assert f"part-0.csv: area E01000001 appears twice, in rows 2 and 3 of {again}" in told


@pytest.mark.parametrize(
    ("row", "expected"),
    [('E2,"b,D1,d,5,1', "row 3: a quoted field is not closed"), ('E2,b"c,D1,d,5,1', "row 3: a stray quote")],
)
def test_quote_out_of_place_is_refused_by_row(tmp_path: Path, row: str, expected: str) -> None:
    assert expected in refusal(written(tmp_path, ROW_1, row))


def test_unknown_layout_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RunRefused, match="iod2019_file_1, iod2019_file_7"):
        read_layout("iod1066", FILE_1)
