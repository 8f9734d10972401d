"""Runs that read tables of Spark's own catalog, and write their results there."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from config_files import run_config
from paths import DATA
from small_run import LOCATION_IDS, SmallRun
from streetdeciles.catalog.copies import copy_inputs
from streetdeciles.catalog.publishing import refuse_unpublishable
from streetdeciles.catalog.tables import table_version
from streetdeciles.catalog_inputs import with_copies_in
from streetdeciles.csv_tables.table import open_table
from streetdeciles.errors import RunFailed, RunRefused

RANKS = DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"


@pytest.fixture
def schema(spark: SparkSession) -> Iterator[str]:
    """A schema of the session's catalog, whose name needs quotes, as a user writes it."""
    spark.sql("CREATE SCHEMA `2019_streets`")
    yield "spark_catalog.`2019_streets`"
    spark.sql("DROP SCHEMA `2019_streets` CASCADE")


def save(spark: SparkSession, rows: pd.DataFrame, name: str) -> None:
    spark.createDataFrame(rows.to_numpy(object).tolist(), [*rows.columns]).write.mode("overwrite").saveAsTable(name)


def save_photographs(spark: SparkSession, run: SmallRun, name: str, *, without: str = "") -> None:
    """The small run's photographs as bytes in a column."""
    files = [path for path in sorted((run.folder / "photographs").iterdir()) if path.name != without]
    rows = [(bytearray(path.read_bytes()), path.stem[:5], int(path.stem[6:]), f"by {path.name}") for path in files]
    frame = spark.createDataFrame(rows, "image binary, location_id string, view int, note string")
    frame.write.mode("overwrite").saveAsTable(name)


@pytest.fixture
def catalog_run(spark: SparkSession, small_run: SmallRun, schema: str) -> SmallRun:
    """The small run with its published table, locations and photographs in the catalog."""
    ranks = pd.read_csv(RANKS)
    columns = {ranks.columns[0]: "lsoa", ranks.columns[1]: "name", ranks.columns[3]: "la"}
    imd = next(name for name in ranks.columns if name.startswith("Index of Multiple Deprivation (IMD) Rank"))
    table = ranks.rename(columns={**columns, imd: "imd_rank"})[[*columns.values(), "imd_rank"]]
    table = table[table["la"] == "Westminster"]
    save(spark, table.assign(imd_rank=table["imd_rank"].astype(float)), f"{schema}.ranks")
    places = pd.DataFrame({"location_id": LOCATION_IDS, "area_id": table["lsoa"].head(len(LOCATION_IDS)).tolist()})
    save(spark, places, f"{schema}.places")
    save_photographs(spark, small_run, f"{schema}.photographs")
    outcomes = {"poverty": {"column": "imd_rank", "higher_is": "better"}}
    columns = {"area_id": "lsoa", "area_name": "name", "district": "la", "outcomes": outcomes}
    small_run.set(
        labels={
            "tables": [{"catalog_table": f"{schema}.ranks", "columns": columns}],
            "locations": {"catalog_table": f"{schema}.places"},
            "boundaries": None,
        },
        images={"folder": None, "table": {"catalog_table": f"{schema}.photographs", "keep": ["note"]}},
        dataset={"outcomes": ["poverty"]},
    )
    return small_run


def test_inputs_in_the_catalog_are_copied_when_their_version_changes(
    catalog_run: SmallRun,
    spark: SparkSession,
    schema: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    catalog_run.set(images={"table": {"view": "heading"}})
    assert catalog_run.main("run", "--dry-run", "--to", "images") == 2
    assert f"images.table.view: {schema}.photographs has no column 'heading'; it has image," in capsys.readouterr().err
    catalog_run.set(images={"table": {"view": "view"}}, labels={"locations": {"location_id": "postcode"}})
    assert catalog_run.main("run", "--dry-run", "--to", "labels") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"error: {schema}.places: has no column 'postcode' (labels.locations.location_id)" in error
    catalog_run.set(labels={"locations": {"location_id": None}})
    assert catalog_run.main("run", "--dry-run", "--to", "images") == 0
    assert not catalog_run.work_dir.exists()

    assert catalog_run.main("run", "--to", "images") == 0
    locations = catalog_run.table("locations")
    assert sorted(locations["location_id"]) == list(LOCATION_IDS)
    labels = catalog_run.table("area_labels")
    assert labels["value"].max() > 10**4
    notes = catalog_run.table("image_columns").set_index("image_id")["note"]
    assert notes["00003_1"] == "by 00003_1.jpg"
    index = catalog_run.table("image_index").set_index("image_id")
    content = (catalog_run.folder / "photographs" / "00003_1.jpg").read_bytes()
    assert image_bytes(index.loc["00003_1"]) == content

    caplog.clear()
    save_photographs(spark, catalog_run, f"{schema}.photographs", without="00011_1.jpg")
    assert catalog_run.main("run", "--to", "images") == 0
    assert "images (images.table has changed)" in caplog.text
    assert "labels (" not in caplog.text
    again = catalog_run.table("image_index").set_index("image_id")
    assert sorted(again.index) == sorted({*index.index} - {"00011_1"})
    assert dict(again["modified"]) == dict(index["modified"].drop("00011_1"))  # so their features are kept

    caplog.clear()
    assert catalog_run.main("run", "--to", "images") == 0
    assert "copying" not in caplog.text

    shutil.rmtree(catalog_run.work_dir / "_cache")
    assert catalog_run.main("run", "--from", "features", "--to", "features") == 2
    assert "is gone; make it again: streetdeciles run --force --from images" in capsys.readouterr().err


def image_bytes(row: pd.Series) -> bytes:
    return bytes(pd.read_parquet(row["uri"])[row["member"]].iloc[int(row["offset"])])


@pytest.mark.parametrize("name", ["spark_catalog.no_such.photographs", "nowhere.streets.photographs"])
def test_table_that_the_catalog_lacks_is_refused_before_any_work(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    small_run.set(images={"folder": None, "table": name})
    assert small_run.main("run") == 2
    assert f"images.table: Spark cannot read the table {name} (" in capsys.readouterr().err
    assert not (small_run.work_dir / "locations").exists()


def test_results_replace_tables_of_earlier_runs_in_the_catalog(
    small_run: SmallRun, spark: SparkSession, schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    small_run.set(output={"tables": schema})
    assert small_run.main("run", "--to", "labels") == 0
    published = [row["tableName"] for row in spark.sql(f"SHOW TABLES IN {schema}").collect()]
    assert published == ["area_labels", "left_out", "locations"]
    for name in published:
        table = spark.table(f"{schema}.{name}").toPandas()
        columns = [*table.columns]
        expected = small_run.table(name)[columns].astype(table.dtypes)
        pd.testing.assert_frame_equal(
            table.sort_values(columns, ignore_index=True), expected.sort_values(columns, ignore_index=True)
        )
    before = table_version(spark, f"{schema}.locations")

    caplog.clear()
    assert small_run.main("run", "--to", "labels") == 0
    assert "writing" not in caplog.text
    assert table_version(spark, f"{schema}.locations") == before

    # As if the last try had been cut off after the table was dropped, and another location has gone since.
    state = small_run.work_dir / "run_log" / "published.json"
    versions = json.loads(state.read_text())
    name = next(name for name in versions if "locations" in name)
    state.write_text(json.dumps({**versions, name: ""}))
    spark.sql(f"DROP TABLE {name}")
    rows = (small_run.folder / "locations.csv").read_text().splitlines(keepends=True)
    (small_run.folder / "locations.csv").write_text("".join(rows[:-1]))
    assert small_run.main("run", "--to", "labels") == 0
    assert spark.table(name).count() == 11


def test_tables_that_no_run_has_written_are_not_replaced(
    small_run: SmallRun, spark: SparkSession, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save(spark, pd.DataFrame({"location_id": ["mine"]}), f"{schema}.locations")
    small_run.set(output={"tables": schema})
    assert small_run.main("run", "--to", "labels") == 2
    assert "is there and was not written by streetdeciles, so it is not replaced" in capsys.readouterr().err
    assert [row["location_id"] for row in spark.table(f"{schema}.locations").collect()] == ["mine"]
    assert not (small_run.work_dir / "locations").exists()


@pytest.mark.parametrize("schema_name", ["no_such_schema", "nowhere.streets"])
def test_schema_that_is_not_there_is_refused_before_any_work(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str], schema_name: str
) -> None:
    small_run.set(output={"tables": schema_name})
    assert small_run.main("run", "--to", "labels") == 2
    error = capsys.readouterr().err
    assert f"output.tables: Spark cannot use the schema {schema_name} (" in error
    assert "create it with CREATE SCHEMA `" in error
    assert not (small_run.work_dir / "locations").exists()


def test_catalog_in_memory_is_refused_in_a_session_of_the_run(spark: SparkSession, schema: str, tmp_path: Path) -> None:
    config = run_config(tmp_path, output={"tables": schema})
    with pytest.raises(
        RunRefused, match="would be gone at the end of the run, because Spark's own catalog is in memory"
    ):
        refuse_unpublishable(spark, config, is_own_session=True)


def test_table_whose_files_are_damaged_is_named(spark: SparkSession, schema: str, tmp_path: Path) -> None:
    save(spark, pd.DataFrame({"image": ["a.jpg", "b.jpg"], "location_id": ["a", "b"]}), f"{schema}.damaged")
    for uri in spark.table(f"{schema}.damaged").inputFiles():
        Path(uri.removeprefix("file://")).write_bytes(b"no Parquet")
    table = {"catalog_table": f"{schema}.damaged", "view": None}
    config = run_config(tmp_path / "out", images={"folder": None, "views": 1, "table": table})
    config = with_copies_in(config, config.work_dir)
    with pytest.raises(RunFailed, match=r"images.table: the rows of .*\.damaged cannot be read \("):
        copy_inputs(spark, config, ["images"])


def test_values_of_a_table_are_copied_as_they_would_be_printed(
    spark: SparkSession, schema: str, tmp_path: Path
) -> None:
    rows = [("00012", 12345678.0, 0.1, 12345678.5, ' a, "b"\n', True), (None, float("nan"), None, -1e300, "", None)]
    frame = spark.createDataFrame(
        rows, "id string, whole double, share float, large double, `a,text` string, b boolean"
    )
    frame.coalesce(1).write.saveAsTable(f"{schema}.odd")
    outcomes = {"x": {"column": "share", "higher_is": "worse"}}
    section = {"catalog_table": f"{schema}.odd", "columns": {"area_id": "id", "outcomes": outcomes}}
    config = run_config(tmp_path / "out", labels={"tables": [section]})
    config = with_copies_in(config, config.work_dir)
    left = tmp_path / "out" / "_cache" / "catalog_tables" / "labels" / "a-table-of-an-earlier-config"
    left.mkdir(parents=True)
    copy_inputs(spark, config, ["labels"])
    assert not left.exists()
    table = open_table(config.labels.tables[0].file)
    assert table.header == ("id", "whole", "share", "large", "a,text", "b")
    cells = [row for _, _, row in table.rows()]
    assert cells[0] == ["00012", "12345678", "0.1", "12345678.500000000", ' a, "b"\n', "true"]
    assert cells[1][:4] == ["", "", "", "-1.0E300"]
