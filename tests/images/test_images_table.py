"""From a Parquet table of photographs to the index: every row is in it or left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_images_stage import config_of, read

from streetdeciles.config import ImagesConfig, ImageTable, RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.images.stage import run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def table_config(tmp_path: Path, table: ImageTable, views: int = 4) -> RunConfig:
    images = ImagesConfig(table=table, views=views, shard_size=8)
    return config_of(tmp_path, "unused").model_copy(update={"images": images})


def write(path: Path, **columns: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return str(path)


def rows_of(tmp_path: Path) -> dict[str, tuple[Any, ...]]:
    index = read(tmp_path, "image_index").set_index("image_id")
    found = index[["uri", "member", "offset"]].astype(object).replace({float("nan"): None})
    return {image_id: tuple(row.values()) for image_id, row in found.to_dict("index").items()}


def test_rows_with_bytes_are_found_by_file_and_row(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "ta ble%20#1"
    first = write(
        folder / "part-0.parquet",
        location_id=["a", "a", " b ", None, ""],
        view=["0", "B", "c", "0", "1"],
        image=[b"1", b"2", b"3", b"4", None],
    )
    second = write(
        folder / "deep" / "part-1.parquet",
        location_id=["a", "c", "c", "c"],
        view=["1", "4", "", "3"],
        image=[b"5", b"6", b"7", b"8"],
    )
    (folder / "_SUCCESS").touch()
    (folder / "._part.parquet").touch()

    report = run(spark, table_config(tmp_path, ImageTable(path=str(folder))))

    assert rows_of(tmp_path) == {
        "a_0": (first, "image", 0),
        "a_1": (second, "image", 0),
        "b_2": (first, "image", 2),
        "c_3": (second, "image", 3),
    }
    left = read(tmp_path, "left_out").set_index("id")
    assert left["reason"].to_dict() == {
        f"{first}!1": "duplicate",
        f"{first}!3": "no_location_id",
        f"{first}!4": "no_location_id",
        f"{second}!1": "view_out_of_range",
        f"{second}!2": "no_view",
    }
    assert left.loc[f"{first}!1", "detail"] == f"image a_1 is also in {second}!0"
    assert report.counts["rows found"] == 9
    assert report.counts["images"] == 4


def test_rows_with_uris_are_files(spark: SparkSession, tmp_path: Path) -> None:
    path = write(
        tmp_path / "table.parquet",
        place=pa.array([12, 7, 8, 9], pa.int32()),
        photo=["s3://bucket/12.jpg", "/photos/a b.jpg", "photos/8.jpg", None],
    )
    table = ImageTable(path=path, image="photo", location_id="place", view=None)
    run(spark, table_config(tmp_path, table, views=1))
    assert rows_of(tmp_path) == {"12_0": ("s3://bucket/12.jpg", None, None), "7_0": ("/photos/a b.jpg", None, None)}
    left = read(tmp_path, "left_out").set_index("id")
    assert left["reason"].to_dict() == {f"{path}!2": "relative_uri", f"{path}!3": "no_image"}


def test_table_without_the_columns_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "table.parquet", location_id=[1.0], image=[b"1"], view=[0])
    for changes, told in (
        ({"image": "photo"}, "images.table.image: .*has no column 'photo'; it has location_id, image, view"),
        ({"image": "view"}, "images.table.image: column 'view' of .* is int64; expected bytes, or text that is a URI"),
        ({}, "images.table.location_id: column 'location_id' of .* is double; expected text or whole numbers"),
    ):
        with pytest.raises(RunRefused, match=told):
            run(spark, table_config(tmp_path, ImageTable(path=path, **changes)))
    with pytest.raises(RunRefused, match=r"images.table.path: .* has no file whose name ends with .parquet"):
        run(spark, table_config(tmp_path, ImageTable(path=str(tmp_path / "table.csv"))))
    assert not [*(tmp_path / "work" / "_staging").glob("*")]


def test_table_of_no_photograph_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "table.parquet", location_id=["a"], image=[b"1"], view=[7])
    with pytest.raises(RunRefused, match=r"no row of .* is a photograph of a location \(1 view_out_of_range\)"):
        run(spark, table_config(tmp_path, ImageTable(path=path)))
