"""What the run rejected and left out: counts by reason, with examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.queries import query
from streetdeciles.stages import FEATURES_STAGE, STAGE_NAMES
from streetdeciles.tables import LEFT_OUT, REJECTS

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

EXAMPLES = 3
"""The number of examples for each reason for leaving something out."""


def read_losses(spark: SparkSession, work_dir: str) -> pd.DataFrame:
    """stage, reason, n and examples of the tables `rejects` (photographs) and `left_out`."""
    rejects = storage.read_table(spark, REJECTS, work_dir).selectExpr(
        f"'{FEATURES_STAGE}' AS stage",
        "reason",
        "location_id AS id",
        "concat_ws(': ', element_at(split(uri, '/'), -1), nullif(detail, '')) AS detail",
    )
    left_out = storage.read_table(spark, LEFT_OUT, work_dir).select("stage", "reason", "id", "detail")
    losses = query("streetdeciles.report", "losses", {"most": EXAMPLES}, rows=rejects.unionByName(left_out)).toPandas()
    order = losses["stage"].map(STAGE_NAMES.index)
    return losses.assign(order=order).sort_values(["order", "n", "reason"], ascending=[True, False, True])
