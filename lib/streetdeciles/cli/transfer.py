"""`streetdeciles transfer`."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from streetdeciles import terminal
from streetdeciles.cli.options import add_config, add_debug
from streetdeciles.config_file import load_config
from streetdeciles.full_disk import full_disk_explained
from streetdeciles.logs import log_to_file
from streetdeciles.pipeline import run_beside
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

    config = load_config(options.config, (TRAINING_STAGE,))
    on_start = partial(log_to_file, config.work_dir, as_json=options.log_format == "json")
    with full_disk_explained(config.work_dir):
        terminal.show_report(run_beside(config, TRAINING_STAGE, transfer, on_start=on_start))
    return 0
