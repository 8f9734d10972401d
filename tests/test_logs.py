"""Python workers of executors log as the run's driver does: text, or JSON with the run's id."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

from streetdeciles.logs import RUN_ID, WorkerLog, logged_to_terminal, worker_log

WORKER = """
import logging, sys
from streetdeciles.logs import WorkerLog

logger = logging.getLogger("streetdeciles.features")
for run in (WorkerLog(True, "first", logging.INFO), WorkerLog({as_json}, "second", logging.INFO)):
    run.start()
    run.start()
    logger.info("two\\nlines of %s", run.run_id)
logger.debug("a detail")
"""


def lines_of_worker(*, as_json: bool) -> list[str]:
    """What a worker writes that serves two runs, each in two tasks."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = WORKER.format(as_json=as_json)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_worker_logs_json_with_the_id_of_the_run_it_serves() -> None:
    first, second = (json.loads(line) for line in lines_of_worker(as_json=True))
    assert (first["run_id"], first["message"]) == ("first", r"two\nlines of first")
    assert (second["run_id"], second["logger"], second["level"]) == ("second", "streetdeciles.features", "INFO")


def test_worker_of_a_run_with_text_logs_text() -> None:
    _, line = lines_of_worker(as_json=False)
    assert line.endswith(r"INFO two\nlines of second")


def test_workers_get_the_format_of_the_terminal() -> None:
    for as_json in (True, False):
        with logged_to_terminal(debug=False, as_json=as_json):
            assert worker_log(logging.INFO) == WorkerLog(as_json, RUN_ID, logging.INFO)
