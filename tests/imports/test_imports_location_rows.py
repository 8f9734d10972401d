"""The ids of the rows of a table, the same from CSV, Parquet and a pickle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from streetdeciles.errors import RunRefused
from streetdeciles.imports.location_rows import read_location_ids

TABLE = pd.DataFrame({"img_id": ["00001", " 00002\u00a0", "Cafe\u0301"], "pcd": ["N1 1AA", "N1 1AB", "N1 1AC"]})

WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": lambda table, path: table.to_csv(path, index=False),
    "parquet": lambda table, path: table.to_parquet(path),
    "pickle": lambda table, path: table.to_pickle(path),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_ids_are_normalised_in_the_order_of_the_rows(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table"  # recognised by its content
    WRITERS[kind](TABLE, path)

    assert read_location_ids(str(path), None).to_pylist() == ["00001", "00002", "Caf\u00e9"]
    assert read_location_ids(str(path), "pcd").to_pylist() == ["N1 1AA", "N1 1AB", "N1 1AC"]


@pytest.mark.parametrize("kind", ["parquet", "pickle"])
def test_whole_numbers_are_ids(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](pd.DataFrame({"location_id": [7, 12]}), tmp_path / "table")

    assert read_location_ids(str(tmp_path / "table"), None).to_pylist() == ["7", "12"]


def test_row_without_id_stays_a_row(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("img_id,x\na,1\n,2\nb,3\n")

    assert read_location_ids(str(tmp_path / "table.csv"), None).to_pylist() == ["a", "", "b"]


@pytest.mark.parametrize(
    ("content", "column", "expected"),
    [
        ("pcd,x\na,1\n", None, "has no column location_id or img_id; set dataset.import.location_id .+ are pcd, x"),
        ("img_id,location_id\na,1\n", None, "has img_id and location_id; set dataset.import.location_id"),
        ("pcd,x\na,1\n", "code", "has no column code"),
        ("img_id,x\na,1\nb\n", None, "row 3 has 1 fields where the header has 2"),
        ("", None, "is empty; expected a CSV table"),
        ("\x89HDF\r\n", None, "has no column|row"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, content: str, column: str | None, expected: str) -> None:
    (tmp_path / "table.csv").write_text(content)

    with pytest.raises(RunRefused, match=expected):
        read_location_ids(str(tmp_path / "table.csv"), column)


def test_fractions_in_parquet_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"img_id": [1.5]}).to_parquet(tmp_path / "table.parquet")

    with pytest.raises(RunRefused, match="the column img_id is of type double; expected texts or whole numbers"):
        read_location_ids(str(tmp_path / "table.parquet"), None)


def test_damaged_parquet_and_compressed_pickle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "table.parquet").write_bytes(b"PAR1 and no more")
    TABLE.to_pickle(tmp_path / "table.pkl.gz")

    with pytest.raises(RunRefused, match=r"table\.parquet: cannot be read as a table"):
        read_location_ids(str(tmp_path / "table.parquet"), None)
    with pytest.raises(RunRefused, match="is a compressed pickle; decompress it first|decompress it"):
        read_location_ids(str(tmp_path / "table.pkl.gz"), None)
