"""What keeps the network's device from computing all the time, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streetdeciles.extraction.gpu_tasks import TASKS_PER_GPU, sharing_settings
from streetdeciles.extraction.waiting import COMPUTING, DECODING, HANDING_OVER, READING

BUSY = 0.9
"""A device that computes for this share of the time has no bottleneck but itself."""

COMMITTING = "commits and the start of jobs"

ADVICE = {
    DECODING: "decoding with {threads} threads is the limit: give each task more cores (spark.task.cpus), and "
    "features.decode_threads as many",
    READING: "reading the photographs is the limit: keep them nearer to the executors, or many in one archive",
    HANDING_OVER: "writing the features is the limit: give the executors more memory, or a task on other machines",
    COMMITTING: "commits are the limit: make the shards larger (images.shard_size)",
}

SHARE_THE_GPU = (
    "decoding with {threads} threads is the limit, and one process uses only about {used} cores fully: let {tasks} "
    "tasks share the GPU ({settings}, features.decode_threads {cores})"
)

USED_FULLY = 4
"""How many cores a process that decodes uses fully; beyond that its threads wait for the interpreter's lock."""

DECODE_ON_GPU = "; or set features.decoder: gpu in a new work_dir, if the GPU has JPEG engines"


def device_shares(of_shards: Iterable[Mapping[str, float]], available_s: float = 0.0) -> dict[str, float]:
    """The shares of the time that devices computed or waited, the largest first.

    Args:
        of_shards: seconds of each shard by what they were spent on, as in a tally's `device_seconds`.
        available_s: seconds that all devices had together; what no shard accounts for went to commits.

    >>> device_shares([{"computing": 3.0, "decoding": 5.0}, {"computing": 1.0, "decoding": 0.0}], 10.0)
    {'decoding': 0.5, 'computing': 0.4, 'commits and the start of jobs': 0.1}
    """
    seconds: dict[str, float] = {}
    for shard in of_shards:
        for what, value in shard.items():
            seconds[what] = seconds.get(what, 0.0) + value
    accounted = sum(seconds.values())
    if available_s > accounted:
        seconds[COMMITTING] = available_s - accounted
    total = sum(seconds.values())
    largest_first = sorted(seconds.items(), key=lambda item: -item[1])
    return {what: round(value / total, 6) for what, value in largest_first} if total else {}


def bottleneck(shares: Mapping[str, float]) -> str | None:
    """What the device waits for most; None where it is busy, or nothing is known.

    >>> bottleneck({"decoding": 0.5, "computing": 0.4, "reading": 0.1})
    'decoding'
    >>> bottleneck({"computing": 0.95, "decoding": 0.05}) is None
    True
    """
    waits = {what: share for what, share in shares.items() if what != COMPUTING}
    if not waits or shares.get(COMPUTING, 0.0) >= BUSY:
        return None
    return max(waits, key=lambda what: waits[what])


def advice(
    shares: Mapping[str, float], threads: int, *, gpu_can_decode: bool = False, cores_of_gpu: int = 0
) -> list[str]:
    """One line: how busy the device was, what it waited for, and what to change; nothing where nothing was computed.

    Args:
        threads: decode threads of a task.
        gpu_can_decode: the network ran on a GPU, and the CPU decoded.
        cores_of_gpu: cores of a task that has a GPU of its own from Spark; 0 if it has none, or shares one.
    """
    if not shares:
        return []
    waits = ", ".join(f"{what} {share:.0%}" for what, share in shares.items() if what != COMPUTING and share >= 0.005)
    line = f"the network was busy {shares.get(COMPUTING, 0.0):.0%} of the time" + (f"; waits: {waits}" if waits else "")
    limit = bottleneck(shares)
    if limit is None:
        return [line]
    what_to_do = ADVICE[limit].format(threads=threads)
    if limit == DECODING and (tasks := min(max(TASKS_PER_GPU), cores_of_gpu // USED_FULLY)) > 1:
        cores = cores_of_gpu // tasks
        settings = sharing_settings(tasks, cores)
        what_to_do = SHARE_THE_GPU.format(threads=threads, used=USED_FULLY, tasks=tasks, settings=settings, cores=cores)
    other_way = DECODE_ON_GPU if limit == DECODING and gpu_can_decode else ""
    return [f"{line}; {what_to_do}{other_way}"]
