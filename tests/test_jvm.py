"""Errors of Spark can be shown after the JVM has ended."""

from __future__ import annotations

import ctypes
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from real_command import Command
from streetdeciles.errors import RunFailed
from streetdeciles.jvm import JvmError, detached

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
    error = detached(raised.value)
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
    assert detached(ours) is ours
    end_jvm(monkeypatch)
    assert "UNRESOLVED_COLUMN" in str(ours.__cause__)
    assert "str() failed" not in chain_of(ours)


def test_error_without_spark_stays_as_it_is() -> None:
    error = ValueError("rows")
    error.__cause__ = KeyError("row")
    assert detached(error) is error
    assert isinstance(error.__cause__, KeyError)


def test_failed_query_prints_nothing_by_itself(spark: SparkSession, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="missing"):
        spark.sql(QUERY)
    assert capfd.readouterr() == ("", "")


WAITS_FOR_JVM = """
import sys
from streetdeciles.config import SparkConfig
from streetdeciles.session import spark_session

with spark_session(SparkConfig(master="local[1]", driver_memory="512m"), sys.argv[1]) as spark:
    print("starts", flush=True)
    spark.range(10**15).selectExpr("sum(id * id)").collect()
"""


def test_killed_jvm_whose_connections_stay_open_ends_the_run(tmp_path: Path) -> None:
    """Another process keeps them, as a child that the JVM was about to turn into another program does."""
    command = [sys.executable, "-c", WAITS_FOR_JVM, tmp_path / "run"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with Command(command, tmp_path / "output", with_stdout=True, environment=environment) as driver:
        driver.wait_until(lambda: "starts" in driver.output)
        (jvm,) = [one for one in psutil.Process(driver.process.pid).children() if one.name() == "java"]
        kept = copies_of_descriptors(jvm.pid)
        jvm.kill()
        assert driver.process.wait(60) == 1
        for number in kept:
            os.close(number)
    assert "Spark's JVM ended during the run" in driver.output


HAS_SECRETS = """
import sys, time
from streetdeciles.config import SparkConfig
from streetdeciles.session import spark_session
from streetdeciles.shown import hide_secrets_in
from streetdeciles.stopping import stoppable

secret = sys.stdin.read()
conf = {"spark.hadoop.fs.s3a.secret.key": secret, "spark.hadoop.proxy": f"https://me:{secret}@host"}
hide_secrets_in({"spark": conf}, by_key=("spark",))

def say(batches):
    print("a worker says", secret, file=sys.stderr)
    yield from batches

with stoppable() as stop:
    try:
        with spark_session(SparkConfig(master="local[1]", driver_memory="512m", conf=conf), sys.argv[1]) as spark:
            spark.range(1).mapInArrow(say, "id long").collect()
            hadoop = spark._jsc.hadoopConfiguration()
            print("knows", [hadoop.get(name).count(secret) for name in ("fs.s3a.secret.key", "proxy")], flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(stop.finish())
"""


def test_secrets_are_not_on_a_command_line_nor_in_spark_log(tmp_path: Path) -> None:
    command = ["sh", "-c", 'printf planted-secret | exec "$@"', "sh", sys.executable, "-c", HAS_SECRETS, tmp_path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with Command(command, tmp_path / "output", with_stdout=True, environment=environment) as driver:
        driver.wait_until(lambda: "knows [1, 1]" in driver.output)
        lines = [word for process in driver.processes() for word in process.cmdline()[4:]]
        python = next(one for one in driver.processes() if one.name().startswith("python"))
        python.terminate()
        assert driver.process.wait(60) == 143, driver.output
    assert "spark.app.name=streetdeciles" in lines
    assert not [word for word in lines if "planted" in word]
    assert (tmp_path / "logs" / "spark.log").read_text() == "a worker says ***\n"


def copies_of_descriptors(pid: int) -> list[int]:
    """Copies, made by Linux' pidfd_getfd, of all descriptors that the process has open."""
    libc, pidfd = ctypes.CDLL(None, use_errno=True), os.pidfd_open(pid)
    numbers = [int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()]
    copies = [number for number in (libc.syscall(438, pidfd, one, 0) for one in numbers) if number >= 0]
    os.close(pidfd)
    return copies
