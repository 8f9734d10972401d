"""A Delta table written by the package deltalake: the rows of its current version, and tables that are refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from test_images_stage import read
from test_images_table import table_config

from streetdeciles.archives.reading import MemberReader
from streetdeciles.config import ImageTable
from streetdeciles.errors import RunRefused
from streetdeciles.images.delta import delta_files
from streetdeciles.images.stage import run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

deltalake = pytest.importorskip("deltalake", reason="needs deltalake: pip install 'streetdeciles[delta]'")


def write(path: Path, mode: str, **columns: Any) -> None:
    deltalake.write_deltalake(str(path), pa.table(columns), mode=mode, partition_by=["view", "camera"])


@pytest.fixture
def delta(tmp_path: Path) -> Path:
    """A table that was overwritten once and appended to once."""
    path = tmp_path / "ta ble"
    write(path, "error", location_id=["old", "a"], view=[0, 0], image=[b"old", b"old"], camera=["x", "x"])
    write(path, "overwrite", location_id=["a", "b"], view=[0, 1], image=[b"1", b"2"], camera=["a/b c", None])
    write(path, "append", location_id=["c", "a"], view=[3, 3], image=[b"3", b"4"], camera=["x", "x"])
    return path


def test_rows_of_the_current_version_are_indexed(spark: SparkSession, delta: Path, tmp_path: Path) -> None:
    """Two of the columns are not in the files: the table is partitioned by them."""
    report = run(spark, table_config(tmp_path, ImageTable(path=str(delta), keep=["camera"])))
    assert report.counts == {"rows found": 4, "images": 4}
    index = read(tmp_path, "image_index").set_index("image_id")
    reader = MemberReader()
    content = {
        image_id: reader.read(row["uri"], row["member"], int(row["offset"]), None, max_bytes=9)
        for image_id, row in index.iterrows()
    }
    reader.close()
    assert content == {"a_0": b"1", "b_1": b"2", "c_3": b"3", "a_3": b"4"}
    cameras = read(tmp_path, "image_columns").set_index("image_id")["camera"].to_dict()
    assert cameras == {"a_0": "a/b c", "b_1": None, "c_3": "x", "a_3": "x"}


@pytest.mark.parametrize("name", ["in [2019] {v2}", "run 12:30:00", "a*b?", "a::b", "100%", "a#b;c", "ü 日本"])
def test_table_in_a_folder_with_special_characters_is_read(delta: Path, name: str) -> None:
    named = delta.rename(delta.with_name(name))

    files = delta_files(None, str(named))  # type: ignore[arg-type]  # deltalake needs no session

    assert len(files) == 3
    assert all(Path(uri).is_file() for uri, _ in files)


@pytest.mark.parametrize("name", ["per%20cent", "back\\slash", "new\nline"])
def test_folder_that_the_delta_reader_misreads_is_refused(delta: Path, name: str) -> None:
    named = delta.rename(delta.with_name(name))

    with pytest.raises(RunRefused, match="images.table.path: the Delta table .* rename the folder"):
        delta_files(None, str(named))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"]}},
            "uses deletionVectors, which is not read here",
        ),
        ({"metaData": {"delta.columnMapping.mode": "name"}}, "uses columnMapping, which is not read here"),
    ],
    ids=["deletion vectors", "column mapping"],
)
def test_table_that_needs_more_than_its_files_is_refused(
    action: dict[str, Any], expected: str, spark: SparkSession, delta: Path, tmp_path: Path
) -> None:
    if "protocol" in action:
        action["protocol"]["writerFeatures"] = action["protocol"]["readerFeatures"]
        lines = [action]
    else:
        first = delta / "_delta_log" / f"{0:020d}.json"
        metadata = next(line for line in map(json.loads, first.read_text().splitlines()) if "metaData" in line)
        metadata["metaData"]["configuration"] = action["metaData"]
        schema = json.loads(metadata["metaData"]["schemaString"])
        for number, field in enumerate(schema["fields"], 1):
            physical = {"id": number, "physicalName": field["name"]}
            field["metadata"] = {f"delta.columnMapping.{key}": value for key, value in physical.items()}
        metadata["metaData"]["schemaString"] = json.dumps(schema)
        lines = [metadata, {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}]
    log = delta / "_delta_log" / f"{3:020d}.json"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(RunRefused, match=expected):
        run(spark, table_config(tmp_path, ImageTable(path=str(delta))))


def test_log_that_cannot_be_read_is_refused(spark: SparkSession, delta: Path, tmp_path: Path) -> None:
    for log in (delta / "_delta_log").glob("*.json"):
        log.write_text("nonsense")
    with pytest.raises(RunRefused, match=r"images.table.path: .*ta ble cannot be read as a Delta table \("):
        run(spark, table_config(tmp_path, ImageTable(path=str(delta))))


def test_without_a_reader_of_delta_the_extra_is_named(
    spark: SparkSession, delta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(RunRefused, match=r"which this Spark cannot read: pip install 'streetdeciles\[delta\]'"):
        run(spark, table_config(tmp_path, ImageTable(path=str(delta))))
