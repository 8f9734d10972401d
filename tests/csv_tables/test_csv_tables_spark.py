"""A CSV table as a Spark frame: the same rows with any number of tasks, and no more jobs than needed."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streetdeciles.csv_tables.on_spark import spark_rows
from streetdeciles.csv_tables.table import open_table
from streetdeciles.errors import RunRefused, one_line_error

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE = [[str(i), f'{i}, "{i}"\r\n' * (i % 5), "é\n" * (i % 3)] for i in range(200)]


def written(path: Path, table: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "text", "more"], *table])
    return path


def rows_of(spark: SparkSession, path: Path, **how: int) -> list[tuple[str, ...]]:
    frame = spark_rows(spark, open_table(str(path)), ["text", "none", "id"], **how)
    return [tuple(row) for row in frame.collect()]


@pytest.mark.parametrize("range_bytes", [1500, 8192])
def test_file_read_in_ranges_has_the_rows_of_one_read_whole(
    spark: SparkSession, tmp_path: Path, range_bytes: int
) -> None:
    path = written(tmp_path / "t.csv", TABLE)
    frame = spark_rows(spark, open_table(str(path)), ["text"], range_bytes=range_bytes)
    assert frame.rdd.getNumPartitions() > path.stat().st_size / range_bytes / 2
    expected = [(text, None, number, None) for number, text, _ in TABLE]
    assert rows_of(spark, path, range_bytes=range_bytes) == expected
    assert rows_of(spark, path) == expected


def test_small_file_needs_no_job_until_its_rows_are_read(spark: SparkSession, tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", TABLE)
    spark.sparkContext.setJobGroup("csv", "")
    spark_rows(spark, open_table(str(path)), ["id"])
    assert len(spark.sparkContext.statusTracker().getJobIdsForGroup("csv")) == 0
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


def test_part_files_are_read_in_parallel(spark: SparkSession, tmp_path: Path) -> None:
    written(tmp_path / "part-0.csv", TABLE[:150])
    part = written(tmp_path / "part-1.csv", TABLE[150:])
    (tmp_path / "part-1.csv.gz").write_bytes(gzip.compress(part.read_bytes()))
    part.unlink()
    (tmp_path / "part-2.csv").write_text("id,text,more\n\nshort,1\n")
    actual = rows_of(spark, tmp_path, range_bytes=4096)
    assert [row[2] for row in actual[:-1]] == [row[0] for row in TABLE]
    assert actual[-1] == ("1", None, "short", "part-2.csv, row 3 has 2 fields where the header has 3: short,1")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ('5" pipe', r"row 502: a stray quote \(byte \d+\)"),
        ('"open', "row 502: a quoted field is not closed before the file ends"),
        ("caf\udce9", r"row 502: not UTF-8 text \(byte \d+\)"),
        ("\0", r"row 502: has a NUL byte \(byte \d+\)"),
    ],
)
def test_damage_in_a_file_read_in_ranges_is_named_by_row(
    spark: SparkSession, tmp_path: Path, damage: str, expected: str
) -> None:
    lines = ["id,text,more", *(f"{i},text," for i in range(1000))]
    lines[501] = f"500,{damage},"
    path = tmp_path / "t.csv"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    with pytest.raises(Exception, match="t.csv") as raised:
        rows_of(spark, path, range_bytes=2500)
    error = one_line_error(raised.value)
    assert isinstance(error, RunRefused)
    assert f"{path}, row 502" in str(error)
    raised.match(expected)
