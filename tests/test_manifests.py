"""The files of a run as they were written, and as they are."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles import storage
from streetdeciles.manifests import WrittenFile, damaged_files, differences, find_files, make_manifest


@pytest.fixture(params=["disk", "disk [1] :: 12:30", "memory"])
def work_dir(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """With a table of one Parquet file, a neighbour whose name begins alike, and a file."""
    uri = "memory://manifests/out" if request.param == "memory" else str(tmp_path / request.param)
    storage.remove(uri)
    for name in ("table/part-0.parquet", "table/deep/_common_metadata", "table_2/part-0.parquet", "report.html"):
        storage.write_bytes(storage.join(uri, name), b"content")
    file = BytesIO()
    pq.write_table(pa.table({"x": [1, 2, 3]}), file)
    storage.write_bytes(storage.join(uri, "table/part-0.parquet"), file.getvalue())
    for name in (".part-0.parquet.crc", "_SUCCESS", ".spark-staging-1/part-0.parquet", "x.abc.unfinished"):
        storage.write_bytes(storage.join(uri, "table", name), b"")
    return uri


def test_manifest_has_sizes_checksums_and_rows_but_no_hidden_files(work_dir: str) -> None:
    content = storage.read_bytes(storage.join(work_dir, "table/part-0.parquet"))
    expected = {
        "report.html": WrittenFile(7, hashlib.sha256(b"content").hexdigest(), None),
        "table/deep/_common_metadata": WrittenFile(7, hashlib.sha256(b"content").hexdigest(), None),
        "table/part-0.parquet": WrittenFile(len(content), hashlib.sha256(content).hexdigest(), 3),
    }
    names = ["table", "report.html", "training_set.h5"]

    assert make_manifest(work_dir, [*names[:2]], known={"report.html"}).keys() == expected.keys() - {"report.html"}
    assert find_files(work_dir, names) == {path: written.bytes for path, written in expected.items()}
    manifest = make_manifest(work_dir, names)
    assert manifest == expected
    assert [*differences(manifest, find_files(work_dir, names))] == []
    assert [*damaged_files(manifest, work_dir)] == []


@settings(deadline=None, max_examples=30)
@given(position=st.integers(0, 6), bit=st.integers(0, 7))
def test_any_flipped_bit_is_damage(position: int, bit: int) -> None:
    work_dir = "memory://manifests/flipped"
    storage.write_bytes(storage.join(work_dir, "report.html"), b"content")
    manifest = make_manifest(work_dir, ["report.html"])
    content = bytearray(b"content")
    content[position] ^= 1 << bit

    storage.write_bytes(storage.join(work_dir, "report.html"), bytes(content))

    assert [*differences(manifest, find_files(work_dir, ["report.html"]))] == []
    assert [*damaged_files(manifest, work_dir)] == [("report.html", "has other content than was written")]


def test_file_that_cannot_be_read_is_named(work_dir: str) -> None:
    manifest = make_manifest(work_dir, ["report.html"])
    storage.remove(storage.join(work_dir, "report.html"))

    ((path, what),) = damaged_files(manifest, work_dir)

    assert path == "report.html"
    assert what.startswith("cannot be read (")


def test_differences_name_what_is_gone_cut_and_strange() -> None:
    manifest = {name: WrittenFile(1000, "") for name in ("t/a", "t/b", "t/c")}

    actual = dict(differences(manifest, {"t/a": 1000, "t/b": 7, "t/d": 1000, "t/_committed_1": 3}))

    assert actual == {
        "t/b": "has 7 bytes instead of 1,000",
        "t/c": "is missing",
        "t/d": "was not written by this stage",
    }
