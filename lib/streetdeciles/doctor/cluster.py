"""`streetdeciles doctor --cluster`: whether every executor has the package and shares the work_dir with the driver."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles import __version__, storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import one_line_error
from streetdeciles.parallel import cores_now
from streetdeciles.session import spark_session
from streetdeciles.spark_connect import is_connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODULES = (
    *("numpy", "pandas", "pyarrow", "PIL", "simplejpeg", "fsspec", "pydantic", "psutil", "yaml"),
    *("shapely", "pyproj", "scipy", "h5py"),
)
"""What workers import, in whatever stage."""

SLOW_MODULES = ("keras",)
"""Those that are looked for and not imported; the backend of Keras is another."""

_LOST_TASK = re.compile(r"Lost task \S+ in stage \S+ \(TID \d+\) \((?P<host>\S+) executor (?P<executor>[^\s)]+)\)")
_OTHER_PYTHON = re.compile(
    r"PYTHON_VERSION_MISMATCH\].*?different version:? \(?(?P<version>\d+(?:, |\.)\d+)", re.DOTALL
)
_NO_PROGRAM = re.compile(r"Cannot run program .*")
"""In Spark's errors: whose task it was, and why no Python worker has run it."""

MAX_ROUNDS = 10
TASK_S = 0.2
"""A task is so long at least, else one executor would do them all."""


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
    """Why its Python does not start, cannot import the package, or read or write the work_dir; empty if it can."""
    gpu: str

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
        found, expected = find_executors(spark, config.work_dir)
    _show(found, expected)
    return 1 if len(found) < expected or any(one.wrong for one in found) else 0


def find_executors(spark: SparkSession, work_dir: str) -> tuple[list[ExecutorFinding], int]:
    """What each executor has, and how many there should be; leaves nothing in the work_dir."""
    from pyspark.sql import functions as F

    folder = storage.staging_uri(work_dir, "doctor")
    storage.write_text(storage.join(folder, "driver"), "from the driver")
    probe = _probe(folder, MODULES, (*SLOW_MODULES, _backend()), TASK_S)
    look = F.udf(lambda number: probe(number), "string")  # noqa: PLW0108 - Spark 4.3 misreads the hints of probe
    found: dict[str, Mapping[str, Any]] = {}
    unfit: list[ExecutorFinding] = []
    expected = _n_executors(spark)
    try:
        for _ in range(MAX_ROUNDS):
            tasks = 4 * max(expected, cores_now(spark))
            try:
                rows = spark.range(0, tasks, 1, tasks).select(look("id").alias("said")).collect()
            except Exception as error:  # py4j's and pyspark's own
                unfit = [_unfit(error)]
                break
            for said in (json.loads(row["said"]) for row in rows):
                found[said["executor"]] = {**said, **{k: v for k, v in found.get(said["executor"], {}).items() if v}}
            expected = max(_n_executors(spark), len(found))
            if len(found) >= expected:
                break
        written = {*storage.names_in(folder)}
    finally:
        storage.remove(folder)
    return [*unfit, *(_finding(said, written) for _, said in sorted(found.items()))], max(expected, len(unfit))


def _unfit(error: Exception) -> ExecutorFinding:
    """The executor on which the job failed: what it was to do never fails, so no Python worker starts there.

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


def _finding(said: Mapping[str, Any], written: Iterable[str]) -> ExecutorFinding:
    problem = said["problem"]
    if said["package"] and not problem and said["file"] not in written:
        problem = "writes its files where the driver does not see them: work_dir must be on a disk that all share"
    return ExecutorFinding(
        said["executor"], said["python"], said["package"], tuple(said["missing"]), problem, said["gpu"]
    )


def _probe(
    folder: str, modules: tuple[str, ...], slow_modules: tuple[str, ...], seconds: float
) -> Callable[[int], str]:
    """A function that travels to the executors as it is, with those below: they work where this package is not
    installed."""
    missing_modules, share_folder = _missing_modules(modules, slow_modules), _share_folder(folder)

    def probe(number: int) -> str:
        import json
        import os
        import platform
        import socket
        import time

        with open(f"/proc/{os.getppid()}/stat") as file:  # noqa: PTH123 - the daemon's, whose parent is the executor
            jvm = file.read().rsplit(")", 1)[1].split()[1]
        executor = f"{socket.gethostname()}:{jvm}"
        said = {"executor": executor, "python": platform.python_version(), "package": "", "problem": "", "gpu": ""}
        said["file"] = f"executor-{executor.replace(':', '-')}"
        missing = missing_modules()
        try:
            from pyspark import TaskContext

            context = TaskContext.get()
            gpus = context.resources().get("gpu") if context is not None else None
            said["gpu"] = ", ".join(gpus.addresses) if gpus else ""
            import streetdeciles

            said["package"] = streetdeciles.__version__
            said["problem"] = share_folder(said["file"])
        except Exception as error:
            said["problem"] = (
                f"cannot import streetdeciles ({error}): ship the package (deploy/README.md, Your executors)"
            )
        time.sleep(seconds)
        return json.dumps({**said, "missing": missing})

    return probe


def _missing_modules(modules: tuple[str, ...], slow_modules: tuple[str, ...]) -> Callable[[], list[str]]:
    def missing_modules() -> list[str]:
        import importlib
        import importlib.util

        missing = [name for name in slow_modules if importlib.util.find_spec(name) is None]
        for name in modules:
            try:
                importlib.import_module(name)
            except Exception as error:
                unfound = isinstance(error, ModuleNotFoundError) and error.name == name
                missing.append(name if unfound else f"{name} that can be imported ({error})")
        return missing

    return missing_modules


def _share_folder(folder: str) -> Callable[[str], str]:
    def share_folder(name: str) -> str:
        """Read the driver's file and write one; what is wrong, empty if nothing is."""
        from streetdeciles import storage

        try:
            storage.read_text(storage.join(folder, "driver"))
        except Exception as error:
            return f"cannot read the driver's files in work_dir ({error})"
        try:
            storage.write_text(storage.join(folder, name), "from an executor")
        except Exception as error:
            return f"cannot write in work_dir ({error})"
        return ""

    return share_folder


def _backend() -> str:
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def _n_executors(spark: SparkSession) -> int:
    """Executors that are there now; Spark Connect does not say. On a local master it is the driver itself."""
    if is_connect(spark):
        return 1
    context = spark.sparkContext
    n = len(context._jsc.sc().statusTracker().getExecutorInfos())  # with the driver
    return max(1, n - 1)


def _show(found: list[ExecutorFinding], expected: int) -> None:
    from streetdeciles.terminal import say, show_table

    rows = [(one.executor, one.python, one.package or "none", one.gpu, "wrong" if one.wrong else "ok") for one in found]
    show_table(("executor", "Python", "streetdeciles", "GPU", ""), rows, title="")
    for one in found:
        if one.wrong:
            say(f" {one.wrong}", bold=one.executor)
    if len(found) < expected:
        say(f"{expected - len(found)} of {expected} executors did not answer")
    elif not any(one.wrong for one in found):
        say(f"Ready to run on {expected} executor(s)")
