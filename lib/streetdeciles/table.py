"""A table that passes between stages: its schema, and the checks when it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streetdeciles.errors import RunFailed

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, Row


def column_names(ddl: str) -> list[str]:
    """The names in a schema that is written as Spark SQL text.

    >>> column_names("uri string, partition map<string,string>")
    ['uri', 'partition']
    """
    return [column.split(" ")[0] for column in ddl.split(", ")]


@dataclass(frozen=True)
class Table:
    """A Parquet table at `<work_dir>/<name>`, with at most one row for each value of `key`."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    partitioned_by: tuple[str, ...] = ()

    @property
    def ddl(self) -> str:
        """The schema as Spark SQL text, e.g. for `mapInArrow` or `createDataFrame`."""
        return ", ".join(f"{name} {kind}" for name, kind in self.columns.items())

    def arrow_schema(self) -> pa.Schema:
        """The same schema for Arrow batches; it needs a session, so the driver makes it and sends it to executors."""
        from pyspark.sql.pandas.types import to_arrow_schema
        from pyspark.sql.types import StructType, _parse_datatype_string

        parsed = _parse_datatype_string(self.ddl)
        assert isinstance(parsed, StructType)
        return to_arrow_schema(parsed)

    def conform(self, frame: DataFrame) -> DataFrame:
        """`frame` with this table's columns in its order and types; every transform ends with it."""
        from pyspark.sql import functions as F

        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise RunFailed(
                f"table {self.name}: column(s) {', '.join(missing)} are missing; it has {', '.join(frame.columns)}"
            )
        return frame.select(*[F.col(name).cast(kind).alias(name) for name, kind in self.columns.items()])

    def check_key(self, frame: DataFrame) -> int:
        """The number of rows; RunFailed if a key is null or appears twice."""
        from pyspark.sql import functions as F

        is_null = F.greatest(*[F.col(name).isNull().cast("int") for name in (*self.key, *self.key)])

        def counted(key: Sequence[Column], nulls: Column) -> Row:
            """Over groups of `key`; `nulls` is 1 for a null, else 0."""
            groups = frame.groupBy(*key).agg(F.count("*").alias("n"), F.max(nulls).alias("null"))
            counts = groups.agg(
                F.coalesce(F.sum("n"), F.lit(0)).alias("rows"),
                F.coalesce(F.sum((F.col("n") > 1).cast("int")), F.lit(0)).alias("doubled"),
                F.coalesce(F.sum("null"), F.lit(0)).alias("nulls"),
            ).first()
            assert counts is not None
            return counts

        # Numbers are grouped several times faster than texts.
        counts = counted([F.xxhash64(*self.key)], is_null)
        if counts["doubled"] or counts["nulls"]:  # or two keys have the same hash
            counts = counted([F.col(name) for name in self.key], is_null)
        if counts["doubled"] or counts["nulls"]:
            raise RunFailed(
                f"table {self.name}: {counts['doubled']} key(s) ({', '.join(self.key)}) appear twice "
                f"and {counts['nulls']} are null; each must appear once"
            )
        return int(counts["rows"])
