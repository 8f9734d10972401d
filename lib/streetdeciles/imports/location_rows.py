"""The table beside an HDF5 file of features: the location_id of each of its rows, from CSV, Parquet or a pickle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streetdeciles.archives.opening import NotAFile, opened
from streetdeciles.archives.parquet import open_parquet
from streetdeciles.csv_tables.columns import MALFORMED
from streetdeciles.csv_tables.spans import span_tables, whole
from streetdeciles.csv_tables.table import open_table
from streetdeciles.errors import RunRefused, reason
from streetdeciles.ids.spelling import normalise_ids
from streetdeciles.imports.pickled_frames import read_frame
from streetdeciles.storage import filesystem

if TYPE_CHECKING:
    import pyarrow as pa

USUAL_COLUMNS = ("location_id", "img_id")
"""What the column of the ids is called here, and by the reference."""

PICKLE_STARTS = (b"\x80", b"ccopy", b"cpandas")
COMPRESSED_PICKLES = (".pkl.gz", ".pkl.bz2", ".pkl.xz", ".pkl.zip", ".pkl.zst", ".pickle.gz", ".pickle.bz2")


def read_location_ids(uri: str, column: str | None) -> pa.ChunkedArray:
    """The ids in the order of the rows, normalised; null or '' where a row has none.

    This takes some tens of bytes of memory for each location; a pickle is in memory as a whole.

    Args:
        uri: a CSV table, or a Parquet file or a pickled DataFrame, which are recognised by their first bytes.
        column: the name of the column; None: one of USUAL_COLUMNS.

    Raises:
        RunRefused: the table cannot be read, or lacks the column.
    """
    import pyarrow as pa

    if uri.lower().endswith(COMPRESSED_PICKLES):
        raise RunRefused(f"{uri}: is a compressed pickle; decompress it, or save the table as CSV or Parquet")
    with _reading(uri):
        start = _first_bytes(uri)
        if start.startswith(b"PAR1"):
            parts = _ids_of_parquet(uri, column)
        elif start.startswith(PICKLE_STARTS):
            parts = _ids_of_pickle(uri, column)
        else:
            parts = _ids_of_csv(uri, column)
        return pa.chunked_array([normalise_ids(part) for part in parts], pa.string())


def _first_bytes(uri: str) -> bytes:
    """The first 8 bytes of a file; none for a folder, which may hold the part files of a CSV table."""
    fs, path = filesystem(uri)
    if fs.isdir(path):
        return b""
    with opened(uri) as file:
        return bytes(file.read(8))


def _ids_of_csv(uri: str, column: str | None) -> Iterator[pa.Array]:
    table = open_table(uri)
    name = choose_column(table.header, column, uri)
    for file in table.files:
        for rows in span_tables(whole(file), table, (name,)):
            malformed = rows.column(MALFORMED).drop_null()
            if len(malformed):
                raise RunRefused(f"{file.uri}, {malformed[0].as_py()}; correct the row")
            yield rows.column(name).combine_chunks()


def _ids_of_parquet(uri: str, column: str | None) -> Iterator[pa.Array]:
    import pyarrow as pa

    with open_parquet(uri) as file:
        name = choose_column(file.schema_arrow.names, column, uri)
        for batch in file.iter_batches(columns=[name]):
            values = batch.column(0)
            if isinstance(values, pa.DictionaryArray):
                values = values.dictionary_decode()
            if not (
                pa.types.is_integer(values.type)
                or pa.types.is_string(values.type)
                or pa.types.is_large_string(values.type)
            ):
                raise RunRefused(
                    f"{uri}: the column {name} is of type {values.type}; expected texts or whole numbers as ids"
                )
            yield values.cast(pa.string())


def _ids_of_pickle(uri: str, column: str | None) -> Iterator[pa.Array]:
    with opened(uri) as file:
        frame = read_frame(file, uri)  # type: ignore[arg-type]  # it is opened in binary mode
    yield frame.column(choose_column(frame.columns, column, uri))


def choose_column(header: Sequence[str], column: str | None, uri: str) -> str:
    """The column of the ids; RunRefused unless the table has exactly one that fits."""
    names = USUAL_COLUMNS if column is None else (column,)
    fits = [name for name in header if " ".join(name.split()).casefold() in map(str.casefold, names)]
    if len(fits) == 1:
        return fits[0]
    problem = f"has {' and '.join(fits)}" if fits else f"has no column {' or '.join(names)}"
    raise RunRefused(
        f"{uri}: {problem}; set dataset.import.location_id to the column of the locations' ids; there are "
        f"{', '.join(header[:30]) or 'none'}"
    )


@contextmanager
def _reading(uri: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except NotAFile as error:
        raise RunRefused(f"{uri}: is {error}; expected a table") from error
    except (pa.ArrowException, OSError) as error:
        raise RunRefused(f"{uri}: cannot be read as a table ({reason(error, 200)}); copy it again") from error
