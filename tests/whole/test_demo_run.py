"""The demo, whole: what `make demo` shows is there, comes out of learning, and is not done twice."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from demo_city.__main__ import main as draw
from paths import DEMO_CITY

pytestmark = pytest.mark.whole

REPOSITORY = Path(__file__).parents[2]
IOD = DEMO_CITY / "iod2019_file_7_bury.csv"
BOUNDARIES = DEMO_CITY / "lsoa11_bury.geojson"
OUTCOMES = ("imd_income", "imd_health", "imd_living_environment")


@dataclass(frozen=True)
class Run:
    config: Path
    work_dir: Path
    printed: str


def streetdeciles(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "streetdeciles", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def demo_config(folder: Path, city: Path) -> Path:
    """conf/demo.yaml with its paths moved to `folder`, and no other change."""
    values = yaml.safe_load((REPOSITORY / "conf" / "demo.yaml").read_text())
    values["work_dir"] = str(folder / "run")
    values["labels"]["tables"][0]["path"] = str(IOD)
    values["labels"]["boundaries"]["path"] = str(BOUNDARIES)
    values["labels"]["locations"] = str(city / "locations.csv")
    values["images"]["folder"] = str(city / "photographs")
    folder.mkdir(exist_ok=True)
    path = folder / "demo.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("demo")
    city = folder / "city"
    assert draw(["--out", str(city)]) == 0
    config = demo_config(folder, city)
    return Run(config, folder / "run", streetdeciles("run", "--config", config))


def area_spearman(run: Run) -> dict[str, float]:
    """Spearman of mean score and true decile over the areas, from the table and by pandas alone."""
    areas = pd.read_parquet(run.work_dir / "area_predictions")
    areas = areas[(areas["method"] == "score_mean") & (areas["level"] == "area")]
    return {
        outcome: float(rows["mean_score"].corr(rows["true_decile"], method="spearman"))
        for outcome, rows in areas.groupby("outcome")
    }


def test_demo_ranks_held_out_areas(demo: Run) -> None:
    actual = area_spearman(demo)

    assert set(actual) == set(OUTCOMES)
    assert min(actual.values()) >= 0.5, actual


def test_demo_on_shuffled_labels_finds_nothing(demo: Run) -> None:
    printed = streetdeciles("check", "--shuffle-labels", "--config", demo.config)

    lines = [line.strip() for line in printed.splitlines() if " in bury: at chance: " in line]
    assert [line.split(" in bury")[0] for line in lines] == sorted(OUTCOMES)
    for line in lines:
        spearman, own = (float(text) for text in re.findall(r"(?:Spearman |own labels )(-?[0-9.]+)", line)[:2])
        assert abs(spearman) < min(0.3, own - 0.2)  # for 120 areas chance exceeds 0.3 once in a thousand times
    assert "are unchanged since they were written" in streetdeciles("verify", "--config", demo.config)


def test_demo_ends_with_the_results_and_the_report(demo: Run) -> None:
    assert "Held-out areas" in demo.printed
    assert demo.printed.rstrip().endswith(f"report: {demo.work_dir}/report.html")
    assert (demo.work_dir / "report.html").stat().st_size > 100_000


def test_demo_second_run_does_nothing(demo: Run) -> None:
    printed = streetdeciles("run", "--config", demo.config)

    assert printed.count("is up to date") == 9


def test_demo_tables_open_with_pandas(demo: Run) -> None:
    rows = {
        name: len(pd.read_parquet(demo.work_dir / name))
        for name in ("area_labels", "locations", "image_index", "predictions", "area_predictions", "metrics")
    }

    assert rows["locations"] == 240
    assert rows["image_index"] == 960
    assert rows["area_labels"] == 120 * 8
    assert rows["area_predictions"] == 120 * len(OUTCOMES) * 5


def test_demo_photographs_are_features_or_rejects(demo: Run) -> None:
    index = set(pd.read_parquet(demo.work_dir / "image_index")["image_id"])
    features = pd.read_parquet(demo.work_dir / "features", columns=["image_id"])["image_id"]
    rejects = pd.read_parquet(demo.work_dir / "rejects")

    assert len(rejects) == 3
    assert sorted([*features, *rejects["image_id"]]) == sorted(index)


def test_demo_hdf5_rows_are_those_of_the_table_beside_it(demo: Run) -> None:
    table = pd.read_csv(demo.work_dir / "training_set.csv", dtype={"location_id": str})
    features = pd.read_parquet(demo.work_dir / "features")
    row = table.index[table["location_id"] == table["location_id"].iloc[len(table) // 2]][0]
    expected = features[features["location_id"] == table["location_id"].iloc[row]].sort_values("view")

    with h5py.File(demo.work_dir / "training_set.h5") as file:
        assert file["features"].shape == (240, 4, 4096)
        assert len(table) == 240
        np.testing.assert_array_equal(
            file["features"][row][expected["view"].to_numpy()], np.stack(expected["features"].to_numpy())
        )


def test_demo_predictions_are_held_out(demo: Run) -> None:
    predictions = pd.read_parquet(demo.work_dir / "predictions")
    locations = pd.read_parquet(demo.work_dir / "locations")

    joined = predictions.merge(locations, on="location_id")
    assert (joined.groupby(["area_id", "outcome"])["fold"].nunique() == 1).all()
    assert sorted(predictions["fold"].unique()) == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(np.stack(predictions["probabilities"].to_numpy()).sum(axis=1), 1, atol=1e-5)


def test_demo_another_config_in_its_work_dir_is_refused(demo: Run, tmp_path: Path) -> None:
    values = yaml.safe_load(demo.config.read_text())
    values["training"]["epochs"] = 2
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "streetdeciles", "run", "--config", str(other)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "training.epochs was 40, is 2" in done.stderr
