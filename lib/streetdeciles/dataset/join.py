"""From features, locations and deciles to the rows of the training set: DataFrames in, DataFrames out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from streetdeciles.dataset.assembly import assemble
from streetdeciles.dataset.words import Words
from streetdeciles.queries import query
from streetdeciles.stages import DATASET_STAGE
from streetdeciles.staging import staged
from streetdeciles.tables import training_set_columns
from streetdeciles.training_set.columns import TrainingSetShape, training_set_ddl

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

_query = partial(query, "streetdeciles.dataset")

FILE_MB = 256
"""The size of one file of the set before compression, which one task sorts and writes."""

OTHER_BYTES = 512
"""The most that a photograph takes besides its features: the columns of its location."""


@contextmanager
def found_photographs(
    features: DataFrame, locations: DataFrame, unlabelled: DataFrame, *, views: int, work_dir: str
) -> Iterator[DataFrame]:
    """`image_id`, `location_id` and `reason` of each photograph that has features; used ones have no reason.

    `unlabelled` gives the reason for which the stage labels left out a location. The rows, which several queries read,
    are staged in the work_dir until the context ends.
    """
    frames = {"features": features, "locations": locations, "unlabelled": unlabelled}
    with staged(_query("photographs", {"views": views}, **frames), work_dir, "photographs") as photographs:
        yield photographs


BUCKETS = 64
"""The number of tasks in which locations are numbered."""


@contextmanager
def numbered_locations(
    locations: DataFrame, photographs: DataFrame, area_labels: DataFrame, outcomes: Sequence[str], work_dir: str
) -> Iterator[tuple[DataFrame, int]]:
    """Locations with features, and how many there are; they are staged in the work_dir until the context ends.

    Columns: `row_number` (0, 1, 2, … in the order of location_id), those of a location, and a nullable decile for each
    outcome. `locations` come from `with_units`.
    """
    from pyspark.sql import functions as F

    columns = [F.max(F.when(F.col("outcome") == outcome, F.col("decile"))).alias(outcome) for outcome in outcomes]
    deciles = area_labels.groupBy("region", "area_id").agg(*columns)
    frames = {"locations": locations, "photographs": photographs, "deciles": deciles}
    with staged(_query("ranked_locations", {"buckets": BUCKETS}, **frames), work_dir, "ranked_locations") as ranked:
        sizes = {row["bucket"]: row["count"] for row in ranked.groupBy("bucket").count().collect()}
        before = [0, *accumulate(sizes.get(bucket, 0) for bucket in range(BUCKETS + 1))]
        row_number = F.array(*map(F.lit, before))[F.col("bucket")] + F.col("position")
        numbered = ranked.withColumn("row_number", row_number.cast("bigint")).drop("bucket", "position")
        yield numbered, before[-1]


def find_left_out(
    locations: DataFrame, photographs: DataFrame, rejects: DataFrame, *, views: int, words: Words
) -> DataFrame:
    """`id`, `reason` and `detail` of locations without features and of photographs that are not used."""
    arguments = {
        "views": views,
        "stage": DATASET_STAGE,
        "view_is": words.view,
        "views_are": words.views,
        "lacking": words.lacking,
        "lacking_detail": words.lacking_detail,
        "rejected_detail": words.rejected_detail,
    }
    return _query("left_out", arguments, locations=locations, photographs=photographs, rejects=rejects)


def build_rows(features: DataFrame, numbered: DataFrame, shape: TrainingSetShape, *, n_photographs: int) -> DataFrame:
    """The training set's rows in one partition per file, each a sorted range of `row_number`.

    Features move between tasks once: they are not joined. One sort by `location_id` brings them below their location.

    Args:
        features: the table, with `n_photographs` rows.
        numbered: from `numbered_locations`, with the columns of `with_folds`.
        shape: the shape of the set.
    """
    from pyspark.sql import functions as F

    columns = training_set_columns(shape.outcomes)

    def assembled(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return assemble(batches, shape, columns)

    views = features.select("location_id", "view", "image_id", "features").where(
        F.col("view").between(0, shape.views - 1)
    )
    n_bytes = n_photographs * (shape.feature_size * 4 + OTHER_BYTES)
    n_files = -(-n_bytes // (FILE_MB * 2**20))
    both = numbered.unionByName(views, allowMissingColumns=True).repartitionByRange(n_files, "location_id")
    in_order = both.sortWithinPartitions("location_id", F.col("view").asc_nulls_first(), "image_id")
    return in_order.mapInArrow(assembled, training_set_ddl(shape.outcomes))
