"""Which inputs of a config are tables in a catalog, and where their copies are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from streetdeciles import storage
from streetdeciles.config import FilesOrTable, ImagesConfig, LabelsConfig, LocationTable, RunConfig
from streetdeciles.digests import settings_digest
from streetdeciles.errors import RunFailed, RunRefused

COPIES = ("_cache", "catalog_tables")
"""Folder of the copies in the work_dir, with a folder for each section of the config."""


def catalog_inputs(section: object) -> Mapping[str, FilesOrTable]:
    """The tables in a catalog that a section of the config names, by key."""
    tables: dict[str, FilesOrTable] = {}
    if isinstance(section, LabelsConfig) and not section.is_absent:
        tables = {f"labels.tables[{number}]": table for number, table in enumerate(section.tables)}
        if isinstance(section.locations, LocationTable):
            tables["labels.locations"] = section.locations
    elif isinstance(section, ImagesConfig) and not section.is_absent and section.table is not None:
        tables = {"images.table": section.table}
    return {key: table for key, table in tables.items() if table.catalog_table is not None}


def all_catalog_inputs(config: RunConfig) -> Mapping[str, FilesOrTable]:
    """The tables in a catalog that the whole config names, by key."""
    return {**catalog_inputs(config.labels), **catalog_inputs(config.images)}


def with_copies_in(config: RunConfig, work_dir: str) -> RunConfig:
    """A copy of `config` whose tables in a catalog are read from their copies in this folder."""
    config = config.model_copy(deep=True)
    for key, table in all_catalog_inputs(config).items():
        name, section = table.catalog_table or "", key.partition(".")[0]
        readable = re.sub(r"[^\w.-]", "_", name)[:80]
        table.keep_copy(storage.join(work_dir, *COPIES, section, f"{readable}-{settings_digest(name=name)[:8]}"))
    return config


@contextmanager
def named_as_in_catalog(config: RunConfig) -> Iterator[None]:
    """An error that names the copy of a table in a catalog, or a file of it, names the table itself instead."""
    try:
        yield
    except (RunRefused, RunFailed) as error:
        text = str(error)
        for table in all_catalog_inputs(config).values():
            name = str(table.catalog_table).replace("\\", r"\\")
            text = re.sub(rf"{re.escape(table.file)}(?:/[\w.=-]+)*", name, text)
        if text == str(error):
            raise
        raise (RunRefused if isinstance(error, RunRefused) else RunFailed)(text) from error
