"""A driver program: an extraction whose tasks write down which GPU they got, and when.

Arguments: master, work_dir (with image_index), log, GPUs per task, cores per executor.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pixel_network import SIZE, run_config

from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.config import SparkConfig
from streetdeciles.features import waves
from streetdeciles.features.image_network import ImageNetwork
from streetdeciles.features.stage import extract_shards
from streetdeciles.parallel import Parallelism
from streetdeciles.session import spark_session

ONE_GPU_PER_EXECUTOR = {
    "spark.executor.memory": "512m",
    "spark.executor.resource.gpu.amount": "1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def recording_network(log: str) -> ImageNetwork:
    def load() -> Any:
        # Nested, and with its imports inside, so that it travels to workers that do not have this module.
        import json
        import os
        import time

        from pyspark import TaskContext

        from streetdeciles.extraction import device
        from streetdeciles.extraction.network import Network
        from streetdeciles.features.workers import gpu_address

        context = TaskContext.get()
        assert context is not None
        address, start = gpu_address(), time.time()
        device._set_environment("auto", 1, "tensorflow", address)

        def compute(pictures: Any) -> Any:
            time.sleep(0.3)
            record = {
                "task": context.taskAttemptId(),
                "address": address,
                "visible": os.environ["CUDA_VISIBLE_DEVICES"],
                "start": start,
                "end": time.time(),
            }
            with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123
                file.write(json.dumps(record) + "\n")
            return pictures.images().mean(axis=(1, 2))

        return Network(compute, 2, f"GPU {address}")

    return ImageNetwork(load, scaled_centre_crop(SIZE), {"backbone": "pixels"})


if __name__ == "__main__":
    master, work_dir, log, gpus_per_task, cores = sys.argv[1:]
    waves.IMAGES_PER_TASK = 1
    config = run_config(Path(work_dir))
    conf = {"spark.task.resource.gpu.amount": gpus_per_task, "spark.executor.cores": cores, **ONE_GPU_PER_EXECUTOR}
    sizes = Parallelism(tasks=round(2 / float(gpus_per_task)), threads=1, local=False)
    with spark_session(SparkConfig(master=master, driver_memory="512m", conf=conf), work_dir) as spark:
        report = extract_shards(spark, config, recording_network(log), sizes)
    print(dict(report.counts))
