"""Tables that no publisher's module knows: the example of docs/data.md, run, and mistakes in `columns`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from paths import DOCS
from small_run import LOCATION_IDS, SmallRun
from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.sources.opening import open_source
from streetdeciles.sources.reading import read_source


def documented_example() -> dict[str, Any]:
    """The config of the section `Any other table`."""
    text = (DOCS / "data.md").read_text(encoding="utf-8").split("## Any other table")[1]
    actual = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert actual
    example: dict[str, Any] = yaml.safe_load(actual.group(1))
    return example


def tracts(n: int = 23) -> pd.DataFrame:
    """Tracts of two counties; the first number of a code is 0."""
    numbers = range(n)
    return pd.DataFrame(
        {
            "NAME": [f"Census Tract {i}" for i in numbers],
            "GEOID": [f"0{17_031_010_100 + i}" for i in numbers],
            "COUNTY": ["Cook County" if i % 4 else "Lake County" for i in numbers],
            "POVERTY_RATE": [f"{(i * 7) % 23 + 0.5}%" for i in numbers],
            "OCCUPIED_UNITS": ["1,200"] * n,
            "OCC_1_01_TO_1_50": [str(i * 5 % 23) for i in numbers],
            "OCC_1_51_OR_MORE": [str(i) for i in numbers],
        }
    )


def test_documented_example_of_another_country_runs(small_run: SmallRun) -> None:
    table, example = tracts(), documented_example()
    table.to_csv(small_run.folder / "tracts.csv", index=False)
    cook = table[table["COUNTY"] == "Cook County"].set_index("GEOID")
    rows = [f"{location},{area}" for location, area in zip(LOCATION_IDS, cook.index, strict=False)]
    (small_run.folder / "locations.csv").write_text("\n".join(["location_id,area_id", *rows]))
    small_run.set(labels=None)
    small_run.set(labels=example["labels"], dataset=example["dataset"])
    assert small_run.main("run", "--to", "labels") == 0

    labels = small_run.table("area_labels").pivot(index="area_id", columns="outcome", values=["value", "decile"])
    poverty = cook["POVERTY_RATE"].str.rstrip("%").astype(float)
    crowding = (cook["OCC_1_01_TO_1_50"].astype(int) + cook["OCC_1_51_OR_MORE"].astype(int)) / 1200
    for outcome, values in (("poverty", poverty), ("crowding", crowding)):
        assert labels["value", outcome].to_dict() == values.to_dict()
        assert labels["decile", outcome].to_dict() == (10 - pd.qcut(values, 10, labels=False)).to_dict()
    assert small_run.table("locations")["area_id"].str.startswith("017031").all()


def opened(path: Path, **changes: Any) -> dict[str, str]:
    columns = documented_example()["labels"]["tables"][0]["columns"] | changes
    return read_source(open_source(LabelTable.model_validate({"path": str(path), "columns": columns}))).unfit


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"area_id": "GEOD"}, r"has no column 'GEOD' \(columns.area_id\); did you mean 'GEOID'\?"),
        (
            {"outcomes": {"x": {"numerator": "A", "denominator": "GEOID", "higher_is": "worse"}}},
            r"has no column 'A' \(columns.outcomes.x.numerator\); the columns are 'NAME', 'GEOID'",
        ),
    ],
)
def test_column_that_the_table_lacks_is_refused(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    tracts().to_csv(tmp_path / "tracts.csv", index=False)
    with pytest.raises(RunRefused, match=expected):
        opened(tmp_path / "tracts.csv", **changes)


def test_share_above_one_is_refused_by_row_and_columns(tmp_path: Path) -> None:
    table = tracts()
    table.loc[4, "OCC_1_51_OR_MORE"] = "1,190"
    table.to_csv(tmp_path / "tracts.csv", index=False)
    assert opened(tmp_path / "tracts.csv") == {
        "crowding": f"{tmp_path}/tracts.csv, row 6, column 'OCC_1_01_TO_1_50 + OCC_1_51_OR_MORE': "
        "expected a part of 'OCCUPIED_UNITS', which is 1200, got '1210'"
    }


@pytest.mark.parametrize(
    "outcome",
    [
        {"higher_is": "worse"},
        {"column": "A", "numerator": "A", "denominator": "B", "higher_is": "worse"},
        {"numerator": "A", "higher_is": "worse"},
        {"column": "A", "denominator": "B", "higher_is": "worse"},
    ],
)
def test_outcome_needs_a_column_or_a_share(outcome: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="needs either column, or numerator and denominator"):
        LabelTable.model_validate({"path": "x", "columns": {"area_id": "A", "outcomes": {"x": outcome}}})


@pytest.mark.parametrize("name", ["Poverty", "1st", "poverty rate", ""])
def test_name_of_an_outcome_is_checked(name: str) -> None:
    columns = {"area_id": "A", "outcomes": {name: {"column": "B", "higher_is": "worse"}}}
    with pytest.raises(ValueError, match="should match pattern"):
        LabelTable.model_validate({"path": "x", "columns": columns})
