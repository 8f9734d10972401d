"""Listing folders, local and not, with any content."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import example, given, settings

from file_names import FILE_NAMES
from streetdeciles import listing, storage
from streetdeciles.errors import RunFailed
from streetdeciles.listing import Entry, list_batches, list_folder


def kinds(folder: Path, below: str = "") -> dict[str, str]:
    return {entry.relative: entry.kind for entry in list_folder(str(folder / below), str(folder))}


def test_files_have_their_path_and_length(tmp_path: Path) -> None:
    (tmp_path / "odd #1% ü.jpg").write_bytes(b"12345")
    path = str(tmp_path / "odd #1% ü.jpg")
    assert [*list_folder(str(tmp_path), str(tmp_path))] == [Entry(path, "odd #1% ü.jpg", path, "file", 5)]


@given(folder=FILE_NAMES, name=FILE_NAMES)
@example(folder="s3:", name="a::b.jpg")
@settings(deadline=None, max_examples=50)
def test_any_name_is_listed_and_opened_again(folder: str, name: str) -> None:
    with TemporaryDirectory() as root:
        Path(root, folder).mkdir()
        Path(root, folder, name).write_bytes(b"12345")

        (entry,) = list_folder(f"{root}/{folder}", root)

        assert entry.relative == f"{folder}/{name}"
        assert entry.uri == entry.path == f"{root}/{folder}/{name}"
        assert storage.read_bytes(entry.uri) == b"12345"


def test_relative_path_is_below_the_folder_of_photographs(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x.jpg").touch()
    assert kinds(tmp_path, "a") == {"a/b": "folder", "a/x.jpg": "file"}


def test_links_pipes_and_loops_have_their_own_kinds(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "a.jpg").touch()
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    assert kinds(tmp_path) == {
        "real": "folder",
        "a.jpg": "file",
        "linked.jpg": "file",
        "linked": "folder",
        "broken.jpg": "not_a_file",
        "up": "folder_loop",
        "pipe.jpg": "not_a_file",
    }


def test_links_that_lead_to_each_other_are_listed_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to_a").symlink_to(tmp_path / "a")
    assert kinds(tmp_path, "a") == {"a/to_b": "folder"}
    assert kinds(tmp_path, "a/to_b") == {"a/to_b/to_a": "folder_loop"}


def test_name_that_is_not_utf8_is_left_out(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9_0.jpg")).touch()
    assert kinds(tmp_path) == {"caf\\xe9_0.jpg": "name_not_utf8"}


def test_large_folder_comes_in_several_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "ROWS_PER_BATCH", 2)
    for name in "abcde":
        (tmp_path / name).touch()
    asked = pa.RecordBatch.from_pydict({"path": [str(tmp_path)]})
    batches = [*list_batches(iter([asked]), str(tmp_path))]
    assert [batch.num_rows for batch in batches] == [2, 2, 1]
    assert sorted(name for batch in batches for name in batch.column("relative").to_pylist()) == [*"abcde"]


def test_folder_of_another_file_system_gives_its_uris() -> None:
    fs = MemoryFileSystem()
    fs.pipe("/images_listing/a_0.jpg", b"123")
    fs.pipe("/images_listing/deep/b_0.jpg", b"")
    entries = {entry.relative: entry for entry in list_folder("/images_listing", "memory://images_listing")}
    path = "/images_listing/a_0.jpg"
    assert entries["a_0.jpg"] == Entry(path, "a_0.jpg", f"memory://{path}", "file", 3)
    assert entries["deep"].kind == "folder"


def test_folder_that_cannot_be_listed_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="gone: cannot be listed .No such file"):
        [*list_folder(str(tmp_path / "gone"), str(tmp_path))]
