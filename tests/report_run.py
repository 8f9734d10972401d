"""A finished run's work_dir: real areas, deciles and photographs, with predictions that are made up here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from config_files import run_config
from paths import DEMO_CITY
from streetdeciles import run_log
from streetdeciles.config import RunConfig
from streetdeciles.methods import MAIN_MEASURES
from streetdeciles.run_log import StageReport
from streetdeciles.table import Table
from streetdeciles.tables import (
    AREA_INTERVALS,
    AREA_LABELS,
    AREA_PREDICTIONS,
    BREAKDOWNS,
    CALIBRATION,
    COMPARISONS,
    IMAGE_INDEX,
    LEFT_OUT,
    LOCATIONS,
    METRICS,
    PREDICTIONS,
    REJECTS,
)

DATA = Path(__file__).parent / "data"
NATIONAL = "Decile (where 1 is most deprived 10% of LSOAs)"
OUTCOMES = {
    "imd_income": "Income Rank (where 1 is most deprived)",
    "imd_health": "Health Deprivation and Disability Rank (where 1 is most deprived)",
    "imd_living_environment": "Living Environment Rank (where 1 is most deprived)",
}
NOT_PREDICTED = ("E01004941", "E01004942", "E01005000")
"""Areas of Bury that have no location."""

HOSTILE = '<script>alert("x")</script>'
"""The id of one location: what a file name may hold."""


@dataclass(frozen=True)
class FinishedRun:
    config: RunConfig
    area_predictions: pd.DataFrame
    predictions: pd.DataFrame
    labels: pd.DataFrame


def report_config(work_dir: Path, **changes: Any) -> RunConfig:
    """The config of a run over Bury; `changes` replace its sections."""
    bury: dict[str, Any] = {
        "seed": 1,
        "labels": {
            "tables": [{"path": str(DATA / "iod2019/File_7_-_All_IoD2019_Ranks_Deciles.csv")}],
            "regions": {"bury": ["Bury"]},
            "locations": str(work_dir / "locations.csv"),
            "boundaries": {"path": str(DEMO_CITY / "lsoa11_bury.geojson")},
        },
        "images": {"folder": str(DATA / "photos"), "pattern": "{location_id}_{view}.jpg|png"},
        "features": {"weights": "random:1"},
        "dataset": {"outcomes": list(OUTCOMES)},
        "report": {
            "title": "Demo <city>",
            "notice": "The photographs are not of Bury. <b>Nothing</b> here is a result.",
        },
    }
    return run_config(work_dir, **(bury | changes))


def write_rows(table: Table, work_dir: Path, rows: pd.DataFrame) -> None:
    """`rows` as a Parquet table where a stage would have written it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = work_dir / table.name
    folder.mkdir(parents=True, exist_ok=True)
    schema = table.arrow_schema()
    if not table.partitioned_by:
        pq.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False), folder / "part.parquet")
        return
    (column,) = table.partitioned_by
    schema = schema.remove(schema.get_field_index(column))
    for value, part in rows.groupby(column):
        (folder / f"{column}={value}").mkdir()
        arrow = pa.Table.from_pandas(part.drop(columns=column), schema=schema, preserve_index=False)
        pq.write_table(arrow, folder / f"{column}={value}" / "part.parquet")


def write_finished_run(config: RunConfig) -> FinishedRun:
    random = np.random.default_rng(3)
    work_dir = Path(config.work_dir)
    labels = _area_labels()
    locations = _locations(labels)
    predictions = _predictions(locations, labels, random)
    area_predictions = _area_predictions(predictions, locations, labels)
    images = _image_index(locations)
    write_rows(AREA_LABELS, work_dir, labels)
    write_rows(LOCATIONS, work_dir, locations)
    write_rows(IMAGE_INDEX, work_dir, images)
    write_rows(PREDICTIONS, work_dir, predictions)
    write_rows(AREA_PREDICTIONS, work_dir, area_predictions)
    write_rows(METRICS, work_dir, _metrics(area_predictions, predictions, locations, labels))
    write_rows(COMPARISONS, work_dir, _comparisons())
    write_rows(AREA_INTERVALS, work_dir, _area_intervals(area_predictions))
    write_rows(CALIBRATION, work_dir, _calibration())
    write_rows(BREAKDOWNS, work_dir, _breakdowns(area_predictions))
    write_rows(REJECTS, work_dir, _rejects(images))
    write_rows(LEFT_OUT, work_dir, _left_out())
    _write_history(work_dir, random)
    _write_run_log(work_dir)
    return FinishedRun(config, area_predictions, predictions, labels)


def _area_labels() -> pd.DataFrame:
    published = pd.read_csv(DATA / "iod2019/File_7_-_All_IoD2019_Ranks_Deciles.csv")
    bury = published[published["Local Authority District name (2019)"] == "Bury"]
    return pd.concat(
        pd.DataFrame(
            {
                "region": "bury",
                "area_id": bury["LSOA code (2011)"],
                "outcome": outcome,
                "value": bury[column].astype(float),
                "decile": pd.qcut(bury[column], 10, labels=False) + 1,
                "national_decile": bury[column.replace("Rank (where 1 is most deprived)", NATIONAL)],
            }
        )
        for outcome, column in OUTCOMES.items()
    )


def _locations(labels: pd.DataFrame) -> pd.DataFrame:
    areas = [area for area in sorted(set(labels["area_id"])) if area not in NOT_PREDICTED]
    names = [f"BL{i // 30} {i % 30:02d}" for i in range(2 * len(areas))]
    names[7] = HOSTILE
    return pd.DataFrame(
        {
            "location_id": names,
            "region": "bury",
            "area_id": [area for area in areas for _ in range(2)],
            "oa": None,
            "msoa": None,
            "latitude": None,
            "longitude": None,
            "district": None,
        }
    )


def _predictions(locations: pd.DataFrame, labels: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    rows = locations.merge(labels, on=["region", "area_id"])
    score = (rows["decile"] - 5.5) / 2.2 + random.normal(0, 1.0, len(rows))
    deciles = np.clip(np.rint(9 / (1 + np.exp(-score)) + 1), 1, 10).astype(int)
    return pd.DataFrame(
        {
            "location_id": rows["location_id"],
            "outcome": rows["outcome"],
            "model": "network",
            "fold": pd.factorize(rows["area_id"])[0] % 5,
            "score": score,
            "decile": deciles,
            "temperature": 1.0,
            "probabilities": [_probabilities(value) for value in score],
        }
    )


def _probabilities(score: float) -> list[float]:
    p = 1 / (1 + np.exp(-score))
    return [math.comb(9, k) * p**k * (1 - p) ** (9 - k) for k in range(10)]


def _area_predictions(predictions: pd.DataFrame, locations: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    placed = predictions.merge(locations, on="location_id")
    grouped = placed.groupby(["region", "area_id", "outcome"]).agg(
        n_locations=("location_id", "size"),
        mean_score=("score", "mean"),
        score_se=("score", "sem"),
        median=("decile", "median"),
    )
    rows = grouped.reset_index().merge(
        labels.rename(columns={"decile": "true_decile"}), on=["region", "area_id", "outcome"]
    )
    by_score = np.clip(np.rint(9 / (1 + np.exp(-rows["mean_score"])) + 1), 1, 10)
    columns = list(AREA_PREDICTIONS.columns)
    methods = {"score_mean": by_score, "decile_median": rows["median"]}
    return pd.concat(rows.assign(level="area", method=name, decile=values)[columns] for name, values in methods.items())


def _image_index(locations: pd.DataFrame) -> pd.DataFrame:
    photos = sorted((DATA / "photos").glob("*.jpg"))
    rows = [(location_id, view) for location_id in locations["location_id"] for view in range(4)]
    return pd.DataFrame(
        {
            "image_id": [f"{location_id}/{view}" for location_id, view in rows],
            "location_id": [location_id for location_id, _ in rows],
            "view": [view for _, view in rows],
            "uri": [str(photos[i % len(photos)]) for i in range(len(rows))],
            "member": None,
            "offset": None,
            "length": None,
            "modified": None,
            "shard": 0,
        }
    )


def _rejects(images: pd.DataFrame) -> pd.DataFrame:
    hostile = images[images["location_id"] == HOSTILE].head(1).assign(uri="/photos/<img src=x onerror=alert(1)>.jpg")
    rows = pd.concat([images.iloc[[3, 10, 21, 33, 40]], hostile])
    reasons = ["truncated"] * 4 + ["not_an_image", "missing"]
    details = ["1,024 of 40,112 bytes"] * 4 + ["", "no such file"]
    return rows.assign(reason=reasons, detail=details, content_hash=None)[list(REJECTS.columns)]


def _left_out() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("BL9 99", "no_area", "latitude 53.2, longitude -2.9 is in no area", "labels"),
            ("<i>.gif", "other_name", "", "images"),
        ],
        columns=["id", "reason", "detail", "stage"],
    )


def _metrics(
    area_predictions: pd.DataFrame, predictions: pd.DataFrame, locations: pd.DataFrame, labels: pd.DataFrame
) -> pd.DataFrame:
    by_location = (
        predictions.merge(locations, on="location_id")
        .drop(columns="oa")
        .merge(labels.rename(columns={"decile": "true_decile"}), on=["region", "area_id", "outcome"])
        .assign(level="location", method="prediction")
    )
    rows = []
    for frame in (area_predictions, by_location):
        for (outcome, level, method), group in frame.groupby(["outcome", "level", "method"]):
            key = {"region": "bury", "outcome": outcome, "level": level, "n": len(group)}
            rows.append(
                {**key, "method": method, "model": "network", **_measures(group["decile"], group["true_decile"])}
            )
            if method in ("score_mean", "prediction"):
                constant = pd.Series(5, index=group.index)
                rows.append({**key, "method": "median", "model": "median", **_measures(constant, group["true_decile"])})
    return pd.DataFrame(rows, columns=list(METRICS.columns))


def _comparisons() -> pd.DataFrame:
    verdicts = {
        "median": (-1.4, "better than"),
        "neighbours": (-0.1, "not distinguishable from"),
        "ridge": (0.3, "worse than"),
    }
    return pd.DataFrame(
        [
            ("bury", outcome, "area", "score_mean", baseline, 117, 1.1, 1.1 - by, by, by - 0.2, by + 0.2, verdict)
            for outcome in OUTCOMES
            for baseline, (by, verdict) in verdicts.items()
        ],
        columns=list(COMPARISONS.columns),
    )


def _area_intervals(area_predictions: pd.DataFrame) -> pd.DataFrame:
    """Two deciles to either side, of areas that have so many."""
    rows = area_predictions[area_predictions["method"] == "score_mean"]
    ends = {"decile_low": (rows["decile"] - 2).clip(lower=1), "decile_high": (rows["decile"] + 2).clip(upper=10)}
    return rows.assign(**ends, few_locations=True)[list(AREA_INTERVALS.columns)].astype(
        {"decile_low": int, "decile_high": int}
    )


def _calibration() -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for outcome in OUTCOMES:
        for calibrated, observed in {False: (0.2, 0.3, 0.4), True: (0.25, 0.35, 0.6)}.items():
            key = ("bury", outcome, "location", calibrated)
            rows += [
                (*key, "reliability", bin, bin / 10 - 0.05, seen, 78, None)
                for bin, seen in zip((3, 4, 6), observed, strict=True)
            ]
            rows += [(*key, "coverage", bin, bin / 100, bin / 100 - 0.04, 234, bin / 20) for bin in (50, 80, 95)]
            rows.append((*key, "expected_calibration_error", 0, None, 0.01 if calibrated else 0.1, 234, None))
        rows.append(("bury", outcome, "area", True, "coverage", 80, 0.8, 0.83, 117, 4.6))
    return pd.DataFrame(rows, columns=list(CALIBRATION.columns))


def _breakdowns(area_predictions: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (outcome, method, decile), group in area_predictions.groupby(["outcome", "method", "true_decile"]):
        off = group["decile"] - group["true_decile"]
        key = ("bury", outcome, "area", method, "true_decile", f"{decile:02d}")
        rows.append((*key, len(group), off.abs().mean(), off.mean()))
    return pd.DataFrame(rows, columns=list(BREAKDOWNS.columns))


def _measures(decile: pd.Series, true: pd.Series) -> dict[str, float]:
    """Right enough to look at: what the report shows is what the table holds, whatever it is."""
    off = (decile - true).abs()
    kappa = 1 - (off**2).mean() / ((decile.var() + true.var()) + (decile.mean() - true.mean()) ** 2)
    values = {"mae": off.mean(), "accuracy": (off == 0).mean(), "within_1": (off <= 1).mean(), "kappa": kappa}
    for name in ("pearson", "spearman", "kendall"):
        values[name] = decile.corr(true, method=name) if decile.nunique() > 1 else np.nan
    assert set(values) == set(MAIN_MEASURES)
    moran = {"moran_i": 0.31, "moran_p": 0.005}
    ends = {"low": -0.08, "high": 0.07}
    for worst, share in {1: "10", 2: "20"}.items():
        both = ((decile <= worst) & (true <= worst)).sum()
        values[f"recall_{share}"] = both / (true <= worst).sum()
        values[f"precision_{share}"] = both / max(1, (decile <= worst).sum())
    return values | moran | {f"{name}_{end}": value + by for name, value in values.items() for end, by in ends.items()}


def _write_history(work_dir: Path, random: np.random.Generator) -> None:
    rows = []
    for outcome in OUTCOMES:
        for fold in range(5):
            level = 1.75 + random.normal(0, 0.05)
            for epoch in range(30):
                falling = 1.4 * np.exp(-epoch / 7)
                val = level + falling + 0.0006 * (max(0, epoch - 14 - fold)) ** 2 + random.normal(0, 0.02)
                rows.append(
                    (outcome, fold, epoch, 1.55 + falling - epoch * 0.008, val, 1.1 + falling, 0.7 * val, 0.001)
                )
    names = ["outcome", "fold", "epoch", "loss", "val_loss", "mae", "val_mae", "learning_rate"]
    (work_dir / "models").mkdir()
    pd.DataFrame(rows, columns=names).to_csv(work_dir / "models" / "history.csv", index=False)


_TOLD: Sequence[tuple[str, float, Mapping[str, int], Sequence[str]]] = (
    (
        "labels",
        4.2,
        {"areas": 120, "locations": 234, "left out": 1},
        ["{work_dir}/locations.csv: 1 location is in no area"],
    ),
    ("images", 1.1, {"photographs": 936, "left_out": 1}, []),
    ("features", 88.4, {"features": 931, "rejects": 5}, ["device cpu, precision bfloat16, 11.2 images/s"]),
    ("dataset", 6.0, {"locations": 234}, []),
    ("training", 41.7, {"models": 15}, []),
    ("prediction", 5.5, {"predictions": 702}, []),
    ("aggregation", 3.3, {"areas": 117}, []),
    ("evaluation", 2.9, {"rows": 18}, []),
)


def _write_run_log(work_dir: Path) -> None:
    for stage, seconds, counts, notes in _TOLD:
        texts = [note.format(work_dir=work_dir) for note in notes]
        run_log.record(str(work_dir), StageReport(stage, dict(counts), texts, seconds), "0" * 16)
