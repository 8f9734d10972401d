"""What is known of a run's models without loading any: `models/model_card.json`."""

from __future__ import annotations

from typing import Any, NamedTuple

from streetdeciles import storage
from streetdeciles.errors import RunRefused

MODEL_CARD = "model_card.json"

Card = dict[str, Any]


class ModelFile(NamedTuple):
    """What the card says of one model. The hash tells one training from the next, for a worker outlives both."""

    outcome: str
    fold: int
    file: str
    weights_sha256: str


def read_card(models_uri: str) -> Card:
    """The card of the models in a folder; RunRefused where there is none."""
    uri = storage.join(models_uri, MODEL_CARD)
    if not storage.exists(uri):
        raise RunRefused(f"{uri}: no trained models; run the training stage first")
    card: Card = storage.read_json(uri)
    return card


def model_files(card: Card) -> tuple[ModelFile, ...]:
    """The file of each model, in the card's order."""
    return tuple(ModelFile(*(model[name] for name in ModelFile._fields)) for model in card["models"])


def chosen_models(card: Card, *, outcome: str | None = None, fold: int | None = None) -> list[dict[str, Any]]:
    """What the card says of the models of an outcome or fold, or of all; RunRefused where there are none such."""
    models: list[dict[str, Any]] = card["models"]
    found = [m for m in models if outcome in (None, m["outcome"]) and fold in (None, m["fold"])]
    if not found:
        outcomes, folds = (sorted({m[name] for m in models}) for name in ("outcome", "fold"))
        raise RunRefused(
            f"no model of outcome {outcome or 'any'}, fold {'any' if fold is None else fold}; there are the outcomes "
            f"{', '.join(outcomes)} and the folds {', '.join(map(str, folds))}"
        )
    return found
