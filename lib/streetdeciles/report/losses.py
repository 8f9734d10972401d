"""What the run rejected and left out: counts by reason, with examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.queries import query
from streetdeciles.shown import redacted
from streetdeciles.stages import FEATURES_STAGE, STAGE_NAMES
from streetdeciles.tables import LEFT_OUT, REJECTS

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

EXAMPLES = 3
"""The number of examples for each reason for leaving something out."""


def read_losses(spark: SparkSession, config: RunConfig) -> pd.DataFrame:
    """stage, reason, n and examples of the tables `rejects` (photographs) and `left_out`."""
    work_dir, skipped = config.work_dir, config.replaced_stages
    left_out = storage.read_table(spark, LEFT_OUT, work_dir).select("stage", "reason", "id", "detail")
    if skipped:  # an earlier run in the work_dir may have had them
        rows = left_out.where(~left_out["stage"].isin([*skipped]))
    else:
        rows = left_out.unionByName(_rejects(spark, work_dir))
    losses = query("streetdeciles.report", "losses", {"most": EXAMPLES}, rows=rows).toPandas()
    losses["examples"] = losses["examples"].map(_without_secrets)
    order = losses["stage"].map(STAGE_NAMES.index)
    return losses.assign(order=order).sort_values(["order", "n", "reason"], ascending=[True, False, True])


def _without_secrets(examples: list[Mapping[str, str | None]]) -> list[dict[str, str]]:
    """The addresses of photographs, as a table of theirs has them, may hold signatures."""
    return [{name: redacted(example[name] or "") for name in ("id", "detail")} for example in examples]


def _rejects(spark: SparkSession, work_dir: str) -> DataFrame:
    return storage.read_table(spark, REJECTS, work_dir).selectExpr(
        f"'{FEATURES_STAGE}' AS stage",
        "reason",
        "location_id AS id",
        "concat_ws(': ', element_at(split(uri, '/'), -1), nullif(detail, '')) AS detail",
    )
