"""What is known of a run's photographs: views of locations, years, sizes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from parsed_page import parse
from test_report_small_pages import area_rows, findings, small_page

from report_run import FinishedRun
from streetdeciles.queries import query
from streetdeciles.report.photographs import (
    Photographs,
    count_years,
    date_columns,
    pixels_in_words,
    read_photographs,
)
from streetdeciles.session_settings import spark_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_locations_are_counted_by_views_that_were_not_rejected(spark: SparkSession, finished_run: FinishedRun) -> None:
    """Of 234 locations with four photographs each, six have one reject."""
    known = read_photographs(spark, finished_run.config)
    assert known.views == {4: 228, 3: 6}
    assert (known.n_sizes, known.years, known.period, known.file_sizes) == (0, {}, "", "")


def test_years_are_read_from_dates_texts_and_numbers(spark: SparkSession) -> None:
    texts = ["2014", "2014-07", "2015-07-31T10:00:00Z", "2015:07:31 10:00:00", "31/07/2016", "", None, "soon", "12345"]
    rows = [(text, 2017 if text else None) for text in texts]
    frame = spark.createDataFrame(rows, "taken string, year int").selectExpr("*", "date'2018-03-01' AS day")
    names = dict(date_columns(frame.dtypes))
    assert [*names] == ["taken", "year", "day"]
    assert count_years(frame, names["taken"]) == {2014: 2, 2015: 2, 2016: 1}
    assert count_years(frame, names["year"]) == {2017: 7}
    assert count_years(frame, names["day"]) == {2018: 9}


def test_years_depend_on_no_setting_of_the_session(spark: SparkSession) -> None:
    """The last minute of a year in UTC is the next year in Tokyo; under ANSI a number that is too large is an error."""
    owners = {"spark.sql.session.timeZone": "Asia/Tokyo", "spark.sql.ansi.enabled": "true"}
    with spark_settings(spark, owners):
        frame = spark.sql("SELECT timestamp'2018-12-31T23:59:00Z' AS taken, 1546300740000 AS date_of_upload")
        names = dict(date_columns(frame.dtypes))
        assert count_years(frame, names["taken"]) == {2018: 1}
        assert count_years(frame, names["date_of_upload"]) == {}


def test_first_kept_column_with_years_says_when_photographs_were_taken(
    spark: SparkSession, finished_run: FinishedRun, tmp_path: Path
) -> None:
    for name in ("image_index", "rejects", "locations"):
        shutil.copytree(Path(finished_run.config.work_dir) / name, tmp_path / name)
    kept = {
        "image_id": ["a/0", "a/1", "b/0"],
        "year_made": ["", "?", ""],
        "captured": ["2014-07", None, "2016-01"],
    }
    (tmp_path / "image_columns").mkdir()
    pd.DataFrame(kept).to_parquet(tmp_path / "image_columns" / "part.parquet")
    known = read_photographs(spark, finished_run.config.model_copy(update={"work_dir": str(tmp_path)}))
    assert (known.date_column, known.years) == ("captured", {2014: 1, 2016: 1})


def test_columns_of_other_names_and_types_say_no_year() -> None:
    assert date_columns([("camera", "string"), ("heading", "int"), ("year", "array<int>")]) == []


def test_period_and_sizes_in_words() -> None:
    known = Photographs(years={2012: 5, 2014: 3, 2018: 4}, n_sizes=12, bytes=(12_400, 45_000, 80_600))
    assert (known.period, known.median_year) == ("2012 to 2018", 2014)
    assert known.file_sizes == "half of the files have at most 45 KB, and 90 % of them 12 to 81 KB"
    assert Photographs(years={2012: 1}).period == "2012"


@pytest.mark.parametrize(
    ("sizes", "words"),
    [([], ""), ([(2000, 1000)], "2,000 × 1,000 pixels"), ([(9, 9), (3, 4), (5, 5)], "3 × 4 to 9 × 9 pixels")],
)
def test_pixels_in_words(sizes: list[tuple[int, int]], words: str) -> None:
    assert pixels_in_words(sizes) == words


def test_page_says_when_photographs_were_taken_and_which_views_lack() -> None:
    actual = findings(area_rows("a", ("E1", 3, 4)))
    known = Photographs({4: 90, 2: 9, 0: 1}, 4, (1000, 2000, 3000), {2014: 3, 2016: 1}, "taken<b>")
    page = parse(small_page(replace(actual, photographs=known), {}, []))
    (table,) = page.find("table", "views")
    rows = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tbody")[0].find("tr")]
    assert rows == [
        ["all 4", "90", "100", "", ""],
        ["2 of 4", "9", "100", "", "predicted from these"],
        ["none", "1", "100", "", "left out"],
    ]
    assert "2014 to 2016, half of them in 2014 or before. Known of 4 of 4, by the column taken<b>" in page.text
    assert "These photographs are from 2014 to 2016." in page.text
    assert "street-level photographs from 2014 to 2016, 4 could be used" in page.text


def test_page_says_that_nothing_is_known_of_the_photographs() -> None:
    page = parse(small_page(findings(area_rows("a", ("E1", 3, 4))), {}, []))
    assert "When they were taken Not known." in page.text
    assert "When these photographs were taken is not known to this run." in page.text
    assert "Size of the files Not known" in page.text
    assert not page.find("table", "views")


def test_sizes_of_files_are_those_of_the_index(spark: SparkSession) -> None:
    sizes = spark.createDataFrame([(size,) for size in (*range(1, 101), None)], "length bigint")
    (row,) = query("streetdeciles.report", "file_sizes", images=sizes).collect()
    assert (row["n"], row["bytes"]) == (100, [5, 50, 95])
