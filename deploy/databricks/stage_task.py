"""One stage as a Databricks task: `stage_task.py <stage> --config <yaml>`, with the wheel installed."""

import sys

from pyspark.sql import SparkSession

from streetdeciles.cli import main

# Make the workspace's session the active one, so that streetdeciles uses it and leaves it running.
SparkSession.builder.getOrCreate()

exit_code = main(sys.argv[1:])
if exit_code:
    # Only on failure: such a task counts every SystemExit as a failure, even with exit code 0.
    raise SystemExit(exit_code)
