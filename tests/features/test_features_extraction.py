"""The core without Spark: all that goes in comes out, in order, in bounded memory, whatever the batches are."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pixel_network import SIZE, features_of, write_photos

from paths import DATA
from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.errors import RunFailed
from streetdeciles.extraction import preparing
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.decoding import decode
from streetdeciles.extraction.extracted import SCHEMA
from streetdeciles.extraction.network import Network
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.extraction.preparing import Preparation

PREPARATION = Preparation(scaled_centre_crop(SIZE), max_pixels=10**7, threads=3, store="float32")


def means(pictures: Pictures) -> np.ndarray:
    return pictures.images().mean(axis=(1, 2))


def index_batch(paths: Sequence[Path], shards: Sequence[int]) -> pa.RecordBatch:
    n = len(paths)
    return pa.RecordBatch.from_pydict(
        {
            "shard": pa.array(shards, pa.int32()),
            "image_id": [path.name for path in paths],
            "location_id": [path.stem for path in paths],
            "view": pa.array([2] * n, pa.int8()),
            "uri": [str(path) for path in paths],
            "member": pa.nulls(n, pa.string()),
            "offset": pa.nulls(n, pa.int64()),
            "length": pa.array([path.stat().st_size if path.is_file() else None for path in paths], pa.int64()),
        }
    )


def run(
    paths: Sequence[Path], shards: Sequence[int] | None = None, *, batch_size: int = 4, **changes: Any
) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """(features and rejects as they came out, statistics by shard)."""
    preparation = Preparation(**{**vars(PREPARATION), **changes})
    batches = iter([index_batch(paths, shards or [0] * len(paths))])
    out = list(extract(batches, Network(means, batch_size, "test"), preparation))
    assert all(batch.schema == SCHEMA for batch in out)
    rows = pa.Table.from_batches(out, SCHEMA).to_pylist()
    statistics = {row["shard"]: json.loads(row["detail"]) for row in rows if row["kind"] == "statistics"}
    return [row for row in rows if row["kind"] != "statistics"], statistics


def test_features_come_in_the_order_of_the_index(tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 10)
    rows, statistics = run(paths)
    assert [row["image_id"] for row in rows] == [path.name for path in paths]
    assert {row["kind"] for row in rows} == {"feature"}
    for path, row in zip(paths, rows, strict=True):
        assert np.allclose(row["features"], features_of(path))
    assert rows[3]["location_id"] == "photo_003"
    assert rows[3]["view"] == 2
    assert statistics[0]["images"] == statistics[0]["features"] == 10
    assert statistics[0]["network"] == "test"


def test_features_and_rejects_add_up_to_the_index(tmp_path: Path) -> None:
    good = write_photos(tmp_path, 5)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "page.jpg").write_text("<html>", encoding="utf-8")
    bad = [tmp_path / "empty.jpg", tmp_path / "page.jpg", tmp_path / "gone.jpg", tmp_path]
    rows, statistics = run([*good[:2], *bad, *good[2:]], [0] * 6 + [1] * 3)
    assert {row["image_id"]: row["reason"] for row in rows if row["kind"] == "reject"} == {
        "empty.jpg": "empty",
        "page.jpg": "not_an_image",
        "gone.jpg": "missing",
        tmp_path.name: "not_an_image",
    }
    assert sum(row["kind"] == "feature" for row in rows) == 5
    assert statistics[0]["images"] == 6
    assert statistics[0]["features"] == 2
    assert statistics[0]["rejects"] == {"empty": 1, "not_an_image": 2, "missing": 1}
    assert statistics[1]["images"] == statistics[1]["features"] == 3
    assert statistics[1]["rejects"] == {}


def test_every_difficult_image_is_a_feature_or_a_reject() -> None:
    paths = sorted((DATA / "difficult_images").iterdir())
    rows, statistics = run(paths)
    assert sorted(row["image_id"] for row in rows) == [path.name for path in paths]
    assert statistics[0]["features"] + sum(statistics[0]["rejects"].values()) == len(paths) == 42


@pytest.mark.parametrize("batch_size", [1, 3, 8, 64])
def test_network_always_gets_full_batches_of_one_shape(batch_size: int, tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 10)
    shapes = []

    def compute(pictures: Pictures) -> np.ndarray:
        shapes.append(pictures.images().shape)
        return means(pictures)

    out = extract(iter([index_batch(paths, [0] * 10)]), Network(compute, batch_size, "test"), PREPARATION)
    table = pa.Table.from_batches(list(out), SCHEMA)
    assert set(shapes) == {(batch_size, SIZE, SIZE, 3)}
    assert len(shapes) == -(-10 // batch_size)
    assert table["features"].to_pylist()[:10] == [row["features"] for row in run(paths)[0]]


def test_network_calls_run_side_by_side_and_their_rows_stay_in_order(tmp_path: Path) -> None:
    """Three calls wait for one another, and the first of them for the other two; one by one they would time out."""
    paths = write_photos(tmp_path, 12)
    together = threading.Barrier(3)
    finished = threading.Semaphore(0)
    calls = count()

    def compute(pictures: Pictures) -> np.ndarray:
        number = next(calls)
        together.wait(timeout=30)
        if number % 3:
            finished.release()
        else:
            assert finished.acquire(timeout=30)
            assert finished.acquire(timeout=30)
        return means(pictures)

    out = list(extract(iter([index_batch(paths, [0] * 12)]), Network(compute, 2, "test", at_a_time=3), PREPARATION))
    rows = pa.Table.from_batches(out, SCHEMA).to_pylist()
    assert [row["features"] for row in rows[:12]] == [row["features"] for row in run(paths)[0]]
    assert json.loads(rows[12]["detail"])["features"] == 12


def test_photographs_are_decoded_while_the_network_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch takes until the next one is decoded, so one after the other they would take for ever."""
    decoded, n_decoded = threading.Condition(), 0
    computed: list[int] = []

    def counted(content: bytes, **options: Any) -> np.ndarray:
        nonlocal n_decoded
        with decoded:
            n_decoded += 1
            decoded.notify_all()
        return decode(content, **options)

    def compute(pictures: Pictures) -> np.ndarray:
        computed.append(len(pictures))
        with decoded:
            assert decoded.wait_for(lambda: n_decoded >= min(20, sum(computed) + 4), timeout=30)
        return means(pictures)

    monkeypatch.setattr(preparing, "decode", counted)
    paths = write_photos(tmp_path, 20)
    out = list(extract(iter([index_batch(paths, [0] * 20)]), Network(compute, 4, "test"), PREPARATION))
    assert sum(batch.num_rows for batch in out) == 21
    assert computed == [4] * 5


def test_many_rejects_are_handed_out_before_the_end(tmp_path: Path) -> None:
    rows = [index_batch([tmp_path / "gone.jpg"], [0]) for _ in range(300)]
    taken = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal taken
        for row in rows:
            taken += 1
            yield row

    first = next(extract(counted(), Network(means, 4, "test"), PREPARATION))
    assert first.num_rows == 64
    assert taken < 100


def test_only_a_few_batches_are_prepared_ahead(tmp_path: Path) -> None:
    """While the network takes its time, reading stops: two batches in it, one being filled, two in the queue."""
    paths = write_photos(tmp_path, 200)
    batch_size, taken, computed, furthest = 4, 0, 0, 0

    def rows() -> Iterator[pa.RecordBatch]:
        nonlocal taken
        for path in paths:
            taken += 1
            yield index_batch([path], [0])

    def compute(pictures: Pictures) -> np.ndarray:
        nonlocal computed, furthest
        time.sleep(0.01)
        furthest = max(furthest, taken - computed)
        computed += batch_size
        return means(pictures)

    n = sum(batch.num_rows for batch in extract(rows(), Network(compute, batch_size, "test"), PREPARATION))
    assert n == 201
    assert furthest <= 5 * batch_size + PREPARATION.threads


def test_unreadable_file_fails_its_shard_only(tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 60)
    (tmp_path / "x.jpg").symlink_to("/proc/self/mem")  # a file, and reading it is an input/output error
    rows, statistics = run([*paths[:2], tmp_path / "x.jpg", *paths[2:]], [0] * 50 + [1] * 11, pauses_s=(0.0, 0.0))
    assert "x.jpg: cannot be read, after 3 attempts" in statistics[0]["failure"]
    assert statistics[0]["images"] == 50
    assert statistics[0]["features"] < 30  # the rest was left
    assert statistics[1]["failure"] == ""
    assert sum(row["shard"] == 1 for row in rows) == statistics[1]["features"] == 11


def test_half_precision_is_stored_as_rounded_numbers(tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 3)
    exact, _ = run(paths)
    stored, _ = run(paths, store="float16")
    for one, other in zip(exact, stored, strict=True):
        assert other["features"] == np.float16(one["features"]).astype(np.float32).tolist()


def test_features_that_are_not_numbers_stop_the_run(tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 3)

    def compute(pictures: Pictures) -> np.ndarray:
        features = means(pictures)
        features[1] = 1e30
        return features

    network = Network(compute, 4, "test")
    preparation = Preparation(**{**vars(PREPARATION), "store": "float16"})
    with pytest.raises(RunFailed, match="photo_001.png: its features are not finite numbers in float16"):
        list(extract(iter([index_batch(paths, [0] * 3)]), network, preparation))


def test_threads_end_with_the_extraction_even_when_it_is_left(tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 50)
    before = threading.active_count()
    left = extract(iter([index_batch(paths, [0] * 50)]), Network(means, 4, "test"), PREPARATION)
    next(left)
    left.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_no_rows_give_no_rows() -> None:
    assert [batch.num_rows for batch in extract(iter([]), Network(means, 4, "test"), PREPARATION)] == [0]
