"""The section `training` and its presets."""

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
"""The keys that a preset sets unless the config sets them.

Both of the paper's programs have the default widths and noise, and do not stop early. Batch size and epochs are known
for the PyTorch program only; the preset for the TensorFlow program uses the same.
"""


class TrainingConfig(Section):
    """The ordinal network and its training; the default widths and noise are the paper's.

    With the default learning rate, halving and batch size, validation errors are no worse than with the paper's PyTorch
    settings on the demo's city (240 locations, 15 models) and on 3,000 and 12,000 locations with a planted signal
    (docs/training.md says what else was tried).
    """

    preset: Literal["default", "paper_tf", "paper_torch"] = "default"
    """Sets other defaults for the keys below: those of the paper's TensorFlow or PyTorch program."""
    variant: Literal["batch_norm", "plain"] = "batch_norm"
    """`batch_norm` normalises after each layer. `plain` does not; it maps the features by (x + 5) / 8 first."""
    view_units: Annotated[list[Positive], Field(min_length=1)] = [512, 256, 128]
    """The number of units in each layer that all views share; wider layers fit more, but overfit sooner."""
    location_units: Annotated[list[Positive], Field(min_length=1)] = [64]
    """The number of units in each layer after the mean of the views; wider layers fit more, but overfit sooner."""
    noise: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Standard deviation of the noise that training adds to the features, in their units; a larger value makes the
    models depend less on single features."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    """The step size of Adam; a larger value learns faster, but may diverge. 1e-3 is better for `plain`; the paper's
    TensorFlow program has 5e-6."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """This value times each weight is added to its gradient, as in PyTorch's Adam; a larger value keeps weights
    smaller."""
    batch_size: Positive | Literal["auto"] = "auto"
    """Locations per training step; `auto` is the square root of their number, at least 16 and at most 256. Larger
    batches train faster per epoch, but need more epochs."""
    balanced_batches: bool = False
    """Draw the rows of a batch so that all deciles are equally likely, as the paper does. By default each row is used
    once per epoch, with a weight for its decile. The loss is the same on average, but drawing takes longer, because
    every model then reads different rows."""
    epochs: Positive = 50
    """The maximum number of passes over the training set; more take longer, and help models that still improve."""
    patience: Positive = 10
    """A model stops after this number of epochs without a lower validation loss; a larger value trains longer."""
    halve_after: Positive | None = 3
    """Halve a model's learning rate after this number of epochs without a lower validation loss; null never does."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the matrix products; weights, statistics and losses are always float32. `auto` is bfloat16 on
    hardware with native support, else float32, so results depend on the machine."""
    validation_share: Share = 0.15
    """Share of the areas a model may learn from that validate it instead (best epoch, early stopping, temperature); a
    larger value leaves less to learn from. The split `train_validation_test` has its own validation part."""
    folds: Annotated[list[Annotated[int, Field(ge=0)]] | None, Field(min_length=1)] = None
    """With the split `folds`, train the models of only these folds, and predict only their locations; null for all."""
    train_size: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the available areas that models learn from; below 1 for quick trials. A larger share contains all areas
    of a smaller one."""
    start_from: Annotated[str | None, INPUT] = None
    """Fine-tune: start from the weights in the `models` folder of another run, or in one .keras file; null starts from
    random weights."""
    freeze: Annotated[int, Field(ge=0)] = 0
    """The number of first view layers that stay as they are in `start_from`; a larger value trains fewer weights."""
    cache: Literal["float32", "float16"] = "float32"
    """Precision of the features on local disk during training; float16 needs half the space and reading time."""
    mlflow: Annotated[bool, NEUTRAL] = False
    """Also log the training to MLflow, at the place that MLflow's environment variables or Databricks set."""

    @model_validator(mode="before")
    @classmethod
    def _with_preset_values(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        preset = values.get("preset", "default")
        return {**TRAINING_PRESETS.get(preset, {}), **values} if isinstance(preset, str) else values

    @model_validator(mode="after")
    def _frozen_layers_exist(self) -> TrainingConfig:
        if self.freeze and self.start_from is None:
            raise ValueError("freeze needs start_from, because layers that are not trained must be loaded")
        if self.freeze > len(self.view_units):
            raise ValueError(f"freeze must be at most {len(self.view_units)}, the number of view_units")
        return self
