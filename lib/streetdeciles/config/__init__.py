"""The run's config: one section per stage, as `config_file.py` reads it from YAML before any work.

Paths are relative to the folder of the config file. A field marked `NEUTRAL` does not change any result, so a run may
continue with another value; everything else is part of the run's identity (`run_log.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from streetdeciles.config.dataset import SPLITS, DatasetConfig
from streetdeciles.config.features import BACKBONES, PRESETS, FeaturesConfig
from streetdeciles.config.images import ImagesConfig, ImageTable, Panorama
from streetdeciles.config.imports import FeatureImport
from streetdeciles.config.labels import Boundaries, LabelsConfig, LabelTable, OwnColumns, RegionFile
from streetdeciles.config.locations import LocationTable, PostcodeLocations
from streetdeciles.config.output import OutputConfig
from streetdeciles.config.section import INPUT, NEUTRAL, FilesOrTable, InputPath, Section
from streetdeciles.config.spark import SparkConfig
from streetdeciles.config.training import TRAINING_PRESETS, TrainingConfig
from streetdeciles.methods import AGGREGATION_METHODS, SCORE_MEAN, AggregationMethod
from streetdeciles.shown import without_secrets

__all__ = [
    "AggregationConfig",
    "BACKBONES",
    "PRESETS",
    "Boundaries",
    "DatasetConfig",
    "EvaluationConfig",
    "FeatureImport",
    "FeaturesConfig",
    "FilesOrTable",
    "INPUT",
    "ImageTable",
    "ImagesConfig",
    "InputPath",
    "LabelTable",
    "LabelsConfig",
    "LocationTable",
    "NEUTRAL",
    "OutputConfig",
    "OwnColumns",
    "Panorama",
    "PostcodeLocations",
    "PredictionConfig",
    "REPLACED_BY_IMPORT",
    "ReportConfig",
    "RegionFile",
    "RunConfig",
    "SPLITS",
    "Section",
    "SparkConfig",
    "TRAINING_PRESETS",
    "TrainingConfig",
    "input_paths",
    "public_values",
    "result_settings",
]


class PredictionConfig(Section):
    """The prediction of locations."""

    models: Annotated[str | None, INPUT] = None
    """The `models` folder of another run, whose models predict every location; null, the default, trains models."""
    batch_size: Annotated[int, NEUTRAL, Field(ge=1)] = 256
    """The number of locations that a task predicts at a time; a larger value needs more memory."""


class AggregationConfig(Section):
    """The aggregation of locations to areas."""

    methods: Annotated[list[AggregationMethod], Field(min_length=1)] = list(AGGREGATION_METHODS)
    """The methods to compute, all by default; docs/reference.md, 5, defines them."""


class EvaluationConfig(Section):
    """The measures of prediction accuracy."""

    bootstrap: Annotated[int, Field(ge=0)] = 1000
    """The number of random samples of the areas for the 95 % intervals; more take longer and give steadier intervals.
    0 gives no intervals."""
    min_locations: Annotated[int, Field(ge=1)] = 5
    """Areas with fewer predicted locations are marked as `few_locations`; a larger value marks more. With enough such
    areas, their intervals have a width of their own."""
    feature_baselines: bool = True
    """Also predict the areas by ridge regression and boosted trees on their mean features, which the network should
    beat. False saves a pass over the training set and, for thousands of areas, minutes."""
    covariates: Annotated[str | None, INPUT] = None
    """A CSV file with a column area_id and columns of numbers, e.g. population density, for a ridge regression that
    shows what photographs add to them; null for none. An empty cell is a number that is not known."""


class ReportConfig(Section):
    """The report page."""

    title: str = "Deciles from street photographs"
    """The heading of the page."""
    notice: str = ""
    """A notice above everything else, e.g. that the photographs are drawings; empty for none."""
    attribution: str = ""
    """The sources of tables, boundaries and photographs, at the foot of the page, as their licences require."""
    method: AggregationMethod = SCORE_MEAN
    """The method of aggregation that maps and figures show; one of `aggregation.methods`."""
    gallery: Annotated[int, Field(ge=0, le=200)] = 12
    """The number of locations whose photographs the page shows; more make the page larger, 0 shows none."""


REPLACED_BY_IMPORT = ("images", "features")
"""The stages, and the sections, that `dataset.import` takes the place of."""


class RunConfig(Section):
    """A whole run. `work_dir` receives every table, model, log and the report."""

    work_dir: str
    """The folder or URI that receives every table, model, log and the report."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """The seed of folds, initial weights, batches and bootstrap samples: the same seed gives the same results."""
    labels: LabelsConfig = Field(default_factory=LabelsConfig.absent)
    images: ImagesConfig = Field(default_factory=ImagesConfig.absent)
    features: FeaturesConfig = FeaturesConfig()
    dataset: DatasetConfig = Field(default_factory=DatasetConfig.absent)
    training: TrainingConfig = TrainingConfig()
    prediction: PredictionConfig = PredictionConfig()
    aggregation: AggregationConfig = AggregationConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()
    output: Annotated[OutputConfig, NEUTRAL] = OutputConfig()
    spark: Annotated[SparkConfig, NEUTRAL] = SparkConfig()

    @model_validator(mode="before")
    @classmethod
    def _test_only_is_the_split_of_other_models(cls, values: Any) -> Any:
        """With `prediction.models`, the default split is `test_only`."""
        if not isinstance(values, dict):
            return values
        prediction, dataset = values.get("prediction"), values.get("dataset")
        if not isinstance(prediction, dict) or prediction.get("models") is None or not isinstance(dataset, dict):
            return values
        return {**values, "dataset": {"split": "test_only", **values["dataset"]}}

    @model_validator(mode="before")
    @classmethod
    def _imported_features_need_no_photographs(cls, values: Any) -> Any:
        dataset = values.get("dataset") if isinstance(values, dict) else None
        if not isinstance(dataset, dict) or dataset.get("import") is None:
            return values
        if without_effect := [name for name in REPLACED_BY_IMPORT if name in values]:
            raise ValueError(
                f"{' and '.join(without_effect)} would have no effect with dataset.import, whose features take the "
                "place of photographs; remove one or the other"
            )
        return values

    @model_validator(mode="after")
    def _imported_features_have_no_settings(self) -> RunConfig:
        if self.replaced_stages:
            vars(self)["features"] = FeaturesConfig.absent()
        return self

    @property
    def replaced_stages(self) -> tuple[str, ...]:
        """The stages that do not run, because `dataset.import` takes their place."""
        imports = not self.dataset.is_absent and self.dataset.feature_import is not None
        return REPLACED_BY_IMPORT if imports else ()

    @property
    def is_partial(self) -> bool:
        """Whether it lacks sections of a whole run, because it is for some stages only."""
        needed = (self.labels, self.dataset) if self.replaced_stages else (self.labels, self.images, self.dataset)
        return any(section.is_absent for section in needed)

    @model_validator(mode="after")
    def _split_fits_training_and_prediction(self) -> RunConfig:
        if self.dataset.is_absent:
            return self
        split, folds = self.dataset.split, self.training.folds
        if (split == "test_only") != (self.prediction.models is not None):
            raise ValueError(
                f"dataset.split {split} and prediction.models {self.prediction.models} do not go together: test_only "
                "needs the models of another run, and the other splits are for models that this run trains"
            )
        if folds is not None and {*folds} - {*range(self.dataset.folds or 0)}:
            expected = (
                f"be from 0 to {self.dataset.folds - 1}"
                if self.dataset.folds
                else f"not be set with dataset.split {split}"
            )
            raise ValueError(f"training.folds {folds} must {expected}")
        return self

    @model_validator(mode="after")
    def _report_method_is_computed(self) -> RunConfig:
        if self.report.method not in self.aggregation.methods:
            raise ValueError(f"report.method {self.report.method} must be one of aggregation.methods")
        return self


def input_paths(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each (key, path) of a section, or of a whole config, that the run reads."""
    for key, value, field in _walk(section, prefix):
        if INPUT in field and isinstance(value, str) and value:
            yield key, value
        elif INPUT in field and isinstance(value, list):
            yield from ((f"{key}[{i}]", path) for i, path in enumerate(value))


def result_settings(section: BaseModel) -> dict[str, Any]:
    """The flat {key: value} of everything that changes results (no NEUTRAL field), as plain values.

    Without passwords and signatures in URIs: they change no result, and the settings are written to files.
    """
    return {
        key: without_secrets(value, by_key=False) for key, value, field in _walk(section, "") if NEUTRAL not in field
    }


def public_values(config: RunConfig) -> dict[str, Any]:
    """The config as plain values without passwords, tokens and keys, so that it may be written to a file."""
    values: dict[str, Any] = without_secrets(config.model_dump(mode="json", by_alias=True), by_key=False)
    values = {key: value for key, value in values.items() if value != {}}  # no absent sections
    values["spark"]["conf"] = without_secrets(config.spark.conf)
    return values


def _walk(section: BaseModel, prefix: str) -> Iterator[tuple[str, Any, list[Any]]]:
    for name, value in section:  # nothing of an absent section
        field = type(section).model_fields[name]
        key = f"{prefix}{field.alias or name}"
        if NEUTRAL in field.metadata and isinstance(value, BaseModel):
            continue
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for i, item in enumerate(value):
                yield from _walk(item, f"{key}[{i}].")
        elif isinstance(value, dict) and any(isinstance(item, BaseModel) for item in value.values()):
            for inner, item in value.items():
                if isinstance(item, BaseModel):
                    yield from _walk(item, f"{key}.{inner}.")
                else:
                    yield f"{key}.{inner}", item, field.metadata
        else:
            yield key, value, field.metadata
