"""A table of `labels.tables`, recognised by its header: a CSV file, a folder of part files, or a workbook's sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from streetdeciles import storage
from streetdeciles.config import LabelTable
from streetdeciles.csv_tables.formats import is_workbook
from streetdeciles.csv_tables.table import CsvTable, open_table
from streetdeciles.csv_tables.workbook import SheetTable, read_sheets
from streetdeciles.csv_tables.zip_files import zip_members
from streetdeciles.errors import NotUtf8, RunRefused
from streetdeciles.sources.coded_columns import files_beside, is_code, is_coded, with_descriptions
from streetdeciles.sources.headers import with_header
from streetdeciles.sources.layout import Layout
from streetdeciles.sources.own_table import layout_of
from streetdeciles.sources.registry import RECOGNISERS, recognise
from streetdeciles.sources.zipped import open_zipped


@dataclass(frozen=True)
class SourceTable:
    """A table and where its columns are."""

    path: str
    table: CsvTable | SheetTable
    layout: Layout

    @property
    def is_quick(self) -> bool:
        """Whether it is read within seconds: what it holds is not larger than its files."""
        return isinstance(self.table, CsvTable) and not any(file.format.compression for file in self.table.files)

    @property
    def size(self) -> int:
        """Bytes of its files; of a workbook 0."""
        return sum(file.size for file in self.table.files) if isinstance(self.table, CsvTable) else 0


def open_source(section: LabelTable) -> SourceTable:
    """The table that the section names; RunRefused where it is not recognised, or lacks columns that `columns` names.

    Of a CSV file no more than the beginning is read.
    """
    path = section.file
    fs, name = storage.filesystem(path)
    if fs.isfile(name) and is_workbook(path):
        table = _sheet(section)
        return SourceTable(path, table, _layout(section, table.header))
    files = zip_members(path) if fs.isfile(name) else None
    csv_files = [file for file in files or () if file.casefold().endswith(".csv")]
    if len(csv_files) > 1:
        zipped = open_zipped(path, csv_files, partial(_known_layout, section))
        return SourceTable(path, zipped, _layout(section, zipped.header))
    try:
        csv_table = with_header(open_table(path), partial(_known_layout, section))
        if section.columns is None and is_coded(csv_table.header):
            csv_table = with_descriptions(csv_table, files_beside(path))
        return SourceTable(path, csv_table, _layout(section, csv_table.header))
    except NotUtf8 as error:
        return _windows_1252(section, error)


def reopen(source: SourceTable, error: NotUtf8) -> SourceTable:
    """The table in its publisher's encoding; raises `error` where that is UTF-8."""
    if not source.layout.is_windows_1252:
        raise error
    return SourceTable(source.path, open_table(source.path, windows_1252=True), source.layout)


def _windows_1252(section: LabelTable, error: NotUtf8) -> SourceTable:
    table = open_table(section.file, windows_1252=True)
    layout = recognise(table.header) if section.columns is None else None
    if layout is None or not layout.is_windows_1252:
        raise error
    return SourceTable(section.file, table, layout)


def _known_layout(section: LabelTable, header: Sequence[str]) -> Layout | None:
    """The layout of a table with this header; None where it is another one."""
    if section.columns is None:
        return recognise(header)
    has_areas = " ".join(section.columns.area_id.split()) in header
    return layout_of(section.columns, header, section.file) if has_areas else None


def _layout(section: LabelTable, header: Sequence[str]) -> Layout:
    path = section.file
    if section.columns is not None:
        return _unambiguous(layout_of(section.columns, header, path), header, path)
    layout = recognise(header)
    if is_coded(header) and not (layout and layout.outcomes):
        raise RunRefused(
            f"{path}: its columns have codes, such as {next(filter(is_code, header))}, and no table of codes is in its "
            "archive or folder; put the publisher's file of descriptions (columns ColumnVariableCode and "
            "ColumnVariableDescription) beside it, or take the bulk download of Nomis, whose columns have descriptions"
        )
    if layout is None:
        raise RunRefused(
            f"{path}: is not recognised by its columns, which are {', '.join(map(repr, header))}; known are: "
            f"{'; '.join(RECOGNISERS)}. Describe any other table with labels.tables[].columns (docs/data.md)"
        )
    if not layout.outcomes:
        raise RunRefused(
            f"{path}: is a table of {layout.publication}, but none of its columns is of an outcome (docs/data.md lists "
            f"them); the columns are {', '.join(map(repr, header))}"
        )
    return _unambiguous(layout, header, path)


def _unambiguous(layout: Layout, header: Sequence[str], path: str) -> Layout:
    for column in layout.columns():
        if header.count(column) > 1:
            raise RunRefused(f"{path}: column {column!r} appears twice; remove one of them")
    return layout


def _sheet(section: LabelTable) -> SheetTable:
    """The sheet that has the most outcomes, or that has the columns of the config."""
    best: tuple[int, SheetTable] | None = None
    sheets = read_sheets(section.file)
    for sheet in sheets:
        for row, cells in sheet.first_rows():
            layout = _known_layout(section, cells)
            n = len(layout.outcomes) if layout else 0
            if n and (best is None or n > best[0]):
                best = n, SheetTable(section.file, cells, sheet, row)
    if best is None:
        names = ", ".join(repr(sheet.name) for sheet in sheets) or "none"
        raise RunRefused(
            f"{section.file}: no sheet of the workbook is a table that is recognised by its columns; the sheets are "
            f"{names}. Describe any other table with labels.tables[].columns (docs/data.md)"
        )
    return best[1]
