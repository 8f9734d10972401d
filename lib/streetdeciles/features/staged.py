"""What a wave has computed, staged as Parquet: features, rejects and statistics in one set of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.extraction.extracted import SCHEMA, Photograph, Row, reject_batch, statistics_batch
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.extraction.tally import Tally

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

ROW_GROUP_BYTES = 32 * 1024 * 1024
"""2,000 rows of 4,096 features: small enough to be read one by one, large enough for Parquet."""


def write_parquet(frame: DataFrame, uri: str, partitioned_by: Sequence[str] = ()) -> None:
    writer = frame.write.mode("overwrite").option("parquet.block.size", ROW_GROUP_BYTES)
    if partitioned_by:
        writer = writer.partitionBy(*partitioned_by).option("partitionOverwriteMode", "dynamic")
    writer.parquet(uri)


def spark_schema() -> StructType:
    """`extracted.SCHEMA`, as Spark has it."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(SCHEMA)


def write_rejects(photographs: DataFrame, why: Mapping[str, Rejected], uri: str) -> None:
    """Stage rejects of those rows of the index, and their statistics; `why`: by image_id, some few."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark.sql import functions as F

    rejects: list[tuple[Photograph, Rejected]] = []
    tallies: dict[int, Tally] = {}
    for record in photographs.where(F.col("image_id").isin([*why])).collect():
        row = Row(**{name: record[name] for name in Row._fields})
        rejects.append((Photograph(row), why[row.image_id]))
        tally = tallies.setdefault(row.shard, Tally())
        tally.images += 1
        tally.reject(why[row.image_id].reason)
    file = BytesIO()
    pq.write_table(pa.Table.from_batches([reject_batch(rejects), statistics_batch(tallies)]), file)
    storage.write_bytes(uri, file.getvalue())
