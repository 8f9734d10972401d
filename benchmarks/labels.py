"""Speed of the stage labels at national size, beside pandas and geopandas that do the same in one process.

- `labels_postcodes`: a directory in the layout of August 2017, with 13 outcomes, to `area_labels` and `locations`.
- `labels_points`: points in polygons made by tiling real boundaries, those of Bury or, with `--boundaries`, of others.
- `labels_postcodes_goal`, `labels_points_goal`: the same beside the rate that was asked for, at the intended sizes:

    .venv/bin/python benchmarks/labels.py --postcodes 2600000 --points 1500000 --tiles 20 \\
        --boundaries lsoa11_greater_manchester.geojson

Prints the driver's memory. The postcodes, points and five of the outcomes are made up; ranks and boundaries are real.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pandas as pd
import psutil

from measure import Comparison, interleaved, record
from scale import memory
from streetdeciles.config import RunConfig, SparkConfig
from streetdeciles.labels import stage
from streetdeciles.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATA = Path(__file__).parent.parent / "tests" / "data"
FILE_7 = DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"
BURY = Path(__file__).parent.parent / "examples" / "demo_city" / "data" / "lsoa11_bury.geojson"
CODE = "LSOA code (2011)"
RANKS = "Rank (where 1 is most deprived)"
OWN = tuple(f"own_{number}" for number in range(5))
IMD = ("imd", "imd_income", "imd_employment", "imd_education", "imd_health", "imd_crime", "imd_housing")
OUTCOMES = (*IMD, "imd_living_environment", *OWN)
POSTCODE_SECONDS, POINT_SECONDS = 60, 180
POSTCODES, POINTS, POLYGONS = 2_600_000, 1_500_000, 33_000
"""What the goals are for."""
HEADER = """
pcd pcd2 pcds dointr doterm oscty ced oslaua osward parish usertype oseast1m osnrth1m osgrdind oshlthau nhser ctry rgn
streg pcon eer teclec ttwa pct nuts statsward oa01 casward park lsoa01 msoa01 ur01ind oac01 oa11 lsoa11 msoa11 wz11 ccg
bua11 buasd11 ru11ind oac11 lat long lep1 lep2 pfa imd calncv stp
"""
FILLER = ("1", "E99999999")
"""In columns that are not read: a line has some 400 characters, as in the real directory."""
CHUNK = 200_000


def write_directory(path: Path, n: int) -> None:
    """A directory of `n` postcodes, four in ten terminated, spread over the LSOAs of England."""
    random = np.random.default_rng(0)
    areas = pd.read_csv(FILE_7, dtype=str)[CODE].to_numpy()
    header = HEADER.split()
    varying = ("pcd", "pcd2", "pcds", "doterm", "lsoa11", "lat", "long")
    fixed = {"usertype": "0", "oslaua": "E09000033", "oa11": "E00023264", "msoa11": "E02000961"}
    line = ",".join(
        f'"{{{name}}}"' if name in varying else f'"{fixed.get(name, FILLER[len(name) % 2])}"' for name in header
    )
    with path.open("w") as file:
        file.write(",".join(header) + "\n")
        for start in range(0, n, CHUNK):
            rows = range(start, min(n, start + CHUNK))
            ends = np.where(random.random(len(rows)) < 0.4, "201203", "")
            lsoas = areas[random.integers(0, len(areas), len(rows))]
            north, east = random.uniform(50, 55, len(rows)), random.uniform(-5, 1, len(rows))
            for row, doterm, lsoa, lat, long in zip(rows, ends, lsoas, north, east, strict=True):
                postcode = postcode_of(row)
                file.write(
                    line.format(
                        pcd=postcode,
                        pcd2=postcode,
                        pcds=postcode,
                        doterm=doterm,
                        lsoa11=lsoa,
                        lat=f"{lat:.6f}",
                        long=f"{long:.6f}",
                    )
                    + "\n"
                )


def postcode_of(row: int) -> str:
    """The same for the same number, another for any other below 7 million."""
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    outward, inward = divmod(row, 4000)
    return (
        f"{letters[outward // 90]}{10 + outward % 90} {inward // 400}{letters[inward // 20 % 20]}{letters[inward % 20]}"
    )


def write_own_table(path: Path, areas: np.ndarray[Any, Any]) -> dict[str, Any]:
    """A table of five more outcomes of the areas; its entry in the config."""
    random = np.random.default_rng(1)
    pd.DataFrame({"area": areas, **{name: random.permutation(len(areas)) for name in OWN}}).to_csv(path, index=False)
    outcomes = {name: {"column": name, "higher_is": "worse"} for name in OWN}
    return {"path": str(path), "columns": {"area_id": "area", "outcomes": outcomes}}


def write_tiles(source: Path, path: Path, tiles: int) -> np.ndarray[Any, Any]:
    """Copies of the areas in `source` side by side, with codes, names and districts of their own; these codes."""
    city = geopandas.read_file(source)[["LSOA11CD", "LSOA11NM", "geometry"]]
    west, south, east, north = city.total_bounds
    copies = []
    for tile in range(tiles):
        copy = city.copy()
        copy["geometry"] = copy.translate((tile % 5) * (east - west), (tile // 5) * (north - south))
        copy["LSOA11CD"] = f"T{tile:03d}" + copy["LSOA11CD"].str[1:]
        copy["LSOA11NM"] = f"{tile} " + copy["LSOA11NM"]
        copies.append(copy)
    whole = pd.concat(copies)
    whole.to_file(path)
    return whole["LSOA11CD"].to_numpy()


def write_points(path: Path, boundaries: Path, n: int) -> None:
    west, south, east, north = geopandas.read_file(boundaries).total_bounds
    random = np.random.default_rng(2)
    points = {"lat": random.uniform(south, north, n).round(6), "lon": random.uniform(west, east, n).round(6)}
    pd.DataFrame({"location_id": np.char.mod("%07d", np.arange(n)), **points}).to_csv(path, index=False)


def config_of(folder: Path, outcomes: tuple[str, ...], **labels: Any) -> RunConfig:
    return RunConfig.model_validate(
        {
            "work_dir": str(folder / "work"),
            "labels": {"regions": {"everywhere": "all"}, **labels},
            "images": {"folder": str(folder), "pattern": "{location_id}_{view}.jpg"},
            "dataset": {"outcomes": list(outcomes)},
        }
    )


def timed(n: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{n} rows in {seconds:.1f} s", flush=True)
    return n / seconds


def with_pandas(directory: Path, own: Path, out: Path) -> None:
    """The same tables from the same files, in one process that holds all of them."""
    published = pd.read_csv(FILE_7, index_col=CODE)
    values = published[[column for column in published if column.endswith(RANKS)]].join(pd.read_csv(own, index_col=0))
    wide = {name: pd.qcut(values[name].rank(method="first"), 10, labels=False) + 1 for name in values}
    pd.DataFrame(wide).stack().rename("decile").reset_index().to_parquet(out / "area_labels.parquet")
    columns = ["pcds", "doterm", "usertype", "oa11", "lsoa11", "msoa11", "oslaua", "lat", "long"]
    rows = pd.read_csv(directory, usecols=columns, dtype={"doterm": str, "usertype": str})
    rows = rows[rows["doterm"].isna() & (rows["usertype"] != "1") & (rows["lat"] < 90)]
    rows = rows[rows["lsoa11"].isin(values.index)]
    rows.assign(pcds=rows["pcds"].str.replace(" ", "")).to_parquet(out / "locations.parquet")


def with_geopandas(boundaries: Path, points: Path, out: Path) -> None:
    polygons = geopandas.read_file(boundaries)
    rows = pd.read_csv(points, dtype={"location_id": str})
    places = geopandas.GeoDataFrame(rows, geometry=geopandas.points_from_xy(rows["lon"], rows["lat"]), crs=polygons.crs)
    joined = geopandas.sjoin(places, polygons, predicate="intersects")
    joined.drop(columns="geometry").drop_duplicates("location_id").to_parquet(out / "locations.parquet")


def measure_postcodes(spark: SparkSession, folder: Path, n: int, runs: int) -> None:
    directory, own = folder / "onspd.csv", folder / "own.csv"
    write_directory(directory, n)
    table = write_own_table(own, pd.read_csv(FILE_7, usecols=[CODE])[CODE].to_numpy())
    config = config_of(folder, OUTCOMES, tables=[{"path": str(FILE_7)}, table], locations={"postcodes": str(directory)})
    compare(
        "labels_postcodes",
        lambda: stage.run(spark, config),
        lambda: with_pandas(directory, own, folder),
        n=n,
        runs=runs,
        goal=(POSTCODES, POSTCODE_SECONDS) if n >= POSTCODES else None,
        other_is=f"pandas in one process, {n} postcodes, {len(OUTCOMES)} outcomes",
    )
    print(memory(spark), flush=True)


def measure_points(spark: SparkSession, folder: Path, n: int, runs: int, *, source: Path, tiles: int) -> None:
    boundaries, points = folder / "tiles.gpkg", folder / "points.csv"
    areas = write_tiles(source, boundaries, tiles)
    write_points(points, boundaries, n)
    config = config_of(
        folder,
        OWN,
        tables=[write_own_table(folder / "own.csv", areas)],
        locations=str(points),
        boundaries={"path": str(boundaries)},
    )
    compare(
        "labels_points",
        lambda: stage.run(spark, config),
        lambda: with_geopandas(boundaries, points, folder),
        n=n,
        runs=runs,
        goal=(POINTS, POINT_SECONDS) if n >= POINTS and len(areas) >= POLYGONS else None,
        other_is=f"geopandas.sjoin in one process, {n} points, {len(areas)} polygons",
    )
    print(memory(spark), flush=True)


def compare(
    name: str,
    ours: Callable[[], object],
    other: Callable[[], object],
    *,
    n: int,
    runs: int,
    goal: tuple[int, int] | None,
    other_is: str,
) -> None:
    """Both sides in turn, after ours has started Spark's workers; and ours beside the goal, rows in seconds."""
    compared = interleaved(lambda: timed(n, ours), lambda: timed(n, other), runs)
    record(name, compared, unit="rows/s", other_is=other_is)
    if goal:
        rows, seconds = goal
        record(
            f"{name}_goal",
            Comparison(compared.ours, rows / seconds, runs),
            unit="rows/s",
            other_is=f"the goal: {rows} rows in {seconds} s",
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postcodes", type=int, default=100_000, help="rows of the directory; 0: none")
    parser.add_argument("--points", type=int, default=50_000, help="points; 0: none")
    parser.add_argument("--tiles", type=int, default=2, help="copies of the areas")
    parser.add_argument("--boundaries", type=Path, default=BURY, help="the areas, with the property LSOA11CD")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with spark_session(SparkConfig(master="local[*]", driver_memory="2g"), name) as spark:
            if options.postcodes:
                measure_postcodes(spark, folder, options.postcodes, options.runs)
            if options.points:
                measure_points(
                    spark, folder, options.points, options.runs, source=options.boundaries, tiles=options.tiles
                )
            peak = psutil.Process().memory_full_info().uss >> 20
            print(f"the driver's Python had {peak} MB at the end", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
