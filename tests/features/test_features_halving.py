"""A network for which large batches do not fit into memory, with the errors that the frameworks really raise."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pixel_network import write_photos
from test_features_extraction import PREPARATION, index_batch

from streetdeciles.errors import RunFailed
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.extracted import SCHEMA
from streetdeciles.extraction.halving import HalvedBatches, is_out_of_memory
from streetdeciles.extraction.network import Network
from streetdeciles.extraction.pictures import Pictures


class Memory:
    """Computes means; TensorFlow's error for more than `room` photographs."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.batches: list[int] = []

    def __call__(self, images: np.ndarray | Pictures) -> np.ndarray:
        from tensorflow.errors import ResourceExhaustedError

        self.batches.append(len(images))
        if len(images) > self.room:
            raise ResourceExhaustedError(None, None, f"OOM when allocating tensor with shape[{len(images)},64]")
        pixels = images.images() if isinstance(images, Pictures) else images
        means: np.ndarray = pixels.mean(axis=(1, 2))
        return means


def test_halves_are_computed_and_the_size_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    images = np.random.default_rng(0).random((14, 2, 2, 3)).astype(np.float32)
    memory = Memory(room=4)
    halved = HalvedBatches(memory, 14)
    assert halved.note() == ""
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(halved(images), images.mean(axis=(1, 2)))
        assert np.array_equal(halved(images), images.mean(axis=(1, 2)))
    assert memory.batches == [14, 7, 3, 3, 3, 3, 2, 3, 3, 3, 3, 2]
    assert caplog.messages == [f"features: out of memory, going on with batches of {size}" for size in (7, 3)]
    assert halved.note() == ", computed in parts of 3 because memory did not suffice"


def test_calls_side_by_side_halve_once() -> None:
    """Both are out of memory with 2 at the same moment: the size becomes 1, and neither takes it for the end."""
    from tensorflow.errors import ResourceExhaustedError

    both = threading.Barrier(2)

    def compute(images: np.ndarray) -> np.ndarray:
        if len(images) == 2:
            both.wait(timeout=30)
            raise ResourceExhaustedError(None, None, "OOM when allocating")
        means: np.ndarray = images.mean(axis=(1, 2))
        return means

    images = np.random.default_rng(0).random((2, 2, 2, 3)).astype(np.float32)
    halved = HalvedBatches(compute, 2)
    with ThreadPoolExecutor(2) as pool:
        for features in pool.map(halved, [images, images]):
            assert np.array_equal(features, images.mean(axis=(1, 2)))
    assert halved.at_most == 1


def test_one_photograph_that_does_not_fit_stops_the_run() -> None:
    halved = HalvedBatches(Memory(room=0), 8)
    with pytest.raises(RunFailed, match=r"does not suffice for one photograph \(OOM when allocating.*device to cpu"):
        halved(np.zeros((8, 2, 2, 3), np.float32))


def test_other_errors_are_not_memory() -> None:
    def compute(images: np.ndarray) -> np.ndarray:
        raise ValueError("shapes do not fit; RESOURCE_EXHAUSTED is not why")

    with pytest.raises(ValueError, match="shapes do not fit"):
        HalvedBatches(compute, 4)(np.zeros((4, 2, 2, 3), np.float32))


def test_errors_of_the_other_frameworks_are_known() -> None:
    """By JAX's message and PyTorch's class name as their sources have them; both need not be installed."""

    class XlaRuntimeError(RuntimeError):
        pass

    class OutOfMemoryError(RuntimeError):
        pass

    assert is_out_of_memory(XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 123 bytes."))
    assert is_out_of_memory(OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert not is_out_of_memory(XlaRuntimeError("INVALID_ARGUMENT: shapes"))


def test_extraction_goes_on_and_its_statistics_say_so(tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 10)
    halved = HalvedBatches(Memory(room=2), 4)
    network = Network(halved, 4, "test", note=halved.note)
    batches = extract(iter([index_batch(paths, [0] * 10)]), network, PREPARATION)
    rows = pa.Table.from_batches(list(batches), SCHEMA).to_pylist()
    assert [row["image_id"] for row in rows[:10]] == [path.name for path in paths]
    assert {row["kind"] for row in rows[:10]} == {"feature"}
    assert json.loads(rows[10]["detail"])["network"] == "test, computed in parts of 2 because memory did not suffice"
