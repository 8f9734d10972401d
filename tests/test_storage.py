"""Files and tables are written as a whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import ArrowInvalid

from file_names import FILE_NAMES, ODD_NAMES
from streetdeciles import storage
from streetdeciles.errors import RunFailed
from streetdeciles.moving import BEING_WRITTEN
from streetdeciles.table import Table
from streetdeciles.tables import AREA_LABELS, LEFT_OUT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    uri = str(tmp_path / "new" / "file.txt")
    storage.write_text(uri, "one")
    storage.write_text(uri, "two")

    assert storage.read_text(uri) == "two"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.txt"]


def test_json_keeps_values(tmp_path: Path) -> None:
    storage.write_json(str(tmp_path / "a.json"), {"é": [1, 2.5, None]})

    assert storage.read_json(str(tmp_path / "a.json")) == {"é": [1, 2.5, None]}


def test_removing_a_missing_file_does_nothing(tmp_path: Path) -> None:
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
        [(7.0, "bury", "E01", "imd", 3, 2), (8.0, "bury", "E02", "imd", None, 5)],
        "value double, region string, area_id string, outcome string, decile int, national_decile int",
    )

    assert storage.write_table(frame, AREA_LABELS, str(tmp_path)) == 2

    written = pd.read_parquet(tmp_path / "area_labels").sort_values("area_id")
    assert list(written.columns) == ["region", "area_id", "outcome", "value", "decile", "national_decile"]
    assert written["value"].tolist() == [7.0, 8.0]
    assert written["decile"].isna().tolist() == [False, True]
    assert list((tmp_path / "_staging").iterdir()) == []


def test_empty_table_is_written_and_read(spark: SparkSession, tmp_path: Path) -> None:
    assert storage.write_table(spark.createDataFrame([], AREA_LABELS.ddl), AREA_LABELS, str(tmp_path)) == 0
    assert storage.read_table(spark, AREA_LABELS, str(tmp_path)).count() == 0


def test_key_that_appears_twice_leaves_the_old_table(spark: SparkSession, tmp_path: Path) -> None:
    row = ("bury", "E01", "imd", 7.0, 3, 2)
    storage.write_table(spark.createDataFrame([row], AREA_LABELS.ddl), AREA_LABELS, str(tmp_path))

    with pytest.raises(RunFailed, match=r"area_labels: 1 key\(s\) \(region, area_id, outcome\) appear twice"):
        storage.write_table(spark.createDataFrame([row, row], AREA_LABELS.ddl), AREA_LABELS, str(tmp_path))

    assert len(pd.read_parquet(tmp_path / "area_labels")) == 1


def test_null_key_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame([("bury", None, "imd", 7.0, 3, 2)], AREA_LABELS.ddl)

    with pytest.raises(RunFailed, match="1 are null"):
        storage.write_table(frame, AREA_LABELS, str(tmp_path))


def test_missing_column_is_named(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(
        RunFailed, match=r"area_labels: column\(s\) region, outcome, value, national_decile are missing"
    ):
        storage.write_table(spark.createDataFrame([("E01", 3)], "area_id string, decile int"), AREA_LABELS, "unused")


def test_partition_is_replaced_and_the_others_stay(spark: SparkSession, tmp_path: Path) -> None:
    def rows(stage: str, *ids: str) -> None:
        frame = spark.createDataFrame([(i, "why", "", stage) for i in ids], LEFT_OUT.ddl)
        assert storage.write_partition(frame, LEFT_OUT, str(tmp_path), stage) == len(ids)

    rows("labels", "a", "b")
    rows("images", "c")
    rows("labels", "d")

    actual = storage.read_table(spark, LEFT_OUT, str(tmp_path)).select("stage", "id").collect()
    assert {tuple(row) for row in actual} == {("labels", "d"), ("images", "c")}


def test_missing_table_names_the_command_to_run(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="area_labels: no such table; first run the earlier stages"):
        storage.read_table(spark, AREA_LABELS, str(tmp_path))


@pytest.mark.parametrize("inside", ["", "area_labels/region=bury"])
def test_current_folder_and_its_parents_can_be_removed(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = tmp_path / "out" / inside
    current.mkdir(parents=True)
    monkeypatch.chdir(current)

    storage.remove(str(tmp_path / "out"))

    assert not (tmp_path / "out").exists()


def test_removing_a_link_leaves_its_target(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    storage.remove(str(tmp_path / "link"))

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_failed_write_leaves_no_part_of_the_file(tmp_path: Path) -> None:
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


@given(names=st.lists(FILE_NAMES, min_size=1, max_size=3))
@example(names=["memory::", "x"])
@example(names=["s3:", "bucket"])
@example(names=["file:"])
@settings(deadline=None, max_examples=200)
def test_local_path_is_never_parsed_as_a_url(names: list[str]) -> None:
    path = "/" + "/".join(names)

    fs, actual = storage.filesystem(path)

    assert (type(fs), actual) == (LocalFileSystem, path)
    assert fs._strip_protocol(actual) == path  # as every method of fsspec does with its path
    assert storage.is_local(path)
    assert storage.local_path(path) == storage.local_path(f"file://{path}") == path
    assert storage.spark_uri(path) == f"file://{path}"


@given(name=FILE_NAMES)
@example(name="a[1].bin")
@example(name="x::y")
@settings(deadline=None, max_examples=50)
def test_file_of_any_name_is_written_read_and_removed(name: str) -> None:
    with TemporaryDirectory() as folder:
        neighbours = [Path(folder, neighbour) for neighbour in ("a1.bin", "y") if neighbour != name]
        for neighbour in neighbours:
            neighbour.write_bytes(b"neighbour")
        uri = storage.join(folder, name)

        assert storage.is_absent(uri)
        storage.write_bytes(uri, b"content")

        assert not storage.is_absent(uri)
        assert storage.read_bytes(uri) == Path(folder, name).read_bytes() == b"content"
        assert {*storage.names_in(folder)} == {name, *(path.name for path in neighbours)}
        storage.replace(uri, storage.join(folder, "other", name))
        assert storage.read_bytes(storage.join(folder, "other", name)) == b"content"
        storage.remove(storage.join(folder, "other", name))
        assert [*Path(folder, "other").iterdir()] == []
        assert all(path.read_bytes() == b"neighbour" for path in neighbours)


@pytest.mark.parametrize(
    ("uri", "protocol", "path"),
    [
        ("memory://a/b c.jpg", "memory", "/a/b c.jpg"),
        ("file:///a/b%20c#d", "file", "/a/b%20c#d"),
        ("file:/a/b", "file", "/a/b"),
        ("simplecache::memory://a", "file", f"{Path.cwd()}/simplecache::memory://a"),
        ("a:b", "file", f"{Path.cwd()}/a:b"),
        ("~/x", "file", f"{Path.cwd()}/~/x"),
        ("/", "file", "/"),
    ],
)
def test_only_a_scheme_makes_a_uri(uri: str, protocol: str, path: str) -> None:
    fs, actual = storage.filesystem(uri)

    assert (protocol in fs.protocol, actual) == (True, path)


@pytest.mark.parametrize("name", ["nul\0", "n" * 300, "no/folder"])
def test_name_that_no_file_can_have_is_absent(tmp_path: Path, name: str) -> None:
    assert storage.is_absent(str(tmp_path / name))


def test_remote_file_is_absent_after_its_removal() -> None:
    storage.write_bytes("memory://absent/x", b"x")
    assert not storage.is_absent("memory://absent/x")

    storage.remove("memory://absent/x")

    assert storage.is_absent("memory://absent/x")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_table_is_read_back_in_a_folder_of_any_name(spark: SparkSession, tmp_path: Path, name: str) -> None:
    work_dir = str(tmp_path / name)
    rows = spark.createDataFrame([("a", "why", "", "labels")], LEFT_OUT.ddl)

    assert storage.write_partition(rows, LEFT_OUT, work_dir, "labels") == 1
    assert storage.write_partition(rows, LEFT_OUT, work_dir, "images") == 1

    assert sorted(row["stage"] for row in storage.read_table(spark, LEFT_OUT, work_dir).collect()) == [
        "images",
        "labels",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@given(name=FILE_NAMES)
@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.too_slow])
def test_table_is_read_back_in_a_folder_of_random_name(spark: SparkSession, name: str) -> None:
    rows = spark.createDataFrame([("a", "why", "", "labels")], LEFT_OUT.ddl)
    with TemporaryDirectory() as folder:
        storage.write_partition(rows, LEFT_OUT, f"{folder}/{name}", "labels")

        assert [row["id"] for row in storage.read_table(spark, LEFT_OUT, f"{folder}/{name}").collect()] == ["a"]


def test_table_is_not_taken_from_a_folder_that_a_pattern_would_match(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("out1", "out[1]", "out*"):
        rows = spark.createDataFrame([(name, "why", "", "labels")], LEFT_OUT.ddl)
        storage.write_partition(rows, LEFT_OUT, str(tmp_path / name), "labels")

    for name in ("out1", "out[1]", "out*"):
        assert [row["id"] for row in storage.read_table(spark, LEFT_OUT, str(tmp_path / name)).collect()] == [name]


def test_table_replaced_where_folders_stay_is_seen_whole_or_not(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an object store; a reader lists the folder all the time."""
    monkeypatch.setattr("streetdeciles.moving.is_disk", lambda folder: False)
    old, new = ([(str(number), "why", "", stage) for number in range(4)] for stage in ("labels", "images"))
    frames = [spark.createDataFrame(rows, LEFT_OUT.ddl).repartition(4) for rows in (old, new)]
    flat = Table("left_out", LEFT_OUT.key, LEFT_OUT.columns)
    seen: list[object] = []
    ended = Event()

    def look() -> None:
        while not ended.is_set():
            try:
                seen.append(sorted(pd.read_parquet(tmp_path / "left_out")["stage"]))
            except (OSError, ArrowInvalid) as error:
                seen.append(error)

    assert storage.write_table(frames[0], flat, str(tmp_path)) == 4
    reader = Thread(target=look)
    reader.start()
    try:
        for frame in (frames[1], frames[0], frames[1]):
            assert storage.write_table(frame, flat, str(tmp_path)) == 4
    finally:
        ended.set()
        reader.join()
    rows = [one for one in seen if isinstance(one, list)]
    assert rows
    assert [one for one in rows if one not in (["labels"] * 4, ["images"] * 4)] == []
    assert sorted(pd.read_parquet(tmp_path / "left_out")["stage"]) == ["images"] * 4
    assert not [*tmp_path.rglob(f"*{BEING_WRITTEN}")]


def test_folder_that_is_replaced_goes_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not file by file, which would leave some of its rows for a reader."""
    for number in range(3):
        storage.write_text(str(tmp_path / "table" / f"{number}.txt"), "old")
    storage.write_text(str(tmp_path / "_staging" / "x" / "0.txt"), "new")
    seen: list[list[str]] = []
    removed = shutil.rmtree

    def look(path: str) -> None:
        seen.append(sorted(file.read_text() for file in tmp_path.glob("table/*")))
        removed(path)

    monkeypatch.setattr(shutil, "rmtree", look)
    storage.replace(str(tmp_path / "_staging" / "x"), str(tmp_path / "table"))
    assert seen == [["new"]]
    assert [*tmp_path.glob("_staging/*")] == []
