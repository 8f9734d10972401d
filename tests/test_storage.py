"""Files and tables are written whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from streetdeciles import storage
from streetdeciles.errors import RunFailed
from streetdeciles.tables import AREA_LABELS, LEFT_OUT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_file_is_replaced_whole(tmp_path: Path) -> None:
    uri = str(tmp_path / "new" / "file.txt")
    storage.write_text(uri, "one")
    storage.write_text(uri, "two")

    assert storage.read_text(uri) == "two"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.txt"]


def test_json_keeps_values(tmp_path: Path) -> None:
    storage.write_json(str(tmp_path / "a.json"), {"é": [1, 2.5, None]})

    assert storage.read_json(str(tmp_path / "a.json")) == {"é": [1, 2.5, None]}


def test_remove_of_nothing_is_no_error(tmp_path: Path) -> None:
    storage.remove(str(tmp_path / "nothing"))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "for_spark"),
    [("/data/x", "file:///data/x"), ("s3://bucket/x", "s3://bucket/x"), ("dbfs:/x", "dbfs:/x")],
)
def test_spark_uri_names_the_file_system(uri: str, for_spark: str) -> None:
    assert storage.spark_uri(uri) == for_spark


def test_table_is_written_where_pandas_opens_it(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame(
        [(7.0, "bury", "E01", "imd", 3), (8.0, "bury", "E02", "imd", None)],
        "value double, region string, area_id string, outcome string, decile int",
    )

    assert storage.write_table(frame, AREA_LABELS, str(tmp_path)) == 2

    written = pd.read_parquet(tmp_path / "area_labels").sort_values("area_id")
    assert list(written.columns) == ["region", "area_id", "outcome", "value", "decile"]
    assert written["value"].tolist() == [7.0, 8.0]
    assert written["decile"].isna().tolist() == [False, True]
    assert list((tmp_path / "_staging").iterdir()) == []


def test_empty_table_is_written_and_read(spark: SparkSession, tmp_path: Path) -> None:
    assert storage.write_table(spark.createDataFrame([], AREA_LABELS.ddl), AREA_LABELS, str(tmp_path)) == 0
    assert storage.read_table(spark, AREA_LABELS, str(tmp_path)).count() == 0


def test_key_that_stands_twice_leaves_the_old_table(spark: SparkSession, tmp_path: Path) -> None:
    row = ("bury", "E01", "imd", 7.0, 3)
    storage.write_table(spark.createDataFrame([row], AREA_LABELS.ddl), AREA_LABELS, str(tmp_path))

    with pytest.raises(RunFailed, match=r"area_labels: 1 key\(s\) \(region, area_id, outcome\) stand twice"):
        storage.write_table(spark.createDataFrame([row, row], AREA_LABELS.ddl), AREA_LABELS, str(tmp_path))

    assert len(pd.read_parquet(tmp_path / "area_labels")) == 1


def test_null_key_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame([("bury", None, "imd", 7.0, 3)], AREA_LABELS.ddl)

    with pytest.raises(RunFailed, match="1 are null"):
        storage.write_table(frame, AREA_LABELS, str(tmp_path))


def test_missing_column_is_named(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"area_labels: column\(s\) region, outcome, value are missing"):
        storage.write_table(spark.createDataFrame([("E01", 3)], "area_id string, decile int"), AREA_LABELS, "unused")


def test_partition_is_replaced_and_the_others_stay(spark: SparkSession, tmp_path: Path) -> None:
    def rows(stage: str, *ids: str) -> None:
        frame = spark.createDataFrame([(i, "why", "", stage) for i in ids], LEFT_OUT.ddl)
        assert storage.write_partition(frame, LEFT_OUT, str(tmp_path), stage) == len(ids)

    rows("labels", "a", "b")
    rows("images", "c")
    rows("labels", "d")

    found = storage.read_table(spark, LEFT_OUT, str(tmp_path)).select("stage", "id").collect()
    assert {tuple(row) for row in found} == {("labels", "d"), ("images", "c")}


def test_table_that_is_not_there_names_what_to_run(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="area_labels: no such table; run the stages before"):
        storage.read_table(spark, AREA_LABELS, str(tmp_path))


@pytest.mark.parametrize("inside", ["", "area_labels/region=bury"])
def test_current_folder_and_what_is_around_it_can_be_removed(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = tmp_path / "out" / inside
    current.mkdir(parents=True)
    monkeypatch.chdir(current)

    storage.remove(str(tmp_path / "out"))

    assert not (tmp_path / "out").exists()


def test_remove_of_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    storage.remove(str(tmp_path / "link"))

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_file_that_cannot_be_written_leaves_nothing_half(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from streetdeciles import storage; storage.write_text(sys.argv[1], 'old')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "storage.write_bytes(sys.argv[1], bytes(5000))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "a"], capture_output=True, text=True, timeout=60, check=False
    )

    assert "OSError: [Errno 27] File too large" in done.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}
