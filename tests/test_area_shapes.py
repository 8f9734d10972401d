"""Where areas are: polygons if the config has boundaries, else the means of their locations."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import shapely
from pyspark.sql import SparkSession

from paths import DATA
from streetdeciles.area_shapes import read_shapes
from streetdeciles.config import Boundaries, LabelsConfig
from streetdeciles.tables import LOCATIONS

BURY = Path(__file__).parents[1] / "examples" / "demo_city" / "data" / "lsoa11_bury.geojson"
LEFT, RIGHT = "E01004941", "E01004942"
ROWS = [
    ("a", "bury", LEFT, "E00000001", "E02000001", 53.60, -2.30, "E08000002"),
    ("b", "bury", LEFT, "E00000001", "E02000001", 53.62, -2.28, "E08000002"),
    ("c", "bury", RIGHT, "E00000002", "E02000001", 53.64, -2.26, "E08000002"),
    ("d", "bury", "X1", None, None, None, None, None),
]


@pytest.fixture(scope="module")
def locations(spark: SparkSession) -> object:
    return spark.createDataFrame(ROWS, LOCATIONS.ddl)


def test_areas_without_boundaries_are_at_the_mean_of_their_locations(locations: object) -> None:
    shapes = read_shapes(locations, LabelsConfig.absent())  # type: ignore[arg-type]
    assert shapes["unit"].tolist() == [LEFT, RIGHT, "X1"]
    assert [None if shape is None else shape.coords[0] for shape in shapes["shape"]] == [
        pytest.approx((-2.29, 53.61)),
        pytest.approx((-2.26, 53.64)),
        None,
    ]


@pytest.mark.parametrize(("level", "units"), [("msoa", ["E02000001"]), ("district", ["E08000002"])])
def test_a_coarser_level_has_the_polygons_of_its_areas(locations: object, level: str, units: list[str]) -> None:
    absent = LabelsConfig.absent()
    vars(absent)["boundaries"] = Boundaries(path=str(BURY))
    areas = read_shapes(locations, absent)  # type: ignore[arg-type]
    whole = read_shapes(locations, absent, level)  # type: ignore[arg-type]
    assert [shapely.get_type_id(shape) for shape in areas["shape"][:2]] == [shapely.GeometryType.MULTIPOLYGON] * 2
    assert areas["shape"][2] is None
    assert whole["unit"].tolist() == units
    assert whole["shape"][0].area == pytest.approx(areas["shape"][0].area + areas["shape"][1].area)


def test_output_areas_are_at_their_locations(locations: object) -> None:
    absent = LabelsConfig.absent()
    vars(absent)["boundaries"] = Boundaries(path=str(DATA / "boundaries" / "lsoa11_westminster.geojson"))
    oas = read_shapes(locations, absent, "oa")  # type: ignore[arg-type]
    assert oas["unit"].tolist() == ["E00000001", "E00000002"]
    assert isinstance(oas, pd.DataFrame)
    assert oas["shape"][1].coords[0] == pytest.approx((-2.26, 53.64))
