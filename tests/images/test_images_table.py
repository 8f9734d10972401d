"""From a Parquet table of photographs to the index: every row is in it or left out."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from test_images_stage import config_of, read

from streetdeciles.archives.reading import MemberReader
from streetdeciles.config import ImagesConfig, ImageTable, Panorama, RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.images.preflight import preflight
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
    actual = index[["uri", "member", "offset"]].astype(object).replace({float("nan"): None})
    return {image_id: tuple(row.values()) for image_id, row in actual.to_dict("index").items()}


def test_rows_with_bytes_are_indexed_by_file_and_row(spark: SparkSession, tmp_path: Path) -> None:
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
    path = write(tmp_path / "table.parquet", location_id=[True], image=[b"1"], view=[0])
    for changes, expected in (
        ({"image": "photo"}, "images.table.image: .*has no column 'photo'; it has location_id, image, view"),
        ({"image": "view"}, "images.table.image: column 'view' of .* is int64; expected bytes, or text that is a URI"),
        ({}, "images.table.location_id: column 'location_id' of .* is bool; expected text or whole numbers"),
    ):
        with pytest.raises(RunRefused, match=expected):
            run(spark, table_config(tmp_path, ImageTable(path=path, **changes)))
    with pytest.raises(RunRefused, match=r"images.table.path: .* has no file whose name ends with .parquet"):
        run(spark, table_config(tmp_path, ImageTable(path=str(tmp_path / "table.csv"))))
    assert not [*(tmp_path / "work" / "_staging").glob("*")]


def test_images_in_structs_are_found_and_read(spark: SparkSession, tmp_path: Path) -> None:
    """As in Hugging Face's data sets and Spark's image source."""
    image = [{"bytes": b"1", "path": "/photos/1.jpg"}, {"bytes": b"2", "path": "/photos/2.jpg"}, None]
    path = write(tmp_path / "t.parquet", image=image, place=[{"id": "a"}, {"id": "b"}, {"id": "c"}])
    table = ImageTable(path=path, image="image.bytes", location_id="place.id", view=None)
    run(spark, table_config(tmp_path, table, views=1))
    index = {"a_0": (path, "image.bytes", 0), "b_0": (path, "image.bytes", 1), "c_0": (path, "image.bytes", 2)}
    assert rows_of(tmp_path) == index
    reader = MemberReader()
    assert [reader.read(*index[name], None, max_bytes=9) for name in index] == [b"1", b"2", b""]
    reader.close()

    table = table.model_copy(update={"image": "image.path"})
    run(spark, table_config(tmp_path / "uris", table, views=1))
    assert rows_of(tmp_path / "uris") == {"a_0": ("/photos/1.jpg", None, None), "b_0": ("/photos/2.jpg", None, None)}
    left = read(tmp_path / "uris", "left_out")
    assert left[["id", "reason"]].to_numpy().tolist() == [[f"{path}!2", "no_image"]]

    for name, expected in (
        ("image", r"is struct<.*; name one of its fields, e\.g\. image\.bytes"),
        ("image.x", "no column"),
    ):
        with pytest.raises(RunRefused, match=expected):
            run(spark, table_config(tmp_path, table.model_copy(update={"image": name}), views=1))


def test_kept_columns_are_stored_by_image_id(spark: SparkSession, tmp_path: Path) -> None:
    day = date(2019, 5, 1)
    path = write(
        tmp_path / "table.parquet",
        location_id=["a", "b", None, "a"],
        view=[0, 1, 2, 0],
        image=[b"1", b"2", b"3", b"4"],
        captured=[day, None, day, day],
        id=pa.array(["x", "y", "z", "x"]).dictionary_encode(),
        size=[{"width": 3}, None, None, None],
    )
    config = table_config(tmp_path, ImageTable(path=path, keep=["captured", "id", "size"]))
    run(spark, config)
    actual = pq.read_table(tmp_path / "work" / "image_columns").sort_by("image_id")
    assert actual.to_pylist() == [
        {"image_id": "a_0", "captured": day, "id": "x", "size": {"width": 3}},
        {"image_id": "b_1", "captured": None, "id": "y", "size": None},
    ]
    with pytest.raises(RunRefused, match=r"images.table.keep: .* has no column 'camera'; it has location_id, view"):
        run(spark, table_config(tmp_path, ImageTable(path=path, keep=["camera"])))
    run(spark, table_config(tmp_path, ImageTable(path=path)))
    assert not (tmp_path / "work" / "image_columns").exists()
    for keep in (["captured", "Captured"], ["image_id"], ["a b"]):
        with pytest.raises(ValidationError):
            ImageTable(path=path, keep=keep)


def test_kept_columns_of_a_panorama_are_repeated_for_each_view(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "table.parquet", location_id=["a"], image=[b"1"], camera=["left"])
    table = ImageTable(path=path, view=None, keep=["camera"])
    images = ImagesConfig(table=table, views=2, panorama=Panorama(headings=[0, 90]))
    run(spark, config_of(tmp_path, "unused").model_copy(update={"images": images}))
    actual = read(tmp_path, "image_columns").sort_values("image_id")
    assert actual.to_numpy().tolist() == [["a_0", "left"], ["a_1", "left"]]


def test_table_without_usable_photographs_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "table.parquet", location_id=["a"], image=[b"1"], view=[7])
    with pytest.raises(RunRefused, match=r"no row of .* is a photograph of a location \(1 view_out_of_range\)"):
        run(spark, table_config(tmp_path, ImageTable(path=path)))


NO_ROWS = {
    "location_id": pa.array([], pa.string()),
    "view": pa.array([], pa.int8()),
    "image": pa.array([], pa.binary()),
}


def test_table_without_rows_is_refused_before_the_run(tmp_path: Path) -> None:
    path = write(tmp_path / "table.parquet", **NO_ROWS)
    with pytest.raises(RunRefused, match=r"table.parquet is a photograph of a location \(it is empty\)$"):
        preflight(table_config(tmp_path, ImageTable(path=path)))


def test_table_with_an_empty_file_may_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "table" / "part-0.parquet", **NO_ROWS)
    write(tmp_path / "table" / "part-1.parquet", location_id=["a"], view=[0], image=[b"1"])
    preflight(table_config(tmp_path, ImageTable(path=str(tmp_path / "table"))))
    assert caplog.messages == []


def test_table_without_files_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    with pytest.raises(RunRefused, match="^images.table.path: .*table has no file whose name ends with .parquet$"):
        preflight(table_config(tmp_path, ImageTable(path=str(tmp_path / "table"))))
