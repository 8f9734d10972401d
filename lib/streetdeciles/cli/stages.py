"""`streetdeciles run` and `streetdeciles <stage>`."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from streetdeciles import terminal
from streetdeciles.cli import features, training
from streetdeciles.cli.opening import open_report
from streetdeciles.cli.options import add_config, add_debug
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.full_disk import full_disk_explained
from streetdeciles.logs import log_to_file
from streetdeciles.pipeline import dry_run, run
from streetdeciles.plans import select_stages
from streetdeciles.stages import REPORT_STAGE, STAGE_NAMES, STAGES, Stage

OWN_OPTIONS = {"features": features.add_options, "training": training.add_options}
"""The functions that add the options that only the command of a stage has."""

RUN_EXAMPLES = """\
examples:
  streetdeciles run --config conf/demo.yaml
  streetdeciles run --config conf/demo.yaml --to dataset
  streetdeciles run --config conf/demo.yaml --from training --force
"""


def add_commands(commands: Any) -> None:
    """Add `run` and one command per stage to the subparsers `commands`."""
    whole = commands.add_parser(
        "run",
        help="run all stages, or some of them",
        description=f"Run the stages that are not up to date, in order: {', '.join(STAGE_NAMES)}.",
        epilog=RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--from", dest="first", choices=STAGE_NAMES, metavar="STAGE", help="the first stage to run")
    whole.add_argument("--to", dest="last", choices=STAGE_NAMES, metavar="STAGE", help="the last stage to run")
    whole.add_argument("--only", choices=STAGE_NAMES, metavar="STAGE", help="the only stage to run")
    whole.add_argument("--open", action="store_true", help="open the report in the browser at the end")
    _add_run_options(whole)
    for stage in STAGES:
        command = commands.add_parser(
            stage.name,
            help=stage.about,
            description=_description(stage),
            epilog=f"example:\n  streetdeciles {stage.name} --config conf/demo.yaml\n",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(first=None, last=None, only=stage.name, open=False)
        _add_run_options(command)
        if stage.name in OWN_OPTIONS:
            OWN_OPTIONS[stage.name](command)


def _description(stage: Stage) -> str:
    """What the stage does, reads and writes."""
    outputs = {writer.name: [name for name in writer.writes if "/" not in name] for writer in STAGES}
    tables = [name for read in stage.reads for name in outputs[read]]
    return (
        f"{stage.about}\n\n"
        f"reads:  {', '.join(tables) or f'the files that the section {stage.name} names'}\n"
        f"        sections of the config: {', '.join(stage.sections)}\n"
        f"writes: {', '.join(outputs[stage.name])}, in the work_dir"
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would run, check its inputs, and do nothing")
    parser.add_argument(
        "--force", action="store_true", help="redo the selected stages, and accept a config that has changed"
    )
    parser.add_argument(
        "--take-over", action="store_true", help="end the run that is at work in the work_dir, and go on in its place"
    )
    add_debug(parser)
    parser.set_defaults(command=_run, reopen=None)


def _run(options: argparse.Namespace) -> int:
    selected = select_stages(options.first, options.last, options.only)
    if options.open and (options.dry_run or selected[-1] != REPORT_STAGE):
        raise RunRefused("--open needs a run up to the report; leave out --dry-run, --to and --only")
    config = load_config(options.config, selected)
    if options.dry_run:
        dry_run(config, selected, force=options.force, on_plan=terminal.show_plan)
        return 0
    with full_disk_explained(config.work_dir):
        run(
            config,
            selected,
            force=options.force,
            take_over=options.take_over,
            reopen=options.reopen,
            on_start=partial(log_to_file, config.work_dir, as_json=options.log_format == "json"),
            on_report=terminal.show_stage,
        )
    if selected[-1] == REPORT_STAGE:
        terminal.show_results(config)
    if options.open:
        open_report(config)
    return 0
