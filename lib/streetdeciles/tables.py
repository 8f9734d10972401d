"""Every table that passes between stages: its key and its columns.

Types are those of Spark SQL. `docs/tables.md` says what each column means.
"""

from __future__ import annotations

from collections.abc import Sequence

from streetdeciles.methods import MEASURES
from streetdeciles.table import Table

AREA_LABELS = Table(
    "area_labels",
    key=("region", "area_id", "outcome"),
    columns={
        "region": "string",
        "area_id": "string",
        "outcome": "string",
        "value": "double",
        "decile": "tinyint",
        "national_decile": "tinyint",
    },
)

LOCATIONS = Table(
    "locations",
    key=("location_id",),
    columns={
        "location_id": "string",
        "region": "string",
        "area_id": "string",
        "oa": "string",
        "msoa": "string",
        "latitude": "double",
        "longitude": "double",
        "district": "string",
    },
)

IMAGE_INDEX = Table(
    "image_index",
    key=("image_id",),
    columns={
        "image_id": "string",
        "location_id": "string",
        "view": "tinyint",
        "uri": "string",
        "member": "string",
        "offset": "bigint",
        "length": "bigint",
        "modified": "string",
        "shard": "int",
    },
)

IMAGE_COLUMNS = "image_columns"
"""Table of the columns in `images.table.keep`, by image_id; its schema depends on them."""

FEATURES = Table(
    "features",
    key=("image_id",),
    columns={
        "image_id": "string",
        "location_id": "string",
        "view": "tinyint",
        "features": "array<float>",
        "content_hash": "string",
        "one_colour": "boolean",
        "shard": "int",
    },
    partitioned_by=("shard",),
)

REJECTS = Table(
    "rejects",
    key=("image_id",),
    columns={
        "image_id": "string",
        "location_id": "string",
        "view": "tinyint",
        "uri": "string",
        "reason": "string",
        "detail": "string",
        "content_hash": "string",
        "shard": "int",
    },
    partitioned_by=("shard",),
)

PREDICTIONS = Table(
    "predictions",
    key=("location_id", "outcome", "model"),
    columns={
        **dict.fromkeys(("location_id", "outcome", "model"), "string"),
        "fold": "int",
        "score": "double",
        "decile": "tinyint",
        "probabilities": "array<float>",
        "temperature": "double",
    },
)

AREA_PREDICTIONS = Table(
    "area_predictions",
    key=("region", "level", "area_id", "outcome", "method"),
    columns={
        **dict.fromkeys(("region", "level", "area_id", "outcome", "method"), "string"),
        "n_locations": "bigint",
        **dict.fromkeys(("mean_score", "decile"), "double"),
        "true_decile": "tinyint",
        "score_se": "double",
    },
)

DECILE_COUNTS = Table(
    "decile_counts",
    key=("region", "area_id", "outcome"),
    columns={
        **dict.fromkeys(("region", "area_id", "outcome"), "string"),
        **{f"n_{decile}": "bigint" for decile in range(1, 11)},
        "true_decile": "tinyint",
    },
)

METRICS = Table(
    "metrics",
    key=("region", "outcome", "level", "method", "model"),
    columns={
        **dict.fromkeys(("region", "outcome", "level", "method", "model"), "string"),
        "n": "bigint",
        **{name: "double" for measure in MEASURES for name in (measure, f"{measure}_low", f"{measure}_high")},
        **dict.fromkeys(("moran_i", "moran_p", "rps", "rps_low", "rps_high"), "double"),
    },
)

FOLD_METRICS = Table(
    "fold_metrics",
    key=("region", "outcome", "level", "method", "fold"),
    columns={
        **dict.fromkeys(("region", "outcome", "level", "method"), "string"),
        "fold": "int",
        "n": "bigint",
        **dict.fromkeys(("mae", "spearman"), "double"),
    },
)

CALIBRATION = Table(
    "calibration",
    key=("region", "outcome", "level", "calibrated", "measure", "bin"),
    columns={
        **dict.fromkeys(("region", "outcome", "level"), "string"),
        "calibrated": "boolean",
        "measure": "string",
        "bin": "int",
        **dict.fromkeys(("predicted", "observed"), "double"),
        "n": "bigint",
        "size": "double",
    },
)

AREA_INTERVALS = Table(
    "area_intervals",
    key=("region", "area_id", "outcome", "method"),
    columns={
        **dict.fromkeys(("region", "area_id", "outcome", "method"), "string"),
        **dict.fromkeys(("decile_low", "decile_high"), "tinyint"),
        "score_se": "double",
        "n_locations": "bigint",
        "few_locations": "boolean",
    },
)

BASELINES = Table(
    "baselines",
    key=("region", "area_id", "outcome", "model"),
    columns={
        **dict.fromkeys(("region", "area_id", "outcome", "model"), "string"),
        **{"decile": "double", "true_decile": "tinyint"},
    },
)

BREAKDOWNS = Table(
    "breakdowns",
    key=("region", "outcome", "level", "method", "by", "value"),
    columns={
        **dict.fromkeys(("region", "outcome", "level", "method", "by", "value"), "string"),
        "n": "bigint",
        **dict.fromkeys(("mae", "mean_error"), "double"),
    },
)

COMPARISONS = Table(
    "comparisons",
    key=("region", "outcome", "level", "method", "baseline"),
    columns={
        **dict.fromkeys(("region", "outcome", "level", "method", "baseline"), "string"),
        "n": "bigint",
        **dict.fromkeys(("mae", "baseline_mae", "difference", "difference_low", "difference_high"), "double"),
        "verdict": "string",
    },
)

TRANSFER = Table(
    "transfer",
    key=("source", "region", "outcome", "share"),
    columns={
        **dict.fromkeys(("source", "region", "outcome"), "string"),
        "share": "double",
        **dict.fromkeys(("n_learning", "n"), "bigint"),
        **{name: "double" for measure in MEASURES for name in (measure, f"{measure}_low", f"{measure}_high")},
        "dataset": "string",
    },
)
"""Written by `studies/transfer.py`, not by a stage; `dataset` is the generation of the training set."""

LEFT_OUT = Table(
    "left_out",
    key=("stage", "id", "reason"),
    columns={"id": "string", "reason": "string", "detail": "string", "stage": "string"},
    partitioned_by=("stage",),
)
"""One row for each input that a stage did not pass on: `id` is a location_id, an area_id or a file."""

TRAINING_SET = "training_set"
"""Table in Petastorm's format; `training_set/petastorm_format.py` makes its schema from `training_set_columns`."""

TRAINING_SET_PARTS = "training_set_parts"
"""Folder of the files over which the `training_set.h5` of a large set lies, and beside it."""


def training_set_columns(outcomes: Sequence[str]) -> tuple[str, ...]:
    """The columns of the training set, in order; each outcome is a nullable tinyint column of deciles."""
    location = ("location_id", "row_number", "region", "area_id", "oa", "msoa", "unit")
    return (*location, "features", "view_mask", "fold", "block", "buffer_of", *outcomes)
