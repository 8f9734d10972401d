"""The groups of cells, measured on Spark's workers, so that all cores share them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from streetdeciles.config import RunConfig
from streetdeciles.evaluation.measuring import GROUP, Measured, measure_group, number_areas, number_baselines
from streetdeciles.methods import AGGREGATION_METHODS, PREDICTION
from streetdeciles.queries import query, spark_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, Row

_METHODS = (PREDICTION, *AGGREGATION_METHODS)

_query = partial(query, "streetdeciles.evaluation")


def measure_groups(
    cells: DataFrame, groups: Sequence[Row], predicted: pd.DataFrame, areas: pd.DataFrame, config: RunConfig
) -> list[Measured]:
    """Measure each group that has a known true decile, in the order of `groups`.

    Args:
        cells: rows of `measured.sql`.
        groups: the value of each of GROUP.
        predicted: `region`, `area_id`, `outcome`, `model` and `decile` of the baselines.
        areas: `region`, `area_id`, and what `number_areas` and `measure_group` need of an area.
        config: the run's.
    """
    names = [{name: str(group[name]) for name in GROUP} for group in groups]
    numbered_areas = number_areas(areas)
    baselines = number_baselines(predicted, numbered_areas)

    def measured(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for number, of_group in _frames(batches):
            result = measure_group(names[number], of_group, baselines, numbered_areas, config)
            yield pa.RecordBatch.from_pydict({"group_number": [number], "measured": [json.dumps(asdict(result))]})

    numbered = _numbered(cells, names, numbered_areas).repartition("group_number")
    rows = numbered.mapInArrow(measured, "group_number bigint, measured string").collect()
    return [Measured(**json.loads(row["measured"])) for row in sorted(rows)]


def _numbered(cells: DataFrame, names: Sequence[dict[str, str]], areas: pd.DataFrame) -> DataFrame:
    import pandas as pd

    spark = cells.sparkSession
    numbers = pd.DataFrame(names, columns=[*GROUP], dtype=object).assign(group_number=np.arange(len(names)))
    return _query(
        "numbered_cells",
        {"methods": ",".join(_METHODS)},
        cells=cells,
        groups=spark_frame(spark, numbers),
        areas=spark_frame(spark, areas[["region", "code"]].assign(area_number=areas["area_id"])),
    )


def _frames(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pd.DataFrame]]:
    """The number of each group, and its cells as `measure_group` takes them."""
    import pyarrow as pa

    collected = [*batches]
    if not collected:
        return
    frame = pa.Table.from_batches(collected).to_pandas()
    for number, of_group in frame.groupby("group_number"):
        method = np.array(_METHODS, object)[of_group["method_number"]]
        columns = of_group.drop(columns=["group_number", "method_number"])
        yield int(str(number)), columns.assign(method=method).reset_index(drop=True)
