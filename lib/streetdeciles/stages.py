"""The nine stages in order: what each does, reads and writes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from streetdeciles.tables import (
    AREA_INTERVALS,
    AREA_LABELS,
    AREA_PREDICTIONS,
    BASELINES,
    BREAKDOWNS,
    CALIBRATION,
    COMPARISONS,
    DECILE_COUNTS,
    FEATURES,
    FOLD_METRICS,
    IMAGE_COLUMNS,
    IMAGE_INDEX,
    LEFT_OUT,
    LOCATIONS,
    METRICS,
    PREDICTIONS,
    REJECTS,
    TRAINING_SET,
    TRAINING_SET_PARTS,
)


@dataclass(frozen=True)
class Stage:
    """A package `streetdeciles.<name>` whose module `stage` has `run(spark, config) -> StageReport`.

    The package may also have a module `preflight` with `preflight(config)`, which refuses mistakes before Spark starts.
    """

    name: str
    about: str
    """What the stage does, for the command line's help."""
    sections: tuple[str, ...]
    """The sections of the config that it reads."""
    reads: tuple[str, ...]
    """The stages whose tables or models it reads."""
    writes: tuple[str, ...]
    """Tables, folders and files below the work_dir that exist when the stage is done."""
    may_write: tuple[str, ...] = ()
    """Those that only some configs ask for."""
    exports: tuple[str, ...] = ()
    """Those that no stage reads: `export(config)` of the module `stage` makes them again from its tables."""
    afresh: Literal["never", "if forced", "if forced with other settings"] = "never"
    """When `run(spark, config, afresh=True)` makes a stage start over that otherwise keeps its finished work."""
    has_ledger: bool = False
    """Whether `ledger.recorded_files(work_dir)` of its package knows the files that it has finished, piece by piece."""


LABELS_STAGE = "labels"
IMAGES_STAGE = "images"
FEATURES_STAGE = "features"
DATASET_STAGE = "dataset"
TRAINING_STAGE = "training"
PREDICTION_STAGE = "prediction"
AGGREGATION_STAGE = "aggregation"
EVALUATION_STAGE = "evaluation"
REPORT_STAGE = "report"

STAGES = (
    Stage(
        LABELS_STAGE,
        "Turn published tables into deciles of each area, and find the area of each location.",
        sections=("labels", "dataset"),
        reads=(),
        writes=(AREA_LABELS.name, LOCATIONS.name, f"{LEFT_OUT.name}/stage={LABELS_STAGE}"),
    ),
    Stage(
        IMAGES_STAGE,
        "List the photographs, and divide them into shards.",
        sections=("images",),
        reads=(),
        writes=(IMAGE_INDEX.name, f"{LEFT_OUT.name}/stage={IMAGES_STAGE}"),
        may_write=(IMAGE_COLUMNS,),
        afresh="if forced with other settings",
    ),
    Stage(
        FEATURES_STAGE,
        "Decode the photographs, and compute the features of each with the backbone.",
        sections=("features", "images"),
        reads=(IMAGES_STAGE,),
        writes=(FEATURES.name, REJECTS.name),
        afresh="if forced",
        has_ledger=True,
    ),
    Stage(
        DATASET_STAGE,
        "Join features and deciles to one row per location, and assign each location to a fold.",
        sections=("dataset", "images"),
        reads=(LABELS_STAGE, FEATURES_STAGE),
        writes=(TRAINING_SET, f"{LEFT_OUT.name}/stage={DATASET_STAGE}"),
        may_write=("training_set.h5", "training_set.csv", TRAINING_SET_PARTS),
        exports=("training_set.h5", "training_set.csv", TRAINING_SET_PARTS),
    ),
    Stage(
        TRAINING_STAGE,
        "Train one model per outcome and fold.",
        sections=("training", "dataset"),
        reads=(DATASET_STAGE,),
        writes=("models",),
    ),
    Stage(
        PREDICTION_STAGE,
        "Predict the deciles of each location with models that have not seen its area.",
        sections=("prediction", "training", "dataset"),
        reads=(DATASET_STAGE, TRAINING_STAGE),
        writes=(PREDICTIONS.name,),
    ),
    Stage(
        AGGREGATION_STAGE,
        "Combine the predictions of locations to deciles of areas, by several methods.",
        sections=("aggregation", "dataset"),
        reads=(LABELS_STAGE, PREDICTION_STAGE),
        writes=(AREA_PREDICTIONS.name, DECILE_COUNTS.name),
    ),
    Stage(
        EVALUATION_STAGE,
        "Compare predicted with actual deciles, with 95 % intervals, and the network with baselines.",
        sections=("evaluation", "dataset", "prediction", "aggregation", "report"),
        reads=(LABELS_STAGE, DATASET_STAGE, PREDICTION_STAGE, AGGREGATION_STAGE),
        writes=tuple(
            table.name
            for table in (METRICS, FOLD_METRICS, CALIBRATION, AREA_INTERVALS, BASELINES, COMPARISONS, BREAKDOWNS)
        ),
    ),
    Stage(
        REPORT_STAGE,
        "Write one HTML page with maps, measures and photographs.",
        sections=("report", "labels", "images", "dataset", "training", "prediction", "aggregation"),
        reads=(
            LABELS_STAGE,
            IMAGES_STAGE,
            FEATURES_STAGE,
            DATASET_STAGE,
            TRAINING_STAGE,
            PREDICTION_STAGE,
            AGGREGATION_STAGE,
            EVALUATION_STAGE,
        ),
        writes=("report.html",),
    ),
)

STAGE_NAMES = tuple(stage.name for stage in STAGES)


def stages_from(name: str) -> tuple[str, ...]:
    """The names of this stage and of all that come after it in the order of a run."""
    return STAGE_NAMES[STAGE_NAMES.index(name) :]


def stages_that_follow(name: str) -> tuple[str, ...]:
    """The names of the stages that read what this stage writes, directly or through others."""
    stale = {name}
    for stage in STAGES:
        if stale.intersection(stage.reads):
            stale.add(stage.name)
    return tuple(stage.name for stage in STAGES if stage.name in stale - {name})


def sections_read(stages: Collection[str]) -> set[str]:
    """The sections of the config that some stages read."""
    return {section for stage in STAGES if stage.name in stages for section in stage.sections}
