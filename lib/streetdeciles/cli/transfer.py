"""`streetdeciles transfer`."""

from __future__ import annotations

import argparse
from typing import Any

from streetdeciles.cli.beside import report_beside
from streetdeciles.cli.options import add_config, add_debug
from streetdeciles.stages import TRAINING_STAGE


def add_command(commands: Any) -> None:
    """Add `transfer` to the subparsers `commands`."""
    about = "measure models of one region in another, as they are and fine-tuned there"
    command = commands.add_parser(
        "transfer",
        help=about,
        description=f"{about[0].upper()}{about[1:]} on 1, 5, 10, 25, 50 and 100 %% of its areas.\n"
        "Writes the table transfer, which the report shows. Needs a training set of two or more regions, or\n"
        "training.start_from; the run's models and other tables stay as they are.",
        epilog="example:\n  streetdeciles transfer --config london_and_leeds.yaml\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(command)
    add_debug(command)
    command.set_defaults(command=_transfer)


def _transfer(options: argparse.Namespace) -> int:
    from streetdeciles.studies.transfer import transfer

    report_beside(options, TRAINING_STAGE, transfer)
    return 0
