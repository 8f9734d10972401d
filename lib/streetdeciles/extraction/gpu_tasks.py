"""How the tasks of a Spark executor share a GPU: batches that fit into a task's part of its memory."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30

BATCH_SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)
"""Larger batches than the first gain nothing."""

TASKS_PER_GPU = (1, 2, 4)
"""More tasks on a GPU have not been measured."""

BATCH_WITHOUT_MEMORY = 64
"""The batch size for a GPU whose memory is not known."""

BYTES_PER_TASK = 5 * GIB // 4
"""What CUDA and compiled programs take; estimated, not measured."""

USABLE = 0.9
"""The share of a task's memory that is planned for; allocators leave gaps."""


@dataclass(frozen=True)
class NetworkMemory:
    """What a network takes on a GPU."""

    weights: int
    """Bytes."""
    per_photograph: int
    """Bytes for each photograph of a batch, while the next batches are on their way."""


VGG16_MEMORY = NetworkMemory(235_000_000, 25_000_000)
"""Up to fc6, in bfloat16; the second number is estimated, and each run measures its own network's."""


@dataclass(frozen=True)
class GpuTasks:
    """Tasks that share one GPU."""

    tasks: int
    cpus: int
    """Cores of each task."""
    batch_size: int

    @property
    def memory_bytes(self) -> int:
        """The GPU memory that all of them take with VGG16 in bfloat16."""
        per_task = BYTES_PER_TASK + VGG16_MEMORY.weights + self.batch_size * VGG16_MEMORY.per_photograph
        return self.tasks * per_task

    def __str__(self) -> str:
        """The settings: Spark's two, the batch size of `auto`, and the memory that they take.

        >>> print(GpuTasks(4, 4, 128))
        spark.task.resource.gpu.amount 0.25, spark.task.cpus 4: batches of 128, 19 GB
        """
        settings = sharing_settings(self.tasks, self.cpus)
        return f"{settings}: batches of {self.batch_size}, {self.memory_bytes / 1e9:.0f} GB"


def sharing_settings(tasks: int, cpus: int) -> str:
    """Spark's settings with which that many tasks, of that many cores each, share a GPU."""
    return f"spark.task.resource.gpu.amount {1 / tasks:g}, spark.task.cpus {cpus}"


def gpu_batch_size(network: NetworkMemory, memory_bytes: float | None) -> int:
    """The batch size that suits a task with this part of a GPU's memory; batches that do not fit after all are halved.

    >>> gpu_batch_size(VGG16_MEMORY, 80 * GIB), gpu_batch_size(VGG16_MEMORY, 4 * GIB)
    (256, 64)
    """
    if memory_bytes is None:
        return BATCH_WITHOUT_MEMORY
    room = USABLE * memory_bytes - BYTES_PER_TASK - network.weights
    return next((size for size in BATCH_SIZES if size * network.per_photograph <= room), BATCH_SIZES[-1])


def ways_to_share(memory_bytes: int, cores: int) -> list[GpuTasks]:
    """One, two or four tasks on a GPU with this memory and number of cores, as far as both suffice."""
    ways = [
        GpuTasks(n, cores // n, gpu_batch_size(VGG16_MEMORY, memory_bytes / n)) for n in TASKS_PER_GPU if n <= cores
    ]
    return [way for way in ways if way.memory_bytes <= memory_bytes]
