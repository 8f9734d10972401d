"""The training set is read as it was written: here, by Petastorm's own reader, and after it was moved."""

from __future__ import annotations

import io
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings

from file_names import FILE_NAMES
from streetdeciles.errors import RunFailed
from streetdeciles.tables import training_set_columns
from streetdeciles.training_set import petastorm_format
from streetdeciles.training_set.codec import decode_arrays, encode_arrays
from streetdeciles.training_set.columns import Batch, TrainingSetShape, training_set_ddl
from streetdeciles.training_set.reader import ROWS_PER_BATCH, open_training_set, training_set_shape
from streetdeciles.training_set.writer import write_training_set

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHAPE = TrainingSetShape(rows=1300, views=2, feature_size=5, outcomes=("imd", "overcrowding"))


def expected_features(rows: np.ndarray) -> np.ndarray:
    return (rows[:, None, None] * 10 + np.arange(10).reshape(2, 5)).astype(np.float32)


def expected_mask(rows: np.ndarray) -> np.ndarray:
    return np.stack([rows >= 0, rows % 3 == 0], axis=1)


def make_rows() -> list[tuple[Any, ...]]:
    """All rows, in reverse order."""
    rows = np.arange(SHAPE.rows)
    features, mask = (encode_arrays(values) for values in (expected_features(rows), expected_mask(rows)))
    return [
        (
            f"location {row}",
            row,
            "somewhere",
            f"area {row % 7}",
            None if row % 2 else f"oa{row}",
            None,
            f"area {row % 7}",
            features[row].as_py(),
            mask[row].as_py(),
            row % 4,
            -1,
            "",
            None if row % 5 == 0 else row % 10 + 1,
            None,
        )
        for row in reversed(range(SHAPE.rows))
    ]


def write(spark: SparkSession, uri: Path) -> None:
    frame = spark.createDataFrame(make_rows(), training_set_ddl(SHAPE.outcomes))
    write_training_set(frame.repartitionByRange(3, "row_number").sortWithinPartitions("row_number"), str(uri), SHAPE)


@pytest.fixture
def no_petastorm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    petastorm_format.import_problem.cache_clear()
    monkeypatch.setitem(sys.modules, "petastorm", None)  # an import then raises ImportError
    yield
    petastorm_format.import_problem.cache_clear()


@pytest.fixture(scope="module")
def written(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set in three files, in a folder with a space in its name, moved after writing."""
    folder = tmp_path_factory.mktemp("a folder")
    write(spark, folder / "staged")
    return (folder / "staged").rename(folder / "training_set")


def concatenated(batches: Iterator[Batch]) -> dict[str, np.ndarray]:
    read = list(batches)
    assert all(len(batch["row_number"]) <= ROWS_PER_BATCH for batch in read)
    return {name: np.concatenate([batch[name] for batch in read]) for name in read[0]}


def check_all_rows(read: dict[str, np.ndarray]) -> None:
    rows = np.arange(SHAPE.rows)
    assert list(read) == list(training_set_columns(SHAPE.outcomes))
    np.testing.assert_array_equal(read["row_number"], rows)
    np.testing.assert_array_equal(read["features"], expected_features(rows))
    np.testing.assert_array_equal(read["view_mask"], expected_mask(rows))
    np.testing.assert_array_equal(read["fold"], rows % 4)
    np.testing.assert_array_equal(read["imd"], np.where(rows % 5 == 0, 0, rows % 10 + 1))
    np.testing.assert_array_equal(read["overcrowding"], np.zeros(SHAPE.rows))
    assert list(read["location_id"]) == [f"location {row}" for row in rows]
    assert list(read["oa"][:3]) == ["oa0", None, "oa2"]
    assert [read[name].dtype for name in ("row_number", "fold", "features", "view_mask", "imd")] == [
        np.int64,
        np.int32,
        np.float32,
        np.bool_,
        np.int8,
    ]


def test_all_rows_are_read_in_order(written: Path) -> None:
    check_all_rows(concatenated(open_training_set(str(written))))


@given(name=FILE_NAMES)
@example(name="per%20cent")
@example(name="new\nline")
@settings(deadline=None, max_examples=200)
def test_petastorm_gets_only_what_it_takes_for_the_same_path(name: str) -> None:
    path = f"/runs/{name}/training_set"
    url = petastorm_format.petastorm_url(path)

    assert url is None or (urlparse(url).scheme, urlparse(url).netloc, urlparse(url).path) == ("file", "", path)


@pytest.mark.parametrize("name", ["in [2019] {v2} 12:30", "per%20cent", "a::b/s3:", "a*b", "a#b", "a?b", "new\nline"])
def test_set_is_read_in_a_folder_of_any_name(written: Path, tmp_path: Path, name: str) -> None:
    moved = shutil.copytree(written, tmp_path / name / "training_set")

    check_all_rows(concatenated(open_training_set(str(moved))))


@pytest.mark.parametrize("name", ["in [2019] 12:30 per%20cent", "a#b?"])
def test_set_is_written_in_a_folder_of_any_name(spark: SparkSession, tmp_path: Path, name: str) -> None:
    write(spark, tmp_path / name / "training_set")

    check_all_rows(concatenated(open_training_set(str(tmp_path / name / "training_set"))))
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("no_petastorm")
def test_a_set_can_be_written_without_petastorm(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="streetdeciles"):
        write(spark, tmp_path / "training_set")
    assert "without Petastorm's metadata (it cannot be imported: " in caplog.text
    assert not (tmp_path / "training_set" / "_common_metadata").exists()
    check_all_rows(concatenated(open_training_set(str(tmp_path / "training_set"))))


def test_only_the_named_columns_are_read_from_a_file_uri(written: Path) -> None:
    first = next(open_training_set(f"file://{written}", ["fold", "location_id"]))
    assert list(first) == ["fold", "location_id"]
    assert list(first["location_id"][:2]) == ["location 0", "location 1"]


def test_petastorm_own_reader_knows_the_schema(written: Path) -> None:
    if problem := petastorm_format.import_problem():
        pytest.skip(f"needs Petastorm: {problem}")
    with petastorm_format.without_petastorms_warnings():
        from petastorm import make_reader

        with make_reader(f"file://{written}", reader_pool_type="dummy", shuffle_row_groups=False) as reader:
            rows: list[Any] = [next(reader), next(reader)]
    assert rows[0].features.shape == (2, 5)
    assert rows[0].imd is None
    assert rows[1].imd == 2
    assert rows[1].location_id == "location 1"


def test_shape_is_read_from_the_files(written: Path) -> None:
    assert training_set_shape(str(written)) == SHAPE


def test_an_unknown_column_is_refused_with_the_known_ones(written: Path) -> None:
    with pytest.raises(RunFailed, match=r"no column crime; there are location_id, .*imd"):
        open_training_set(str(written), ["crime"])


def test_a_missing_set_names_the_stage_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"training_set: no such training set; run the dataset stage first"):
        open_training_set(str(tmp_path / "training_set"))


@pytest.mark.parametrize(
    "values", [np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.array([[True], [False]]), np.ones((2, 5), np.bool_)]
)
def test_encoded_arrays_equal_the_bytes_of_numpy_save(values: np.ndarray) -> None:
    encoded = encode_arrays(values)
    saved = io.BytesIO()
    np.save(saved, values[1])
    assert encoded[1].as_py() == saved.getvalue()
    np.testing.assert_array_equal(decode_arrays(encoded), values)
    np.testing.assert_array_equal(decode_arrays(encoded.slice(1)), values[1:])
    np.testing.assert_array_equal(decode_arrays(pa.chunked_array([encoded, encoded.slice(1)])), values[[0, 1, 1]])


def test_arrays_of_different_shapes_are_refused() -> None:
    two = encode_arrays(np.zeros((1, 2, 6), np.float32))
    other = encode_arrays(np.zeros((1, 3, 4), np.float32))
    with pytest.raises(ValueError, match="different shapes"):
        decode_arrays(pa.concat_arrays([two, other]))
    with pytest.raises(ValueError, match="nulls or arrays of different sizes"):
        decode_arrays(pa.concat_arrays([two, pa.nulls(1, pa.binary())]))
