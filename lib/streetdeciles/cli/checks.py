"""`streetdeciles verify`, `streetdeciles check` and `streetdeciles doctor`."""

from __future__ import annotations

import argparse
from typing import Any

from streetdeciles import terminal
from streetdeciles.cli.beside import report_beside
from streetdeciles.cli.options import add_config, add_debug
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.stages import REPORT_STAGE


def add_commands(commands: Any) -> None:
    """Add `verify`, `check` and `doctor` to the subparsers `commands`."""
    about = "compare every file that a run wrote with its checksum, e.g. after copying the work_dir"
    verify = commands.add_parser(
        "verify", help=about, description=f"{about[0].upper()}{about[1:]}. The inputs of the run are not needed."
    )
    add_config(verify)
    add_debug(verify)
    verify.set_defaults(command=_verify)

    about = "test a finished run: without anything to learn, its measures must fall to chance"
    check = commands.add_parser(
        "check",
        help=about,
        description=f"{about[0].upper()}{about[1:]}. The run's own tables and models stay as they are.",
        epilog="exit code:\n  0  the measures fall to chance\n  1  they do not: held-out areas are not unseen\n"
        "  2  refused, e.g. because the run is not finished\n\n"
        "example:\n  streetdeciles check --shuffle-labels --config conf/demo.yaml\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument(
        "--shuffle-labels",
        action="store_true",
        required=True,
        help="repeat the training with the areas' deciles exchanged at random within each region",
    )
    add_config(check)
    add_debug(check)
    check.set_defaults(command=_check)

    about = "show what this machine has, and what is missing for a run"
    doctor = commands.add_parser("doctor", help=about, description=f"{about[0].upper()}{about[1:]}.")
    doctor.add_argument("--cluster", action="store_true", help="instead ask every executor of the config's cluster")
    doctor.add_argument("--config", metavar="FILE", help="with --cluster: the run's YAML file")
    doctor.set_defaults(command=_doctor, debug=False, log_format="text")


def _verify(options: argparse.Namespace) -> int:
    from streetdeciles.verify import verify

    verification = verify(load_config(options.config, stages=()).work_dir)
    terminal.show_verification(verification)
    return 1 if verification.problems else 0


def _check(options: argparse.Namespace) -> int:
    from streetdeciles.studies.shuffled_labels import ABOVE_CHANCE, check_shuffled_labels

    report = report_beside(options, REPORT_STAGE, check_shuffled_labels)
    return 1 if report.counts[ABOVE_CHANCE] else 0


def _doctor(options: argparse.Namespace) -> int:
    if not options.cluster:
        from streetdeciles.doctor.examine import examine

        return examine()
    from streetdeciles.doctor.cluster import examine_cluster

    if options.config is None:
        raise RunRefused(
            "doctor --cluster needs the run's --config: it names the work_dir that all executors must share"
        )
    return examine_cluster(load_config(options.config, stages=()))
