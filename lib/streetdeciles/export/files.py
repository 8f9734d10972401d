"""The results of a run as files that other programs open: areas with their polygons, and measures."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.export.areas import safe_cells, wide_areas
from streetdeciles.export.figures import has_matplotlib, write_figures
from streetdeciles.export.qgis_style import LAYER, add_styles
from streetdeciles.geography.boundaries import AreaBoundaries, read_boundaries
from streetdeciles.geography.centres import merged_polygons
from streetdeciles.report.collect import read_history, read_optional
from streetdeciles.report.learning_curve import read_learning_curve
from streetdeciles.report.page import outcome_titles
from streetdeciles.report.transfer import read_transfer
from streetdeciles.tables import AREA_INTERVALS, AREA_LABELS, AREA_PREDICTIONS, CALIBRATION, COMPARISONS, METRICS

if TYPE_CHECKING:
    import pandas as pd

WGS84 = 4326

DRIVERS = {"gpkg": "GPKG", "geojson": "GeoJSON"}


def export(config: RunConfig, folder: Path) -> list[Path]:
    """Write the results of the run to the local `folder`; returns the files.

    They are made on a disk and then copied, because a mounted object store takes no GeoPackage while it grows.

    `areas.csv` has one row per area; with boundaries, `areas.gpkg`, `areas.parquet` (GeoParquet) and `areas.geojson`
    have the same rows with polygons in WGS84, and QGIS opens the first coloured by decile. `metrics` and `comparisons`
    are written as CSV and JSON. With matplotlib, `figures` has figures of each outcome as SVG, PDF and PNG.

    Raises:
        RunRefused: the run has no measures yet, or the folder cannot be made.
    """
    if run_log.finished(config.work_dir, "evaluation") is None:
        raise RunRefused(
            f"work_dir {config.work_dir} has no measures to export; run `streetdeciles run --to evaluation` first"
        )
    kinds = (AREA_LABELS, AREA_PREDICTIONS, METRICS, COMPARISONS)
    tables = {table.name: storage.read_pandas(table, config.work_dir) for table in kinds}
    areas = wide_areas(
        tables[AREA_LABELS.name],
        tables[AREA_PREDICTIONS.name],
        read_optional(AREA_INTERVALS, config),
        config.dataset.outcomes,
        config.report.method,
    )
    boundaries: AreaBoundaries | None = None
    if config.labels.boundaries is not None:
        boundaries = read_boundaries(**config.labels.boundaries.model_dump())
        names = areas["area_id"].map(boundaries.names)
        areas.insert(2, "name", names.where(names != "", None))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunRefused(f"--out {folder}: cannot be made ({error.strerror}); choose another folder") from error
    with TemporaryDirectory(prefix="streetdeciles-export-") as name:
        files = _write_files(areas, tables, boundaries, Path(name))
        if has_matplotlib():
            files += _write_figures(areas, config, boundaries, Path(name) / "figures")
        storage.upload(Path(name), str(folder))
        return [folder / file.relative_to(name) for file in files]


def _write_files(
    areas: pd.DataFrame, tables: dict[str, pd.DataFrame], boundaries: AreaBoundaries | None, folder: Path
) -> list[Path]:
    files = [folder / "areas.csv"]
    safe_cells(areas).to_csv(files[0], index=False)
    if boundaries is not None:
        files += _write_maps(areas, _shapes(areas, boundaries), folder)
    for table in (METRICS, COMPARISONS):
        safe_cells(tables[table.name]).to_csv(folder / f"{table.name}.csv", index=False)
        tables[table.name].to_json(folder / f"{table.name}.json", orient="records", indent=1, double_precision=15)
        files += [folder / f"{table.name}.csv", folder / f"{table.name}.json"]
    return files


def _write_figures(
    areas: pd.DataFrame, config: RunConfig, boundaries: AreaBoundaries | None, folder: Path
) -> list[Path]:
    return write_figures(
        areas,
        None if boundaries is None else _shapes(areas, boundaries),
        {
            "history": read_history(config),
            "calibration": read_optional(CALIBRATION, config),
            "transfer": read_transfer(config),
            "learning_curve": read_learning_curve(config),
        },
        titles=outcome_titles(config),
        out=folder,
    )


def _shapes(areas: pd.DataFrame, boundaries: AreaBoundaries) -> list[Any]:
    """The polygon of each row of `areas`, None where it has none."""
    import numpy as np

    area_ids, polygons = boundaries.polygons.area_ids, boundaries.polygons.polygons
    rows = {area_id: number for number, area_id in enumerate(areas["area_id"].unique())}
    owners = np.array([rows.get(area_id, -1) for area_id in area_ids])
    merged = merged_polygons(polygons[owners >= 0], owners[owners >= 0], len(rows))
    return [merged[rows[area_id]] for area_id in areas["area_id"]]


def _write_maps(areas: pd.DataFrame, shapes: list[Any], folder: Path) -> list[Path]:
    """The areas that have a polygon, with it; GeoPackage for a GIS, GeoParquet for data frames, GeoJSON for the web."""
    import geopandas

    frame = geopandas.GeoDataFrame(areas, geometry=shapes, crs=WGS84)
    drawn = frame[~frame.geometry.isna()]
    files = [folder / "areas.parquet"]
    drawn.to_parquet(files[0], index=False)
    for ending, driver in DRIVERS.items():
        files.append(folder / f"areas.{ending}")
        drawn.to_file(files[-1], driver=driver, layer=LAYER)
    predicted = [name for name in areas.columns if name.endswith("_predicted")]
    add_styles(folder / "areas.gpkg", [name.removesuffix("_predicted") for name in predicted])
    return files
