"""Results as files that GeoPandas, pyogrio and pandas open, with the values of the tables."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import geopandas
import pandas as pd
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import DEMO_CITY
from report_run import NOT_PREDICTED, FinishedRun, report_config, write_finished_run, write_rows
from small_run import SmallRun
from streetdeciles import run_log
from streetdeciles.export.areas import safe_cells, wide_areas
from streetdeciles.export.files import export
from streetdeciles.tables import TRANSFER
from streetdeciles.training.learning_curve import CurvePoint, curve_csv

LABELS = pd.DataFrame(
    [
        ("leeds", "E2", "imd", 3, 1),
        ("leeds", "E1", "imd", 7, None),
        ("leeds", "E1", "rooms", 2, None),
        ("bury", "E9", "imd", 5, 5),
    ],
    columns=["region", "area_id", "outcome", "decile", "national_decile"],
)
PREDICTIONS = pd.DataFrame(
    [
        ("leeds", "E2", "imd", "area", "score_mean", 4.0, 12),
        ("leeds", "E2", "imd", "area", "decile_mode", 9.0, 12),
        ("leeds", "E2", "imd", "msoa", "score_mean", 1.0, 50),
        ("leeds", "E3", "imd", "area", "score_mean", 8.0, 1),
    ],
    columns=["region", "area_id", "outcome", "level", "method", "decile", "n_locations"],
)
INTERVALS = pd.DataFrame(
    [("leeds", "E2", "imd", "score_mean", 3, 6), ("leeds", "E2", "imd", "decile_mode", 1, 9)],
    columns=["region", "area_id", "outcome", "method", "decile_low", "decile_high"],
)


def test_areas_have_one_row_each_with_the_figures_of_every_outcome() -> None:
    wide = wide_areas(LABELS, PREDICTIONS, INTERVALS, ["imd", "rooms"], "score_mean")
    assert wide[["region", "area_id"]].agg("/".join, axis=1).tolist() == ["bury/E9", "leeds/E1", "leeds/E2", "leeds/E3"]
    known = wide.set_index("area_id").astype(object)
    assert known.loc["E2", [f"imd_{name}" for name in ("actual", "national", "predicted", "difference")]].tolist() == [
        3, 1, 4, 1,
    ]  # fmt: skip
    assert known["imd_low"].dropna().to_dict() == {"E2": 3}
    assert known["imd_high"].dropna().to_dict() == {"E2": 6}
    assert known["imd_locations"].to_dict() == {"E9": 0, "E1": 0, "E2": 12, "E3": 1}
    assert known["imd_predicted"].isna().to_dict() == {"E9": True, "E1": True, "E2": False, "E3": False}
    assert known["rooms_actual"].dropna().to_dict() == {"E1": 2}


@given(st.text(max_size=5), st.sampled_from("=+-@\t\r"))
def test_texts_of_formulas_stay_texts(rest: str, first: str) -> None:
    cell = safe_cells(pd.DataFrame({"name": [f"{first}a{rest}"], "n": [-1]}))
    assert cell["name"][0] == f"'{first}a{rest}"
    assert cell["n"][0] == -1


def test_run_without_measures_is_refused(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert small_run.main("export") == 2
    assert "has no measures to export; run `streetdeciles run --to evaluation` first" in capsys.readouterr().err


@pytest.fixture(scope="module")
def run(spark: object, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A finished run over Bury, with its files in `<work_dir>/export`."""
    run = write_finished_run(report_config(tmp_path_factory.mktemp("exported")))
    write_studies(run)
    export(run.config, folder_of(run))
    return run


def write_studies(run: FinishedRun) -> None:
    """A transfer and a learning curve of imd_income, as their commands leave them."""
    mark = run_log.read_mark(run.config.work_dir, "dataset")
    assert mark is not None
    points = [CurvePoint(size, "imd_income", 0, 50, 3, 1.0, 100, 3 - size) for size in (0.1, 1.0)]
    (Path(run.config.work_dir) / "learning_curve.csv").write_text(curve_csv(points, mark.generation))
    rows = [
        {"source": "leeds", "region": "bury", "outcome": "imd_income", "share": share, "n_learning": 9, "n": 120}
        | {"mae": 2.5 - share, "mae_low": 2.0 - share, "mae_high": 3.0 - share, "dataset": mark.generation}
        for share in (0.0, 0.5, 1.0)
    ]
    write_rows(TRANSFER, Path(run.config.work_dir), pd.DataFrame(rows).reindex(columns=list(TRANSFER.columns)))


def folder_of(run: FinishedRun) -> Path:
    return Path(run.config.work_dir) / "export"


@pytest.mark.parametrize("name", ["areas.gpkg", "areas.geojson", "areas.parquet"])
def test_maps_open_in_geopandas_with_polygons_and_deciles(run: FinishedRun, name: str) -> None:
    file = folder_of(run) / name
    areas = geopandas.read_parquet(file) if name.endswith("parquet") else geopandas.read_file(file, layer="areas")
    areas = areas.set_index("area_id").sort_index()
    assert areas.crs.to_epsg() == 4326
    published = geopandas.read_file(DEMO_CITY / "lsoa11_bury.geojson").set_index("LSOA11CD").sort_index()
    assert areas.geometry.geom_equals(published.geometry.reindex(areas.index)).all()
    assert areas["name"].equals(published["LSOA11NM"].reindex(areas.index))
    labels = run.labels[run.labels["outcome"] == "imd_health"].set_index("area_id").sort_index()
    assert areas["imd_health_actual"].tolist() == labels["decile"].tolist()
    assert areas["imd_health_national"].tolist() == labels["national_decile"].tolist()
    assert areas.index[areas["imd_health_predicted"].isna()].tolist() == list(NOT_PREDICTED)


def test_geopackage_has_one_layer_of_shapes_and_its_styles(run: FinishedRun) -> None:
    layers = pyogrio.list_layers(folder_of(run) / "areas.gpkg").tolist()
    assert layers == [["areas", "MultiPolygon"], ["layer_styles", None]]


def test_geopackage_opens_coloured_by_the_first_outcome(run: FinishedRun) -> None:
    styles = geopandas.read_file(folder_of(run) / "areas.gpkg", layer="layer_styles")
    outcomes = run.config.dataset.outcomes
    assert styles["styleName"].tolist() == [f"{name}_{kind}" for name in outcomes for kind in ("predicted", "actual")]
    assert styles.loc[styles["useAsDefault"].astype(bool), "styleName"].tolist() == [f"{outcomes[0]}_predicted"]
    assert set(styles["f_table_name"] + "." + styles["f_geometry_column"]) == {"areas.geom"}
    renderer = ElementTree.fromstring(styles["styleQML"][0]).find("renderer-v2")
    assert renderer is not None
    assert renderer.get("attr") == f"{outcomes[0]}_predicted"
    assert [float(each.get("lower", 0)) for each in renderer.iter("range")] == [decile - 0.5 for decile in range(1, 11)]
    colours = [each.get("v") for each in renderer.iter("prop") if each.get("k") == "color"]
    assert (colours[0], colours[9]) == ("165,0,38,255", "49,54,149,255")  # ColorBrewer's RdYlBu


def test_tables_open_in_pandas(run: FinishedRun) -> None:
    metrics = pd.read_parquet(Path(run.config.work_dir) / "metrics")
    for exported in (pd.read_csv(folder_of(run) / "metrics.csv"), pd.read_json(folder_of(run) / "metrics.json")):
        assert exported["mae"].tolist() == pytest.approx(metrics["mae"].tolist(), rel=1e-12)
    areas = pd.read_csv(folder_of(run) / "areas.csv")
    assert len(areas) == 120
    assert areas["imd_income_locations"].sum() == 234


def test_figures_of_each_outcome_are_drawn_for_a_paper(run: FinishedRun) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e .[figures]")
    names = {file.name for file in (folder_of(run) / "figures").iterdir()}
    kinds = ("maps", "differences", "confusion", "scatter", "learning", "calibration")
    outcomes = run.config.dataset.outcomes
    figures = {f"{outcome}_{kind}" for outcome in outcomes for kind in kinds}
    figures |= {"imd_income_transfer", "imd_income_learning_curve"}
    assert names == {f"{figure}.{end}" for figure in figures for end in ("svg", "pdf", "png")}
    svg = (folder_of(run) / "figures" / "imd_income_maps.svg").read_text(encoding="utf-8")
    assert "Income deprivation" in svg
    drawn = ElementTree.fromstring(svg)
    fills = [each.get("style", "") for each in drawn.iter("{http://www.w3.org/2000/svg}path")]
    assert sum("fill: #bdbdbd" in style for style in fills) >= len(NOT_PREDICTED)


def test_transfer_and_learning_curve_say_what_they_show(run: FinishedRun) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e .[figures]")
    figures = folder_of(run) / "figures"
    words = {
        "transfer": ("leeds to bury", "share of the region's areas, %", "50"),
        "learning_curve": ("share of the areas, %", "mean error, in deciles", "10"),
    }
    for name, expected in words.items():
        drawn = ElementTree.parse(figures / f"imd_income_{name}.svg")
        texts = {"".join(each.itertext()).strip() for each in drawn.iter("{http://www.w3.org/2000/svg}text")}
        assert texts.issuperset({*expected, "100"})
