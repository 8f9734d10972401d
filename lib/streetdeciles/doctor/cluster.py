"""`streetdeciles doctor --cluster`: whether every executor has the package and shares the work_dir with the driver."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles import __version__, storage
from streetdeciles.config import RunConfig
from streetdeciles.doctor.probe import executor_probe
from streetdeciles.errors import one_line_error
from streetdeciles.hardware import keras_backend
from streetdeciles.parallel import cores_now
from streetdeciles.session import spark_session
from streetdeciles.spark_connect import is_connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODULES = (
    *("numpy", "pandas", "pyarrow", "PIL", "simplejpeg", "fsspec", "pydantic", "psutil", "yaml"),
    *("shapely", "pyproj", "scipy", "h5py"),
)
"""What workers import in some stage."""

SLOW_MODULES = ("keras",)
"""Modules that are only looked for, as is the backend of Keras, since importing them takes seconds."""

_LOST_TASK = re.compile(r"Lost task \S+ in stage \S+ \(TID \d+\) \((?P<host>\S+) executor (?P<executor>[^\s)]+)\)")
_OTHER_PYTHON = re.compile(
    r"PYTHON_VERSION_MISMATCH\].*?different version:? \(?(?P<version>\d+(?:, |\.)\d+)", re.DOTALL
)
_NO_PROGRAM = re.compile(r"Cannot run program .*")
"""In Spark's errors: whose task was lost, and why no Python worker ran it."""

MAX_ROUNDS = 10
"""How many jobs are tried until every executor has answered."""
TASK_S = 0.2
"""A task takes at least this long, or else one executor could do them all."""


@dataclass(frozen=True)
class ExecutorFinding:
    """What one executor's Python worker has."""

    executor: str
    python: str
    package: str
    """Its version; empty if it cannot be imported."""
    missing: tuple[str, ...]
    """Modules that cannot be found, or imported."""
    problem: str
    """Why its Python does not start, or cannot import the package or use the work_dir; empty if it can."""
    gpu: str
    """The address of its task's GPU; empty without one."""

    @property
    def wrong(self) -> str:
        """What stops a run on it, and what to do; empty if nothing does."""
        wrong = []
        if self.missing:
            wrong.append(
                f"has no {', '.join(self.missing)}: install them there, or ship an environment (deploy/README.md, Your "
                "executors)"
            )
        if self.package != __version__ and self.package:
            wrong.append(f"has streetdeciles {self.package}, the driver {__version__}: ship the same one to both")
        if self.problem and not any(f"No module named '{name}'" in self.problem for name in self.missing):
            wrong.append(self.problem)
        return "; ".join(wrong)


def examine_cluster(config: RunConfig) -> int:
    """Print what each executor has; 0 if a run can start, else 1."""
    with spark_session(config.spark, config.work_dir) as spark:
        findings, expected = find_executors(spark, config.work_dir)
    _show(findings, expected)
    return 1 if len(findings) < expected or any(finding.wrong for finding in findings) else 0


def find_executors(spark: SparkSession, work_dir: str) -> tuple[list[ExecutorFinding], int]:
    """What each executor has, and how many there should be; leaves nothing in the work_dir."""
    from pyspark.sql import functions as F

    folder = storage.staging_uri(work_dir, "doctor")
    storage.write_text(storage.join(folder, "driver"), "from the driver")
    probe = executor_probe(folder, MODULES, (*SLOW_MODULES, keras_backend()), TASK_S)
    probed = F.udf(lambda number: probe(number), "string")  # noqa: PLW0108 - Spark 4.3 misreads the hints of probe
    answers: dict[str, Mapping[str, Any]] = {}
    failed: list[ExecutorFinding] = []
    expected = _n_executors(spark)
    try:
        for _ in range(MAX_ROUNDS):
            tasks = 4 * max(expected, cores_now(spark))
            try:
                rows = spark.range(0, tasks, 1, tasks).select(probed("id").alias("answer")).collect()
            except Exception as error:  # py4j's and pyspark's own
                failed = [_failed_executor(error)]
                break
            for answer in (json.loads(row["answer"]) for row in rows):
                before = answers.get(answer["executor"], {})
                answers[answer["executor"]] = {**answer, **{key: value for key, value in before.items() if value}}
            expected = max(_n_executors(spark), len(answers))
            if len(answers) >= expected:
                break
        written = {*storage.names_in(folder)}
    finally:
        storage.remove(folder)
    findings = [_finding(answer, written) for _, answer in sorted(answers.items())]
    return [*failed, *findings], max(expected, len(failed))


def _failed_executor(error: Exception) -> ExecutorFinding:
    """The executor on which the job failed: the probe itself never fails, so no Python worker starts there.

    Raises:
        StreetdecilesError: the job failed without an executor.
    """
    text = str(getattr(error, "_origin", None) or error)  # PySpark's own has no more than the worker's trace
    lost = _LOST_TASK.search(text)
    if lost is None:
        raise one_line_error(error) from error
    if different := _OTHER_PYTHON.search(f"{text}\n{error}"):
        python = different["version"].replace(", ", ".")
        problem = f"has Python {python}, the driver {platform.python_version()}: both must be of the same minor version"
    else:
        program = _NO_PROGRAM.search(text)
        python, problem = "", f"cannot run Python ({program[0] if program else one_line_error(error)})"
    where = "set spark.pyspark.python to one that is there, or ship an environment (deploy/README.md, Your executors)"
    name = f"executor {lost['executor']} on {lost['host']}"
    return ExecutorFinding(name, python, "", (), f"{problem}; {where}", "")


def _finding(answer: Mapping[str, Any], written: Iterable[str]) -> ExecutorFinding:
    """What an answer of `executor_probe` says; `written` are the names that the driver sees in the shared folder."""
    problem = answer["problem"]
    if answer["package"] and not problem and answer["file"] not in written:
        problem = "writes its files where the driver does not see them: work_dir must be on a disk that all share"
    return ExecutorFinding(
        answer["executor"], answer["python"], answer["package"], tuple(answer["missing"]), problem, answer["gpu"]
    )


def _n_executors(spark: SparkSession) -> int:
    """The number of executors that have started; 1 with Spark Connect, which does not say, or on a local master."""
    if is_connect(spark):
        return 1
    context = spark.sparkContext
    n = len(context._jsc.sc().statusTracker().getExecutorInfos())  # with the driver
    return max(1, n - 1)


def _show(findings: Sequence[ExecutorFinding], expected: int) -> None:
    from streetdeciles.terminal import say, show_table

    rows = [
        (finding.executor, finding.python, finding.package or "none", finding.gpu, "wrong" if finding.wrong else "ok")
        for finding in findings
    ]
    show_table(("executor", "Python", "streetdeciles", "GPU", ""), rows, title="")
    for finding in findings:
        if finding.wrong:
            say(f" {finding.wrong}", bold=finding.executor)
    if len(findings) < expected:
        say(f"{expected - len(findings)} of {expected} executors did not answer")
    elif not any(finding.wrong for finding in findings):
        say(f"Ready to run on {expected} executor(s)")
