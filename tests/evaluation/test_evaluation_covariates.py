"""The user's columns by area: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streetdeciles.errors import RunRefused
from streetdeciles.evaluation.covariates import read_covariates


def test_columns_are_numbers_by_area(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("density,area_id,green\n1.5, e01 ,\n-2e3,E02,0\n")
    frame = read_covariates(str(tmp_path / "c.csv"))
    assert frame.index.tolist() == ["E01", "E02"]
    np.testing.assert_array_equal(frame["density"], [1.5, -2000])
    np.testing.assert_array_equal(frame["green"], [np.nan, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("area,x\nE01,1\n", "expected a column area_id and at least one column of numbers, found area, x"),
        ("area_id\nE01\n", "at least one column of numbers"),
        ("area_id,x\nE01,1\nE02,many\n", "row 3, column 'x': expected a number or nothing, found 'many'"),
        ("area_id,x\nE01,inf\n", "expected a number or nothing, found 'inf'"),
        ("area_id,x\nE01,1\ne01,2\n", "area E01 appears twice"),
        ("area_id,x\nE01,1,2\n", "row 2: expected 2 cells, found 3"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(RunRefused, match=message):
        read_covariates(str(tmp_path / "c.csv"))
