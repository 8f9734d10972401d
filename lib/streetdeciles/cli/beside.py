"""Commands that work beside a finished run: under its lock and with its log, and end with a report."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

from streetdeciles import terminal
from streetdeciles.config import RunConfig
from streetdeciles.config_file import load_config
from streetdeciles.full_disk import full_disk_explained
from streetdeciles.logs import log_to_file
from streetdeciles.pipeline import run_beside
from streetdeciles.run_log import StageReport


def report_beside(options: argparse.Namespace, stage: str, work: Callable[[RunConfig], StageReport]) -> StageReport:
    """Do `work` beside the run of the options' config, for which `stage` must be done; print and return its report."""
    config = load_config(options.config, (stage,))
    on_start = partial(log_to_file, config.work_dir, as_json=options.log_format == "json")
    with full_disk_explained(config.work_dir):
        report = run_beside(config, stage, work, on_start=on_start)
    terminal.show_report(report)
    return report
