"""How the tasks of a Spark executor share a GPU: batches that fit into a task's part of its memory."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30

BATCH_SIZES = {24: 256, 10: 128, 0: 64}
"""By the task's part of the GPU's memory in GiB, at least."""

BYTES_PER_PHOTOGRAPH = 25_000_000
"""What VGG16 takes for each photograph of a batch in bfloat16."""

BYTES_PER_TASK = 3 * GIB // 2
"""CUDA's own memory, compiled programs and VGG16's weights; estimated, not measured."""


@dataclass(frozen=True)
class GpuTasks:
    """So many tasks on one GPU, each with its part of the cores that belong to the GPU."""

    tasks: int
    cpus: int
    batch_size: int

    @property
    def memory_bytes(self) -> int:
        """What all of them take with VGG16 in bfloat16."""
        return self.tasks * (BYTES_PER_TASK + self.batch_size * BYTES_PER_PHOTOGRAPH)

    def __str__(self) -> str:
        """The settings: Spark's two, the batch size of `auto`, and the memory that they take.

        >>> print(GpuTasks(4, 4, 128))
        spark.task.resource.gpu.amount 0.25, spark.task.cpus 4: batches of 128, 19 GB
        """
        settings = f"spark.task.resource.gpu.amount {1 / self.tasks:g}, spark.task.cpus {self.cpus}"
        return f"{settings}: batches of {self.batch_size}, {self.memory_bytes / 1e9:.0f} GB"


def gpu_batch_size(memory_bytes: int | None, share: float = 1.0) -> int:
    """What suits a task with this share of a GPU's memory; where the first batch does not fit after all, it is halved.

    >>> gpu_batch_size(80 * GIB), gpu_batch_size(80 * GIB, 0.25), gpu_batch_size(None)
    (256, 128, 64)
    """
    memory = share * (memory_bytes or 0) / GIB
    return next(size for at_least, size in BATCH_SIZES.items() if memory >= at_least)


def ways_to_share(memory_bytes: int, cores: int) -> list[GpuTasks]:
    """One, two or four tasks on a GPU that has so many cores, as far as memory and cores suffice."""
    ways = [GpuTasks(n, cores // n, gpu_batch_size(memory_bytes, 1 / n)) for n in (1, 2, 4) if n <= cores]
    return [way for way in ways if way.memory_bytes <= memory_bytes]
