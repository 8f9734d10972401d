"""Choosing the models that predict, on the driver: those of this run, or those of `prediction.models`."""

from __future__ import annotations

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.models.card import ModelFile, model_files, read_card
from streetdeciles.prediction.chosen_models import ChosenModels
from streetdeciles.splits.registry import split_of
from streetdeciles.stages import PREDICTION_STAGE
from streetdeciles.tables import TRAINING_SET
from streetdeciles.training_set.reader import training_set_shape


def choose_models(config: RunConfig) -> ChosenModels:
    """The models of this run, or those of `prediction.models`.

    Raises:
        RunRefused: the split holds nothing out, or `prediction.models` have other features or none of the outcomes.
        RunFailed: this run has no models.
    """
    if PREDICTION_STAGE in split_of(config.dataset, config.training.folds).skipped_stages:
        raise RunRefused(
            "dataset.split train_only holds no location out, so none can be predicted honestly; use its models in "
            "another run as prediction.models"
        )
    if other_run := config.prediction.models:
        return ChosenModels(other_run, _models_of_other_run(config, other_run), mean=True)
    uri = storage.join(config.work_dir, "models")
    return ChosenModels(uri, model_files(read_card(uri)), held_out_deciles=tuple(config.dataset.held_out_deciles or ()))


def _models_of_other_run(config: RunConfig, models_uri: str) -> tuple[ModelFile, ...]:
    """The models for this run's outcomes."""
    card = read_card(models_uri)
    size, expected = (
        training_set_shape(storage.join(config.work_dir, TRAINING_SET)).feature_size,
        card["input"]["features"][1],
    )
    if size != expected:
        raise RunRefused(
            f"prediction.models: {models_uri}: its models need {expected} features per view, and this run has {size}; "
            "extract both with the same backbone"
        )
    files = tuple(model for model in model_files(card) if model.outcome in config.dataset.outcomes)
    if not files:
        trained = sorted({model["outcome"] for model in card["models"]})
        raise RunRefused(
            f"prediction.models: {models_uri} has none of dataset.outcomes ({', '.join(config.dataset.outcomes)}); "
            f"it has {', '.join(trained)}"
        )
    return files
