"""Photographs in archives, and in a column of a Parquet file, give what the same files give."""

from __future__ import annotations

import io
import tarfile
import threading
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pixel_network import SIZE, features_of, pixel_network, run_config, write_photos

from paths import DATA
from streetdeciles.archives import reading
from streetdeciles.archives.damage import MemberTooLarge
from streetdeciles.archives.members import list_members
from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.config import ImagesConfig
from streetdeciles.extraction import contents, preparing
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.extracted import SCHEMA
from streetdeciles.extraction.network import Network
from streetdeciles.extraction.panorama import PanoramaViews
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.extraction.preparing import Preparation
from streetdeciles.features import stage as features_stage
from streetdeciles.images import stage as images_stage
from streetdeciles.parallel import Parallelism

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PREPARATION = Preparation(scaled_centre_crop(SIZE), max_pixels=10**7, threads=3, store="float32")

FILES = sorted(
    path for folder in ("photos", "difficult_images") for path in (DATA / folder).iterdir() if path.name != "LICENSE"
)[::2]


def made(path: Path) -> Path:
    if path.suffix == ".zip":
        way = zipfile.ZIP_STORED if path.stem == "stored" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", way) as archive:
            for file in FILES:
                archive.write(file, f"deep/{file.name}")
    else:
        with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as tar:
            for file in FILES:
                tar.add(file, f"./deep/{file.name}")
    return path


MEANS = Network(lambda pictures: pictures.images().mean(axis=(1, 2)), 4, "test")


def extracted(
    rows: list[tuple[Any, ...]], preparation: Preparation = PREPARATION, network: Network = MEANS
) -> dict[str, tuple[Any, ...]]:
    """(kind, features, reason, detail) by image_id."""
    columns = zip(*[(0, name, name, int(name[-1] == "1"), *place) for name, *place in rows], strict=True)
    kinds = {"shard": "int32", "image_id": "string", "location_id": "string", "view": "int8", "uri": "string"}
    kinds |= {"member": "string", "offset": "int64", "length": "int64"}
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds.values(), strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, [*kinds])
    actual = pa.Table.from_batches([*extract([batch], network, preparation)], SCHEMA).to_pylist()
    rows_out = [row for row in actual if row["kind"] != "statistics"]
    return {
        row["image_id"]: (row["kind"], tuple(row["features"] or ()), row["reason"], row["detail"]) for row in rows_out
    }


def members_of(path: Path) -> list[tuple[Any, ...]]:
    return [(Path(m.name or "").name, str(path), m.name, m.offset, m.length) for m in list_members(str(path))]


@pytest.fixture(scope="module")
def as_files() -> dict[str, tuple[Any, ...]]:
    return extracted([(path.name, str(path), None, None, None) for path in FILES])


class HeldBack(io.FileIO):
    """An archive whose second half comes only after the first photographs have been computed."""

    def __init__(self, path: str, computed: threading.Event) -> None:
        super().__init__(path)
        self.computed = computed

    def readinto(self, buffer: Any) -> int:
        if self.tell() > Path(str(self.name)).stat().st_size // 2:
            assert self.computed.wait(60), "nothing was computed before the archive had been read"
        return super().readinto(buffer)


def test_compressed_tar_is_decoded_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = []
    for i, noise in enumerate(np.random.default_rng(0).integers(0, 256, (60, 60, 60, 3), dtype=np.uint8)):
        photos.append(tmp_path / f"{i:02d}.png")
        Image.fromarray(noise).save(photos[-1])
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as tar:
        for photo in photos:
            tar.add(photo, photo.name)
    computed = threading.Event()
    monkeypatch.setattr(reading, "open_file", lambda uri: HeldBack(uri, computed))

    def compute(pictures: Pictures) -> np.ndarray:
        computed.set()
        means: np.ndarray = pictures.images().mean(axis=(1, 2))
        return means

    rows = extracted(members_of(tmp_path / "x.tgz"), network=Network(compute, 4, "test"))
    assert {name: row[0] for name, row in rows.items()} == {photo.name: "feature" for photo in photos}


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "stored.zip", "deflated.zip"])
def test_members_give_the_features_and_rejects_of_the_files(
    name: str, as_files: dict[str, tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = members_of(made(tmp_path / name))
    opened = []
    monkeypatch.setattr(reading.MemberReader, "_open", _counted(reading.MemberReader._open, opened))
    actual = extracted(rows)
    assert actual == as_files
    assert {kind for kind, *_ in actual.values()} == {"feature", "reject"}
    assert len(opened) == (1 if name in ("x.tar.gz", "deflated.zip") else 0)  # streamed once, or read by ranges


def _counted(method: Any, calls: list[Any]) -> Any:
    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments[-1])
        return method(*arguments, **named)

    return counted


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "stored.zip", "deflated.zip"])
def test_archive_damaged_after_it_was_listed_gives_rejects(
    name: str, as_files: dict[str, tuple[Any, ...]], tmp_path: Path
) -> None:
    path = made(tmp_path / name)
    rows = members_of(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    actual = extracted(rows)
    assert set(actual) == set(as_files)
    damaged = [image_id for image_id, (_, _, reason, _) in actual.items() if reason == "archive_damaged"]
    assert damaged
    assert {key: value for key, value in actual.items() if key not in damaged} == {
        key: value for key, value in as_files.items() if key not in damaged
    }
    if name != "deflated.zip":  # its directory is at its end
        assert len(damaged) < len(actual)
    path.unlink()
    assert {reason for _, _, reason, _ in extracted(rows).values()} == {"missing"}


def test_member_larger_than_any_picture_is_not_read(tmp_path: Path) -> None:
    most = 8 * PREPARATION.max_pixels
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", b"not a picture")
    rows: list[tuple[Any, ...]] = [("a.jpg", str(tmp_path / "x.zip"), "a.jpg", None, most + 1)]
    rows += [("b.jpg", str(tmp_path / "x.tar"), "b.jpg", 0, most + 1)]
    actual = extracted(rows)
    assert {(reason, detail) for _, _, reason, detail in actual.values()} == {("too_large", f"more than {most} bytes")}


def test_features_do_not_depend_on_the_order_of_members(as_files: dict[str, tuple[Any, ...]], tmp_path: Path) -> None:
    rows = members_of(made(tmp_path / "x.tar.gz"))
    order = np.random.default_rng(1).permutation(len(rows))[:12]
    actual = extracted([rows[i] for i in order])
    assert actual == {key: as_files[key] for key in actual}


@pytest.mark.parametrize("step", [1, -1])
def test_parquet_rows_give_the_features_and_rejects_of_the_files(
    step: int, as_files: dict[str, tuple[Any, ...]], tmp_path: Path
) -> None:
    path = tmp_path / "x.parquet"
    contents = [file.read_bytes() for file in FILES]
    pq.write_table(pa.table({"n": range(len(FILES)), "photo": contents}), path, row_group_size=20)
    rows = [(file.name, str(path), "photo", row, None) for row, file in enumerate(FILES)]
    assert extracted(rows[::step]) == as_files


def test_row_that_is_gone_or_holds_nothing_or_too_much_is_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"photo": [None, b"", bytes(1000)], "n": [1, 2, 3]}), path)
    reader = reading.MemberReader()
    assert [reader.read(str(path), "photo", row, None, max_bytes=10) for row in (0, 1)] == [b"", b""]
    with pytest.raises(MemberTooLarge):
        reader.read(str(path), "photo", 2, None, max_bytes=10)
    reader.close()
    rows = [(f"{column}{row}", str(path), column, row, None) for column, row in (("photo", 3), ("other", 0))]
    rows.append(("photo0", str(path), "photo", 0, None))
    assert {key: reason for key, (_, _, reason, _) in extracted(rows).items()} == {
        "photo3": "archive_damaged",
        "other0": "archive_damaged",
        "photo0": "empty",
    }


def test_damaged_parquet_file_gives_rejects(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    contents = [file.read_bytes() for file in FILES[:10]]
    pq.write_table(pa.table({"photo": contents}), path, row_group_size=5, use_dictionary=False)
    whole = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    whole[start : start + 2000] = b"?" * 2000
    path.write_bytes(whole)
    rows = [(str(row), str(path), "photo", row, None) for row in range(10)]
    actual = extracted(rows)
    assert {actual[str(row)][2] for row in range(5, 10)} == {"archive_damaged"}
    assert all(actual[str(row)][2] != "archive_damaged" for row in range(5))
    path.write_bytes(b"<html>")
    assert {reason for _, _, reason, _ in extracted(rows).values()} == {"archive_damaged"}


def test_views_of_a_panorama_are_cut_from_one_photograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = np.zeros((100, 200, 3), dtype=np.uint8)
    halves[:, 50:150, 0] = 255  # red in front, black behind
    path = tmp_path / "x.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, picture in (("p.png", halves), ("q.png", halves[:, :100])):
            Image.fromarray(picture).save(tmp_path / name)
            tar.add(tmp_path / name, name)
    rows = [(f"{name[0]}{view}", *place) for name, *place in members_of(path) for view in (0, 1)]
    opened: list[str] = []
    monkeypatch.setattr(reading.MemberReader, "_open", _counted(reading.MemberReader._open, opened))
    actual = extracted(rows, replace(PREPARATION, cut=PanoramaViews((0, 180), 90)))
    assert len(opened) == 1
    assert [actual[name][:2] for name in ("p0", "p1")] == [("feature", (255, 0, 0)), ("feature", (0, 0, 0))]
    assert {actual[name][2] for name in ("q0", "q1")} == {"not_a_panorama"}


def test_panorama_is_read_and_decoded_once_for_all_its_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = np.zeros((100, 200, 3), dtype=np.uint8)
    halves[:, 50:150, 0] = 255  # red in front, black behind
    rows = []
    for name in ("p", "q"):
        Image.fromarray(halves if name == "p" else np.roll(halves, 100, axis=1)).save(tmp_path / f"{name}.png")
        rows += [(f"{name}{view}", str(tmp_path / f"{name}.png"), None, None, None) for view in (0, 1)]
    calls: list[Any] = []
    monkeypatch.setattr(preparing, "decode", _counted(preparing.decode, calls))
    monkeypatch.setattr(contents, "read_image", _counted(contents.read_image, calls))
    actual = extracted(rows, replace(PREPARATION, cut=PanoramaViews((0, 180), 90)))
    assert len(calls) == 4  # two files, each read and decoded
    colours = {name: actual[name][1] for name in ("p0", "p1", "q0", "q1")}
    assert colours == {"p0": (255, 0, 0), "p1": (0, 0, 0), "q0": (0, 0, 0), "q1": (255, 0, 0)}


def test_archives_of_a_folder_go_through_both_stages(spark: SparkSession, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "made", 6)
    (tmp_path / "photos").mkdir()
    for name, files in (("x.tgz", photos[:4]), ("y.tar", photos[4:])):
        with tarfile.open(tmp_path / "photos" / name, "w:gz" if name == "x.tgz" else "w") as tar:
            for file in files[::-1]:
                tar.add(file, file.name)
    config = run_config(tmp_path / "work")
    source = ImagesConfig(folder=str(tmp_path / "photos"), pattern="{location_id}.png", views=1)
    images_stage.run(spark, config.model_copy(update={"images": source}))
    features_stage.extract_shards(spark, config, pixel_network(), Parallelism(tasks=1, threads=2, local=True))
    actual = pd.read_parquet(tmp_path / "work" / "features").set_index("location_id")["features"]
    assert sorted(actual.index) == [photo.stem for photo in photos]
    for photo in photos:
        np.testing.assert_allclose(actual[photo.stem], features_of(photo), atol=1e-4)
