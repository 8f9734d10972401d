"""`streetdeciles run|<stage>|models|verify|doctor`: parse, log, run, exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from streetdeciles import __version__, storage, terminal
from streetdeciles.config import RunConfig
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused, one_line_error
from streetdeciles.full_disk import full_disk_explained
from streetdeciles.keras_start import start_keras
from streetdeciles.logs import log_to_file, logged_to_terminal
from streetdeciles.models.card import chosen_models, read_card
from streetdeciles.pipeline import STAGE_NAMES, plan, run, run_learning_curve, select_stages
from streetdeciles.preflight import preflight
from streetdeciles.shown import shown
from streetdeciles.stopping import Stop, stoppable

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 failed while running, 2 refused before any work, 130 or 143 stopped by Ctrl-C or SIGTERM."""
    with stoppable() as stop:
        try:
            code = _run_command(arguments, stop)
        except KeyboardInterrupt:
            code = stop.finish()
        if arguments is None and stop.requested.is_set():
            stop.leave()  # at once: what the stop has broken would be loud at Python's end
    return code


def _run_command(arguments: Sequence[str] | None, stop: Stop) -> int:
    options = _parser().parse_args(arguments)
    with logged_to_terminal(debug=options.debug):
        try:
            code = int(options.command(options))
        except Exception as error:
            logger.debug("the whole trace of what stopped the run", exc_info=True)
            if stop.requested.wait(0.2):
                return stop.finish()
            failure = one_line_error(error)
            print(f"error: {failure}", file=sys.stderr)
            return failure.exit_code
        return stop.finish() if stop.requested.is_set() else code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="streetdeciles", description=__doc__)
    parser.add_argument("--version", action="version", version=f"streetdeciles {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    whole = commands.add_parser("run", help="run all stages, or some of them")
    whole.set_defaults(learning_curve=False)
    whole.add_argument("--from", dest="first", choices=STAGE_NAMES, help="first stage to run")
    whole.add_argument("--to", dest="last", choices=STAGE_NAMES, help="last stage to run")
    whole.add_argument("--only", choices=STAGE_NAMES, help="the one stage to run")
    _add_run_options(whole)
    for name in STAGE_NAMES:
        stage = commands.add_parser(name, help=f"run the {name} stage")
        stage.set_defaults(first=None, last=None, only=name, learning_curve=False)
        if name == "training":
            about = (
                "learn from 1, 5, 10, 25, 50 and 100 %% of the areas into learning_curve.csv; models/ stays as it is"
            )
            stage.add_argument("--learning-curve", action="store_true", help=about)
        _add_run_options(stage)
        if name == "features":
            _add_features_options(stage)

    _add_models(commands)

    verify = commands.add_parser("verify", help="compare every file of a run with its checksum, e.g. after copying it")
    verify.add_argument("--config", required=True, help="the run's YAML file; its inputs need not be there any more")
    verify.add_argument("--debug", action="store_true", help="log every detail, and the whole trace of an error")
    verify.set_defaults(command=_verify)

    doctor = commands.add_parser("doctor", help="what this machine has, and what is wrong")
    doctor.set_defaults(command=_doctor, debug=False)
    return parser


def _add_models(commands: Any) -> None:
    models = commands.add_parser("models", help="list, show or export the trained models of a run, or import one")
    actions = models.add_subparsers(required=True, metavar="action")
    for name, command, about in (
        ("list", _models_list, "one line per model: epochs, losses, file"),
        ("show", _models_show, "what the models are and how they were trained"),
        ("export", _models_export, "as TensorFlow SavedModels or ONNX, which need nothing of streetdeciles"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("--config", required=True, help="the YAML file of the run")
        action.add_argument("--debug", action="store_true", help="log every detail, and the whole trace of an error")
        action.set_defaults(command=command)
        if name != "list":
            action.add_argument("--outcome", help="of this outcome only, e.g. imd_income")
            action.add_argument("--fold", type=int, help="of this fold only: those that have not seen it")
        if name == "export":
            action.add_argument("--out", required=True, type=Path, help="folder to write <outcome>/<fold> in")
            action.add_argument(
                "--format", choices=("saved_model", "onnx"), default="saved_model", help="default: %(default)s"
            )

    about = "weights of the paper's PyTorch network as a model, for training.start_from and prediction.models"
    action = actions.add_parser("import", help=about)
    action.add_argument("weights", help="file of torch.save(network.state_dict(), …)")
    action.add_argument("--outcome", required=True, help="what it was trained on, e.g. imd_income")
    action.add_argument(
        "--fold", type=int, default=0, help="default: 0; of several networks of an outcome each has its own"
    )
    action.add_argument("--out", required=True, help="the models folder that it is added to, e.g. models/paper")
    action.add_argument("--debug", action="store_true", help="log every detail, and the whole trace of an error")
    action.set_defaults(command=_models_import)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, help="the run's YAML file, e.g. conf/demo.yaml")
    parser.add_argument("--dry-run", action="store_true", help="show what would run, check its inputs, and do nothing")
    parser.add_argument("--force", action="store_true", help="redo the selected stages; accept a changed config")
    parser.add_argument("--debug", action="store_true", help="log every detail, and the whole trace of an error")
    parser.set_defaults(command=_run)


def _add_features_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--retry-rejects", action="store_true", help="compute the rejects again whose files have changed"
    )
    parser.add_argument(
        "--status",
        dest="command",
        action="store_const",
        const=_status,
        help="show what is finished, failed and missing, also while a run goes on, and do nothing",
    )


def _status(options: argparse.Namespace) -> int:
    from streetdeciles.features.status import extraction_status

    terminal.show_status(extraction_status(load_config(options.config, stages=()).work_dir))
    return 0


def _run(options: argparse.Namespace) -> int:
    selected = select_stages(options.first, options.last, options.only)
    config = load_config(options.config, selected)
    if options.learning_curve:
        return _learning_curve(config, options)
    if options.dry_run:
        steps = plan(config, selected, force=options.force)
        terminal.show_plan(steps)
        preflight(config, [step.stage.name for step in steps if step.action == "run"])
        return 0
    with full_disk_explained(config.work_dir):
        run(
            config,
            selected,
            force=options.force,
            retry_rejects=getattr(options, "retry_rejects", False),
            on_start=partial(log_to_file, config.work_dir),
            on_report=terminal.show_stage,
        )
    if selected[-1] == "report":
        terminal.show_results(config)
    return 0


def _learning_curve(config: RunConfig, options: argparse.Namespace) -> int:
    if options.dry_run or options.force:
        raise RunRefused("--learning-curve goes without --dry-run and --force: it changes nothing of the run")
    with full_disk_explained(config.work_dir):
        terminal.show_report(run_learning_curve(config, on_start=partial(log_to_file, config.work_dir)))
    return 0


def _models_list(options: argparse.Namespace) -> int:
    terminal.show_models(read_card(_models_uri(options))["models"])
    return 0


def _models_show(options: argparse.Namespace) -> int:
    card = read_card(_models_uri(options))
    models = chosen_models(card, outcome=options.outcome, fold=options.fold)
    terminal.show_model_card(card)
    terminal.show_models(models)
    return 0


def _models_export(options: argparse.Namespace) -> int:
    uri = _models_uri(options)
    models = chosen_models(read_card(uri), outcome=options.outcome, fold=options.fold)
    start_keras()
    from streetdeciles.models.export import export_models

    for path in export_models(uri, models, options.out, how=options.format):
        print(shown(path))
    return 0


def _models_import(options: argparse.Namespace) -> int:
    start_keras()
    from streetdeciles.models.imports import import_model

    print(shown(import_model(options.weights, options.out, outcome=options.outcome, fold=options.fold)))
    return 0


def _models_uri(options: argparse.Namespace) -> str:
    return storage.join(load_config(options.config, stages=()).work_dir, "models")


def _verify(options: argparse.Namespace) -> int:
    from streetdeciles.verify import verify

    verification = verify(load_config(options.config, stages=()).work_dir)
    terminal.show_verification(verification)
    return 1 if verification.problems else 0


def _doctor(options: argparse.Namespace) -> int:
    from streetdeciles.doctor import examine

    return examine()
