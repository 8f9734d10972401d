"""Spark's JVM: started with its own log, ended at a stop, and explained if it ends by itself."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.disks import is_disk
from streetdeciles.errors import RunFailed, RunRefused, one_line_error
from streetdeciles.shown import redacted
from streetdeciles.stopping import at_the_end, on_stop, stop_requested

if TYPE_CHECKING:
    from pyspark import SparkConf

SPARK_LOG = ("logs", "spark.log")
"""The log of what the JVM and the Python workers write to stderr, in the work_dir."""

ENDS_WITHIN_S = 3.0
HANGS_UP_EVERY_S = 0.2
OUT_OF_MEMORY = 52
"""The exit code of a JVM that Spark ends because it ran out of memory."""


def has_jvm() -> bool:
    """Whether this process has a JVM already, started by spark-submit or for another session."""
    from pyspark import SparkContext

    return "PYSPARK_GATEWAY_PORT" in os.environ or SparkContext._gateway is not None


def _hide_query_errors() -> None:
    """Keep Spark 4 from printing the trace of each failed query, even of one whose error is handled here."""
    with suppress(ImportError):  # Spark 3.5 does not print them
        from pyspark.logger import PySparkLogger  # type: ignore[import-not-found, unused-ignore]

        for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
            PySparkLogger.getLogger(name).setLevel(logging.CRITICAL + 1)


class OwnJvm:
    """A JVM that this process starts and ends."""

    def __init__(self, conf: SparkConf, work_dir: str) -> None:
        """Start it; RunRefused if it does not start."""
        from pyspark.errors import PySparkRuntimeError
        from pyspark.java_gateway import launch_gateway

        self._work_dir = work_dir
        self._memory = conf.get("spark.driver.memory")
        self.log = _log_file(work_dir)
        with self.log.open("wb") as log:
            try:
                self.gateway: Any = launch_gateway(conf, {"stderr": log})  # type: ignore[no-untyped-call]
            except PySparkRuntimeError as error:
                raise RunRefused(
                    f"Spark's JVM did not start ({self._last_line()}); `streetdeciles doctor` checks Java; correct the "
                    f"section spark of the config; the whole log is {self.log}"
                ) from error
        self._process: Popen[bytes] = self.gateway.proc
        self._closed = threading.Event()
        threading.Thread(target=self._hang_up_when_it_ends, name="jvm", daemon=True).start()
        _hide_query_errors()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """End the JVM at a stop; RunFailed, in place of the errors that follow, if it has ended by itself.

        Errors of Spark are raised in a form that can still be shown when the JVM has ended.
        """
        try:
            with on_stop(self._end), at_the_end(self._keep_log):
                yield
        except Exception as error:
            if stop_requested():
                raise
            if self.is_alive():
                raise detached(error)  # noqa: B904 - it has a cause of its own
            raise RunFailed(self._why_it_ended()) from error

    def close(self) -> None:
        """Stop the session and end the JVM, if no stop ends it; the next session of this process gets another."""
        from pyspark import SparkContext
        from pyspark.sql import SparkSession

        if stop_requested():
            self._keep_log()
            return
        session = SparkSession._instantiatedSession
        if session is not None and self._process.poll() is None:
            session.stop()
        self.gateway.shutdown()
        assert self._process.stdin is not None
        self._process.stdin.close()  # a JVM of PySpark's ends with it
        try:
            self._process.wait(ENDS_WITHIN_S)
        except TimeoutExpired:
            self._end()
        self._closed.set()
        SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
        SparkSession._instantiatedSession = None
        self._keep_log()

    def _keep_log(self) -> None:
        """Leave the log in the work_dir, without the secrets that Spark or a worker may have written there."""
        with suppress(TimeoutExpired):
            self._process.wait(ENDS_WITHIN_S)  # at a stop another thread ends it
        with suppress(Exception):  # the folder was removed, the disk is full, or the store fails
            text = self._text()
            clean = redacted(text)
            if text and (clean != text or not is_disk(self._work_dir)):
                storage.write_text(self._kept, clean)
            if not is_disk(self._work_dir):
                self.log.unlink()

    @property
    def _kept(self) -> str:
        return storage.join(self._work_dir, *SPARK_LOG)

    def is_alive(self) -> bool:
        """Whether the JVM is running; waits half a second, because its connections break before it has ended."""
        try:
            self._process.wait(0.5)
        except TimeoutExpired:
            return True
        return False

    def _hang_up_when_it_ends(self) -> None:
        """Let no thread wait for an answer of a JVM that has ended.

        A kill usually breaks the connections to it. But Hadoop runs a program for each file that it commits, and a
        child that the JVM has just started for that (jspawnhelper), but not yet given its program, waits for ever. It
        keeps the connections open, and accepts the new ones that py4j tries.
        """
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        while not self._closed.wait(HANGS_UP_EVERY_S):
            _hang_up(self.gateway.gateway_parameters.port)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN_S)
        except TimeoutExpired:
            self._process.kill()

    def _why_it_ended(self) -> str:
        code = self._process.returncode
        if code == OUT_OF_MEMORY or "java.lang.OutOfMemoryError" in self._text():
            why = f"it had too little memory: raise spark.driver_memory (now {self._memory})"
        elif code == -signal.SIGKILL:
            why = (
                "killed, perhaps because the machine ran out of memory: give the run fewer cores (spark.master) or more"
            )
        elif code < 0:
            why = f"by {signal.Signals(-code).name}"
        else:
            why = f"exit code {code}"
        return f"Spark's JVM ended during the run ({why}); its log is {self._kept}; run the same command to continue"

    def _text(self) -> str:
        return self.log.read_text(errors="replace")

    def _last_line(self) -> str:
        # The line that names the fault comes before the one that says that the JVM ends.
        lines = [line for line in self._text().splitlines() if line.strip()]
        named = [line for line in lines if re.search(r"error|exception|invalid", line, re.IGNORECASE)]
        return (named or lines or ["it said nothing"])[0].strip()


def _hang_up(port: int) -> None:
    """Close all connections of this process to the port."""
    for number in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - names alone
        # Fails for what is not a socket, or not a connected one, and where the number is not in use any more.
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as connection:
            if connection.getpeername()[1:2] == (port,):
                connection.shutdown(socket.SHUT_RDWR)


class JvmError(Exception):
    """The text of an error of the JVM, with its trace there."""


def detached(error: Exception) -> Exception:
    """The error, or one of ours in its place, whose texts no longer need the JVM.

    Errors of py4j and PySpark ask the JVM for their text, and it will have ended when the text is shown.
    """
    if _is_of_jvm(error):
        ours = one_line_error(error)
        ours.__cause__ = JvmError(str(error)).with_traceback(error.__traceback__)
        return ours
    link: BaseException = error
    while (cause := link.__cause__ or link.__context__) is not None:
        if _is_of_jvm(cause):
            link.__cause__ = JvmError(str(cause)).with_traceback(cause.__traceback__)
            break
        link = cause
    return error


def _is_of_jvm(error: BaseException) -> bool:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors.exceptions.captured import CapturedException

    return isinstance(error, Py4JJavaError | CapturedException)


def _log_file(work_dir: str) -> Path:
    if not is_disk(work_dir):
        return Path(tempfile.mkstemp(prefix="streetdeciles-spark-", suffix=".log")[1])
    path = Path(storage.local_path(work_dir), *SPARK_LOG)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
