"""The stage with splits that look at places, levels and the user's folds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import shapely

from config_files import run_config
from streetdeciles.config import RunConfig
from streetdeciles.dataset.preflight import preflight
from streetdeciles.dataset.units import assign_units, with_folds, with_units
from streetdeciles.errors import RunRefused
from streetdeciles.splits.registry import split_of
from streetdeciles.tables import LOCATIONS
from streetdeciles.training_set.fold_codes import LEARNED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SIDE = 6


LOCATED = [
    (
        f"L{a:02d}{i}",
        "town",
        f"E{a:02d}",
        f"O{a:02d}{i}",
        f"M{a // 3:02d}" if a < 35 else None,
        53.5 + 0.009 * (a // SIDE) + 0.0002 * i,
        -2.2 + 0.015 * (a % SIDE),
        "D1" if a < 18 else "D2",
    )
    for a in range(SIDE * SIDE)
    for i in range(2)
]
"""Areas on a lattice with 1 km between neighbours, two locations each; MSOAs of three areas; E35 has no MSOA."""


@pytest.fixture(scope="module")
def located(spark: SparkSession) -> DataFrame:
    """The locations, with the decile of their area."""
    rows = [(*row, int(row[2][1:]) % 10 + 1) for row in LOCATED]
    return spark.createDataFrame(rows, f"{LOCATIONS.ddl}, imd int").coalesce(1).persist()


def config(
    work_dir: Path, *, locations: str = "locations.csv", boundaries: dict[str, str] | None = None, **dataset: Any
) -> RunConfig:
    return run_config(
        work_dir,
        labels={"locations": locations, "boundaries": boundaries},
        images={"views": 1, "pattern": "{location_id}_{view}.jpg"},
        dataset={"hdf5": False, **dataset},
    )


def assign(located: DataFrame, config: RunConfig) -> tuple[pd.DataFrame, list[str]]:
    """What the training set gets of each location, and the notes of the report."""
    units = with_units(located, config.dataset.split_level)
    folds, notes = assign_units(units, split_of(config.dataset), config)
    rows = with_folds(units, folds).toPandas()
    return rows.sort_values("location_id", ignore_index=True), notes


def test_spatial_blocks_are_in_the_training_set_and_the_report(located: DataFrame, tmp_path: Path) -> None:
    rows, notes = assign(located, config(tmp_path, split="spatial_blocks", folds=3, buffer_m=1100))
    assert rows.groupby("area_id")[["fold", "block", "buffer_of"]].nunique().eq(1).all(axis=None)
    assert {*rows["block"]} == {*range(12)}
    near = rows["buffer_of"].str.split().map(len)
    assert 0 < (near > 0).mean() < 1
    assert not any(str(fold) in texts.split() for fold, texts in zip(rows["fold"], rows["buffer_of"], strict=True))
    n_left_out = [rows.loc[rows["buffer_of"].str.contains(str(f)), "area_id"].nunique() for f in range(3)]
    assert notes[0].startswith("spatial_blocks: 12 contiguous blocks in 3 folds (4, 4, 4); areas and locations")
    assert f"buffer of 1100 m: left out of training {', '.join(map(str, n_left_out))} areas" in notes[0]
    assert notes[1] == "distances are between areas' centres: the means of their locations' coordinates"


def test_buffers_are_between_polygons_where_there_are_boundaries(located: DataFrame, tmp_path: Path) -> None:
    corners = {f"E{a:02d}": (-2.2075 + 0.015 * (a % SIDE), 53.4955 + 0.009 * (a // SIDE)) for a in range(SIDE * SIDE)}
    shapes = {name: shapely.box(west, south, west + 0.015, south + 0.009) for name, (west, south) in corners.items()}
    features = [
        {"type": "Feature", "properties": {"area_id": name}, "geometry": shapely.geometry.mapping(shape)}
        for name, shape in shapes.items()
    ]
    (tmp_path / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    boundaries = {"path": str(tmp_path / "areas.geojson")}
    rows, notes = assign(located, config(tmp_path, boundaries=boundaries, split="spatial_blocks", folds=2, buffer_m=1))
    rows = rows.drop_duplicates("area_id").set_index("area_id")
    assert notes[1] == "distances are between the areas' polygons"
    for name, row in rows.iterrows():
        touches_other_fold = any(
            shapes[str(name)].touches(shapes[other]) for other in rows.index[rows["fold"] != row["fold"]]
        )
        assert row["buffer_of"] == (str(1 - row["fold"]) if touches_other_fold else "")


def test_an_msoa_is_in_one_fold(located: DataFrame, tmp_path: Path) -> None:
    rows, notes = assign(located, config(tmp_path, folds=3, split_level="msoa"))
    assert rows["unit"].tolist() == rows["msoa"].fillna(rows["area_id"]).tolist()
    assert rows.groupby("unit")["fold"].nunique().eq(1).all()
    assert "the split keeps each msoa together (dataset.split_level): 13 units, counted as areas" in notes
    assert "2 location(s) have no msoa, so their area is kept together instead" in notes


def test_output_areas_divide_areas_with_a_warning(located: DataFrame, tmp_path: Path) -> None:
    rows, notes = assign(located, config(tmp_path, folds=2, split_level="oa"))
    n_divided = int((rows.groupby("area_id")["fold"].nunique() > 1).sum())
    assert n_divided > 0
    (warning,) = [note for note in notes if "several folds" in note]
    assert warning.startswith(f"{n_divided} area(s) are in several folds, so models have learned from other locations")


def test_folds_come_from_a_table_of_areas(located: DataFrame, tmp_path: Path) -> None:
    lines = [f"e{a:02d},{'west' if a % SIDE < 3 else 'east'}" for a in range(34)]
    (tmp_path / "folds.csv").write_text("\n".join(["area_id,part", *lines, "E34,", "E99,east"]))
    rows, notes = assign(
        located, config(tmp_path, split="column", fold_column="part", fold_file=str(tmp_path / "folds.csv"))
    )
    folds = rows.drop_duplicates("area_id").set_index("area_id")["fold"].to_dict()
    assert folds == {f"E{a:02d}": int(a % SIDE < 3) for a in range(34)} | {"E34": LEARNED, "E35": LEARNED}
    assert notes[0].endswith("2 and 4 without a value, which every model learns from")
    assert notes[1] == (f"1 area(s) of {tmp_path}/folds.csv have no location with photographs, e.g. E99: not used")


def write_locations(tmp_path: Path, last: str) -> str:
    """Folds 1 and 2 by area, but `last` for the last location."""
    ids = [f"L{a:02d}{i}" for a in range(SIDE * SIDE) for i in range(2)]
    values = [str(int(name[1:3]) % 2 + 1) for name in ids[:-1]]
    lines = [f"{name},{value}" for name, value in zip(ids, [*values, last], strict=True)]
    (tmp_path / "places.csv").write_text("\n".join(["location_id,Fold", *lines]))
    return str(tmp_path / "places.csv")


def test_folds_come_from_a_column_of_the_locations(located: DataFrame, tmp_path: Path) -> None:
    path = write_locations(tmp_path, last="2")
    rows, notes = assign(located, config(tmp_path, locations=path, split="column", fold_column="fold"))
    assert rows["fold"].tolist() == [int(area[1:]) % 2 + 1 for area in rows["area_id"]]
    assert notes[0] == ("areas and locations of the 2 folds in the column fold: 18 and 36 in 1, 18 and 36 in 2")


def test_an_area_in_two_parts_is_refused(located: DataFrame, tmp_path: Path) -> None:
    path = write_locations(tmp_path, last="1")
    with pytest.raises(
        RunRefused, match=r"1 area\(s\) have several folds, e.g. E35 has Fold 1 and 2; all locations of"
    ):
        assign(located, config(tmp_path, locations=path, split="column", fold_column="fold"))


def test_a_table_without_the_column_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "folds.csv").write_text("area_id,part\nE00,1\n")
    with pytest.raises(RunRefused, match=r"the column fold is not in the header .*; there are area_id, part"):
        preflight(config(tmp_path, split="column", fold_column="fold", fold_file=str(tmp_path / "folds.csv")))
