"""Published tables, as published and as they arrive damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from paths import DATA
from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.sources.opening import open_source
from streetdeciles.sources.reading import AREA_COLUMNS, read_source

FILE_1 = str(DATA / "iod2019" / "File_1_-_IMD2019_Index_of_Multiple_Deprivation.csv")
FILE_7 = str(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv")

HEADER_1 = (
    "LSOA code (2011),LSOA name (2011),Local Authority District code (2019),Local Authority District name (2019),"
    "Index of Multiple Deprivation (IMD) Rank,Index of Multiple Deprivation (IMD) Decile"
)
ROW_1 = 'E01000001,City of London 001A,E09000001,City of London,"29,199",9'


def read(path: str) -> pd.DataFrame:
    table = read_source(open_source(LabelTable(path=path)))
    for why in table.unfit.values():
        raise RunRefused(why)
    return table.areas


@pytest.fixture(scope="module")
def file_7() -> pd.DataFrame:
    return read(FILE_7)


def written(folder: Path, *rows: str, header: str = HEADER_1, end: str = "\n") -> str:
    path = folder / "table.csv"
    path.write_bytes(end.join([header, *rows, ""]).encode())
    return str(path)


def refusal(path: str) -> str:
    with pytest.raises(RunRefused) as refused:
        read(path)
    return str(refused.value)


def test_file_1_with_cr_line_ends_and_quoted_thousands_is_read() -> None:
    table = read(FILE_1)
    assert list(table.columns) == [*AREA_COLUMNS, "imd", "imd_national_decile"]
    assert len(table) == 32_844
    first = ["E01000001", "City of London 001A", "E09000001", "City of London", 29_199.0, 9.0]
    assert table.iloc[0].tolist() == first
    assert (table["imd"].min(), table["imd"].max()) == (1, 32_844)


def test_file_7_is_read_with_every_outcome(file_7: pd.DataFrame) -> None:
    domains = ["income", "employment", "education", "health", "crime", "housing", "living_environment"]
    outcomes = ["imd", *(f"imd_{domain}" for domain in domains)]
    both = [column for outcome in outcomes for column in (outcome, f"{outcome}_national_decile")]
    assert list(file_7.columns) == [*AREA_COLUMNS, *both]
    # Bury 021A, as in the published table
    bury = file_7.set_index("area_id").loc["E01004941"]
    assert bury["area_name"] == "Bury 021A"
    assert (bury["district_code"], bury["district_name"]) == ("E08000002", "Bury")


def test_files_1_and_7_agree_on_imd(file_7: pd.DataFrame) -> None:
    file_1 = read(FILE_1)
    both = file_1.merge(file_7, on="area_id", suffixes=("_1", "_7"))
    assert len(both) == 32_844
    assert (both["imd_1"] == both["imd_7"]).all()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_byte_order_mark_and_any_line_end_are_read(tmp_path: Path, end: str, mark: str) -> None:
    table = read(written(tmp_path, ROW_1, ",,,,,", "", header=mark + HEADER_1, end=end))
    assert table["imd"].tolist() == [29_199.0]


def test_empty_cell_is_a_missing_value(tmp_path: Path) -> None:
    table = read(written(tmp_path, ROW_1, "E2,b,D1,d, ,1"))
    assert table["imd"].isna().tolist() == [False, True]


def test_header_of_no_publisher_is_refused_with_its_columns(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, "E1,a,D1,d", header=HEADER_1.rsplit(",", 2)[0]))
    assert "table.csv: is not recognised by its columns" in message
    assert "'Local Authority District name (2019)'" in message
    assert "labels.tables[].columns" in message


@pytest.mark.parametrize("text", ["none", "nan", "1e3", "1,2,3", "12 000", "1_000"])
def test_value_that_is_no_number_is_refused_with_row_and_column(tmp_path: Path, text: str) -> None:
    message = refusal(written(tmp_path, ROW_1, f'E2,b,D1,d,"{text}",1'))
    assert "table.csv, row 3, column 'Index of Multiple Deprivation (IMD) Rank'" in message
    assert repr(text) in message


def test_area_that_appears_twice_is_refused_with_both_rows(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, ROW_1, "E2,b,D1,d,5,1", ROW_1))
    assert "table.csv: area E01000001 appears twice, in rows 2 and 4" in message


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
    table = read(str(tmp_path / "parts"))
    assert table["area_name"].tolist() == ["City of London 001A", "b c"]
    again.write_text(f"{HEADER_1}\n\n{ROW_1}\n")
    message = refusal(str(tmp_path / "parts"))
    assert f"part-0.csv: area E01000001 appears twice, in rows 2 and 3 of {again}" in message


@pytest.mark.parametrize(
    ("row", "expected"),
    [('E2,"b,D1,d,5,1', "row 3: a quoted field is not closed"), ('E2,b"c,D1,d,5,1', "row 3: a stray quote")],
)
def test_quote_out_of_place_is_refused_by_row(tmp_path: Path, row: str, expected: str) -> None:
    assert expected in refusal(written(tmp_path, ROW_1, row))
