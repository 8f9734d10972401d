"""Archives in the folder of photographs: their members are indexed or left out, like files."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from test_images_stage import config_of, read, written

from streetdeciles.config import ImagesConfig, Panorama
from streetdeciles.images.stage import run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def tar_of(path: Path, *names: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))


def test_members_are_indexed_or_left_out_with_their_reason(spark: SparkSession, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    folder = written(photos, "a_0.jpg", "sub/._x.zip")
    tar_of(photos / "one.tar", "./a_0.jpg", "a_1.jpg", "deep/a_2.jpg", "../a_3.jpg", "readme.txt", "a_1.jpg", "a_9.jpg")
    tar_of(photos / "sub" / "two.tar.gz", "b_0.jpg", "b_1.jpg")
    with zipfile.ZipFile(photos / "three.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b_1.jpg", b"another")
        archive.writestr("b_2.jpg", b"zipped")
        archive.writestr("c_0.jpg", b"stored", zipfile.ZIP_STORED)
    (photos / "broken.tgz").write_bytes((photos / "sub" / "two.tar.gz").read_bytes()[:40])
    (photos / "page.zip").write_bytes(b"<html>")

    report = run(spark, config_of(tmp_path, folder))

    index = read(tmp_path, "image_index").set_index("image_id").sort_index()
    actual = index[["uri", "member", "offset", "length"]].astype(object).replace({float("nan"): None})
    in_tar, in_tgz, in_zip = f"{folder}/one.tar", f"{folder}/sub/two.tar.gz", f"{folder}/three.zip"
    stored_at = (photos / "three.zip").read_bytes().index(b"stored")
    assert {image_id: tuple(row.values()) for image_id, row in actual.to_dict("index").items()} == {
        "a_0": (f"{folder}/a_0.jpg", None, None, 7),
        "a_1": (in_tar, "a_1.jpg", 3 * 512, 7),
        "a_2": (in_tar, "deep/a_2.jpg", 5 * 512, 12),
        "b_0": (in_tgz, "b_0.jpg", 512, 7),
        "b_1": (in_tgz, "b_1.jpg", 3 * 512, 7),
        "b_2": (in_zip, "b_2.jpg", None, 6),
        "c_0": (in_zip, "c_0.jpg", stored_at, 6),
    }
    left = read(tmp_path, "left_out").set_index("id")
    assert {key.removeprefix(folder + "/"): reason for key, reason in left["reason"].items()} == {
        "one.tar!./a_0.jpg": "duplicate",
        "one.tar!../a_3.jpg": "unsafe_name",
        "one.tar!readme.txt": "name_does_not_match",
        "one.tar!a_1.jpg#2": "name_twice",
        "one.tar!a_9.jpg": "view_out_of_range",
        "three.zip!b_1.jpg": "duplicate",
        "broken.tgz": "archive_damaged",
        "page.zip": "archive_damaged",
        "sub/._x.zip": "name_does_not_match",
    }
    assert left.loc[f"{folder}/one.tar!./a_0.jpg", "detail"] == f"image a_0 is also in {folder}/a_0.jpg"
    assert report.counts["images"] == 7
    assert report.counts["files found"] == 16
    assert report.counts["left out: archive_damaged"] == 2


def test_an_archive_is_in_few_shards(spark: SparkSession, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for archive in range(6):
        tar_of(
            photos / f"{archive}.tar", *[f"{chr(97 + i)}{archive}_{view}.jpg" for i in range(8) for view in range(4)]
        )
    written(photos, *[f"file{i}_0.jpg" for i in range(8)])
    run(spark, config_of(tmp_path, str(photos), shard_size=50))
    index = read(tmp_path, "image_index")
    assert (len(index), index["shard"].nunique()) == (200, 4)
    assert (index.groupby("location_id")["shard"].nunique() == 1).all()
    in_archives = index[index["member"].notna()]
    shards = in_archives.groupby("uri")["shard"].agg(["min", "max"])
    assert len(shards) == 6
    assert (shards["max"] - shards["min"] <= 1).all()


def test_panorama_is_indexed_once_for_each_view(spark: SparkSession, tmp_path: Path) -> None:
    folder = written(tmp_path / "photos", "a.jpg", "deep/a.jpg", "b.txt")
    tar_of(tmp_path / "photos" / "x.tgz", "c.jpg")
    panorama = Panorama(headings=[0, 120, 240])
    images = ImagesConfig(folder=folder, pattern="{location_id}.jpg", views=3, panorama=panorama)
    report = run(spark, config_of(tmp_path, folder).model_copy(update={"images": images}))
    index = read(tmp_path, "image_index")
    assert sorted(zip(index["image_id"], index["view"], index["uri"], strict=True)) == [
        (f"{name}_{view}", view, f"{folder}/{file}")
        for name, file in (("a", "a.jpg"), ("c", "x.tgz"))
        for view in range(3)
    ]
    assert report.counts["files found"] == 4
    assert report.counts["images"] == 2
    assert "3 views are cut from each photograph" in report.notes
