"""Transfer between two regions with planted signals: the same in both, or the opposite in the second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from planted_rows import FOLDS, planted_config, planted_rows, write_planted_set
from streetdeciles.errors import RunRefused
from streetdeciles.studies.row_areas import RowAreas
from streetdeciles.studies.transfer import transfer
from streetdeciles.studies.transferring import Setting, source_models, transfer_to

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AREAS, PER_AREA = 120, 4
ROWS = planted_rows(areas=AREAS, per_area=PER_AREA, outcomes=2)
IN_B = ROWS.area >= AREAS // 2
KEYS = pd.DataFrame(
    {
        "region": np.repeat(["a", "b"], AREAS // 2),
        "area_id": [f"E{i:03d}" for i in range(AREAS)],
        "block": -1,
    }
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """outcome_0 looks alike in both regions; what outcome_1 looks like in b is its opposite in a."""
    folder = tmp_path_factory.mktemp("transfer")
    deciles = ROWS.deciles.copy()
    deciles[IN_B, 1] = 11 - deciles[IN_B, 1]
    config = planted_config(folder, ROWS, epochs=50, patience=50, halve_after=None)
    areas = RowAreas(KEYS, ROWS.area.astype(np.int64))
    setting = Setting(replace(ROWS, deciles=deciles), areas, config, "float32", str(folder))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("streetdeciles.studies.transferring.SHARES", (0.5, 1.0))
        starts, notes = source_models(setting, "a")
        actual, _ = transfer_to(setting, "b", "a", starts, rate_share=0.5)
    assert notes == []
    return pd.DataFrame(actual).set_index(["outcome", "share"])


def test_transfer_of_the_same_mapping_is_good_as_it_is(rows: pd.DataFrame) -> None:
    same = rows.loc["outcome_0"]
    assert same.loc[0.0, "mae"] < 1
    assert same.loc[1.0, "mae"] < 1
    assert same.loc[0.0, "spearman"] > 0.9


def test_transfer_of_the_opposite_mapping_must_be_learned(rows: pd.DataFrame) -> None:
    opposite = rows.loc["outcome_1"]
    assert opposite.loc[0.0, "mae"] > 4
    assert opposite.loc[0.0, "spearman"] < -0.8
    assert opposite.loc[1.0, "mae"] < 1.5
    assert opposite.loc[1.0, "spearman"] > 0.8
    assert opposite.loc[1.0, "mae_high"] < opposite.loc[0.0, "mae_low"]


def test_transfer_measures_the_same_areas_at_every_share(rows: pd.DataFrame) -> None:
    assert set(rows["n"]) == {AREAS // 2}
    assert set(rows["source"] + rows["region"]) == {"ab"}


def test_transfer_learns_from_growing_shares_of_the_region(rows: pd.DataFrame) -> None:
    """40 of 60 areas are not held out, of which 15 % validate."""
    learning = rows.loc["outcome_0", "n_learning"]
    assert learning[0.0] == 0
    assert learning[1.0] == round(60 * (FOLDS - 1) / FOLDS * 0.85)
    assert learning.is_monotonic_increasing
    assert learning[0.5] == learning[1.0] / 2


def test_transfer_needs_another_region(spark: SparkSession, tmp_path: Path) -> None:
    write_planted_set(spark, planted_rows(areas=10, per_area=1), str(tmp_path / "training_set"))
    with pytest.raises(RunRefused, match="a second region: the training set has somewhere only; add one to"):
        transfer(planted_config(tmp_path, ROWS))


def test_transfer_from_another_run_writes_its_table(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model as it is starts each fold: here it has learned from the same rows without those of the fold."""
    from streetdeciles.training import stage

    monkeypatch.setattr("streetdeciles.studies.transferring.SHARES", (1.0,))
    source, target = tmp_path / "source", tmp_path / "target"
    rows = planted_rows(areas=40, outcomes=1)
    for folder in (source, target):
        write_planted_set(spark, rows, str(folder / "training_set"))
    stage.run(spark, planted_config(source, rows, epochs=20))

    report = transfer(planted_config(target, rows, epochs=1, start_from=str(source / "models")))

    table = pd.read_parquet(target / "transfer").set_index("share")
    assert set(table["source"]) == {"source"}
    assert set(table["region"] + table["outcome"]) == {"somewhereoutcome_0"}
    assert (table.loc[0.0, "n"], table.loc[0.0, "n_learning"]) == (40, 0)
    assert table.loc[0.0, "mae"] < 1.2
    assert report.notes[0].startswith(f"outcome_0 from source in somewhere: MAE {table.loc[0.0, 'mae']:.2f} as is")
    assert sorted(path.name for path in target.iterdir()) == ["_cache", "_staging", "training_set", "transfer"]
