"""Training again on shuffled labels: at chance where areas are held out whole, above it where they are divided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from planted_rows import planted_config, planted_rows, write_planted_set
from small_tables import write_rows
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.studies.shuffled_labels import ABOVE_CHANCE, ADVICE, AT_CHANCE, check_shuffled_labels
from streetdeciles.tables import METRICS
from streetdeciles.training.cache import TrainingRows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = planted_rows(areas=40, per_area=6, outcomes=2)


def finished(spark: SparkSession, work_dir: Path, rows: TrainingRows, *, epochs: int) -> RunConfig:
    write_planted_set(spark, rows, str(work_dir / "training_set"))
    own = [("somewhere", "outcome_0", "area", "score_mean", "network", 40, 0.3125)]
    write_rows(METRICS, own, work_dir)
    return planted_config(work_dir, rows, epochs=epochs, patience=epochs)


def test_shuffled_labels_are_at_chance_where_whole_areas_are_held_out(spark: SparkSession, tmp_path: Path) -> None:
    report = check_shuffled_labels(finished(spark, tmp_path, ROWS, epochs=10))

    assert report.counts == {"areas shuffled": 40, AT_CHANCE: 2, ABOVE_CHANCE: 0}
    assert report.notes[0].startswith("outcome_0 in somewhere: at chance: Spearman ")
    assert report.notes[0].endswith("; own labels 0.31)")
    assert "own labels" not in report.notes[1]  # of which there are no measures
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_cache", "metrics", "training_set"]
    assert not list((tmp_path / "_cache").iterdir())


def test_shuffled_labels_are_above_chance_where_areas_are_divided(spark: SparkSession, tmp_path: Path) -> None:
    """Each area has a look of its own, and locations in every fold: models know the areas, and so their new labels."""
    random = np.random.default_rng(1)
    looks = random.normal(size=(40, ROWS.features.shape[2]))[ROWS.area][:, None]
    features = (looks + 0.1 * random.normal(size=ROWS.features.shape)).astype(np.float32)
    divided = replace(ROWS, features=features, fold=(np.arange(len(ROWS)) % 3).astype(np.int32))

    report = check_shuffled_labels(finished(spark, tmp_path, divided, epochs=40))

    assert report.counts[ABOVE_CHANCE] == 2
    assert "ABOVE CHANCE" in report.notes[0]
    assert report.notes[-1] == ADVICE


def test_shuffled_labels_need_something_held_out(tmp_path: Path) -> None:
    config = planted_config(tmp_path, ROWS)
    only = config.model_copy(update={"dataset": config.dataset.model_copy(update={"split": "train_only"})})
    with pytest.raises(RunRefused, match="held-out areas, and a run with dataset.split train_only has none"):
        check_shuffled_labels(only)
