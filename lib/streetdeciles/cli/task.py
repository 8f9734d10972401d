"""One stage as a Databricks task, the entry point `streetdeciles-task` of the wheel: `<stage> --config <yaml>`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command in the workspace's session, which is left running; SystemExit if it fails, and only then.

    Databricks counts every SystemExit of a task as a failure, even with exit code 0.
    """
    from pyspark.sql import SparkSession

    from streetdeciles import cli

    SparkSession.builder.getOrCreate()  # makes the workspace's session the active one
    exit_code = cli.main(sys.argv[1:])
    if exit_code:
        raise SystemExit(exit_code)
