"""The models that a fine-tuning starts from: those of another run, or one for all."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from streetdeciles import storage
from streetdeciles.backbones import keras_files
from streetdeciles.errors import RunRefused
from streetdeciles.models.card import read_card
from streetdeciles.models.store import weights_hash
from streetdeciles.ordinal.network import NetworkShape, Weights, shape_of

KEY = "training.start_from"


@dataclass(frozen=True)
class StartModels:
    """Weights by outcome, and there one or more in the order of their folds; outcome None: for every outcome."""

    by_outcome: dict[str | None, dict[int, Weights]]

    def weights(self, outcome: str, fold: int) -> Weights:
        """Of the same outcome and fold; where fewer folds were trained, of one after the other."""
        by_fold = self.by_outcome.get(outcome) or self.by_outcome[None]
        weights = by_fold.get(fold) or by_fold[sorted(by_fold)[fold % len(by_fold)]]
        return [array.copy() for array in weights]

    @property
    def fingerprint(self) -> str:
        found = [
            (outcome, fold, weights_hash(w)) for outcome, folds in self.by_outcome.items() for fold, w in folds.items()
        ]
        return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def load_start_models(path: str, outcomes: tuple[str, ...], shape: NetworkShape) -> StartModels:
    """The models of a folder with a model card, or the one of a .keras file.

    Args:
        outcomes: what will be trained; others in the folder are left alone.
        shape: what the models must be like but for `views` and `noise`, on which no weight depends.

    Raises:
        RunRefused: not models of streetdeciles, of another shape, or an outcome that the folder does not have.
    """
    if path.endswith(".keras"):
        return StartModels({None: {0: _load(path, shape)}})
    models = read_card(path)["models"]
    there = {model["outcome"] for model in models}
    if missing := [outcome for outcome in outcomes if outcome not in there]:
        raise RunRefused(
            f"{KEY}: {path} has no model of {', '.join(missing)}; there are {', '.join(sorted(there))}: leave the "
            "others out of dataset.outcomes, or give the .keras file of one model, for all outcomes to start from"
        )
    by_outcome: dict[str | None, dict[int, Weights]] = {}
    for model in models:
        if model["outcome"] in outcomes:
            weights = _load(storage.join(path, model["file"]), shape)
            by_outcome.setdefault(model["outcome"], {})[model["fold"]] = weights
    return StartModels(by_outcome)


def _load(uri: str, shape: NetworkShape) -> Weights:
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "model.keras"
        local.write_bytes(storage.read_bytes(uri))
        try:
            network = keras_files.load_model(local, uri)
            found = shape_of(network)
        except Exception as error:  # whatever Keras says of a file that is something else
            raise RunRefused(f"{KEY}: {uri} is not a model that streetdeciles has trained ({error!s:.200})") from error
    for name, what in (
        ("features", "number of features a view"),
        ("variant", "training.variant"),
        ("view_units", "training.view_units"),
        ("location_units", "training.location_units"),
    ):
        if getattr(found, name) != getattr(shape, name):
            theirs, ours = (_shown(getattr(one, name)) for one in (found, shape))
            raise RunRefused(f"{KEY}: {uri}: its {what} is {theirs}, and here it is {ours}; they must be the same")
    weights: Weights = network.get_weights()
    return weights


def _shown(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
