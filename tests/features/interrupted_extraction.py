"""Run as a process of its own, to be killed: the extraction of tests, slowly.

Arguments: work_dir, log of batches, and where it is to run on a cluster its master.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pixel_network import pixel_network, run_config

from streetdeciles.config import SparkConfig
from streetdeciles.features import waves
from streetdeciles.features.stage import extract_shards
from streetdeciles.lock import locked
from streetdeciles.parallel import Parallelism
from streetdeciles.session import spark_session

ON_A_CLUSTER = {
    "spark.executor.cores": "1",
    "spark.executor.memory": "512m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}

if __name__ == "__main__":
    work_dir, log, *master = sys.argv[1:]
    waves.IMAGES_PER_TASK = 1
    config = run_config(Path(work_dir))
    if master:
        spark_config = SparkConfig(master=master[0], driver_memory="512m", conf=ON_A_CLUSTER)
        sizes = Parallelism(tasks=2, threads=1, local=False)
    else:
        spark_config = SparkConfig(master="local[2]", driver_memory="512m")
        sizes = Parallelism(tasks=1, threads=2, local=True)
    with locked(work_dir), spark_session(spark_config, work_dir) as session:
        report = extract_shards(session, config, pixel_network(delay_s=0.3, log=log), sizes)
    print(dict(report.counts))
