"""Whoever reads a table in an object store while a run replaces it gets the old rows, the new ones, or an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from paths import DOCS
from streetdeciles import run_log, storage
from streetdeciles.manifests import make_manifest
from streetdeciles.moving import BEING_WRITTEN
from streetdeciles.run_log import StageReport

pytestmark = pytest.mark.compare

TABLE = "area_predictions"
N_FILES = 5
OLD, NEW = [0] * N_FILES, [1] * N_FILES


def write_files(uri: str, value: int) -> None:
    fs, path = storage.filesystem(uri)
    for number in range(N_FILES):
        with fs.open(f"{path}/part-{number}-{value}.parquet", "wb") as file:
            pd.DataFrame({"value": [value]}).to_parquet(file)


def replace_table(work_dir: str, value: int) -> None:
    """As a stage does."""
    run_log.forget(work_dir, "aggregation")
    with storage.new_table(work_dir, TABLE) as uri:
        write_files(uri, value)
    manifest = make_manifest(work_dir, [TABLE])
    run_log.record(work_dir, StageReport("aggregation"), "x", files=manifest)


def listed(work_dir: str) -> list[int] | str:
    """The rows for those who read the folder, without anything that another process could not know."""
    fs, path = storage.filesystem(f"{work_dir}/{TABLE}")
    fs.invalidate_cache()
    try:
        return sorted(pd.read_parquet(path, filesystem=fs)["value"].tolist())
    except (pa.ArrowInvalid, OSError) as error:
        return type(error).__name__


def as_documented(work_dir: str) -> list[int] | str:
    """The rows by docs/tables.md, whose code runs as it is there."""
    page = (DOCS / "tables.md").read_text(encoding="utf-8")
    snippet = re.search(r"```python\n(import json\n.*?)```", page, re.DOTALL)
    assert snippet
    code = snippet[1].replace('"s3://bucket/run"', repr(work_dir))
    names: dict[str, Any] = {}
    fs, _ = storage.filesystem(work_dir)
    fs.invalidate_cache()
    try:
        exec(code, names)
    except OSError as error:
        return type(error).__name__
    return sorted(names["areas"]["value"].tolist())


@contextmanager
def read_all_the_time(work_dir: str) -> Iterator[list[list[int] | str]]:
    seen: list[list[int] | str] = []
    stop = Event()

    def look() -> None:
        while not stop.is_set():
            seen.extend((listed(work_dir), as_documented(work_dir)))

    reader = Thread(target=look)
    reader.start()
    try:
        yield seen
    finally:
        stop.set()
        reader.join()


def test_reader_sees_all_rows_or_an_error_while_a_table_is_replaced(bucket: str) -> None:
    work_dir = f"{bucket}/run"
    replace_table(work_dir, 0)
    assert listed(work_dir) == as_documented(work_dir) == OLD
    with read_all_the_time(work_dir) as seen:
        for value in (1, 0, 1, 0, 1):
            replace_table(work_dir, value)
    assert listed(work_dir) == as_documented(work_dir) == NEW
    rows = [one for one in seen if isinstance(one, list)]
    assert [one for one in rows if one not in (OLD, NEW)] == []
    assert rows
    assert len(rows) < len(seen)
    assert not storage.exists(f"{work_dir}/{TABLE}/{BEING_WRITTEN}")


def test_table_of_a_run_that_died_cannot_be_read_until_rewritten(bucket: str) -> None:
    work_dir = f"{bucket}/run"
    replace_table(work_dir, 0)
    run_log.forget(work_dir, "aggregation")
    storage.write_bytes(f"{storage.new_table(work_dir, TABLE).__enter__()}/part-0-1.parquet", b"half")
    assert listed(work_dir) == "ArrowInvalid"
    assert as_documented(work_dir) == "FileNotFoundError"
    fs, path = storage.filesystem(f"{work_dir}/{TABLE}")
    with pytest.raises(pa.ArrowInvalid, match=BEING_WRITTEN):
        ds.dataset(path, filesystem=fs).to_table()
    replace_table(work_dir, 1)
    assert listed(work_dir) == as_documented(work_dir) == NEW
