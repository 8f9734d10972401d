"""How much there was to use: locations, and photographs or imported views."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.methods import IMPORTED_VIEWS, NETWORK
from streetdeciles.stages import DATASET_STAGE
from streetdeciles.table import Table
from streetdeciles.tables import IMAGE_INDEX, LOCATIONS, PREDICTIONS, REJECTS, TRAINING_SET
from streetdeciles.training_set.reader import training_set_shape

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_inputs(config: RunConfig, table: Callable[[Table], DataFrame]) -> dict[str, int]:
    """The `counts` of `collect.Findings`; `table` reads a table."""
    predictions = table(PREDICTIONS)
    return {
        "locations": table(LOCATIONS).count(),
        **(_imported_views(config) if config.replaced_stages else _photographs(config, table)),
        "predicted": predictions.where(predictions["model"] == NETWORK).select("location_id").distinct().count(),
    }


def _photographs(config: RunConfig, table: Callable[[Table], DataFrame]) -> dict[str, int]:
    return {
        "views": config.images.views,
        "photographs": table(IMAGE_INDEX).count(),
        "rejects": table(REJECTS).select("image_id").distinct().count(),
    }


def _imported_views(config: RunConfig) -> dict[str, int]:
    """The same of imported views, as the stage dataset has counted them."""
    done = run_log.finished(config.work_dir, DATASET_STAGE)
    counts = done[0].counts if done else {}
    n = counts.get(IMPORTED_VIEWS, 0)
    return {
        "views": training_set_shape(storage.join(config.work_dir, TRAINING_SET)).views,
        "photographs": n,
        "rejects": n - counts.get(f"{IMPORTED_VIEWS} used", 0),
    }
