"""Queries in `.sql` files beside the modules that run them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def query(package: str, name: str, arguments: Mapping[str, Any] | None = None, /, **frames: DataFrame) -> DataFrame:
    """Run `<package>/<name>.sql` on `frames`, which it names in braces; `arguments` are its `:name` parameters.

    Example: `query("streetdeciles.dataset", "views", {"views": 4}, features=features, numbered=numbered)`
    """
    text = (files(package) / f"{name}.sql").read_text(encoding="utf-8")
    return next(iter(frames.values())).sparkSession.sql(text, args=dict(arguments or {}), **frames)
