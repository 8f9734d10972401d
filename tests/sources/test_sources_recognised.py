"""Headers of publishers, in any order and spelling, and the values that come out of their tables."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_headers import HEADERS, IMD, iod_areas
from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.sources.opening import open_source
from streetdeciles.sources.reading import AreaTable, read_source
from streetdeciles.sources.registry import recognise

LSOAS = ("E01000001", "E01000002", "W01000003")


def written(folder: Path, header: list[str], *rows: list[object], name: str = "table.csv") -> str:
    """A CSV file with the header and rows, quoted where pandas quotes."""
    path = folder / name
    pd.DataFrame([header, *rows]).to_csv(path, index=False, header=False)
    return str(path)


def read(path: str) -> AreaTable:
    table = read_source(open_source(LabelTable(path=path)))
    assert table.unfit == {}
    return table


def values(table: AreaTable, outcome: str) -> list[float]:
    numbers: list[float] = table.areas[outcome].fillna(-1).tolist()
    return numbers


@settings(max_examples=50, deadline=None)
@given(
    name=st.sampled_from(sorted(HEADERS)), seed=st.integers(0, 1000), case=st.sampled_from([str, str.upper, str.lower])
)
def test_header_is_recognised_in_any_order_and_case(name: str, seed: int, case: type[str]) -> None:
    header = [case(column) for column in HEADERS[name]]
    shuffled = random.Random(seed).sample(header, len(header))
    known, actual = recognise(header), recognise(shuffled)
    assert known is not None
    assert actual is not None
    assert (actual.publication, actual.year, actual.area_id) == (known.publication, known.year, known.area_id)
    assert dict(actual.outcomes) == dict(known.outcomes)


@pytest.mark.parametrize(
    ("name", "publication", "year", "n_ranks"),
    [
        ("iod2015_file_7", "English Indices of Deprivation 2015", 2011, 32_844),
        ("iod2019_file_7", "English Indices of Deprivation 2019", 2011, 32_844),
        ("iod2025_file_7", "English Indices of Deprivation 2025", 2021, 33_755),
    ],
)
def test_edition_of_the_indices_follows_from_the_header(name: str, publication: str, year: int, n_ranks: int) -> None:
    layout = recognise(HEADERS[name])
    assert layout is not None
    assert (layout.publication, layout.year, layout.n_ranks) == (publication, year, n_ranks)
    assert len(layout.outcomes) == 16


def test_copy_with_codes_alone_has_no_names_and_districts(tmp_path: Path) -> None:
    header = ["lsoa21cd", "Crime Rank (where 1 is most deprived)", "IMD Rank (where 1 is most deprived)"]
    table = read(written(tmp_path, header, [" e01000001 ", "33,755", 7], ["E01000002", 4, 1]))
    assert table.areas["area_id"].tolist() == ["E01000001", "E01000002"]
    assert table.areas[["area_name", "district_code", "district_name"]].isna().all().all()
    assert (values(table, "imd_crime"), values(table, "imd")) == ([33_755, 4], [7, 1])


def test_infuse_with_two_headers_and_several_kinds_of_areas(tmp_path: Path) -> None:
    path = tmp_path / "Data_HEALTH.csv"
    path.write_text(
        "CDU_ID,GEO_CODE,GEO_LABEL,GEO_TYPE,GEO_TYP2,F1778,F1782,F1777,\n"
        ",,,,,All categories : General health - Unit : Persons,Bad health - Unit : Persons,Very bad - Unit : Persons,\n"
        '1,E01000001,City of London 001A,Lower Super Output Areas and Data Zones,LSOADZ,"1,500",30,15,\n'
        "2,E01000002,City of London 001B,Lower Super Output Areas and Data Zones,LSOADZ,1000,0,0\n"
        "3,E09000001,City of London,Local Authorities,LAD,7375,1,2,\n"
    )
    table = read(str(path))
    assert table.areas["area_id"].tolist() == ["E01000001", "E01000002"]
    assert values(table, "health_self_reported") == [45 / 1500, 0]
    assert table.areas["area_name"].tolist() == ["City of London 001A", "City of London 001B"]
    (note,) = table.notes
    assert "1 row is of another kind of area than LSOAs" in note


@pytest.mark.parametrize(
    "name", ["QS302EW", "QS408EW", "QS412EW", "KS601EW", "QS501EW", "TS037", "TS052", "TS053", "TS066", "TS067"]
)
@pytest.mark.parametrize("ending", ["; measures: Value", " measures: value", ""])
def test_nomis_table_keeps_lsoas_and_divides_by_the_total(tmp_path: Path, name: str, ending: str) -> None:
    header = [column.removesuffix("; measures: Value") for column in HEADERS[name]]
    header = [column if ":" not in column else column + ending for column in header]
    first = next(i for i, column in enumerate(header) if ":" in column)
    n = len(header) - first
    rows = [["2011", "a", code, "Total"][:first] + [1000, *(7 + i for i in range(n - 1))] for code in LSOAS]
    others = [
        ["2011", "a", code, "Total"][:first] + [9] * n for code in ("E00000001", "E02000001", "E09000001", "K04000001")
    ]
    table = read(written(tmp_path, header, *others, *rows))
    assert table.areas["area_id"].tolist() == [*LSOAS]
    (outcome,) = [column for column in table.areas.columns[4:] if not column.endswith("decile")]
    bad = [i for i, column in enumerate(header[first:]) if any(word in column for word in BAD[outcome])]
    assert len(bad) == N_BAD[outcome]
    assert values(table, outcome) == [sum(6 + i for i in bad) / 1000] * 3


BAD = {
    "health_self_reported": (": Bad", ": Very bad"),
    "overcrowding": ("of -1", ": -1", "-2 or less"),
    "overcrowding_bedrooms": ("of -1", ": -1", "-2 or less"),
    "unemployment": ("active: Unemployed", "students): Unemployed"),
    "education_below_level2": ("No qual", "Level 1"),
}
N_BAD = {outcome: 1 if outcome == "unemployment" else 2 for outcome in BAD}


def test_rooms_and_bedrooms_have_names_of_their_own(tmp_path: Path) -> None:
    table = read(written(tmp_path, HEADERS["KS403EW"], ["2011", "a", "E01000001", "Total", 100, 5, 20, 8, 2.4]))
    assert values(table, "overcrowding") == [0.2]
    assert values(table, "overcrowding_bedrooms") == [0.08]


def test_income_in_windows_1252_is_of_the_latest_year(tmp_path: Path) -> None:
    path = tmp_path / "income.csv"
    rows = 'E01000001,City of London 001A,"£59,728","£61,000","£45,000","£46,030"\nE01000002,Môn 001B,,"£900",.., £1\n'
    path.write_bytes(f"{','.join(HEADERS['gla_income'])}\n{rows}".encode("windows-1252"))
    table = read(str(path))
    assert values(table, "income_mean") == [61_000, 900]
    assert values(table, "income_median") == [46_030, 1]
    assert table.areas["area_name"].tolist() == ["City of London 001A", "Môn 001B"]


def test_windows_1252_of_other_publishers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(f"LSOA code (2011),LSOA name (2011),{IMD} Rank\nE01000001,Môn 001B,1\n".encode("windows-1252"))
    with pytest.raises(RunRefused, match=r"row 2: not UTF-8 text \(byte .*; save it as UTF-8"):
        read(str(path))


def test_signs_footnotes_and_blank_columns_are_read_as_published(tmp_path: Path) -> None:
    header = f"LSOA code (2011),LSOA name (2011),{IMD} Rank,Crime Rank,,"
    rows = "E01000001,a,1,..,,\r e01000002 ,b,[c],2,,\rE01000003,c,-,*\rE01000004,d,4,4,,,,\r,,,,,\r"
    notes = 'Source: MHCLG\r"[c] is confidential",,,,,\rRanks, deciles and scores: see File 7\r'
    path = tmp_path / "table.csv"
    path.write_text("\ufeff" + header + "\r" + rows + notes, newline="")
    table = read(str(path))
    assert table.areas["area_id"].tolist() == [f"E0100000{i}" for i in range(1, 5)]
    assert values(table, "imd") == [1, -1, -1, 4]
    assert values(table, "imd_crime") == [-1, 2, -1, 4]
    assert [note.removeprefix(f"{path}: ") for note in table.notes] == [
        "3 rows hold text and no area, such as footnotes, and are not used",
        "2 cells of imd hold a sign such as .. or [c]: no value is published",
        "2 cells of imd_crime hold a sign such as .. or [c]: no value is published",
    ]


def test_part_larger_than_the_whole_is_refused_by_row(tmp_path: Path) -> None:
    header = ["date", "geography", "geography code", "General health: Total: All usual residents"]
    header += ["General health: Bad health", "General health: Very bad health"]
    path = written(tmp_path, header, [2021, "a", "E01000001", 100, 60, 40], [2021, "a", "E01000002", 100, 60, 41])
    unfit = read_source(open_source(LabelTable(path=path))).unfit
    assert (
        "row 3, column 'General health: Bad health + General health: Very bad health'" in unfit["health_self_reported"]
    )
    assert "expected a part of 'General health: Total: All usual residents', which is 100, got '101'" in str(unfit)


def test_area_without_anybody_has_no_share(tmp_path: Path) -> None:
    header = [
        "geography code",
        "General health: Total",
        "General health: Bad health",
        "General health: Very bad health",
    ]
    table = read(written(tmp_path, header, ["E01000001", 0, 0, 0], ["E01000002", 10, 1, 0]))
    assert values(table, "health_self_reported") == [-1, 0.1]


def test_census_table_of_another_subject_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, ["date", "geography", "geography code", "Age: Total"], [2021, "a", "E01000001", 3])
    with pytest.raises(RunRefused, match=r"is a table of Census 2021 \(Nomis\), but none of its columns"):
        read(path)


def test_census_table_of_districts_is_refused(tmp_path: Path) -> None:
    row = [2021, "a", "E09000001", 10, 1, 1, 1, 1, 1]
    with pytest.raises(RunRefused, match="holds 1 rows, and none is of an LSOA .codes that begin with E01, W01"):
        read(written(tmp_path, HEADERS["TS037"], row))


def test_national_decile_is_kept_beside_the_rank(tmp_path: Path) -> None:
    header = [*iod_areas(2011, 2019), f"{IMD} Rank", f"{IMD} Decile"]
    table = read(written(tmp_path, header, ["E01000001", *"abc", "29,199", 9], ["E01000002", *"abc", 1, ""]))
    assert np.array_equal(table.areas["imd_national_decile"], [9, np.nan], equal_nan=True)


TITLES = (
    '"{title}"\n"ONS Crown Copyright Reserved [from Nomis on 5 June 2023]"\n\n"Population :","All usual residents"\n'
    '"Units      :","Persons"\n"Date       :","{year}"\n\n'
)
FOOTER = '\n"In order to protect against disclosure of personal information, records have been swapped."\n'
QUERIES = {
    "QS302EW": (2011, ["All categories: General health", "Good health", "Bad health", "Very bad health"]),
    "TS037": (2021, ["Total: All usual residents", "Good health", "Bad health", "Very bad health"]),
    "QS408EW": (
        2011,
        ["All categories: Occupancy rating (rooms)", "Occupancy rating (rooms) of 0"]
        + [f"Occupancy rating (rooms) of {rating}" for rating in ("-1", "-2 or less")],
    ),
    "TS052": (
        2021,
        ["Total: All households", *(f"Occupancy rating of bedrooms: {rating}" for rating in ("0", "-1", "-2 or less"))],
    ),
    "QS501EW": (
        2011,
        ["All categories: Highest level of qualification", "Apprenticeship"]
        + ["No qualifications", "Level 1 qualifications"],
    ),
    "TS067": (
        2021,
        ["Total: All usual residents aged 16 years and over", "Apprenticeship"]
        + ["No qualifications", "Level 1 and entry level qualifications"],
    ),
}
SHARES = {
    "QS302EW": "health_self_reported",
    "TS037": "health_self_reported",
    "QS408EW": "overcrowding",
    "TS052": "overcrowding_bedrooms",
    "QS501EW": "education_below_level2",
    "TS067": "education_below_level2",
}


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("mnemonic", [True, False])
def test_nomis_query_has_titles_above_its_header(tmp_path: Path, name: str, mnemonic: bool) -> None:
    """Percentages beside the counts; codes in a column of their own, or before the areas' names; a row of totals."""
    year, columns = QUERIES[name]
    header = [f"{year} super output area - lower layer", *(["mnemonic"] if mnemonic else [])]
    header += [part for column in columns for part in (column, "%")]
    rows = [[f"{code} : City of London {i:03d}A"] for i, code in enumerate(LSOAS)]
    if mnemonic:
        rows = [[f"lsoa{year}:City of London {i:03d}A", code] for i, code in enumerate(LSOAS)]
    rows = [[*row, 1000, 100, 600, 60, 30, 3, 15, "1.5"] for row in rows]
    rows.append(["Column Total", *([""] if mnemonic else []), 3000, 100, 1800, 60, 90, 3, 45, "1.5"])
    lines = "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in [header, [], *rows])
    path = tmp_path / "5623891.csv"
    path.write_text(TITLES.format(title=f"{name} - Census", year=year) + lines + FOOTER)
    source = open_source(LabelTable(path=str(path)))
    assert source.layout.year == year
    table = read_source(source)
    assert values(table, SHARES[name]) == [0.045] * 3
    assert table.areas["area_id"].tolist() == [*LSOAS]
    assert table.areas["area_name"].tolist() == [f"City of London {i:03d}A" for i in range(3)]


def test_nomis_query_of_unemployment_leaves_students_out(tmp_path: Path) -> None:
    header = (
        "All categories: Economic activity,Economically active: Total,Economically active: Unemployed,"
        "Economically active: Full-time student"
    )
    lines = f"2011 super output area - lower layer,mnemonic,{header}\n\nx,{LSOAS[0]},200,150,9,30\n"
    (tmp_path / "x.csv").write_text(TITLES.format(title="QS601EW - Economic activity", year=2011) + lines)
    source = open_source(LabelTable(path=str(tmp_path / "x.csv")))
    assert source.layout.year == 2011
    assert values(read_source(source), "unemployment") == [9 / 200]


CODED = "GeographyCode,KS601EW0001,KS601EW0002,KS601EW0003\nE00000001,9,9,9\nE01000001,400,36,9.0\nK04000001,9,9,9\n"
DESCRIPTIONS = (
    "ColumnVariableCode,ColumnVariableMeasurementUnit,ColumnVariableStatisticalUnit,ColumnVariableDescription\n"
    "KS601EW0001,Count,Person,All usual residents aged 16 to 74\n"
    "KS601EW0002,Count,Person,Economically active: Unemployed\n"
    "KS601EW0003,Percentage,Person,Economically active: Unemployed\n"
)


@pytest.mark.parametrize("zipped", [True, False])
def test_codes_of_columns_are_described_by_the_file_beside_them(tmp_path: Path, zipped: bool) -> None:
    files = {"KS601EWDATA.CSV": CODED, "KS601EWDESC0.CSV": DESCRIPTIONS, "KS601EWMETA0.CSV": "DatasetId,x\n1,2\n"}
    path = tmp_path / ("ks601ew.zip" if zipped else "KS601EWDATA.CSV")
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(f"KS601EW_oa/{name}", text)
    else:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
    table = read(str(path))
    assert table.areas["area_id"].tolist() == ["E01000001"]
    assert values(table, "unemployment") == [36 / 400]


def test_codes_of_columns_without_descriptions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "KS601EWDATA.CSV").write_text(CODED)
    with pytest.raises(RunRefused, match="columns have codes, such as KS601EW0001, and no table of codes is in its"):
        open_source(LabelTable(path=str(tmp_path / "KS601EWDATA.CSV")))


def test_own_table_may_have_titles_above_its_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("Poverty by tract\nCensus Bureau, 2020\n\nGEOID,rate\n01,0.5\n02,0.25\n")
    columns = {"area_id": "GEOID", "outcomes": {"poverty": {"column": "rate", "higher_is": "worse"}}}
    table = read_source(open_source(LabelTable.model_validate({"path": str(tmp_path / "x.csv"), "columns": columns})))
    assert table.areas[["area_id", "poverty"]].to_numpy().tolist() == [["01", 0.5], ["02", 0.25]]
