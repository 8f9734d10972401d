"""The content of the report, read from the tables of a run: small frames, however many locations there are."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.csv_cells import text_of_cell
from streetdeciles.methods import AREA, NETWORK, SCORE_MEAN
from streetdeciles.queries import query
from streetdeciles.report.inputs import count_inputs
from streetdeciles.report.losses import read_losses
from streetdeciles.report.other_methods import read_other_methods
from streetdeciles.report.photographs import Photographs, read_photographs
from streetdeciles.stages import REPORT_STAGE, STAGE_NAMES
from streetdeciles.table import Table
from streetdeciles.tables import (
    AREA_INTERVALS,
    AREA_LABELS,
    AREA_PREDICTIONS,
    BREAKDOWNS,
    CALIBRATION,
    COMPARISONS,
    IMAGE_INDEX,
    LOCATIONS,
    METRICS,
    PREDICTIONS,
    REJECTS,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from streetdeciles.run_log import StageReport

_query = partial(query, "streetdeciles.report")

MAX_SEARCHED = 20_000
"""With more locations than this the page does not hold their ids."""

SEVERAL_FOLDS = -1
"""The fold of an area whose locations are of several."""

PLACE = ("view", "uri", "member", "offset", "length")

HISTORY = ("outcome", "fold", "epoch", "loss", "val_loss", "mae", "val_mae", "learning_rate")


@dataclass(frozen=True)
class Findings:
    """The frames that the page is made of.

    `areas`: region, area_id, outcome, true_decile (within the region), national_decile, decile (the report's method),
        mean_score, n_locations (predicted), n_located, district (of its locations), fold (SEVERAL_FOLDS if its
        locations are of several), and decile_low, decile_high and score_se of the table area_intervals. NaN:
        not known.
    `confusion`: region, outcome, true_decile, decile, n: the network's predictions of locations.
    `metrics`, `comparisons`, `breakdowns`, `calibration`: the tables of these names.
    `history`: one row per outcome, fold and epoch of training.
    `losses`: stage, reason, n, examples (list of (id, detail)): the rejects and everything left out.
    `counts`: locations in the regions, photographs in the index (or imported views), those of them that gave no
        features (rejects), views of a location, and locations that were predicted.
    `locations`: region, area_id, location_id, by which areas are found on the page; empty if there are more than
        MAX_SEARCHED. `other_methods`: other_methods.COLUMNS.
    """

    areas: pd.DataFrame
    confusion: pd.DataFrame
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    breakdowns: pd.DataFrame
    calibration: pd.DataFrame
    history: pd.DataFrame
    losses: pd.DataFrame
    counts: dict[str, int]
    locations: pd.DataFrame
    photographs: Photographs = Photographs()
    other_methods: pd.DataFrame | None = None


@dataclass(frozen=True)
class Exhibit:
    """A photograph for the gallery: where its bytes are, and what is known about its location.

    `deciles`: outcome -> (true decile or None, predicted decile).
    """

    location_id: str
    region: str
    area_id: str
    view: int
    uri: str
    member: str | None
    offset: int | None
    length: int | None
    deciles: dict[str, tuple[int | None, int]]


def collect(spark: SparkSession, config: RunConfig) -> Findings:
    """Read the finished tables of `config.work_dir`; locations are counted on the cluster and never collected."""
    from pyspark.sql import functions as F

    def table(kind: Table) -> DataFrame:
        frame = storage.read_table(spark, kind, config.work_dir)
        return frame.where(F.col("outcome").isin(config.dataset.outcomes)) if "outcome" in frame.columns else frame

    held_out = held_out_predictions(spark, config)
    confusion = (
        held_out.where("true_decile IS NOT NULL")
        .groupBy("region", "outcome", "true_decile", "decile")
        .agg(F.count("*").alias("n"))
    )
    counts, areas = count_inputs(config, table), _areas(table, config)
    return Findings(
        areas=areas,
        confusion=confusion.toPandas(),
        metrics=table(METRICS).toPandas(),
        comparisons=table(COMPARISONS).toPandas(),
        breakdowns=table(BREAKDOWNS).toPandas(),
        calibration=read_optional(CALIBRATION, config),
        history=read_history(config),
        losses=read_losses(spark, config),
        counts=counts,
        locations=table(LOCATIONS)
        .select("region", "area_id", "location_id")
        .limit(counts["locations"] if counts["locations"] <= MAX_SEARCHED else 0)
        .toPandas(),
        photographs=Photographs() if config.replaced_stages else read_photographs(spark, config),
        other_methods=read_other_methods(spark, config, len(areas)),
    )


def _areas(table: Callable[[Table], DataFrame], config: RunConfig) -> pd.DataFrame:
    """`Findings.areas`."""
    areas = _query(
        "areas",
        {"level": AREA, "method": config.report.method},
        labels=table(AREA_LABELS),
        area_predictions=table(AREA_PREDICTIONS),
        locations=table(LOCATIONS),
    )
    folds = _query(
        "folds",
        {"network": NETWORK, "outcome": config.dataset.outcomes[0], "several": SEVERAL_FOLDS},
        predictions=table(PREDICTIONS),
        locations=table(LOCATIONS),
    )
    return (
        areas.toPandas()
        .merge(folds.toPandas(), how="left", on=["region", "area_id"])
        .merge(_intervals(config), how="left", on=["region", "area_id", "outcome"])
    )


def _intervals(config: RunConfig) -> pd.DataFrame:
    """The intervals of the areas; they are around the mean score, so other methods of the report have none."""
    rows = read_optional(AREA_INTERVALS, config)
    shown = rows[(rows["method"] == SCORE_MEAN) & (config.report.method == SCORE_MEAN)]
    return shown[["region", "area_id", "outcome", "decile_low", "decile_high", "score_se"]]


def read_optional(table: Table, config: RunConfig) -> pd.DataFrame:
    """The rows of a table that a run need not have; none if it does not."""
    if not storage.exists(storage.join(config.work_dir, table.name)):
        return pd.DataFrame(columns=list(table.columns))
    return storage.read_pandas(table, config.work_dir)


def held_out_predictions(spark: SparkSession, config: RunConfig) -> DataFrame:
    """One row per predicted location and outcome.

    location_id, region, area_id, outcome, true_decile, decile, and confidence: the probability of that decile.
    """
    predictions, locations, labels = (
        storage.read_table(spark, table, config.work_dir) for table in (PREDICTIONS, LOCATIONS, AREA_LABELS)
    )
    return _query("held_out", {"network": NETWORK}, predictions=predictions, locations=locations, labels=labels)


def candidates(spark: SparkSession, config: RunConfig) -> pd.DataFrame:
    """location_id and true_decile (of the first outcome) of the locations that the gallery may choose from."""
    return _query(
        "candidates",
        {"seed": config.seed, "outcome": config.dataset.outcomes[0], "most": config.report.gallery},
        held_out=held_out_predictions(spark, config),
    ).toPandas()


def most_confident(spark: SparkSession, config: RunConfig, most: int) -> pd.DataFrame:
    """kind (`right` or `wrong`), outcome, location_id: at most `most` locations of each, the most confident ones."""
    held_out = held_out_predictions(spark, config)
    return _query("confident", {"most": most}, held_out=held_out).toPandas()


def exhibits(spark: SparkSession, config: RunConfig, location_ids: list[str]) -> list[Exhibit]:
    """One photograph of each of these locations (at most 200), in their order."""
    from pyspark.sql import functions as F

    if not location_ids:
        return []
    chosen = F.col("location_id").isin(location_ids)
    images = storage.read_table(spark, IMAGE_INDEX, config.work_dir).where(chosen)
    rejects = storage.read_table(spark, REJECTS, config.work_dir).where(chosen)
    photographs = _query("photographs", {"seed": config.seed}, images=images, rejects=rejects).collect()
    known: dict[str, dict[str, tuple[int | None, int]]] = {}
    area_of_location: dict[str, tuple[str, str]] = {}
    for row in held_out_predictions(spark, config).where(chosen).collect():
        known.setdefault(row["location_id"], {})[row["outcome"]] = (row["true_decile"], row["decile"])
        area_of_location[row["location_id"]] = (row["region"], row["area_id"])
    photograph_of_location = {row["location_id"]: row for row in photographs}
    return [
        Exhibit(
            location_id=location_id,
            region=area_of_location[location_id][0],
            area_id=area_of_location[location_id][1],
            **{name: photograph_of_location[location_id][name] for name in PLACE},
            deciles=known[location_id],
        )
        for location_id in location_ids
        if location_id in photograph_of_location and location_id in known
    ]


def stage_reports(config: RunConfig) -> list[StageReport]:
    """The reports of the finished stages, in the order of the run."""
    skipped = (REPORT_STAGE, *config.replaced_stages)
    done = [run_log.finished(config.work_dir, name) for name in STAGE_NAMES if name not in skipped]
    return [report for report, _ in filter(None, done)]


def read_history(config: RunConfig) -> pd.DataFrame:
    """Losses per epoch; empty if the models were not trained in this run."""
    uri = storage.join(config.work_dir, "models", "history.csv")
    if not storage.exists(uri):
        return pd.DataFrame(columns=list(HISTORY))
    return pd.read_csv(io.BytesIO(storage.read_bytes(uri)), converters={"outcome": text_of_cell})
