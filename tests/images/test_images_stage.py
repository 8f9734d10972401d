"""From a folder of photographs to the index: every file is in it or left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from config_files import run_config
from paths import DATA
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.images.stage import run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def config_of(
    tmp_path: Path, folder: str, *, pattern: str = "{location_id}_{view}.jpg|png", views: int = 4, shard_size: int = 8
) -> RunConfig:
    images = {"folder": folder, "pattern": pattern, "views": views, "shard_size": shard_size}
    return run_config(tmp_path / "work", images=images)


def written(folder: Path, *names: str) -> str:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return str(folder)


def read(tmp_path: Path, table: str) -> pd.DataFrame:
    return pd.read_parquet(tmp_path / "work" / table)


def test_every_file_is_indexed_or_left_out_with_its_reason(spark: SparkSession, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    folder = written(
        photos,
        "007_a.jpg",
        "007_B.PNG",
        "deep/er/x_y_0.jpg",
        "deep/er/x_y_3.png",
        "deep/x_y_3.jpg",
        "x_y_4.jpg",
        "x_y_99999999999.jpg",
        "007_270.jpg",
        "007_e.jpg",
        "readme.txt",
        "deep/.DS_Store",
        "._007_a.jpg",
    )
    (photos / "broken_0.jpg").symlink_to("nowhere")
    (photos / "deep" / "up").symlink_to(photos)
    (photos / "empty").mkdir()
    report = run(spark, config_of(tmp_path, folder))
    index = read(tmp_path, "image_index").sort_values("image_id")
    times = [str(Path(uri).stat().st_mtime_ns) for uri in index["uri"]]
    assert index["modified"].tolist() == times
    assert index.drop(columns=["modified", "shard"]).replace({float("nan"): None}).to_numpy().tolist() == [
        ["007_0", "007", 0, f"{folder}/007_a.jpg", None, None, 9],
        ["007_1", "007", 1, f"{folder}/007_B.PNG", None, None, 9],
        ["x_y_0", "x_y", 0, f"{folder}/deep/er/x_y_0.jpg", None, None, 17],
        ["x_y_3", "x_y", 3, f"{folder}/deep/er/x_y_3.png", None, None, 17],
    ]
    left = read(tmp_path, "left_out").set_index("id")
    assert {key.removeprefix(folder + "/"): reason for key, reason in left["reason"].items()} == {
        "deep/x_y_3.jpg": "duplicate",
        "x_y_4.jpg": "view_out_of_range",
        "x_y_99999999999.jpg": "view_out_of_range",
        "007_270.jpg": "view_out_of_range",
        "007_e.jpg": "view_out_of_range",
        "readme.txt": "name_does_not_match",
        "deep/.DS_Store": "name_does_not_match",
        "._007_a.jpg": "name_does_not_match",
        "broken_0.jpg": "not_a_file",
        "deep/up": "folder_loop",
    }
    assert left.loc[f"{folder}/deep/x_y_3.jpg", "detail"] == f"image x_y_3 is also in {folder}/deep/er/x_y_3.png"
    assert left.loc[f"{folder}/007_e.jpg", "detail"] == "view e, but images.views is 4"
    assert report.counts == {
        "files found": 14,
        "images": 4,
        "left out: duplicate": 1,
        "left out: folder_loop": 1,
        "left out: name_does_not_match": 3,
        "left out: not_a_file": 1,
        "left out: view_out_of_range": 4,
    }
    assert report.notes == ["2 locations in 1 shard", "2 locations have fewer than 4 photographs"]
    assert not (tmp_path / "work" / "_staging").exists() or not [*(tmp_path / "work" / "_staging").iterdir()]


def test_new_images_get_new_shards_and_removed_ones_disappear(spark: SparkSession, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    config = config_of(tmp_path, written(photos, *[f"p{i}_{view}.jpg" for i in range(6) for view in (0, 1)]))
    run(spark, config)
    before = read(tmp_path, "image_index").set_index("image_id")["shard"]
    assert sorted(before.unique()) == [0, 1]
    (photos / "p1_0.jpg").unlink()
    (photos / "p2_1.jpg").rename(photos / "p2_1.png")
    written(photos, "p0_2.jpg", "p0_3.jpg", "p7_0.jpg", "sub/p8_0.jpg")
    run(spark, config)
    after = read(tmp_path, "image_index").set_index("image_id")
    kept = before.drop("p1_0")
    assert after.loc[kept.index, "shard"].to_dict() == kept.to_dict()
    assert after.loc["p2_1", "uri"] == f"{photos}/p2_1.png"
    assert after.drop(kept.index)["shard"].to_dict() == {"p0_2": 2, "p0_3": 2, "p7_0": 2, "p8_0": 2}


def test_second_run_on_the_same_files_gives_the_same_index(spark: SparkSession, tmp_path: Path) -> None:
    config = config_of(tmp_path, str(DATA / "photos"), pattern="{location_id}.jpg", views=1, shard_size=16)
    first_report = run(spark, config)
    first = read(tmp_path, "image_index")
    assert run(spark, config).counts == first_report.counts == {"files found": 33, "images": 33}
    pd.testing.assert_frame_equal(read(tmp_path, "image_index"), first)
    assert first["shard"].value_counts().to_dict() == {0: 11, 1: 11, 2: 11}
    ordered = first.sort_values(["shard", "location_id", "view"])
    pd.testing.assert_frame_equal(ordered, first)


def test_empty_folder_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "photos" / "still_empty").mkdir(parents=True)
    with pytest.raises(RunRefused, match="images.folder: .*photos is empty; expected photographs named {location_id}_"):
        run(spark, config_of(tmp_path, str(tmp_path / "photos")))


def test_folder_without_a_match_is_refused_with_an_example(spark: SparkSession, tmp_path: Path) -> None:
    folder = written(tmp_path / "photos", "a/one.jpg", "two.jpg")
    with pytest.raises(RunRefused, match=r"none of the 2 files .* e.g. a/one.jpg \(name_does_not_match\)"):
        run(spark, config_of(tmp_path, folder))
    assert not (tmp_path / "work" / "image_index").exists()


def test_file_in_place_of_the_folder_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    written(tmp_path, "photos")
    with pytest.raises(RunRefused, match="images.folder: .*photos is a file"):
        run(spark, config_of(tmp_path, str(tmp_path / "photos")))
