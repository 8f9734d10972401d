"""What a wave has computed, staged as Parquet: features, rejects and statistics in one set of files."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.extraction.extracted import SCHEMA, Photograph, Row, reject_batch, statistics_batch
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.extraction.tally import Tally
from streetdeciles.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

ROW_GROUP_BYTES = 32 * 1024 * 1024
"""2,000 rows of 4,096 features: small enough to be read one by one, large enough for Parquet."""


def write_parquet(frame: DataFrame, uri: str) -> None:
    frame.write.mode("overwrite").option("parquet.block.size", ROW_GROUP_BYTES).parquet(uri)


def write_shards(frame: DataFrame, table: Table, work_dir: str) -> None:
    """Write the rows of shards that the table no longer has, each shard in a folder of its own.

    Overwriting folders would move them into place, which copies each file in an object store.
    """
    writer = table.conform(frame).write.option("parquet.block.size", ROW_GROUP_BYTES)
    writer = writer.partitionBy(*table.partitioned_by).option("partitionOverwriteMode", "dynamic")
    mode = "overwrite" if storage.moves_folders(work_dir) else "append"
    writer.mode(mode).parquet(storage.spark_uri(storage.join(work_dir, table.name)))


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
