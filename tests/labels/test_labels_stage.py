"""The stage on real tables and boundaries, to its tables in the work_dir."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from config_files import run_config
from paths import DATA
from streetdeciles.config import Boundaries, RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.labels.stage import run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FILE_1 = DATA / "iod2019" / "File_1_-_IMD2019_Index_of_Multiple_Deprivation.csv"
WESTMINSTER = DATA / "boundaries" / "lsoa11_westminster.geojson"


@pytest.fixture(scope="module")
def westminster(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The part of File 7 that holds Westminster and Brent."""
    table = pd.read_csv(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv", dtype=str)
    path = tmp_path_factory.mktemp("tables") / "file_7.csv"
    table[table["Local Authority District name (2019)"].isin(["Westminster", "Brent"])].to_csv(path, index=False)
    return str(path)


def config_of(work_dir: Path, table: str, **changes: Any) -> RunConfig:
    labels: dict[str, Any] = {
        "tables": [{"path": table}],
        "regions": {"westminster": ["Westminster"]},
        "locations": str(DATA / "sample" / "locations.csv"),
        "boundaries": {"path": str(WESTMINSTER)},
    }
    outcomes = changes.pop("outcomes", ["imd"])
    return run_config(
        work_dir / "work",
        labels={**labels, **changes},
        images={"folder": str(DATA / "photos"), "pattern": "{location_id}.jpg", "views": 1},
        dataset={"outcomes": outcomes},
    )


def test_sample_gives_labels_of_all_areas_and_a_place_for_each_location(
    spark: SparkSession, tmp_path: Path, westminster: str
) -> None:
    report = run(spark, config_of(tmp_path, westminster))
    assert report.counts == {
        "areas in the tables": 301,
        "areas in no region": 173,
        "areas": 128,
        "areas with a decile of imd": 128,
        "labels (areas x outcomes)": 1024,
        "locations in the file": 33,
        "locations": 33,
    }
    assert report.notes == ["region westminster: 128 areas"]
    labels = pd.read_parquet(tmp_path / "work" / "area_labels")
    assert list(labels.columns) == ["region", "area_id", "outcome", "value", "decile", "national_decile"]
    crime = labels[labels["outcome"] == "imd_crime"].set_index("area_id").sort_index()
    published = pd.read_csv(westminster, index_col=0)
    published = published[published["Local Authority District name (2019)"] == "Westminster"].sort_index()
    ranks = published["Crime Rank (where 1 is most deprived)"]
    assert crime.index.tolist() == ranks.index.tolist()
    assert crime["value"].tolist() == ranks.tolist()
    assert crime["decile"].tolist() == (pd.qcut(ranks, 10, labels=False) + 1).tolist()
    national = published["Crime Decile (where 1 is most deprived 10% of LSOAs)"]
    assert crime["national_decile"].tolist() == national.tolist()

    locations = pd.read_parquet(tmp_path / "work" / "locations").set_index("location_id")
    assert locations.loc["berlin_01", ["region", "area_id"]].tolist() == ["westminster", "E01004646"]
    assert set(locations["area_id"]) <= set(crime.index)
    assert locations[["oa", "msoa"]].isna().all().all()
    assert len(pd.read_parquet(tmp_path / "work" / "left_out")) == 0


def test_missing_values_and_left_out_locations_are_counted_and_noted(
    spark: SparkSession, tmp_path: Path, westminster: str
) -> None:
    table = pd.read_csv(westminster, dtype=str)
    table.loc[table["LSOA code (2011)"] == "E01004647", "Crime Rank (where 1 is most deprived)"] = ""
    table.to_csv(tmp_path / "table.csv", index=False)
    features = json.loads(WESTMINSTER.read_text())
    features["features"] = [row for row in features["features"] if row["properties"]["LSOA11CD"] != "E01004646"]
    (tmp_path / "areas.geojson").write_text(json.dumps(features))
    brent = "E01000471"
    (tmp_path / "places.csv").write_text(
        f"location_id,area_id,latitude,longitude\n1,E01004646,,\n2,,51.537426,-0.180139\n3,E01004647,x,1\n4,{brent},,\n"
    )
    config = config_of(
        tmp_path,
        str(tmp_path / "table.csv"),
        locations=str(tmp_path / "places.csv"),
        boundaries=Boundaries(path=str(tmp_path / "areas.geojson")),
    )
    report = run(spark, config)
    assert {key: n for key, n in report.counts.items() if "loc" in key or "left" in key} == {
        "locations in the file": 4,
        "locations": 2,
        "left out: not_in_region": 1,
        "left out: outside_boundaries": 1,
    }
    notes = "\n".join(report.notes)
    assert "1 of the 128 areas have no polygon" in notes
    assert "e.g. E01004646" in notes
    assert "imd_crime: 1 area has no value" in notes
    assert "1 location(s) have an area_id, and coordinates that are not on earth" in notes
    assert "1 location(s) are by their area_id in 1 area(s) without a polygon" in notes
    labels = pd.read_parquet(tmp_path / "work" / "area_labels").set_index(["area_id", "outcome"])
    assert labels.loc[("E01004647", "imd_crime"), ["value", "decile"]].isna().all()
    assert labels["decile"].isna().sum() == 1
    left = pd.read_parquet(tmp_path / "work" / "left_out" / "stage=labels").set_index("id")["reason"]
    assert left.to_dict() == {"2": "outside_boundaries", "4": "not_in_region"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"outcomes": ["imd_incme"]}, "dataset.outcomes: .*'imd_incme'; did you mean imd_income"),
        ({"boundaries": None}, "has no column area_id, so labels.boundaries must be set"),
        ({"regions": {"brent": ["Brent"]}}, "none of the 173 areas of labels.regions is in it; property LSOA11CD"),
        (
            {"boundaries": Boundaries(path=str(WESTMINSTER), area_id="LSOA11NM")},
            "property LSOA11NM .* e.g. WESTMINSTER",
        ),
        ({"locations": str(FILE_1)}, "expected the columns location_id and area_id"),
    ],
)
def test_unfit_input_is_refused_and_nothing_is_written(
    spark: SparkSession, tmp_path: Path, westminster: str, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(RunRefused, match=expected):
        run(spark, config_of(tmp_path, westminster, **changes))
    assert not (tmp_path / "work").exists()
