"""All checks of the doctor at once, and what they say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from streetdeciles.doctor import findings
from streetdeciles.doctor.findings import Finding
from streetdeciles.doctor.framework import framework

CHECKS: Mapping[str, Callable[[], list[Finding]]] = {
    "Python": findings.python,
    "Java": findings.java,
    "Spark": findings.spark,
    "Petastorm": findings.petastorm,
    "Keras and its framework": framework,
    "the processor": findings.processor,
    "tasks per GPU": findings.gpu_tasks,
    "memory": findings.memory,
    "disks": findings.disk,
    "file names": findings.file_name_encoding,
    "weights and network": findings.weights,
}
"""In the order of the table."""


def examine() -> int:
    """Print the findings; 0 if a run can start, else 1.

    The checks run at once, because one waits for Keras' framework to load and another for an answer from the network.
    """
    print(f"checking {', '.join(CHECKS)}", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        running = {what: pool.submit(check) for what, check in CHECKS.items()}
        for what, check in running.items():
            if not check.done():
                print(f"waiting for {what}", file=sys.stderr, flush=True)
                check.result()
    every = [finding for check in running.values() for finding in check.result()]
    _show(every)
    return 1 if any(finding.wrong for finding in every) else 0


def _show(every: Sequence[Finding]) -> None:
    from streetdeciles.terminal import say, show_table

    rows = [(finding.what, finding.state, "wrong" if finding.wrong else "ok") for finding in every]
    show_table(("what", "found", ""), rows, title="")
    for finding in every:
        if finding.wrong:
            say(f": {finding.wrong}; {finding.to_do}", bold=finding.what)
    if not any(finding.wrong for finding in every):
        say("Ready to run")
