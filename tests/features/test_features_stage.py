"""The stage on a real Spark: tables, marks, resuming, refusing, and what happens to a shard that fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pixel_network import POISON, features_of, pixel_network, run_config, write_index, write_photos

from paths import DATA
from streetdeciles import storage
from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weights import random_weights
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.extraction.decoding import decode
from streetdeciles.features import ledger, quarantine, stage, waves
from streetdeciles.features.engine import keys_of_partitions
from streetdeciles.features.staged import write_parquet
from streetdeciles.parallel import Parallelism
from streetdeciles.run_log import StageReport
from streetdeciles.tables import FEATURES, REJECTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ONE_TASK = Parallelism(tasks=1, threads=2, local=True)
TWO_TASKS = Parallelism(tasks=2, threads=1, local=False)


@pytest.fixture(autouse=True)
def _small_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "IMAGES_PER_TASK", 1)


def extract(
    spark: SparkSession, work_dir: Path, sizes: Parallelism = ONE_TASK, network: Any = None, **features: Any
) -> StageReport:
    return stage.extract_shards(spark, run_config(work_dir, **features), network or pixel_network(), sizes)


def marked(work_dir: Path) -> dict[int, float]:
    """When each shard was marked."""
    marks = (work_dir / "features" / "_shards").glob("*.json")
    return {int(path.stem): path.stat().st_mtime_ns for path in marks}


def tables(work_dir: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    features, rejects = (pd.read_parquet(work_dir / name) for name in ("features", "rejects"))
    order = ["shard", "image_id"]
    return features.sort_values(order, ignore_index=True), rejects.sort_values(order, ignore_index=True)


@pytest.mark.parametrize("sizes", [ONE_TASK, TWO_TASKS], ids=["one task", "two tasks"])
def test_each_photograph_is_in_one_of_two_tables(sizes: Parallelism, spark: SparkSession, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 11)
    (tmp_path / "photos" / "empty.jpg").write_bytes(b"")
    bad = [tmp_path / "photos" / "empty.jpg", tmp_path / "photos" / "gone.jpg"]
    write_index(spark, tmp_path, [[*photos[:5], bad[0]], [*photos[5:10], bad[1]], photos[10:]])
    report = extract(spark, tmp_path, sizes)
    assert report.counts == {
        "images": 13,
        "features": 11,
        "rejects": 2,
        "rejects: empty": 1,
        "rejects: missing": 1,
    }
    features, rejects = tables(tmp_path)
    assert features["image_id"].tolist() == [path.stem for path in photos]
    assert features["shard"].astype(int).tolist() == [0] * 5 + [1] * 5 + [2]
    assert np.allclose(np.stack(features["features"]), [features_of(path) for path in photos])
    assert rejects[["image_id", "reason", "shard"]].astype(str).to_numpy().tolist() == [
        ["empty", "empty", "0"],
        ["gone", "missing", "1"],
    ]
    assert rejects["uri"].tolist() == [str(path) for path in bad]


def test_one_worker_computes_all_waves(spark: SparkSession, tmp_path: Path) -> None:
    """Else several would hold the model at a time, and each would have to load it."""
    photos = write_photos(tmp_path / "photos", 4)
    write_index(spark, tmp_path, [[photo] for photo in photos])
    with stage._own_workers(spark):
        extract(spark, tmp_path, network=pixel_network(log=str(tmp_path / "log")))
    workers = [line.split()[0] for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert len(workers) == 4
    assert len(set(workers)) == 1


def test_worker_that_dies_between_two_tasks_is_replaced(spark: SparkSession, tmp_path: Path) -> None:
    """Spark finds a closed socket where its idle worker was; that is no fault of the next shard."""
    photos = write_photos(tmp_path / "photos", 4)
    log = tmp_path / "log"
    for name in ("a", "b"):
        write_index(spark, tmp_path / name, [photos])
    with stage._own_workers(spark):
        extract(spark, tmp_path / "a", network=pixel_network(log=str(log)))
        os.kill(int(log.read_text(encoding="utf-8").split()[0]), signal.SIGKILL)
        assert extract(spark, tmp_path / "b").counts == {"images": 4, "features": 4, "rejects": 0}


@pytest.mark.parametrize("n", [2, 7])
def test_tasks_of_a_wave_are_spread_evenly(n: int, spark: SparkSession) -> None:
    keys = spark.createDataFrame([(key,) for key in keys_of_partitions(spark, n)], "task int")
    parts = keys.repartition(n, "task").selectExpr("spark_partition_id() AS part").collect()
    assert sorted(row["part"] for row in parts) == list(range(n))


def test_tables_open_with_every_reader_and_have_their_columns(spark: SparkSession, tmp_path: Path) -> None:
    write_index(spark, tmp_path, [write_photos(tmp_path / "photos", 3)])
    extract(spark, tmp_path)
    for table, rows in ((FEATURES, 3), (REJECTS, 0)):
        actual = storage.read_table(spark, table, str(tmp_path))
        assert actual.count() == rows
        assert actual.columns == list(table.columns)
        by_arrow = pq.read_table(tmp_path / table.name)
        assert by_arrow.num_rows == len(pd.read_parquet(tmp_path / table.name)) == rows
        assert by_arrow.schema.names == list(table.columns)
        assert spark.read.parquet(str(tmp_path / table.name)).count() == rows


def test_numbers_rounded_to_float16_take_half_the_space(spark: SparkSession, tmp_path: Path) -> None:
    """By Parquet's dictionary, as long as a shard has enough photographs."""
    sizes = {}
    numbers = np.random.default_rng(0).normal(-3, 4, (256, 4096)).astype(np.float32)
    for dtype in (np.float32, np.float16):
        column = pa.array(list(numbers.astype(dtype).astype(np.float32)), pa.list_(pa.float32()))
        pq.write_table(pa.table({"features": column}), tmp_path / "numbers.parquet")
        write_parquet(spark.read.parquet(str(tmp_path / "numbers.parquet")).coalesce(1), str(tmp_path / "out"))
        sizes[dtype] = sum(path.stat().st_size for path in (tmp_path / "out").glob("*.parquet"))
    assert sizes[np.float16] < 0.55 * sizes[np.float32]


def test_mark_holds_settings_counts_and_seconds(spark: SparkSession, tmp_path: Path) -> None:
    write_index(spark, tmp_path, [[*write_photos(tmp_path / "photos", 3), tmp_path / "gone.jpg"]])
    extract(spark, tmp_path, max_pixels=5000)
    mark = json.loads((tmp_path / "features" / "_shards" / "00000.json").read_text(encoding="utf-8"))
    assert mark["settings"] == {"backbone": "pixels", "store": "float32", "max_pixels": 5000, "feature_version": 1}
    assert (mark["images"], mark["features"], mark["rejects"]) == (4, 3, {"missing": 1})
    assert set(mark["seconds"]) == {"reading", "decoding", "computing", "writing"}
    assert min(mark["seconds"].values()) >= 0
    assert mark["seconds"]["writing"] > 0
    assert mark["network"] == "mean of pixels"


def test_only_missing_shards_are_redone(spark: SparkSession, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 9)
    write_index(spark, tmp_path, [photos[:3], photos[3:6], photos[6:]])
    first = extract(spark, tmp_path)
    before, expected = marked(tmp_path), tables(tmp_path)
    (tmp_path / "features" / "_shards" / "00001.json").unlink()
    again = extract(spark, tmp_path)
    after = marked(tmp_path)
    assert {shard for shard in after if after[shard] != before[shard]} == {1}
    assert again.counts == first.counts
    assert again.notes[0].startswith("extracted 1 of 3 shards; 3 images in")
    for actual, known in zip(tables(tmp_path), expected, strict=True):
        pd.testing.assert_frame_equal(actual, known)
    assert extract(spark, tmp_path).notes[0].startswith("extracted 0 of 3 shards")
    assert marked(tmp_path) == after


def test_index_that_changes_changes_its_shards_only(spark: SparkSession, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 10)
    write_index(spark, tmp_path, [photos[:3], [*photos[3:5], tmp_path / "gone.png"], photos[6:8], [photos[8]]])
    extract(spark, tmp_path)
    before = marked(tmp_path)
    # 1: a file that was gone has come; 2: as it was; 3 is no more; 4 is new; 0: one photograph less
    write_index(spark, tmp_path, [photos[:2], photos[3:6], photos[6:8], [], photos[9:]])
    report = extract(spark, tmp_path)
    after = marked(tmp_path)
    assert {shard for shard in after if after[shard] != before.get(shard)} == {0, 1, 4}
    assert set(after) == {0, 1, 2, 4}
    assert report.counts == {"images": 8, "features": 8, "rejects": 0}
    features, rejects = tables(tmp_path)
    assert features["image_id"].tolist() == [photos[i].stem for i in (0, 1, 3, 4, 5, 6, 7, 9)]
    assert len(rejects) == 0


def test_other_settings_on_the_same_output_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    write_index(spark, tmp_path, [write_photos(tmp_path / "photos", 2)])
    extract(spark, tmp_path)
    with pytest.raises(RunRefused, match="max_pixels was 50000000, is 100"):
        extract(spark, tmp_path, max_pixels=100)
    with pytest.raises(RunRefused, match="backbone was pixels, is voxels"):
        extract(spark, tmp_path, network=pixel_network(name="voxels"))


def test_shard_that_cannot_be_read_fails_and_the_others_are_finished(spark: SparkSession, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 6)
    (tmp_path / "x.jpg").symlink_to("/proc/self/mem")  # a file, and reading it is an input/output error
    write_index(spark, tmp_path, [photos[:2], [*photos[2:4], tmp_path / "x.jpg"], photos[4:]])
    with pytest.raises(RunFailed, match=r"1 of 3 shards failed.*\(shard 1: .*x.jpg: cannot be read, after 3"):
        extract(spark, tmp_path)
    assert set(marked(tmp_path)) == {0, 2}
    assert not (tmp_path / "features" / "shard=1").exists()
    (tmp_path / "x.jpg").unlink()
    photos[5].rename(tmp_path / "x.jpg")  # mended: now there is a photograph
    write_index(spark, tmp_path, [photos[:2], [*photos[2:4], tmp_path / "x.jpg"], photos[4:]])
    assert extract(spark, tmp_path).counts == {"images": 7, "features": 6, "rejects": 1, "rejects: missing": 1}


def write_poison(folder: Path, *names: str) -> list[Path]:
    """Photographs whose worker kills itself."""
    for name in names:
        Image.new("RGB", (40, 30), (POISON, POISON, POISON)).save(folder / name)
    return [folder / name for name in names]


def test_photograph_that_kills_its_worker_is_a_reject(spark: SparkSession, tmp_path: Path) -> None:
    """SIGKILL of the Python worker in the middle of a wave of three shards."""
    photos = write_photos(tmp_path / "photos", 9)
    poison = write_poison(tmp_path / "photos", "photo_004b.png")
    write_index(spark, tmp_path, [photos[:2], [*photos[2:7], *poison, tmp_path / "gone.png"], photos[7:]])
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(waves, "IMAGES_PER_TASK", 100)  # all in one wave
        report = extract(spark, tmp_path)
    assert report.counts == {
        "images": 11,
        "features": 9,
        "rejects": 2,
        "rejects: crashed_worker": 1,
        "rejects: missing": 1,
    }
    features, rejects = tables(tmp_path)
    assert features["image_id"].tolist() == [path.stem for path in photos]
    assert np.allclose(np.stack(features["features"]), [features_of(path) for path in photos])
    assert rejects["image_id"].tolist() == ["gone", "photo_004b"]
    assert rejects["uri"].tolist() == [str(tmp_path / "gone.png"), str(poison[0])]
    assert "exited unexpectedly" in rejects["detail"][1]
    mark = ledger.read_marks(str(tmp_path))[1]
    assert (mark.images, mark.features, mark.network) == (7, 5, "mean of pixels")
    assert not list((tmp_path / "_staging").glob("*"))
    assert extract(spark, tmp_path).notes[0].startswith("extracted 0 of 3 shards")


@pytest.mark.parametrize(
    ("n_photos", "message"),
    [(1, r"shards failed.*died on more than 2 of its 4 photographs"), (0, "died on each photograph of shard 0 that")],
)
def test_many_photographs_that_kill_workers_are_not_quarantined(
    n_photos: int, message: str, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if n_photos:
        monkeypatch.setattr(quarantine, "MAX_CRASHED", 2)
    photos = write_photos(tmp_path / "a", n_photos) + write_poison(tmp_path, "x.png", "y.png", "z.png")
    write_index(spark, tmp_path, [photos])
    with pytest.raises(RunFailed, match=message):
        extract(spark, tmp_path)
    assert marked(tmp_path) == {}
    assert not list((tmp_path / "_staging").glob("*"))
    if n_photos:
        assert "died on more than 2" in ledger.read_failures(str(tmp_path))[0]


def test_killed_run_goes_on_where_it_was(spark: SparkSession, tmp_path: Path) -> None:
    """kill -9 of driver, JVM and workers in the middle; the rerun computes the unfinished shards and nothing else."""
    photos = write_photos(tmp_path / "photos", 24)
    groups = [photos[i : i + 4] for i in range(0, 24, 4)]
    for name in ("killed", "undisturbed"):
        write_index(spark, tmp_path / name, groups)
    log = tmp_path / "batches.log"
    program = Path(__file__).with_name("interrupted_extraction.py")
    with subprocess.Popen(
        [sys.executable, str(program), str(tmp_path / "killed"), str(log)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        deadline = time.monotonic() + 120
        while len(marked(tmp_path / "killed")) < 2 and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    before = marked(tmp_path / "killed")
    assert 2 <= len(before) < 6
    again = tmp_path / "again.log"  # a worker outlives the kill by a moment, and may still write to the first
    extract(spark, tmp_path / "killed", network=pixel_network(log=str(again)))
    after = marked(tmp_path / "killed")
    assert {shard for shard in before if after[shard] == before[shard]} == set(before)
    assert len(again.read_text(encoding="utf-8").splitlines()) == 6 - len(before)  # a batch a shard
    extract(spark, tmp_path / "undisturbed")
    for actual, expected in zip(tables(tmp_path / "killed"), tables(tmp_path / "undisturbed"), strict=True):
        pd.testing.assert_frame_equal(actual, expected)
    assert not list((tmp_path / "killed" / "_staging").glob("extracted-*"))


def test_stage_gives_the_features_of_vgg16(spark: SparkSession, tmp_path: Path) -> None:
    """The real network in a real worker, float32, against the model in this process."""
    photos = [DATA / "photos" / f"{name}.jpg" for name in ("lund_01", "lund_02", "mapillary_05")]
    write_index(spark, tmp_path, [photos])
    report = stage.run(spark, run_config(tmp_path, precision="float32", batch_size=2, device="cpu"))
    model = VGG16.build("float32")
    assign(model, random_weights(1, VGG16))
    images = [VGG16.preprocess(decode(photo.read_bytes(), max_pixels=10**8)) for photo in photos]
    expected = model.predict_on_batch(np.stack(images))
    actual = np.stack(tables(tmp_path)[0]["features"])
    assert np.abs(actual - expected).max() < 1e-5 * np.abs(expected).max()
    assert any("float32, batches of 2" in note for note in report.notes)
    assert not list((tmp_path / "_staging").glob("*"))

    write_index(spark, tmp_path / "on_gpu", [photos])
    with pytest.raises(RunRefused, match="features.device is gpu, and tensorflow sees none"):
        stage.run(spark, run_config(tmp_path / "on_gpu", precision="float32", device="gpu"))


def test_stage_gives_the_features_of_a_saved_model(spark: SparkSession, tmp_path: Path) -> None:
    """A layer of a `.keras` file, photographs scaled with anti-aliasing; both are in the mark."""
    import keras

    images = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(keras.layers.Rescaling(2.0)(images))
    model = keras.Model(images, keras.layers.Dense(5, activation="relu", name="head")(pooled))
    model.save(tmp_path / "own.keras")
    photos = [DATA / "photos" / f"{name}.jpg" for name in ("lund_01", "lund_02")]
    write_index(spark, tmp_path, [photos])
    values = {"backbone": str(tmp_path / "own.keras"), "weights": str(tmp_path / "own.keras"), "layer": "head"}
    config = run_config(tmp_path, precision="float32", device="cpu", batch_size=2)
    config = config.model_copy(update={"features": config.features.model_copy(update={**values, "antialias": True})})
    stage.run(spark, config)
    means = [
        scaled_centre_crop(16).antialiased()(decode(photo.read_bytes(), max_pixels=10**8)).mean(axis=(0, 1))
        for photo in photos
    ]
    kernel, bias = model.get_layer("head").get_weights()
    assert np.allclose(np.stack(tables(tmp_path)[0]["features"]), 2 * np.stack(means) @ kernel + bias, atol=1e-2)
    settings = ledger.read_marks(str(tmp_path))[0].settings
    assert settings["layer"] == "head before its activation"
    assert settings["preprocessing"] == "rgb 0 to 255, 16, bilinear with anti-aliasing, 1"
    for changed, message in (
        ({"antialias": False}, "preprocessing was rgb 0 to 255, 16, bilinear with anti-aliasing, 1, is .*without"),
        ({"activation": True}, "layer was head before its activation, is head"),
    ):
        other = config.model_copy(update={"features": config.features.model_copy(update=changed)})
        with pytest.raises(RunRefused, match=message):
            stage.run(spark, other)
