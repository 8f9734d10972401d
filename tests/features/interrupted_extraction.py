"""Run as a process of its own, to be killed: the extraction of tests, slowly. Arguments: work_dir, log of batches."""

from __future__ import annotations

import sys
from pathlib import Path

from pixel_network import pixel_network, run_config

from streetdeciles.config import SparkConfig
from streetdeciles.features import shards as ledger
from streetdeciles.features.parallel import Parallelism
from streetdeciles.features.stage import extract_shards
from streetdeciles.session import spark_session

if __name__ == "__main__":
    ledger.IMAGES_A_TASK = 1
    config = run_config(Path(sys.argv[1]))
    spark_config = SparkConfig(master="local[2]", driver_memory="512m")
    with spark_session(spark_config, config.work_dir) as session:
        network = pixel_network(delay_s=0.3, log=sys.argv[2])
        extract_shards(session, config, network, Parallelism(tasks=1, threads=2, local=True))
