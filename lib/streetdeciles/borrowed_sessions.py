"""Sessions that somebody else has started, e.g. in a notebook: found, used, and left as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

from streetdeciles.session_settings import queries_as_written
from streetdeciles.spark_connect import is_connect
from streetdeciles.stopping import be_guest, is_stoppable, on_stop, stop_requested, stoppable, take_signals

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Run = TypeVar("Run", bound=Callable[..., Any])


def session_of_others() -> SparkSession | None:
    """The active session, or that of another thread."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession
    from pyspark.sql.utils import is_remote

    if is_remote():
        try:
            return SparkSession.active()
        except PySparkException:
            return None
    active = SparkSession.getActiveSession()
    if active is None:  # each thread has its own
        session = getattr(SparkSession, "_instantiatedSession", None)
        active = session if session is not None and session.sparkContext._jsc is not None else None
    return active


def interruptible(run: Run) -> Run:
    """A stage's `run`, which Ctrl-C also ends in somebody else's session, e.g. a notebook; the session goes on."""

    @wraps(run)
    def interruptible_run(spark: SparkSession, *arguments: Any, **options: Any) -> Any:
        if is_stoppable():  # by the command line, which says what happens then
            with queries_as_written(spark):
                return run(spark, *arguments, **options)
        with stoppable() as stop:
            be_guest()
            try:
                with jobs_cancelled_on_stop(spark), queries_as_written(spark):
                    return run(spark, *arguments, **options)
            except Exception:
                if not stop.requested.wait(0.2):  # what follows from the end of a job is quicker than the signal
                    raise
                raise KeyboardInterrupt from None
            finally:
                if stop.requested.is_set():
                    stop.finish()

    return cast("Run", interruptible_run)


@contextmanager
def jobs_cancelled_on_stop(spark: SparkSession) -> Iterator[None]:
    """Cancel the jobs that this thread has started in here, and no others, at a stop or a KeyboardInterrupt."""
    tag = f"streetdeciles-{uuid4().hex}"
    if is_connect(spark):
        with _interrupted_on_stop(spark, tag):
            yield
        return
    context = spark.sparkContext
    context.addJobTag(tag)
    take_signals()
    try:
        with on_stop(lambda: context.cancelJobsWithTag(tag)):
            yield
    except KeyboardInterrupt:
        _drop_connection(spark)
        if not stop_requested():
            context.cancelJobsWithTag(tag)
        raise
    finally:
        context.removeJobTag(tag)


@contextmanager
def _interrupted_on_stop(spark: SparkSession, tag: str) -> Iterator[None]:
    """The same on a server of Spark Connect."""
    spark.addTag(tag)
    try:
        with on_stop(lambda: spark.interruptTag(tag)):
            yield
    except KeyboardInterrupt:
        if not stop_requested():
            spark.interruptTag(tag)
        raise
    finally:
        spark.removeTag(tag)


def with_tags(spark: SparkSession, target: Run) -> Run:
    """`target` for another thread: its jobs get this thread's group and tags, so they are cancelled together.

    Wrap it again for each thread: what is returned keeps the group and tags of this moment.
    """
    from pyspark.util import inheritable_thread_target

    if not is_connect(spark):
        wrap: Any = inheritable_thread_target
        if not spark.version.startswith("3."):
            wrap = wrap(spark)  # a session has tags of its own there
        return cast("Run", wrap(target))
    tags = spark.getTags()

    @wraps(target)
    def tagged(*arguments: Any, **options: Any) -> Any:
        for tag in tags:
            spark.addTag(tag)
        return target(*arguments, **options)

    return cast("Run", tagged)


def _drop_connection(spark: SparkSession) -> None:
    """Let this thread connect to the JVM again, else it would read a late answer as that to its next call."""
    client = spark.sparkContext._gateway._gateway_client  # type: ignore[union-attr]
    connection = client.get_thread_connection()
    if connection is not None:
        connection.close()
        del client.thread_connection.connection
        # The JVM answers in another thread now, in which no session is active yet.
        spark._jvm.SparkSession.setActiveSession(spark._jsparkSession)  # type: ignore[union-attr]
