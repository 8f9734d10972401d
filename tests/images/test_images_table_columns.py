"""Tables whose columns have unusual types, or differ between files, through the stage and the command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_images_stage import read
from test_images_table import table_config, write

from small_run import LOCATION_IDS, SmallRun, photograph
from streetdeciles.archives.reading import MemberReader
from streetdeciles.config import ImageTable
from streetdeciles.errors import RunRefused
from streetdeciles.images.stage import run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_ids_views_and_photographs_may_be_dictionaries(spark: SparkSession, tmp_path: Path) -> None:
    path = write(
        tmp_path / "table.parquet",
        location_id=pa.array(["a", "b", "b"]).dictionary_encode(),
        view=pa.array([0, 0, 1], pa.int16()).dictionary_encode(),
        image=pa.array([b"1", b"2", b"1"]).dictionary_encode(),
    )
    run(spark, table_config(tmp_path, ImageTable(path=path)))
    index = read(tmp_path, "image_index").set_index("image_id").sort_index()
    reader = MemberReader()
    content = [reader.read(row.uri, row.member, int(row.offset), None, max_bytes=9) for row in index.itertuples()]
    reader.close()
    assert dict(zip(index.index, content, strict=True)) == {"a_0": b"1", "b_0": b"2", "b_1": b"1"}


def test_folders_named_as_columns_are_columns(spark: SparkSession, tmp_path: Path) -> None:
    """Folders as Spark and pandas write them; a column in the file takes precedence over one in a folder's name."""
    folder = tmp_path / "table"
    one = write(folder / "region=a%2Fb%20é" / "place=00012" / "part.parquet", view=[0, 1], image=[b"1", b"2"])
    two = write(
        folder / "region=__HIVE_DEFAULT_PARTITION__" / "place=x" / "part.parquet",
        view=[0],
        image=[b"3"],
        place=["inside"],
    )
    write(folder / "_temporary" / "part.parquet", view=[0], image=[b"4"], place=["lost"], region=["lost"])
    table = ImageTable(path=str(folder), location_id="place", keep=["region"])
    run(spark, table_config(tmp_path, table))
    index = read(tmp_path, "image_index").set_index("image_id")["uri"].to_dict()
    assert index == {"00012_0": one, "00012_1": one, "inside_0": two}
    regions = read(tmp_path, "image_columns").set_index("image_id")["region"].to_dict()
    assert regions == {"00012_0": "a/b é", "00012_1": "a/b é", "inside_0": None}


def test_columns_of_different_types_get_a_common_one(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "table"
    for name, year, place in (
        ("a", pa.array([2019], pa.int32()), pa.array(["7"])),
        ("b", pa.array([2020.5]), pa.array([8], pa.int8())),
        ("c", pa.array([None]), pa.array([9.0])),
    ):
        write(folder / f"{name}.parquet", location_id=place, view=[0], image=[b"1"], year=year)
    config = table_config(tmp_path, ImageTable(path=str(folder), keep=["year"]))
    run(spark, config)
    years = read(tmp_path, "image_columns").set_index("image_id")["year"]
    assert years.dtype == "float64"
    assert years.sort_index().fillna(-1).to_dict() == {"7_0": 2019, "8_0": 2020.5, "9_0": -1}


@pytest.mark.skipif(int(pa.__version__.split(".")[0]) > 14, reason="pyarrow reads them from version 15 on")
def test_fixed_lists_that_arrow_cannot_read_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    """Arrow 14 writes nulls among lists of a fixed size, but cannot read them."""
    box = pa.array([[1, 2], None], pa.list_(pa.int8(), 2))
    path = write(tmp_path / "table.parquet", location_id=["a", "b"], view=[0, 0], image=[b"1", b"2"], box=box)
    with pytest.raises(Exception, match=r"RunRefused: .*table.parquet: .* fixed-size list .* write it as a list"):
        run(spark, table_config(tmp_path, ImageTable(path=path, keep=["box"])))


def test_column_that_appears_twice_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    arrays = [pa.array(["a"]), pa.array([0]), pa.array([b"1"]), pa.array(["b"])]
    pq.write_table(pa.Table.from_arrays(arrays, ["location_id", "view", "image", "location_id"]), path)
    with pytest.raises(RunRefused, match=r"images.table.location_id: column 'location_id' appears twice in .*table"):
        run(spark, table_config(tmp_path, ImageTable(path=str(path))))


def set_table(run: SmallRun, frame: pd.DataFrame, **changes: Any) -> Path:
    """The run's photographs as a table written by pandas, with the columns of `frame` in addition to the three keys."""
    names = [(name, view) for name in LOCATION_IDS for view in range(2)]
    keys = {"location_id": [name for name, _ in names], "view": [view for _, view in names]}
    images = [photograph(f"{name}_{view}") for name, view in names]
    path = run.folder / "photographs.parquet"
    pd.DataFrame({**keys, "image": images, **frame.to_dict("series")}).to_parquet(path)
    run.set(images={"folder": None, "table": {"path": path.name, **changes}})
    return path


def test_time_stamps_of_pandas_are_kept(small_run: SmallRun) -> None:
    captured = pd.Series(pd.date_range("2019-05-01 12:30:00.5", periods=24, freq="h"))
    set_table(small_run, pd.DataFrame({"captured": captured, "camera": "front"}), keep=["captured", "camera"])
    assert small_run.main("run", "--to", "images") == 0
    kept = small_run.table("image_columns").sort_values("image_id")
    assert kept["captured"].tolist() == captured.tolist()
    assert kept["camera"].tolist() == ["front"] * 24


def test_categories_of_pandas_are_ids(small_run: SmallRun) -> None:
    path = set_table(small_run, pd.DataFrame())
    table = pd.read_parquet(path)
    table.astype({"location_id": "category", "view": "category"}).to_parquet(path)
    assert small_run.main("run", "--to", "images") == 0
    index = small_run.table("image_index")
    assert sorted(index["image_id"]) == [f"{name}_{view}" for name in LOCATION_IDS for view in range(2)]


def test_text_and_numbers_in_one_column_are_refused(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    path = set_table(small_run, pd.DataFrame({"year": range(24)}), keep=["year"])
    table = pd.read_parquet(path)
    path.unlink()
    path.mkdir()
    table[:12].to_parquet(path / "a.parquet")
    table[12:].astype({"year": str}).to_parquet(path / "b.parquet")
    assert small_run.main("run", "--to", "images") == 2
    assert (
        f"images.table.keep: column 'year' is int64 in {path}/a.parquet and string in {path}/b.parquet; "
        "write it as one type in all files, or leave it out"
    ) in " ".join(capsys.readouterr().err.split())
    small_run.set(images={"table": {"keep": []}})
    assert small_run.main("run", "--from", "images", "--to", "images", "--force") == 0


def test_floats_that_are_not_whole_are_refused_as_ids(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    path = set_table(small_run, pd.DataFrame({"number": [i / 2 for i in range(24)]}), location_id="number")
    assert small_run.main("run", "--to", "images") == 2
    message = " ".join(capsys.readouterr().err.split())
    assert f"images.table.location_id: column 'number' of {path} is double and contains 0.5" in message
