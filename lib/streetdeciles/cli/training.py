"""The option that only `streetdeciles training` has."""

from __future__ import annotations

import argparse
from functools import partial

from streetdeciles import terminal
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.full_disk import full_disk_explained
from streetdeciles.logs import log_to_file
from streetdeciles.pipeline import run_beside
from streetdeciles.stages import TRAINING_STAGE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--learning-curve`."""
    parser.add_argument(
        "--learning-curve",
        dest="command",
        action="store_const",
        const=_learning_curve,
        help="train on 1, 5, 10, 25, 50 and 100 %% of the areas, and write the errors to learning_curve.csv; models/ "
        "stays as it is",
    )


def _learning_curve(options: argparse.Namespace) -> int:
    from streetdeciles.training.curve_stage import learning_curve

    config = load_config(options.config, (TRAINING_STAGE,))
    if options.dry_run or options.force:
        raise RunRefused("--learning-curve cannot be combined with --dry-run or --force: it changes nothing of the run")
    on_start = partial(log_to_file, config.work_dir, as_json=options.log_format == "json")
    with full_disk_explained(config.work_dir):
        terminal.show_report(run_beside(config, TRAINING_STAGE, learning_curve, on_start=on_start))
    return 0
