"""The option that only `streetdeciles training` has."""

from __future__ import annotations

import argparse

from streetdeciles.cli.beside import report_beside
from streetdeciles.errors import RunRefused
from streetdeciles.stages import TRAINING_STAGE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--learning-curve`."""
    parser.add_argument(
        "--learning-curve",
        dest="command",
        action="store_const",
        const=_learning_curve,
        help="train on 1, 5, 10, 25, 50 and 100 %% of the areas, and write the errors to learning_curve.csv; the "
        "run's models stay as they are",
    )


def _learning_curve(options: argparse.Namespace) -> int:
    from streetdeciles.training.curve_stage import learning_curve

    if options.dry_run or options.force:
        raise RunRefused("--learning-curve cannot be combined with --dry-run or --force: it leaves the run as it is")
    report_beside(options, TRAINING_STAGE, learning_curve)
    return 0
