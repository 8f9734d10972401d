"""How a name in a catalog is told apart from a path, and quoted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_files import refusal
from streetdeciles.catalog_names import name_parts, quoted, quoted_name, schema_name, table_name
from streetdeciles.config import ImagesConfig


@given(parts=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3))
@settings(deadline=None, max_examples=100)
def test_quoted_names_have_the_parts_they_were_made_of(parts: list[str]) -> None:
    assert name_parts(quoted(*parts)) == tuple(parts)


def test_plain_and_quoted_parts_are_the_same_name() -> None:
    assert quoted_name("main.`streets`.photographs") == "`main`.`streets`.`photographs`"
    assert name_parts("a.`b``.c`") == ("a", "b`.c")


PATHS = ("/data/photographs", "./streets.photographs", "s3://bucket/x", "dbfs:/x", "C:\\x.y", "a b.c", "a..b", "", "a.")


@pytest.mark.parametrize("path", PATHS)
def test_paths_are_not_names(path: str) -> None:
    with pytest.raises(ValueError, match="is not a name in a catalog"):
        name_parts(path)


def test_tables_and_schemas_have_as_many_parts_as_spark_expects() -> None:
    assert table_name("streets.photographs") == "streets.photographs"
    assert schema_name("main.streets") == "main.streets"
    with pytest.raises(ValueError, match="expected catalog.schema.table"):
        table_name("photographs")
    with pytest.raises(ValueError, match="expected catalog.schema"):
        schema_name("main.streets.photographs")


def test_name_alone_is_short_for_the_table_of_photographs() -> None:
    images = ImagesConfig.model_validate({"table": "main.streets.photographs"})
    assert images.table is not None
    assert (images.table.catalog_table, images.table.path) == ("main.streets.photographs", "")


@pytest.mark.parametrize("text", ["photographs.parquet", "/data/photographs", "streets.photographs"])
def test_what_may_be_a_path_is_refused_as_a_name_alone(values: dict[str, Any], tmp_path: Path, text: str) -> None:
    values["images"] = {"table": text}
    assert "images.table: must be catalog.schema.table; for files write table: {path: …}" in refusal(tmp_path, values)


@pytest.mark.parametrize("both", [{}, {"path": "table.csv", "catalog_table": "a.b.c"}])
def test_table_has_a_path_or_a_name_and_not_both(values: dict[str, Any], tmp_path: Path, both: dict[str, str]) -> None:
    values["labels"]["tables"] = [both]
    assert "needs either path, or catalog_table, the name of a table in a catalog" in refusal(tmp_path, values)
