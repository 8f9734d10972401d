"""`streetdeciles <command>`: parse, log, run, exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from streetdeciles import __version__
from streetdeciles.cli import checks, compare, export, init, models, plan, stages, transfer
from streetdeciles.cli.parser import Parser
from streetdeciles.errors import one_line_error
from streetdeciles.logs import logged_to_terminal
from streetdeciles.shown import hide_secrets_in
from streetdeciles.stopping import Stop, stoppable

DESCRIPTION = "From street-level photographs and published area statistics to maps of predicted deciles."

EXAMPLES = """\
examples:
  streetdeciles run --config conf/demo.yaml            run every stage that is not up to date
  streetdeciles run --config conf/demo.yaml --dry-run  show what would run and why, and check the inputs
  streetdeciles run --help                             describe the options of a command
"""

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 failed while running, 2 refused before any work, 130 or 143 stopped by Ctrl-C or SIGTERM."""
    with stoppable() as stop:
        try:
            code = _run_command(arguments, stop)
        except KeyboardInterrupt:
            code = stop.finish()
        if arguments is None and stop.requested.is_set() and not stop.is_guest:
            stop.leave()  # at once: what the stop has broken would be loud at Python's end
    return code


def _run_command(arguments: Sequence[str] | None, stop: Stop) -> int:
    hide_secrets_in({"the command line": [*(sys.argv[1:] if arguments is None else arguments)]}, by_key=())
    options = _parser().parse_args(arguments)
    as_json = options.log_format == "json"
    with logged_to_terminal(debug=options.debug, as_json=as_json):
        try:
            code = int(options.command(options))
        except Exception as error:
            logger.debug("the whole trace of what stopped the run", exc_info=True)
            if stop.requested.wait(0.2):
                return stop.finish()
            failure = one_line_error(error)
            if as_json:
                logger.error("%s", failure)
            else:
                print(f"error: {failure}", file=sys.stderr)
            return failure.exit_code
        return stop.finish() if stop.requested.is_set() else code


def _parser() -> Parser:
    parser = Parser(
        prog="streetdeciles",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"streetdeciles {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    init.add_command(commands)
    stages.add_commands(commands)
    models.add_command(commands)
    compare.add_command(commands)
    transfer.add_command(commands)
    export.add_command(commands)
    plan.add_command(commands)
    checks.add_commands(commands)
    return parser
