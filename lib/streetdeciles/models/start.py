"""The models that a fine-tuning starts from: those of another run, or one model for all."""

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
    """Weights by outcome and fold; with outcome None, for every outcome."""

    by_outcome: dict[str | None, dict[int, Weights]]

    def weights(self, outcome: str, fold: int) -> Weights:
        """The weights of the same outcome and fold; a fold that was not trained gets another one's, in turn."""
        by_fold = self.by_outcome.get(outcome) or self.by_outcome[None]
        weights = by_fold.get(fold) or by_fold[sorted(by_fold)[fold % len(by_fold)]]
        return [array.copy() for array in weights]

    @property
    def fingerprint(self) -> str:
        """Equal for equal start models."""
        hashes = [
            (outcome, fold, weights_hash(w)) for outcome, folds in self.by_outcome.items() for fold, w in folds.items()
        ]
        return hashlib.sha256(repr(hashes).encode()).hexdigest()[:16]


def load_start_models(path: str, outcomes: tuple[str, ...], shape: NetworkShape) -> StartModels:
    """The models of a folder with a model card, or the single model of a .keras file.

    Args:
        outcomes: the outcomes to train; others in the folder are not loaded.
        shape: the shape that the models must have, except for `views` and `noise`, on which no weight depends.

    Raises:
        RunRefused: not models of streetdeciles, models of another shape, or an outcome that the folder does not have.
    """
    if path.endswith(".keras"):
        return StartModels({None: {0: _load(path, shape)}})
    models = read_card(path)["models"]
    trained = {model["outcome"] for model in models}
    if missing := [outcome for outcome in outcomes if outcome not in trained]:
        raise RunRefused(
            f"{KEY}: {path} has no model of {', '.join(missing)}; it has {', '.join(sorted(trained))}: remove the "
            "others from dataset.outcomes, or set the .keras file of one model, from which all outcomes start"
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
            loaded = shape_of(network)
        except Exception as error:  # of any kind: the file may be anything
            raise RunRefused(f"{KEY}: {uri} is not a model trained by streetdeciles ({error!s:.200})") from error
    for name, what in (
        ("features", "number of features per view"),
        ("variant", "training.variant"),
        ("view_units", "training.view_units"),
        ("location_units", "training.location_units"),
    ):
        if getattr(loaded, name) != getattr(shape, name):
            its, expected = (_shown(getattr(each, name)) for each in (loaded, shape))
            raise RunRefused(f"{KEY}: {uri}: its {what} is {its}, and this run's is {expected}; they must be equal")
    weights: Weights = network.get_weights()
    return weights


def _shown(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
