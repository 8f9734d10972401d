"""Views by other names than 0, 1, 2: headings and words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_images_stage import config_of, read, written
from test_images_table import write

from streetdeciles.config import ImagesConfig, ImageTable, RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.ids.spelling import normalise_views
from streetdeciles.images.pattern import NAMED, name_batches
from streetdeciles.images.stage import run
from streetdeciles.images.views import number_views

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HEADINGS = [0, 90, 180, 270]


def images_of(**values: Any) -> ImagesConfig:
    return ImagesConfig.model_validate({"folder": "x", "pattern": "{location_id}_{view}.jpg", **values})


def named(images: ImagesConfig, *relative: str) -> list[tuple[str | None, int | None]]:
    """The location_id and view of each name."""
    (batch,) = pa.table({"relative": pa.array(relative, pa.string())}).to_batches()
    (actual,) = name_batches([batch], images)
    assert actual.schema.names == ["relative", *(column.split(" ")[0] for column in NAMED.split(", "))]
    return list(zip(actual.column("location_id").to_pylist(), actual.column("view").to_pylist(), strict=True))


def with_images(config: RunConfig, **values: Any) -> RunConfig:
    images = ImagesConfig.model_validate({**config.images.model_dump(exclude={"views"}), **values})
    return config.model_copy(update={"images": images})


def test_headings_are_views_in_their_order() -> None:
    actual = named(images_of(view_names=HEADINGS), "00012_0.jpg", "a_b_090.jpg", "00012_180.JPG", "00012_270.jpg")
    assert actual == [("00012", 0), ("a_b", 1), ("00012", 2), ("00012", 3)]


def test_words_are_views_in_any_case() -> None:
    images = images_of(view_names=["N", "East", "s\u00fcd"])
    assert named(images, "x_n.jpg", "x_EAST.jpg", "x_Su\u0308d.jpg", "x_w.jpg") == [
        ("x", 0),
        ("x", 1),
        ("x", 2),
        (None, None),
    ]


def test_longest_name_is_the_view() -> None:
    images = images_of(pattern="{location_id}{view}.jpg", view_names=[0, 90, 270, "e", "ne"])
    assert named(images, "a270.jpg", "a90.jpg", "ane.jpg", "be.jpg") == [("a", 2), ("a", 1), ("a", 4), ("b", 3)]


def test_names_are_composed_and_blanks_around_ids_removed() -> None:
    actual = named(
        images_of(), "Ynys-Mo\u0302n_0.jpg", "\u00a000012\u200b_1.jpg", "\u00a0_1.jpg", "deep/AB1\u00a00AA_b.jpg"
    )
    assert actual == [("Ynys-M\u00f4n", 0), ("00012", 1), (None, 1), ("AB1 0AA", 1)]


def test_pattern_may_hold_decomposed_letters() -> None:
    images = images_of(pattern="Stra\u00dfe-u\u0308-{location_id}.jpg", views=1)
    assert named(images, "Stra\u00dfe-\u00fc-7.jpg") == [("7", 0)]


def test_headings_may_have_a_point() -> None:
    actual = named(images_of(view_names=HEADINGS), "00012_0.0.jpg", "a.b_90.0.jpg", "a_090.00.jpg", "x_37.5.jpg")
    assert actual == [("00012", 0), ("a.b", 1), ("a", 1), (None, None)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"view_names": [0, 90], "views": 4}, "views must be 2, one for each of view_names"),
        ({"view_names": [False, "S"]}, "must be words or numbers, in quotes where YAML takes"),
        ({"view_names": [None, "S"]}, "must be words or numbers"),
        ({"view_names": [90, "090"]}, "must be different words"),
        ({"view_names": ["n", " N"]}, "must be different words"),
        ({"view_names": ["", "a"]}, "must be different words"),
        ({"view_names": []}, "at least 1"),
        ({"view_names": [*range(17)]}, "at most 16|less than or equal to 16"),
        ({"view_names": [0, 90], "pattern": "{location_id}.jpg"}, "there must be {view} in pattern"),
        ({"view_names": [0, 90], "panorama": {"headings": [0, 90]}}, "does not go with panorama"),
    ],
)
def test_view_names_that_contradict_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        images_of(**values)


def test_view_names_set_views() -> None:
    images = images_of(view_names=[0, 22.5, "270"])
    assert (images.views, images.view_names) == (3, ["0", "22.5", "270"])
    assert images_of(view_names=[0, 90], views=2).views == 2


def test_headings_in_a_folder_are_indexed(spark: SparkSession, tmp_path: Path) -> None:
    names = [f"p{i}_{heading}.jpg" for i in range(3) for heading in HEADINGS]
    config = config_of(tmp_path, written(tmp_path / "photos", *names, "p1_45.jpg"))
    run(spark, with_images(config, view_names=HEADINGS))
    index = read(tmp_path, "image_index").set_index("image_id")
    assert index["uri"].map(lambda uri: Path(uri).name).to_dict() == {
        f"p{i}_{view}": f"p{i}_{heading}.jpg" for i in range(3) for view, heading in enumerate(HEADINGS)
    }
    left = read(tmp_path, "left_out").set_index("id")
    assert left.loc[str(tmp_path / "photos" / "p1_45.jpg"), ["reason", "detail"]].tolist() == [
        "view_out_of_range",
        "view 45, but images.view_names is 0, 90, 180, 270",
    ]


@pytest.mark.parametrize(
    ("views", "advice"),
    [
        (HEADINGS, r"9 files .* only 3 kept.*called 0, 90, 180, 270: set images\.view_names: \[0, 90, 180, 270\]"),
        (["N", "E", "S", "W"], r"none of the 12 files.*called n, e, s, w: set images\.view_names"),
        (["0", "left", "right"], r"6 files .* only 3 kept.*called 0, left, right: set images\.view_names"),
    ],
)
def test_other_views_are_refused_by_their_names(
    spark: SparkSession, tmp_path: Path, views: list[Any], advice: str
) -> None:
    folder = written(tmp_path / "photos", *[f"p{i}_{view}.jpg" for i in range(3) for view in views])
    with pytest.raises(RunRefused, match=advice):
        run(spark, config_of(tmp_path, folder))
    assert not (tmp_path / "work" / "image_index").exists()


def test_misspelt_view_name_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    folder = written(tmp_path / "photos", *[f"p{i}_{view}.jpg" for i in range(3) for view in HEADINGS])
    config = with_images(config_of(tmp_path, folder), view_names=[0, 90, 180, 280])
    with pytest.raises(RunRefused, match="no photograph has the view 280; the views are called 0, 90, 180, 270: set"):
        run(spark, config)


def test_some_of_many_views_can_be_selected(spark: SparkSession, tmp_path: Path) -> None:
    folder = written(tmp_path / "photos", *[f"p{i}_{view}.jpg" for i in range(3) for view in HEADINGS])
    report = run(spark, with_images(config_of(tmp_path, folder), view_names=[180]))
    assert report.counts == {"files found": 12, "images": 3, "left out: view_out_of_range": 9}


def test_rows_of_a_table_have_the_same_names(spark: SparkSession, tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.parquet",
        location_id=["a", " a\u00a0", "a", "Mo\u0302n", "b", "b", "b"],
        view=["0", "090", "n", "N ", "45", "", None],
        image=[b"x"] * 7,
    )
    images = ImagesConfig.model_validate({"table": ImageTable(path=path), "view_names": [0, 90, "N"]})
    run(spark, config_of(tmp_path, "unused").model_copy(update={"images": images}))
    index = read(tmp_path, "image_index")
    assert sorted(zip(index["location_id"], index["view"], index["offset"], strict=True)) == [
        ("M\u00f4n", 2, 3),
        ("a", 0, 0),
        ("a", 1, 1),
        ("a", 2, 2),
    ]
    assert read(tmp_path, "left_out").set_index("id")["reason"].to_dict() == {
        f"{path}!4": "view_out_of_range",
        f"{path}!5": "no_view",
        f"{path}!6": "no_view",
    }


def test_headings_in_a_table_are_refused_too(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", location_id=["a"] * 4, view=HEADINGS, image=[b"x"] * 4)
    images = ImagesConfig(table=ImageTable(path=path))
    with pytest.raises(RunRefused, match=r"3 rows .* only 1 kept.*set images\.view_names: \[0, 90, 180, 270\]"):
        run(spark, config_of(tmp_path, "unused").model_copy(update={"images": images}))


WORDS = st.lists(st.text(st.sampled_from("abn019_-. "), min_size=1, max_size=4), min_size=1, max_size=6)


@settings(deadline=None, max_examples=100)
@given(WORDS, st.data())
def test_each_name_is_its_own_view(words: list[str], data: st.DataObject) -> None:
    normal = normalise_views(pa.array(words)).to_pylist()
    if "" in normal or len({*normal}) < len(normal):
        return
    images = images_of(view_names=words)
    view = data.draw(st.integers(0, len(words) - 1))
    assert number_views(normalise_views(pa.array([words[view].upper()])), words, len(words)).to_pylist() == [view]
    assert named(images, f"loc{normal[view]}"[:3] + f"_{normal[view].upper()}.jpg")[0][1] is not None
    assert named(images, f"LOC-_{normal[view].upper()}.jpg") == [("LOC-", view)]


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 16), st.integers(0, 30))
def test_numbers_and_letters_are_the_first_views(views: int, number: int) -> None:
    expected = number if number < views else None
    assert number_views(pa.array([str(number)]), None, views).to_pylist() == [expected]
    if number < 26:
        assert number_views(pa.array([chr(ord("a") + number)]), None, views).to_pylist() == [expected]
