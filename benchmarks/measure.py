"""Measures two ways of doing the same thing side by side, and keeps the results in files.

A benchmark script measures with `interleaved`; `record` saves and prints the result:

    compared = interleaved(ours, reference, runs=5)
    record("extraction", compared, unit="images/s", other_is="four images a batch, float32")
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import statistics
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pyarrow as pa

from streetdeciles.hardware import BFLOAT16_FLAGS, cpu, usable_cores
from streetdeciles.tables import Table

Result = TypeVar("Result")

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Comparison:
    """Medians over `runs` runs of each side, in the unit of the callables (more is better)."""

    ours: float
    other: float
    runs: int

    @property
    def ratio(self) -> float:
        return self.ours / self.other


def interleaved(ours: Callable[[], float], other: Callable[[], float], runs: int) -> Comparison:
    """Run ours, other, ours, other, … so that a machine that slows down slows both; the medians of each.

    Each callable does its work once and returns a rate such as images/s. The caller warms them up if needed.
    """
    if runs < 1:
        raise ValueError(f"runs must be at least 1, not {runs}")
    pairs = [(ours(), other()) for _ in range(runs)]
    return Comparison(
        ours=statistics.median(pair[0] for pair in pairs),
        other=statistics.median(pair[1] for pair in pairs),
        runs=runs,
    )


def record(
    name: str, compared: Comparison, *, unit: str, other_is: str, machine: str | None = None, folder: Path = RESULTS
) -> dict[str, Any]:
    """Append the comparison to `<folder>/<name>.json` (a JSON list), print it on one line, and return it."""
    result = {
        "name": name,
        "unit": unit,
        "ours": _rounded(compared.ours),
        "other": _rounded(compared.other),
        "other_is": other_is,
        "ratio": round(compared.ratio, 3),
        "runs": compared.runs,
        "machine": machine or this_machine(),
    }
    path = folder / f"{name}.json"
    results = [*read_results(path), result]
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path)
    print(
        f"{name}: ours {result['ours']} {unit}, other {result['other']} {unit} ({other_is}), "
        f"ratio {result['ratio']}, median of {compared.runs}",
        flush=True,
    )
    return result


def elsewhere(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call the function in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def bytes_of_all_processes() -> int:
    """The memory of this process and all its children; what they share counts once."""
    total = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total


def bytes_of_this_process() -> int:
    """The memory of this process without its children."""
    return psutil.Process().memory_info().rss


class PeakMemory:
    """The largest memory within a `with` block, which is measured every `every_s` seconds."""

    def __init__(self, measured: Callable[[], int] = bytes_of_all_processes, *, every_s: float = 0.5) -> None:
        self.peak = 0
        self._measured = measured
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(self._every_s):
            self.peak = max(self.peak, self._measured())


def arrow_schema(table: Table) -> pa.Schema:
    """The columns in the files of a table; unlike the table's own method, it needs no Spark session."""
    kinds = {
        "string": pa.string(),
        "tinyint": pa.int8(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "binary": pa.binary(),
        "array<float>": pa.list_(pa.float32()),
    }
    return pa.schema([(name, kinds[kind]) for name, kind in table.columns.items() if name not in table.partitioned_by])


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results in one file, oldest first; empty if there is no file."""
    if not path.exists():
        return []
    results: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return results


def this_machine() -> str:
    """CPU model, the cores this process may use, and the CPU's bfloat16 instructions."""
    model, flags = cpu()
    bfloat16 = [flag for flag in BFLOAT16_FLAGS if flag in flags] or ["no bfloat16 instructions"]
    return f"{model}, {usable_cores()} cores, {', '.join(bfloat16)}"


def _rounded(value: float) -> float:
    """Four significant digits: more than the measurement's precision, and easy to read."""
    return float(f"{value:.4g}")
