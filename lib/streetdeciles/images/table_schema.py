"""The common types of the columns that are kept from all files of a table of photographs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from streetdeciles.archives.parquet import open_parquet
from streetdeciles.config import ImageTable
from streetdeciles.errors import RunRefused
from streetdeciles.images.kept_types import common_type, kept_type, settled
from streetdeciles.images.table_columns import unfit_column
from streetdeciles.images.table_files import files_in, reading
from streetdeciles.table import column_names

if TYPE_CHECKING:
    import pyarrow as pa

DESCRIBED = "uri string, problem string, name string, kind binary"
"""One row for each file and column of `images.table.keep`, with its type as a serialised schema; or a problem."""


def describe_files(batches: Iterable[pa.RecordBatch], table: ImageTable) -> Iterator[pa.RecordBatch]:
    """Rows of DESCRIBED from those of `delta.FILES`; only the files' footers are read."""
    import pyarrow as pa

    for uri, partition in files_in(batches):
        with reading(uri), open_parquet(uri) as file:
            schema = file.schema_arrow
        problem = unfit_column(uri, schema, table, partition)
        names = [None] if problem else table.keep
        types = [
            None if name is None else schema.field(name).type if name in schema.names else pa.string() for name in names
        ]
        kinds = [None if kind is None else pa.schema([("x", kind)]).serialize().to_pybytes() for kind in types]
        arrays = [
            pa.array([uri] * len(names), pa.string()),
            pa.array([problem] * len(names), pa.string()),
            pa.array(names, pa.string()),
            pa.array(kinds, pa.binary()),
        ]
        yield pa.RecordBatch.from_arrays(arrays, column_names(DESCRIBED))


def common_schema(described: Iterable[tuple[str, str, bytes]], keep: Sequence[str]) -> pa.Schema:
    """The columns of `keep`, in types that hold the values of all files, from (uri, name, kind) of DESCRIBED.

    Raises:
        RunRefused: no type holds the values of two files exactly.
    """
    import pyarrow as pa

    types_of: dict[str, list[tuple[str, pa.DataType]]] = {name: [] for name in keep}
    for uri, name, kind in sorted(described):
        types_of[name].append((uri, pa.ipc.read_schema(pa.py_buffer(kind)).field(0).type))
    return pa.schema([(name, settled(_common(name, types))) for name, types in types_of.items()])


def _common(name: str, types: Sequence[tuple[str, pa.DataType]]) -> pa.DataType:
    import pyarrow as pa

    common: pa.DataType | None = pa.null()
    for number, (uri, kind) in enumerate(types):
        kept = kept_type(kind)
        merged = common_type(common, kept)
        if merged is None:
            other_uri, other = next(
                (file for file in types[:number] if common_type(kept_type(file[1]), kept) is None), types[0]
            )
            raise RunRefused(
                f"images.table.keep: column {name!r} is {other} in {other_uri} and {kind} in {uri}; "
                "write it as one type in all files, or leave it out"
            )
        common = merged
    return common
