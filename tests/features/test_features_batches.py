"""Batches are full and in the index's order, whatever is a reject; files are read together where that pays."""

from __future__ import annotations

import asyncio
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from fsspec.asyn import AsyncFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pixel_network import write_photos
from test_features_extraction import PREPARATION, index_batch, means

from streetdeciles.archives.members import list_members
from streetdeciles.extraction import batching, preparing
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.extracted import SCHEMA, Row
from streetdeciles.extraction.network import Network
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.extraction.ranges import ranges, read_together


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_photos(tmp_path_factory.mktemp("photos"), 40)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.booleans(), min_size=1, max_size=40),
    st.integers(1, 9),
    st.integers(1, 3),
    st.lists(st.integers(0, 3), min_size=40, max_size=40).map(sorted),
)
def test_network_gets_full_batches_in_order(
    photos: list[Path], good: list[bool], batch_size: int, at_a_time: int, shards: list[int]
) -> None:
    paths = [photos[i] if is_good else photos[i].with_name(f"gone{i}") for i, is_good in enumerate(good)]
    calls: list[int] = []

    def compute(pictures: Pictures) -> np.ndarray:
        calls.append(int((pictures.images()[:, 0, 0, 2] > 6).sum()))  # blue is 7, and padding is black
        return means(pictures)

    network = Network(compute, batch_size, "test", at_a_time)
    out = list(extract(iter([index_batch(paths, shards[: len(paths)])]), network, PREPARATION))
    rows = pa.Table.from_batches(out, SCHEMA).to_pylist()
    kept = [path.name for path in paths if path in photos]
    assert [row["image_id"] for row in rows if row["kind"] == "feature"] == kept
    assert [row["image_id"] for row in rows if row["kind"] == "reject"] == [p.name for p in paths if p not in photos]
    reds = [round(row["features"][0]) for row in rows if row["kind"] == "feature"]
    assert reds == [int(name[6:9]) for name in kept]  # each photograph has the features of its own picture
    assert sorted(calls, reverse=True) == [batch_size] * (len(kept) // batch_size) + [
        n for n in [len(kept) % batch_size] if n
    ]


def members_of(path: Path) -> list[Row]:
    return [
        Row(str(i), "", 0, str(path), member.name, member.offset, member.length, 0)
        for i, member in enumerate(list_members(str(path)))
    ]


def test_neighbouring_members_are_one_range(photos: list[Path], tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for photo in photos[:5]:
            tar.add(photo, photo.name)
    rows = members_of(tmp_path / "x.tar")
    (whole,) = ranges(rows)
    assert (whole.start, whole.end) == (rows[0].offset, (rows[-1].offset or 0) + (rows[-1].length or 0))
    assert [len(part.rows) for part in ranges([rows[0], rows[4], rows[1]])] == [1, 1, 1]  # not in the file's order
    assert read_together(rows, 10**6) == [photo.read_bytes() for photo in photos[:5]]


def test_members_of_a_cut_archive_are_left_to_be_read_alone(photos: list[Path], tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for photo in photos[:5]:
            tar.add(photo, photo.name)
    rows = members_of(tmp_path / "x.tar")
    content = (tmp_path / "x.tar").read_bytes()
    (tmp_path / "x.tar").write_bytes(content[: (rows[4].offset or 0) + 3])
    assert read_together(rows, 10**6) == [None] * 5
    batch = index_batch([photos[0]] * 5, [0] * 5)
    columns = {name: batch.column(name) for name in batch.schema.names}
    columns |= {
        "image_id": pa.array([row.image_id for row in rows]),
        "uri": pa.array([row.uri for row in rows]),
        "member": pa.array([row.member for row in rows]),
        "offset": pa.array([row.offset for row in rows]),
        "length": pa.array([row.length for row in rows]),
    }
    out = list(extract(iter([pa.RecordBatch.from_pydict(columns)]), Network(means, 2, "test"), PREPARATION))
    made = pa.Table.from_batches(out, SCHEMA).to_pylist()
    assert sorted(row["image_id"] for row in made if row["kind"] == "feature") == ["0", "1", "2", "3"]
    assert [row["reason"] for row in made if row["kind"] == "reject"] == ["archive_damaged"]


class TogetherFileSystem(AsyncFileSystem):
    """Local files; requests are answered once `together` of them wait at a time, or fail after 20 s."""

    protocol = "together"
    cachable = False
    together = 16
    waiting = 0
    unanswered = 0
    answer: asyncio.Event | None = None

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: object) -> bytes:
        kind = TogetherFileSystem
        kind.answer = kind.answer or asyncio.Event()
        kind.waiting += 1
        if kind.waiting >= kind.together:
            kind.answer.set()
        try:
            await asyncio.wait_for(kind.answer.wait(), 20)
        except TimeoutError:
            kind.unanswered += 1
            raise
        finally:
            kind.waiting -= 1
        return Path(self._strip_protocol(path)).read_bytes()[start:end]

    async def _info(self, path: str, **_: object) -> dict[str, object]:
        return {"name": path, "size": Path(self._strip_protocol(path)).stat().st_size, "type": "file"}


def test_requests_for_remote_files_are_in_flight_together(photos: list[Path]) -> None:
    """Batches of 2 in one thread, so few photographs have a place yet; 16 requests wait for each other all the same."""
    fsspec.register_implementation("together", TogetherFileSystem, clobber=True)
    batch = index_batch(photos, [0] * len(photos))
    columns = {name: batch.column(name) for name in batch.schema.names}
    batch = pa.RecordBatch.from_pydict({**columns, "uri": pa.array([f"together://{photo}" for photo in photos])})
    out = list(extract(iter([batch]), Network(means, 2, "test"), PREPARATION))
    rows = pa.Table.from_batches(out, SCHEMA).to_pylist()
    assert [row["image_id"] for row in rows if row["kind"] == "feature"] == [photo.name for photo in photos]
    assert TogetherFileSystem.unanswered == 0


def test_files_read_ahead_are_bounded_by_their_bytes(photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each photograph had half of the bytes that may be ahead: at most two are read and not yet computed."""
    monkeypatch.setattr(batching, "BYTES_AHEAD", 2)
    monkeypatch.setattr(preparing, "ROWS_PER_CHUNK", 1)
    monkeypatch.setattr(batching, "_n_bytes", len)
    taken, computed, furthest = 0, 0, 0
    lock = threading.Lock()

    def rows() -> Iterator[pa.RecordBatch]:
        nonlocal taken, furthest
        for photo in photos:
            with lock:
                taken += 1
                furthest = max(furthest, taken - computed)
            yield index_batch([photo], [0])

    def compute(pictures: Pictures) -> np.ndarray:
        nonlocal computed
        features = means(pictures)
        with lock:
            computed += len(features)
        return features

    n = sum(batch.num_rows for batch in extract(rows(), Network(compute, 1, "test"), PREPARATION))
    assert n == len(photos) + 1
    assert furthest <= 2 + 1 + 2  # two ahead, one that is looked at to cut the chunk, two with the network
