"""A prediction that fails half way and continues: finished parts are not predicted again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from planted_rows import planted_config, planted_rows, write_planted_set
from streetdeciles.models.store import TrainedModel, save_card, save_models
from streetdeciles.ordinal.network import NetworkShape, initial_weights, location_network
from streetdeciles.prediction import stage
from streetdeciles.prediction.parts import MAX_PARTS, Part, plan_parts, predict_parts
from streetdeciles.tables import PREDICTIONS
from streetdeciles.training_set.reader import training_set_files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS = planted_rows(areas=30)
SHAPE = NetworkShape(2, 16, (16,), (16,), noise=0.05)
FILES = 6


def save_some_models(work_dir: Path) -> None:
    network, random = location_network(SHAPE), np.random.default_rng(0)
    models = [
        TrainedModel(outcome, fold, initial_weights(network, random), epoch=1, val_loss=2.0, val_mae=2.0)
        for fold in range(3)
        for outcome in ROWS.outcomes
    ]
    folder = str(work_dir / "models")
    save_card(folder, save_models(models, SHAPE, folder), SHAPE, {}, [])


@pytest.fixture
def work_dir(spark: SparkSession, tmp_path: Path) -> Path:
    write_planted_set(spark, ROWS, str(tmp_path / "training_set"), files=FILES)
    save_some_models(tmp_path)
    return tmp_path


def files_of(work_dir: Path) -> list[Path]:
    return [work_dir / "training_set" / name for name in training_set_files(str(work_dir / "training_set"))]


def destroy_features(file: Path) -> None:
    """Overwrite the features in a Parquet file, without changing its size or any other column."""
    column = pq.ParquetFile(file).metadata.row_group(0).column(7)
    assert column.path_in_schema == "features"
    content = bytearray(file.read_bytes())
    first = column.dictionary_page_offset or column.data_page_offset
    content[first : first + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(content)
    checksum = file.with_name(f".{file.name}.crc")
    checksum.unlink(missing_ok=True)


def test_a_prediction_continues_with_the_missing_parts(spark: SparkSession, work_dir: Path) -> None:
    config = planted_config(work_dir, ROWS)
    first, *_, last = files_of(work_dir)
    of_last = last.read_bytes()
    destroy_features(last)
    with pytest.raises(Exception, match=last.name):
        stage.run(spark, config)
    finished = sorted(path.name for path in work_dir.joinpath(*stage.PARTS).glob("[0-9]*.json"))
    assert finished == ["00.json", "01.json"]
    assert not (work_dir / "predictions").exists()

    last.write_bytes(of_last)
    destroy_features(first)  # predicting its part again would fail
    report = stage.run(spark, config)

    assert report.counts["predictions"] == 2 * len(ROWS)
    assert not work_dir.joinpath(*stage.PARTS).exists()
    table = pd.read_parquet(work_dir / "predictions").set_index(["outcome", "location_id"])
    assert table.index.is_unique
    for outcome in ROWS.outcomes:
        for fold in range(3):
            held_out = np.flatnonzero(ROWS.fold == fold)
            network = keras.saving.load_model(work_dir / "models" / outcome / f"{fold}.keras")
            expected = np.asarray(
                network({"features": ROWS.features[held_out], "view_mask": ROWS.view_mask[held_out]})
            )[:, 0]
            predicted = table.loc[[(outcome, f"location {i}") for i in held_out]]
            np.testing.assert_allclose(predicted["score"], expected, rtol=1e-5, atol=1e-6)


def test_parts_are_reused_while_their_key_is_the_same(spark: SparkSession, tmp_path: Path) -> None:
    folder, calls = str(tmp_path / "parts"), []

    def predict_part(part: Part) -> DataFrame:
        calls.append(list(part))
        rows = [(f"{name} {len(calls)}", "imd", "network", 0, 0.5, 6, [0.1] * 10, 1.0) for name in part]
        return spark.createDataFrame(rows, PREDICTIONS.ddl)

    def ids(key: str) -> list[str]:
        rows = predict_parts(spark, [["a"], ["b", "c"]], predict_part, folder=folder, key=key).collect()
        return sorted(row["location_id"] for row in rows)

    assert ids("first") == ["a 1", "b 2", "c 2"]
    (tmp_path / "parts" / "01.json").unlink()  # as if killed before it was finished
    assert ids("first") == ["a 1", "b 3", "c 3"]
    assert calls[2:] == [["b", "c"]]
    assert ids("second") == ["a 4", "b 5", "c 5"]


@pytest.mark.parametrize("n", [1, 19, 20, 21, 384])
def test_parts_are_few_and_contain_every_file_once(n: int) -> None:
    files = [f"part-{i:05d}" for i in range(n)]
    parts = plan_parts(files, slots=1)
    assert [name for part in parts for name in part] == files
    assert len(parts) <= MAX_PARTS
    assert len(parts) == n or n > MAX_PARTS


def test_a_part_has_work_for_every_slot() -> None:
    assert plan_parts(["a", "b", "c", "d", "e"], slots=2) == [["a", "b"], ["c", "d"], ["e"]]
    assert plan_parts(["a", "b", "c", "d", "e"], slots=8) == [["a", "b", "c", "d", "e"]]
    assert max(map(len, plan_parts([str(i) for i in range(384)], slots=16))) == 20


def test_a_part_of_other_files_is_not_taken_for_finished(spark: SparkSession, tmp_path: Path) -> None:
    """One that was killed while it wrote a larger part over a smaller one, and continues with the smaller ones."""
    folder = str(tmp_path / "parts")

    def rows_of(part: Part) -> DataFrame:
        rows = [(name, "imd", "network", 0, 0.5, 6, [0.1] * 10, 1.0) for name in part]
        return spark.createDataFrame(rows, PREDICTIONS.ddl)

    def killed(part: Part) -> DataFrame:
        rows_of(part).write.parquet(str(tmp_path / "parts" / "00"), mode="overwrite")
        raise KeyboardInterrupt

    predict_parts(spark, [["a"], ["b"]], rows_of, folder=folder, key="same")
    with pytest.raises(KeyboardInterrupt):
        predict_parts(spark, [["a", "b"]], killed, folder=folder, key="same")
    rows = predict_parts(spark, [["a"], ["b"]], rows_of, folder=folder, key="same").collect()
    assert sorted(row["location_id"] for row in rows) == ["a", "b"]
