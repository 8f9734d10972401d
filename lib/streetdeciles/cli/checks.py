"""`streetdeciles verify` and `streetdeciles doctor`."""

from __future__ import annotations

import argparse
from typing import Any

from streetdeciles import terminal
from streetdeciles.cli.options import add_config, add_debug
from streetdeciles.config_file import load_config


def add_commands(commands: Any) -> None:
    """Add `verify` and `doctor` to the subparsers `commands`."""
    about = "compare every file that a run wrote with its checksum, e.g. after copying the work_dir"
    verify = commands.add_parser(
        "verify", help=about, description=f"{about[0].upper()}{about[1:]}. The inputs of the run are not needed."
    )
    add_config(verify)
    add_debug(verify)
    verify.set_defaults(command=_verify)

    about = "show what this machine has, and what is missing for a run"
    doctor = commands.add_parser("doctor", help=about, description=f"{about[0].upper()}{about[1:]}.")
    doctor.set_defaults(command=_doctor, debug=False)


def _verify(options: argparse.Namespace) -> int:
    from streetdeciles.verify import verify

    verification = verify(load_config(options.config, stages=()).work_dir)
    terminal.show_verification(verification)
    return 1 if verification.problems else 0


def _doctor(options: argparse.Namespace) -> int:
    from streetdeciles.doctor import examine

    return examine()
