"""What shows that an input has changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import fsspec
import pytest

from config_files import write_config
from streetdeciles import inputs
from streetdeciles.config_file import load_config


def signatures(tmp_path: Path, values: dict[str, Any], stage: str = "images") -> dict[str, str]:
    return inputs.signatures(load_config(str(write_config(tmp_path, values))), stage)


def test_small_file_is_compared_by_content(tmp_path: Path, values: dict[str, Any]) -> None:
    before = signatures(tmp_path, values, "labels")
    assert {*before} == {"labels.tables[0].path", "labels.locations"}

    os.utime(tmp_path / "locations.csv", (1, 1))
    assert signatures(tmp_path, values, "labels") == before
    (tmp_path / "locations.csv").write_text("y\n")
    os.utime(tmp_path / "locations.csv", (1, 1))
    after = signatures(tmp_path, values, "labels")
    assert [key for key in after if after[key] != before[key]] == ["labels.locations"]


def test_large_file_is_compared_by_size_and_time(
    tmp_path: Path, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_HASHED_BYTES", 1)
    os.utime(tmp_path / "locations.csv", (1, 1))
    before = signatures(tmp_path, values, "labels")

    (tmp_path / "locations.csv").write_text("y\n")
    os.utime(tmp_path / "locations.csv", (1, 1))
    assert signatures(tmp_path, values, "labels") == before
    os.utime(tmp_path / "locations.csv", (2, 2))
    assert signatures(tmp_path, values, "labels") != before


def test_weights_and_backbone_are_inputs_where_they_are_files(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "network.keras").write_bytes(b"1")
    assert signatures(tmp_path, values | {"features": {"weights": "random:1"}}, "features") == {}
    of_file = values | {"features": {"backbone": "network.keras"}}
    before = signatures(tmp_path, of_file, "features")
    assert {*before} == {"features.backbone", "features.weights"}

    (tmp_path / "network.keras").write_bytes(b"2")

    assert all(value != before[key] for key, value in signatures(tmp_path, of_file, "features").items())


@pytest.fixture
def photographs(tmp_path: Path, values: dict[str, Any]) -> Path:
    """Files in two folders, all of the same time."""
    folder = tmp_path / "photographs"
    (folder / "deep").mkdir()
    for name in ("1_0.jpg", "2_0.jpg", "deep/3_0.jpg", "deep/some.tar"):
        (folder / name).write_bytes(b"1234")
        os.utime(folder / name, (1, 1))
    for path in (folder / "deep", folder):
        os.utime(path, (1, 1))
    return folder


CHANGES = {
    "a file is added": lambda folder: (folder / "4_0.jpg").write_bytes(b""),
    "a file is removed": lambda folder: (folder / "deep" / "3_0.jpg").unlink(),
    "a file is renamed": lambda folder: (folder / "1_0.jpg").rename(folder / "5_0.jpg"),
    "two files swap their names": lambda folder: swap(folder / "1_0.jpg", folder / "deep" / "some.tar"),
    "a file grows in place": lambda folder: rewrite(folder / "deep" / "3_0.jpg", b"12345", time=1),
    "a file is overwritten": lambda folder: rewrite(folder / "deep" / "3_0.jpg", b"4321", time=2),
    "an archive grows in place": lambda folder: rewrite(folder / "deep" / "some.tar", b"12345", time=1),
}
ONLY_BY_LOOKING_AT_EACH = {"a file grows in place", "a file is overwritten"}


def swap(one: Path, other: Path) -> None:
    one.write_bytes(b"123")
    one.rename(one.with_suffix(".x"))
    other.rename(one)
    one.with_suffix(".x").rename(other)


def rewrite(path: Path, content: bytes, *, time: int) -> None:
    path.write_bytes(content)
    os.utime(path, (time, time))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("max_checked", [3, 100])
@pytest.mark.usefixtures("photographs")
def test_changes_in_a_folder_are_seen(
    tmp_path: Path, values: dict[str, Any], change: str, max_checked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_CHECKED_FILES", max_checked)
    before = signatures(tmp_path, values)
    assert signatures(tmp_path, values) == before

    CHANGES[change](tmp_path / "photographs")

    seen = signatures(tmp_path, values) != before
    assert seen or (max_checked == 3 and change in ONLY_BY_LOOKING_AT_EACH)


def test_folder_copied_with_its_times_has_the_same_signature(
    tmp_path: Path, values: dict[str, Any], photographs: Path
) -> None:
    before = signatures(tmp_path, values)
    shutil.copytree(photographs, tmp_path / "copy", copy_function=shutil.copy2)

    assert signatures(tmp_path, values | {"images": {"folder": "copy"}}) == before


def test_linked_folders_are_followed_and_loops_end(tmp_path: Path, values: dict[str, Any], photographs: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (photographs / "link").symlink_to(tmp_path / "elsewhere")
    (photographs / "up").symlink_to(photographs)
    (photographs / "broken").symlink_to(tmp_path / "nothing")
    before = signatures(tmp_path, values)

    (tmp_path / "elsewhere" / "6_0.jpg").write_bytes(b"")

    assert signatures(tmp_path, values) != before


def test_remote_files_and_folders_are_compared_by_version(tmp_path: Path, values: dict[str, Any]) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe("/inputs/models/model_card.json", b"{}")
    fs.pipe("/inputs/locations.csv", b"x")
    remote = values | {
        "labels": {**values["labels"], "locations": "memory://inputs/locations.csv"},
        "prediction": {"models": "memory://inputs/models"},
    }
    stages = ("labels", "prediction")
    before = [signatures(tmp_path, remote, stage) for stage in stages]
    assert [signatures(tmp_path, remote, stage) for stage in stages] == before

    fs.pipe("/inputs/models/model_card.json", b"[]")
    fs.pipe("/inputs/locations.csv", b"y")

    after = [signatures(tmp_path, remote, stage) for stage in stages]
    assert after[0]["labels.locations"] != before[0]["labels.locations"]
    assert after[1]["prediction.models"] != before[1]["prediction.models"]
