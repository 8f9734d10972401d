"""Tables that hold codes of areas alone, with a postcode directory, which says the districts."""

from __future__ import annotations

import pandas as pd

from paths import DATA
from postcode_files import ONSPD_2017, write_directory
from small_run import SmallRun


def test_directory_says_the_districts_of_bare_codes(small_run: SmallRun) -> None:
    """An area with postcodes of two districts is in that of the most."""
    table = pd.read_csv(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv", dtype=str)
    districts = table["Local Authority District name (2019)"]
    cities = table[districts.isin(["Westminster", "Brent"])]
    cities.iloc[:, [0, 4]].rename(columns={"LSOA code (2011)": "lsoa11cd"}).to_csv(
        small_run.folder / "bare.csv", index=False
    )
    rows = [
        {"postcode": f"W{i} {n}AA", "lsoa": area, "district": code, "latitude": "51.5", "longitude": "-0.1"}
        for i, (area, code) in enumerate(zip(cities.iloc[:, 0], cities.iloc[:, 2], strict=True), 1)
        for n in range(3)
    ]
    rows[1]["district"] = "E09000001"
    write_directory(small_run.folder / "onspd.csv", ONSPD_2017, *rows)
    labels = {"tables": [{"path": "bare.csv"}], "locations": {"postcodes": "onspd.csv"}, "boundaries": None}
    small_run.set(labels={**labels, "regions": None})
    small_run.set(labels={"regions": {"a": ["E09000033"], "b": ["E09000005"]}})
    assert small_run.main("run", "--to", "labels", "--dry-run") == 0
    assert small_run.main("run", "--to", "labels") == 0
    actual = small_run.table("area_labels").groupby("region")["area_id"].apply(set).to_dict()
    names = {"a": "Westminster", "b": "Brent"}
    assert actual == {region: {*cities[cities.iloc[:, 3] == name].iloc[:, 0]} for region, name in names.items()}
    assert len(small_run.table("locations")) == 3 * len(cities)
