"""`streetdeciles models list|show|export|import`."""

from __future__ import annotations

import argparse
from typing import Any

from streetdeciles import storage, terminal
from streetdeciles.cli.options import add_config, add_debug, path_here
from streetdeciles.config_file import load_config
from streetdeciles.keras_start import start_keras
from streetdeciles.models.card import chosen_models, read_card
from streetdeciles.shown import shown


def add_command(commands: Any) -> None:
    """Add `models` with its actions to the subparsers `commands`."""
    about = "list, show or export the trained models of a run, or import one"
    models = commands.add_parser("models", help=about, description=f"{about[0].upper()}{about[1:]}.")
    actions = models.add_subparsers(required=True, metavar="action")
    for name, command, about in (
        ("list", _list, "one line per model: best epoch, losses, file"),
        ("show", _show, "what the models are, and how they were trained"),
        ("export", _export, "write TensorFlow SavedModels or ONNX, which need no streetdeciles"),
    ):
        action = actions.add_parser(name, help=about, description=about)
        add_config(action)
        add_debug(action)
        action.set_defaults(command=command)
        if name != "list":
            action.add_argument("--outcome", help="only the models of this outcome, e.g. imd_income")
            action.add_argument("--fold", type=int, help="only the models that have not seen this fold")
        if name == "export":
            action.add_argument("--out", required=True, type=path_here, help="the folder to write <outcome>/<fold> to")
            action.add_argument(
                "--format", choices=("saved_model", "onnx"), default="saved_model", help="default: %(default)s"
            )
    _add_import(actions)


def _add_import(actions: Any) -> None:
    about = "turn weights of the paper's PyTorch network into a model, for training.start_from and prediction.models"
    action = actions.add_parser("import", help=about, description=about)
    action.add_argument("weights", help="the file that torch.save(network.state_dict(), …) wrote")
    action.add_argument("--outcome", required=True, help="the outcome it was trained on, e.g. imd_income")
    action.add_argument(
        "--fold", type=int, default=0, help="a number for each network of the same outcome (default: %(default)s)"
    )
    action.add_argument("--out", required=True, help="the models folder to add it to, e.g. models/paper")
    add_debug(action)
    action.set_defaults(command=_import)


def _list(options: argparse.Namespace) -> int:
    terminal.show_models(read_card(_models_uri(options))["models"])
    return 0


def _show(options: argparse.Namespace) -> int:
    card = read_card(_models_uri(options))
    models = chosen_models(card, outcome=options.outcome, fold=options.fold)
    terminal.show_model_card(card)
    terminal.show_models(models)
    return 0


def _export(options: argparse.Namespace) -> int:
    uri = _models_uri(options)
    models = chosen_models(read_card(uri), outcome=options.outcome, fold=options.fold)
    start_keras()
    from streetdeciles.models.export import export_models

    for path in export_models(uri, models, options.out, how=options.format):
        print(shown(path))
    return 0


def _import(options: argparse.Namespace) -> int:
    start_keras()
    from streetdeciles.models.imports import import_model

    print(shown(import_model(options.weights, options.out, outcome=options.outcome, fold=options.fold)))
    return 0


def _models_uri(options: argparse.Namespace) -> str:
    return storage.join(load_config(options.config, stages=()).work_dir, "models")
