"""The description of a run's models, `models/model_card.json`, read without loading any model."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, Field

from streetdeciles import storage
from streetdeciles.errors import RunRefused
from streetdeciles.state_files import Damaged, load_state

MODEL_CARD = "model_card.json"

Card = dict[str, Any]


class _Model(BaseModel, extra="allow"):
    outcome: str
    fold: int
    file: str
    weights_sha256: str
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """1, i.e. not calibrated, for imported models and in cards of earlier versions."""


class _Card(BaseModel, extra="allow"):
    """What every reader relies on."""

    models: list[_Model]


class ModelFile(NamedTuple):
    """The card's entry for one model. The hash tells trainings apart in a worker process that outlives them."""

    outcome: str
    fold: int
    file: str
    weights_sha256: str
    temperature: float


def read_card(models_uri: str) -> Card:
    """The card of the models in a folder; RunRefused if there is none."""
    uri = storage.join(models_uri, MODEL_CARD)
    try:
        return load_state(uri, _Card).model_dump()
    except FileNotFoundError as error:
        raise RunRefused(f"{uri}: no trained models; run the training stage first") from error
    except Damaged as error:
        raise RunRefused(
            f"{error}, so it does not say what the models are; train them again (--force --from training) or import "
            "them again into an empty folder"
        ) from error


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
