"""What comes out of the extraction, as Arrow batches: features, rejects and statistics in one stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from streetdeciles.archives.names import PARQUET
from streetdeciles.backbones.backbone import Array
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.extraction.tally import Tally
from streetdeciles.shown import without_secrets
from streetdeciles.uris import is_local

FEATURE, REJECT, STATISTICS = "feature", "reject", "statistics"

SCHEMA = pa.schema(
    {
        "kind": pa.string(),
        "image_id": pa.string(),
        "location_id": pa.string(),
        "view": pa.int8(),
        "features": pa.list_(pa.float32()),
        "content_hash": pa.string(),
        "one_colour": pa.bool_(),
        "uri": pa.string(),
        "reason": pa.string(),
        "detail": pa.string(),
        "shard": pa.int32(),
    }
)
"""One row per photograph, `feature` or `reject`, and one of `statistics` per shard, with its `Tally` in `detail`."""


class Row(NamedTuple):
    """One photograph of the index."""

    image_id: str
    location_id: str
    view: int
    uri: str
    member: str | None
    offset: int | None
    length: int | None
    shard: int


class Photograph(NamedTuple):
    """A row of the index, and what was seen of the photograph."""

    row: Row
    content_hash: str | None = None
    """Digest of the file's bytes, in hexadecimal; None if they could not be read."""
    one_colour: bool | None = None
    """None where it could not be decoded."""


def index_rows(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
    """The rows of batches with the columns of the table `image_index`."""
    for batch in batches:
        columns = [batch.column(batch.schema.get_field_index(name)).to_pylist() for name in Row._fields]
        yield from map(Row._make, zip(*columns, strict=True))


def feature_batch(photographs: Sequence[Photograph], features: Array) -> pa.RecordBatch:
    """`features` is float32 [len(photographs), length]; its numbers are not copied one by one."""
    n, length = features.shape
    ends = pa.array(np.arange(n + 1, dtype=np.int32) * length)
    numbers = pa.array(np.ascontiguousarray(features, dtype=np.float32).reshape(-1))
    return _batch(FEATURE, photographs, {"features": pa.ListArray.from_arrays(ends, numbers)})


def reject_batch(rejects: Sequence[tuple[Photograph, Rejected]]) -> pa.RecordBatch:
    """Their `uri` is `archive!member`, or `file!row` of a Parquet file, where the photograph is in one.

    The signature of a URI is left out: the index keeps it, and a report shows rejects.
    """
    why = {"reason": [why.reason for _, why in rejects], "detail": [without_secrets(why.detail) for _, why in rejects]}
    photographs = [
        photograph._replace(row=photograph.row._replace(uri=_address(photograph.row))) for photograph, _ in rejects
    ]
    return _batch(REJECT, photographs, why)


def _address(row: Row) -> str:
    uri = row.uri if is_local(row.uri) else str(without_secrets(row.uri))
    if row.member is None:
        return uri
    return f"{uri}!{row.offset if PARQUET.fullmatch(row.uri) else row.member}"


def statistics_batch(tallies: Mapping[int, Tally]) -> pa.RecordBatch:
    rows = [Photograph(Row("", "", 0, "", None, None, None, shard)) for shard in tallies]
    return _batch(STATISTICS, rows, {"detail": [tally.to_json() for tally in tallies.values()]})


def _batch(kind: str, photographs: Sequence[Photograph], more: Mapping[str, Any]) -> pa.RecordBatch:
    n = len(photographs)
    rows = [photograph.row for photograph in photographs]
    values = {
        "kind": [kind] * n,
        "image_id": [row.image_id for row in rows],
        "location_id": [row.location_id for row in rows],
        "view": [row.view for row in rows],
        "content_hash": [photograph.content_hash for photograph in photographs],
        "one_colour": [photograph.one_colour for photograph in photographs],
        "uri": [row.uri for row in rows],
        "shard": [row.shard for row in rows],
        **more,
    }
    arrays = [
        pa.array(values[column.name], column.type) if column.name in values else pa.nulls(n, column.type)
        for column in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
