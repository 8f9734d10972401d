"""The section `training`, and its presets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from streetdeciles.config.section import INPUT, NEUTRAL, Positive, Section, Share

TRAINING_PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper_tf": {
        "variant": "batch_norm",
        "learning_rate": 5e-6,
        "batch_size": 20,
        "balanced_batches": True,
        "epochs": 50,
        "patience": 50,
        "halve_after": None,
        "precision": "float32",
    },
    "paper_torch": {
        "variant": "plain",
        "learning_rate": 1e-4,
        "weight_decay": 1e-4,
        "batch_size": 20,
        "balanced_batches": True,
        "epochs": 50,
        "patience": 50,
        "halve_after": None,
        "precision": "float32",
    },
}
"""What a preset sets, where the config does not say otherwise.

The paper's two codes have the defaults' widths and noise and do not stop early; batch and epochs are known of the
PyTorch code, and are taken for the TensorFlow code too.
"""


class TrainingConfig(Section):
    """The ordinal network and its training; the defaults are the paper's widths and noise.

    Batch normalisation makes the network indifferent to the scale of the features, but not the noise, which is in their
    units. With this learning rate, halving and batch size, validation errors are no worse than with the paper's PyTorch
    settings on each of: the demo's city (240 locations, 15 models), and 3,000 and 12,000 locations with a planted
    signal (docs/training.md, which says what else was tried). The paper's rate is 5e-6. For `plain`, 1e-3 is better.
    """

    preset: Literal["default", "paper_tf", "paper_torch"] = "default"
    """Other defaults for the keys below: those of the paper's TensorFlow or PyTorch code (docs/training.md)."""
    variant: Literal["batch_norm", "plain"] = "batch_norm"
    """`plain`: no normalisation; the features are mapped by (x + 5) / 8."""
    view_units: Annotated[list[Positive], Field(min_length=1)] = [512, 256, 128]
    """Widths of the layers that each view passes through; fewer for few locations."""
    location_units: Annotated[list[Positive], Field(min_length=1)] = [64]
    """Widths of the layers after the views of a location are put together."""
    noise: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Standard deviation of the noise added to features in training."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    """Of Adam, at the start."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Added to the gradient, times the parameter, as PyTorch's Adam does."""
    batch_size: Positive | Literal["auto"] = "auto"
    """Locations a step; `auto`: the square root of their number, but 16 at least and 256 at most."""
    balanced_batches: bool = False
    """Draw each row of a batch by its class, as the paper does, instead of giving each row once an epoch and weighting
    it by its class. The loss is the same on average; every model then reads rows of its own, which takes longer."""
    epochs: Positive = 50
    """At most so many."""
    patience: Positive = 10
    """A model stops when its validation loss has not improved for so many epochs."""
    halve_after: Positive | None = 3
    """A model's learning rate is halved each time its validation loss has not improved for so many epochs."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the products; weights, statistics and losses are float32. `auto` is bfloat16 where that is native,
    so it depends on the machine."""
    validation_share: Share = 0.15
    """Share of the areas a model may learn from that it is validated on instead (best weights, early stopping).

    The split `train_validation_test` has its own.
    """
    folds: Annotated[list[Annotated[int, Field(ge=0)]] | None, Field(min_length=1)] = None
    """Of the split `folds`: train the models of these alone; null: of all. Only their locations are predicted."""
    train_size: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the areas that are left to learn from that is learned from; a smaller one is part of a larger one."""
    start_from: Annotated[str | None, INPUT] = None
    """Fine-tune: the `models` folder of another run, or one .keras file, whose weights this training starts with."""
    freeze: Annotated[int, Field(ge=0)] = 0
    """So many of the first view layers stay as they are in `start_from`."""
    cache: Literal["float32", "float16"] = "float32"
    """How the features lie on local disk while a training runs; float16 takes half the space and time to read."""
    mlflow: Annotated[bool, NEUTRAL] = False
    """Also log the training to MLflow, where its own environment variables or Databricks say."""

    @model_validator(mode="before")
    @classmethod
    def _with_the_presets_values(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        preset = values.get("preset", "default")
        return {**TRAINING_PRESETS.get(preset, {}), **values} if isinstance(preset, str) else values

    @model_validator(mode="after")
    def _freezes_what_there_is(self) -> TrainingConfig:
        if self.freeze and self.start_from is None:
            raise ValueError("freeze needs start_from: layers that are not trained must come from somewhere")
        if self.freeze > len(self.view_units):
            raise ValueError(f"freeze must be at most {len(self.view_units)}, the number of view_units")
        return self
