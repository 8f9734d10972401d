"""The configs of London 2011 and England 2021, from files in the published layouts to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from paths import DATA
from published_layouts.__main__ import main as invent
from small_run import BACKBONE, SmallRun
from streetdeciles.outcomes import OUTCOMES

ROOT = DATA.parents[1]
AREAS = 40

pytestmark = pytest.mark.whole

CHEAP = {
    "features": {"backbone": str(BACKBONE)},
    "dataset": {"folds": 2, "hdf5": False},
    "training": {"view_units": [8], "location_units": [4], "epochs": 2, "patience": 2, "precision": "float32"},
}


def run_of(study: str, folder: Path) -> SmallRun:
    """The delivered config of a study, on forty invented areas, with a small backbone and short training."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "conf" / f"{study}.yaml").read_text(encoding="utf-8"))
    values["training"] = {}
    assert invent([study, "--out", str(folder / "output" / study), "--areas", str(AREAS)]) == 0
    run = SmallRun(folder / "conf")
    run.folder.mkdir()
    run.config.write_text(yaml.safe_dump(values))
    run.set(work_dir="out", **CHEAP)
    return run


def deciles(values: pd.Series, *, worse: bool) -> pd.Series:
    """The reference's rule (docs/reference.md, 1)."""
    bins = pd.qcut(values, 10, labels=False) + 1
    return 11 - bins if worse else bins


def assert_deciles_equal(run: SmallRun, expected: dict[str, pd.Series]) -> None:
    labels = run.table("area_labels")
    made = labels.pivot(index="area_id", columns="outcome", values="decile")
    for outcome, of_area in expected.items():
        pd.testing.assert_series_equal(
            made[outcome].sort_index().astype(int), of_area.sort_index().astype(int), check_names=False
        )


def ranks(file: Path, domain: str, year: str) -> pd.Series:
    table = pd.read_csv(file, encoding="utf-8-sig").set_index(f"LSOA code ({year})")
    return table[f"{domain} Rank (where 1 is most deprived)"]


def infuse_share(folder: Path, topic: str, counted: list[str], total: str) -> pd.Series:
    table = pd.read_csv(folder / f"infuse_{topic}.csv", skiprows=[1], index_col=False)
    areas = table[table["GEO_TYP2"] == "LSOADZ"].set_index("GEO_CODE")
    return areas[counted].sum(axis=1) / areas[total]


def test_london_2011_runs_on_the_papers_four_sources(tmp_path: Path, spark: object) -> None:
    run = run_of("london_2011", tmp_path)
    published = tmp_path / "output" / "london_2011"

    assert run.main("run") == 0

    income = pd.read_csv(published / "modelled-household-income-estimates-lsoa.csv", encoding="cp1252")
    pounds = income.set_index("Code")[["Mean 2012/13", "Median 2012/13"]].replace("[£,]", "", regex=True).astype(int)
    file_7 = published / "File_7_ID_2015.csv"
    expected = {
        "health_self_reported": deciles(
            infuse_share(published, "general_health", ["F1777", "F1782"], "F1778"), worse=True
        ),
        "overcrowding": deciles(infuse_share(published, "occupancy_rating", ["F2375"], "F2376"), worse=True),
        "unemployment": deciles(infuse_share(published, "economic_activity", ["F1399"], "F1391"), worse=True),
        "education_below_level2": deciles(
            infuse_share(published, "qualifications", ["F187", "F188"], "F186"), worse=True
        ),
        "imd_income": deciles(ranks(file_7, "Income", "2011"), worse=False),
        "imd_housing": deciles(ranks(file_7, "Barriers to Housing and Services", "2011"), worse=False),
        "income_mean": deciles(pounds["Mean 2012/13"], worse=False),
        "income_median": deciles(pounds["Median 2012/13"], worse=False),
    }
    assert_deciles_equal(run, expected)
    listed = pd.read_csv(published / "photographed.csv", dtype=str)
    area_of = pd.read_csv(published / "ONSPD_AUG_2017_UK.csv", dtype=str).set_index("pcd")["lsoa11"]
    locations = run.table("locations").set_index("location_id")
    first = listed.drop_duplicates("img_id").set_index("img_id")
    assert set(locations.index) == set(first.index)
    assert (locations["area_id"] == first["pcd"].map(area_of).reindex(locations.index)).all()
    assert run.table("training_set")["location_id"].nunique() == len(first)
    assert run.table("area_predictions")["outcome"].nunique() == 13
    report = (run.work_dir / "report.html").read_text(encoding="utf-8")
    assert all(OUTCOMES[outcome].title in report for outcome in run.table("metrics")["outcome"].unique())


def test_england_2021_runs_on_files_of_its_years(tmp_path: Path, spark: object) -> None:
    run = run_of("england_2021", tmp_path)
    published = tmp_path / "output" / "england_2021"

    assert run.main("run") == 0

    file_7 = published / "File_7_IoD2025.csv"
    health = pd.read_csv(published / "census2021-ts037-lsoa.csv").set_index("geography code")
    bad = health["General health: Very bad health"] + health["General health: Bad health"]
    expected = {
        "imd": deciles(
            ranks(published / "File_7_IoD2025.csv", "Index of Multiple Deprivation (IMD)", "2021"), worse=False
        ),
        "health_self_reported": deciles(bad / health["General health: Total: All usual residents"], worse=True),
    }
    assert_deciles_equal(run, expected)
    national = run.table("area_labels").query("outcome == 'imd'").set_index("area_id")
    published_decile = pd.read_csv(file_7, encoding="utf-8-sig").set_index("LSOA code (2021)")
    column = "Index of Multiple Deprivation (IMD) Decile (where 1 is most deprived 10% of LSOAs)"
    assert np.array_equal(
        national["national_decile"].sort_index().to_numpy(), published_decile[column].sort_index().to_numpy()
    )
    assert run.table("metrics")["outcome"].nunique() == 5
