"""Errors of Spark can be shown after the JVM has ended."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from streetdeciles.errors import RunFailed
from streetdeciles.jvm import JvmError, outlasting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

QUERY = "SELECT missing FROM VALUES (1) AS rows(here)"


def chain_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def end_jvm(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as PySpark can see."""
    monkeypatch.setattr("pyspark.SparkContext._jvm", None)


def test_error_of_spark_is_ours_with_its_text_and_trace(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="missing") as raised:
        spark.sql(QUERY)
    error = outlasting(raised.value)
    end_jvm(monkeypatch)
    assert isinstance(error, RunFailed)
    assert "missing" in str(error)
    assert isinstance(error.__cause__, JvmError)
    assert "UNRESOLVED_COLUMN" in str(error.__cause__)
    assert "str() failed" not in chain_of(error)


def test_cause_of_an_error_of_ours_keeps_its_text(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = RunFailed("features: no")
    with pytest.raises(Exception, match="missing") as raised:
        spark.sql(QUERY)
    ours.__cause__ = raised.value
    assert outlasting(ours) is ours
    end_jvm(monkeypatch)
    assert "UNRESOLVED_COLUMN" in str(ours.__cause__)
    assert "str() failed" not in chain_of(ours)


def test_error_without_spark_stays_as_it_is() -> None:
    error = ValueError("rows")
    error.__cause__ = KeyError("row")
    assert outlasting(error) is error
    assert isinstance(error.__cause__, KeyError)


def test_failed_query_prints_nothing_by_itself(spark: SparkSession, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="missing"):
        spark.sql(QUERY)
    assert capfd.readouterr() == ("", "")
