"""The description of a run's models, `models/model_card.json`, read without loading any model."""

from __future__ import annotations

from typing import Any, NamedTuple

from streetdeciles import storage
from streetdeciles.errors import RunRefused

MODEL_CARD = "model_card.json"

Card = dict[str, Any]


class ModelFile(NamedTuple):
    """The card's entry for one model. The hash tells trainings apart in a worker process that outlives them."""

    outcome: str
    fold: int
    file: str
    weights_sha256: str


def read_card(models_uri: str) -> Card:
    """The card of the models in a folder; RunRefused if there is none."""
    uri = storage.join(models_uri, MODEL_CARD)
    if not storage.exists(uri):
        raise RunRefused(f"{uri}: no trained models; run the training stage first")
    card: Card = storage.read_json(uri)
    return card


def model_files(card: Card) -> tuple[ModelFile, ...]:
    """The file of each model, in the card's order."""
    return tuple(ModelFile(*(model[name] for name in ModelFile._fields)) for model in card["models"])


def chosen_models(card: Card, *, outcome: str | None = None, fold: int | None = None) -> list[dict[str, Any]]:
    """The card's entries for the models of an outcome, a fold, or all; RunRefused if there are none."""
    models: list[dict[str, Any]] = card["models"]
    chosen = [m for m in models if outcome in (None, m["outcome"]) and fold in (None, m["fold"])]
    if not chosen:
        outcomes, folds = (sorted({m[name] for m in models}) for name in ("outcome", "fold"))
        raise RunRefused(
            f"no model of outcome {outcome or 'any'}, fold {'any' if fold is None else fold}; expected one of the "
            f"outcomes {', '.join(outcomes)} and of the folds {', '.join(map(str, folds))}"
        )
    return chosen
