"""Why a Spark job lost a worker: perhaps through a photograph, or because the cluster took the worker away."""

from __future__ import annotations

import re

LOST_WORKER = re.compile(
    r"Python worker exited|ExecutorLostFailure|crashed\)|"
    # One that was idle: Spark finds out when it sends the next task.
    r"java\.net\.SocketException: (?:Broken pipe|Connection reset)\s*\n(?:\s+at .*\n)*?"
    r"\s+at org\.apache\.spark\.(?:api|sql\.execution)\.python\."
)

_LOST_EXECUTOR = re.compile(
    r"ExecutorLostFailure \(executor \S+ exited (?P<how>[a-z ]+)\)"
    r"(?: Reason: (?P<why>.*?))?(?=\n\s*Driver stacktrace|\Z)",
    re.DOTALL,
)

_TAKEN = re.compile(
    r"decommission|pre-?empt|\bspot\b|lost\*? node|node (?:was )?lost|worker lost|slave lost|cloud provider"
    r"|deleted by a user or the framework|executor killed by driver|explicit termination request"
    r"|heartbeat timed out|unable to send heartbeats"
    r"|brief reason: (?:Evicted|NodeShutdown|Terminated|Shutdown|NodeLost|NodeAffinity)"
    # YARN's: aborted, bad disks, preempted, killed by the application master, the resource manager, after the end of
    # the application or by the scheduler; and SIGTERM.
    r"|exit(?:ed)? (?:status:?|with(?: exit)? code|code is) (?:-10[0125678]|143)\b",
    re.IGNORECASE,
)
"""What Spark's cluster managers and clouds say when they take an executor away. A worker that used too much memory is
killed by signal 9 (exit code 137), which is not among these."""

_NOT_THE_REASON = re.compile(
    r" on host: \S+|container_\w+|(?:\[?Last \d+ bytes of|The API gave the following container statuses).*",
    re.DOTALL | re.IGNORECASE,
)
"""Names that others have chosen (e.g. of a pool of spot machines), and what a container has printed."""


def was_taken_away(error: str) -> bool:
    """Whether Spark's error is that the cluster took the executor away: no photograph is to blame."""
    lost = [*_LOST_EXECUTOR.finditer(error)]
    if not lost:
        return False
    how, why = lost[-1]["how"], lost[-1]["why"] or ""
    return "unrelated to the running tasks" in how or _TAKEN.search(_NOT_THE_REASON.sub(" ", why)) is not None
