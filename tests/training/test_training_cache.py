"""The training set on local disk: what is written is read, and locations that cannot be learned from are named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.training.cache import cache_rows
from streetdeciles.training_set.columns import TrainingSetShape

SHAPE = TrainingSetShape(rows=6, views=2, feature_size=3, outcomes=("imd", "imd_crime"))


def batches() -> list[dict[str, np.ndarray]]:
    rows = np.arange(6)
    whole: dict[str, Any] = {
        "row_number": rows,
        "location_id": np.array([f"L{i}" for i in rows], object),
        "region": np.array(["south", "north"] * 3, object),
        "unit": np.array(["b", "d", "a", "c", "b", "d"], object),
        "features": np.arange(36, dtype=np.float32).reshape(6, 2, 3),
        "view_mask": np.array([[True, i % 2 == 0] for i in rows]),
        "fold": (rows % 3).astype(np.int32),
        "block": np.array([3, 1, 2, 0, 3, 1], np.int32),
        "buffer_of": np.array(["", "0 2", "", "2", "", "0 2"], object),
        "imd": np.array([1, 2, 3, 0, 5, 6], np.int8),
        "imd_crime": np.array([10, 9, 8, 7, 6, 0], np.int8),
    }
    # the second half comes first, because no order is promised
    return [{name: values[part].copy() for name, values in whole.items()} for part in (slice(3, 6), slice(0, 3))]


def test_each_row_is_at_its_row_number(tmp_path: Path) -> None:
    rows = cache_rows(batches(), SHAPE, tmp_path, dtype="float32")
    np.testing.assert_array_equal(rows.features, np.arange(36, dtype=np.float32).reshape(6, 2, 3))
    np.testing.assert_array_equal(rows.fold, [0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(rows.view_mask[:, 1], [True, False] * 3)
    np.testing.assert_array_equal(rows.deciles, [[1, 10], [2, 9], [3, 8], [0, 7], [5, 6], [6, 0]])
    assert isinstance(rows.features, np.memmap)
    assert len(rows) == 6


def test_areas_are_numbered_by_region_and_name(tmp_path: Path) -> None:
    rows = cache_rows(batches(), SHAPE, tmp_path, dtype="float32")
    # (north, c), (north, d), (south, a), (south, b)
    np.testing.assert_array_equal(rows.area, [3, 1, 2, 0, 3, 1])


def test_areas_keep_their_region_block_and_buffers(tmp_path: Path) -> None:
    units = cache_rows(batches(), SHAPE, tmp_path, dtype="float32").units
    assert units is not None
    assert units.region.tolist() == [0, 0, 1, 1]
    assert units.block.tolist() == [0, 1, 2, 3]
    assert {fold: areas.tolist() for fold, areas in units.in_buffer.items()} == {
        0: [False, True, False, False],
        2: [True, True, False, False],
    }


def test_the_fingerprint_depends_on_every_column(tmp_path: Path) -> None:
    def fingerprint(changed: list[dict[str, np.ndarray]]) -> str:
        return cache_rows(changed, SHAPE, tmp_path, dtype="float32").fingerprint

    same = fingerprint(batches())
    assert fingerprint(batches()[::-1]) == same
    fingerprints = {same}
    for name in ("features", "view_mask", "fold", "imd", "block"):
        other = batches()
        other[1][name].flat[0] = not other[1][name].flat[0]
        fingerprints.add(fingerprint(other))
    assert len(fingerprints) == 6


def test_float16_takes_half_the_space(tmp_path: Path) -> None:
    rows = cache_rows(batches(), SHAPE, tmp_path, dtype="float16")
    assert rows.features.dtype == np.float16
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 36 * 2


@pytest.mark.parametrize(
    ("dtype", "spoil", "match"),
    [
        (
            "float32",
            lambda batch: batch["features"].__setitem__((1, 0, 2), np.nan),
            "location_id L4 .* NaN or infinite",
        ),
        ("float32", lambda batch: batch["features"].__setitem__((0, 1, 0), -np.inf), "location_id L3 "),
        ("float16", lambda batch: batch["features"].__setitem__((2, 0, 0), 1e6), "location_id L5 .* in float16"),
        ("float32", lambda batch: batch["view_mask"].__setitem__(2, False), "location_id L5 has no view"),
    ],
)
def test_a_location_that_cannot_be_learned_from_is_named(
    dtype: Any, spoil: Callable[[dict[str, np.ndarray]], None], match: str, tmp_path: Path
) -> None:
    spoilt = batches()
    spoil(spoilt[0])
    with pytest.raises(RunRefused, match=match):
        cache_rows(spoilt, SHAPE, tmp_path, dtype=dtype)


def test_missing_rows_fail(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="read 3 rows, expected 6"):
        cache_rows(batches()[:1], SHAPE, tmp_path, dtype="float32")


def test_too_little_disk_space_fails_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(RunFailed, match="needs 0.0 GB and 0.0 GB are free; .*float16"):
        cache_rows(iter(()), SHAPE, tmp_path, dtype="float32")
