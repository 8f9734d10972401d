"""One stage as a Databricks task: `stage_task.py <stage> --config <yaml>`, with the wheel installed."""

import sys

from pyspark.sql import SparkSession

from streetdeciles.cli import main

# The workspace's session is made the active one first: streetdeciles uses it then, and leaves it running.
SparkSession.builder.getOrCreate()

exit_code = main(sys.argv[1:])
if exit_code:
    # Only a failure is raised: a notebook-like task takes every SystemExit, also that of 0, for one.
    raise SystemExit(exit_code)
