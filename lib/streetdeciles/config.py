"""The run's config: one section a stage, as `config_file.py` reads it from YAML before any work.

Paths are relative to the folder of the config file. A field marked `NEUTRAL` does not change any result,
so a run may go on with another value of it; everything else is part of the run's identity (`run_log.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

NEUTRAL = "neutral"
INPUT = "input"

InputPath = Annotated[str, INPUT]
"""A file or folder that must be there before the run starts."""

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]

ENCODERS = (
    "clip_vit_base_patch16",
    "clip_vit_base_patch32",
    "clip_vit_large_patch14",
    "siglip_base_patch16_224",
    "dinov2_small",
    "dinov2_base",
    "dinov2_large",
)
BACKBONES = ("vgg16", "vgg19", "resnet50", "efficientnetv2b0", "convnext_tiny", *ENCODERS)
"""As in `backbones/registry.py`, which is not needed to read a config."""

AggregationMethod = Literal["score_mean", "score_decile_mean", "decile_mean", "decile_median", "decile_mode"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LabelTable(Section):
    """A published table and the layout it is in (`labels/layouts.py` knows each by name)."""

    layout: Literal["iod2019_file_1", "iod2019_file_7"]
    path: InputPath


class Boundaries(Section):
    """GeoJSON polygons of the areas, WGS84, and the properties that hold an area's code and name."""

    path: InputPath
    area_id: str = "LSOA11CD"
    name: str = "LSOA11NM"


class LabelsConfig(Section):
    tables: Annotated[list[LabelTable], Field(min_length=1)]
    regions: Annotated[dict[str, list[str] | Literal["all"]], Field(min_length=1)]
    """Name of each region -> its districts, by name or code as in the tables; `all`: every area there is."""
    locations: InputPath
    """CSV: location_id and area_id, or location_id, latitude and longitude (then `boundaries` is needed)."""
    boundaries: Boundaries | None = None


class ImageTable(Section):
    """A Parquet file, a folder of some, or a Delta table, with a row a photograph.

    `image` holds its bytes, or its file's URI. `a.b` names the field b of the struct a.
    """

    path: InputPath
    image: str = "image"
    location_id: str = "location_id"
    view: str | None = "view"
    """Null where there is one photograph a location."""
    keep: list[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]] = []
    """Other columns, e.g. the date, that the table `image_columns` is to hold for each photograph."""

    @field_validator("keep")
    @classmethod
    def _does_not_keep_the_key(cls, keep: list[str]) -> list[str]:
        if len({name.lower() for name in [*keep, "image_id"]}) <= len(keep):
            raise ValueError("must name each column once, and none that is called image_id, the key of image_columns")
        return keep


class Panorama(Section):
    """Each photograph is an equirectangular panorama, twice as wide as high; a view of each heading is cut from it."""

    headings: Annotated[list[Annotated[float, Field(ge=-360, le=360)]], Field(min_length=1)] = [0.0, 90.0, 180.0, 270.0]
    """Degrees clockwise from the panorama's middle."""
    field_of_view: Annotated[float, Field(ge=10, le=150)] = 90.0
    """Degrees, across and upright."""


class ImagesConfig(Section):
    folder: Annotated[str | None, INPUT] = None
    table: ImageTable | None = None
    """Instead of `folder` and `pattern`."""
    pattern: str = "{location_id}_{view}.jpg|jpeg|png"
    """File name with {location_id} and, where there are several, {view}; endings after the last dot by `|`.

    A view is a number from 0 or a letter from a. Files match in any folder below `folder`, and in archives there.
    """
    panorama: Panorama | None = None
    """The pattern, or the table, then has no view."""
    views: Annotated[int, Field(ge=1, le=16)] = 4
    shard_size: Positive = 4096

    @field_validator("pattern")
    @classmethod
    def _names_the_location(cls, pattern: str) -> str:
        name, _, endings = pattern.rpartition(".")
        fields = re.findall(r"\{.*?\}", name)
        once = fields.count("{location_id}") == 1 and fields.count("{view}") <= 1
        if not once or {*fields} - {"{location_id}", "{view}"} or not re.fullmatch(r"\w+(\|\w+)*", endings):
            raise ValueError(
                "must hold {location_id} once, perhaps {view}, and file endings, as in '{location_id}_{view}.jpg|png'"
            )
        return pattern

    @model_validator(mode="after")
    def _one_source_that_tells_views_apart(self) -> ImagesConfig:
        if (self.folder is None) == (self.table is None):
            raise ValueError("exactly one of folder and table must be given")
        if self.panorama is not None:
            if self.views != len(self.panorama.headings):
                raise ValueError(f"views must be {len(self.panorama.headings)}, a view for each of panorama.headings")
            if self.table.view is not None if self.table else "{view}" in self.pattern:
                raise ValueError("with panorama there is no {view} in pattern, and table.view is null")
            return self
        if self.views > 1 and self.table is None and "{view}" not in self.pattern:
            raise ValueError(f"pattern must hold {{view}} when there are {self.views} views")
        if self.views > 1 and self.table is not None and self.table.view is None:
            raise ValueError(f"table.view must name a column when there are {self.views} views")
        return self


class FeaturesConfig(Section):
    backbone: str = "vgg16"
    """A name of BACKBONES, or a .keras file that Keras 3 saved; that gets RGB from 0 to 255."""
    weights: str = "imagenet"
    """`imagenet`, `random:<seed>`, or a file: Keras' .h5, .weights.h5 or .keras, or machrisaa's vgg16.npy.

    A backbone that is a .keras file has its own; that is its default. Of CLIP, SigLIP and DINOv2 (ENCODERS):
    random:<seed>, or a preset of KerasHub, as its folder, its .weights.h5 or a .keras file.
    """
    layer: str | None = None
    """Whose output are the features, by its name in Keras; null: fc1 of VGG, the pooled features of the others.

    What is not flat is flattened. Of a .keras file null is the last layer.
    """
    activation: bool = False
    """Whether the layer's own activation, e.g. fc1's ReLU, is applied."""
    antialias: bool = False
    """Whether photographs are scaled with anti-aliasing; the reference does it without."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    store: Literal["float32", "float16"] = "float32"
    """`float16`: rounded to it, in the same column of float32, which then takes half the space on disk."""
    max_pixels: Positive = 50_000_000
    """A photograph of more pixels is a reject (`too_large`)."""
    device: Annotated[Literal["auto", "gpu", "cpu"], NEUTRAL] = "auto"
    batch_size: Annotated[Annotated[int, Field(ge=1, le=4096)] | Literal["auto"], NEUTRAL] = "auto"
    """Photographs a step of the network; `auto`: 16 on a CPU, 128 on a GPU."""
    decode_threads: Annotated[int, NEUTRAL, Field(ge=1, le=256)] = 4

    @model_validator(mode="before")
    @classmethod
    def _saved_model_has_weights(cls, values: Any) -> Any:
        if isinstance(values, dict) and str(values.get("backbone", "")).endswith(".keras"):
            return {"weights": values["backbone"], **values}
        return values

    @model_validator(mode="after")
    def _imagenet_is_for_names(self) -> FeaturesConfig:
        if self.backbone.endswith(".keras") and self.weights == "imagenet":
            raise ValueError("weights: imagenet's are there for backbones by name; leave weights out to use the file's")
        if self.backbone in ENCODERS and self.weights == "imagenet":
            raise ValueError(f"weights: {self.backbone} has none of imagenet's; give the folder of KerasHub's preset")
        return self

    @field_validator("backbone")
    @classmethod
    def _known_backbone(cls, backbone: str) -> str:
        if backbone in BACKBONES or backbone.endswith(".keras"):
            return backbone
        raise ValueError(f"must be {', '.join(BACKBONES)}, or a .keras file")

    @field_validator("weights")
    @classmethod
    def _known_weights(cls, weights: str, info: ValidationInfo) -> str:
        kind, _, seed = weights.partition(":")
        if weights == "imagenet" or (kind == "random" and seed.isdigit()):
            return weights
        if weights.endswith((".h5", ".keras", ".npy")):
            return weights
        if info.data.get("backbone") in ENCODERS and kind != "random":
            return weights
        raise ValueError("must be imagenet, random:<seed>, or a .h5, .weights.h5, .keras or .npy file")


SPLITS: dict[str, dict[str, Any]] = {
    "folds": {"folds": 5},
    "train_validation_test": {"validation_share": 0.15, "test_share": 0.2},
    "train_test": {"test_share": 0.2},
    "by_class": {"held_out_deciles": None},
    "train_only": {},
    "test_only": {},
}
"""The keys that each split needs, with their defaults; `held_out_deciles` has none."""

Decile = Annotated[int, Field(ge=1, le=10)]


class DatasetConfig(Section):
    outcomes: Annotated[list[str], Field(min_length=1)]
    split: Literal["folds", "train_validation_test", "train_test", "by_class", "train_only", "test_only"] = "folds"
    """What is held out from whom. With `prediction.models`: `test_only`."""
    folds: Annotated[int | None, Field(ge=2, le=100)] = None
    """Of the split `folds`: each model sees all but one."""
    test_share: Share | None = None
    """Of the splits with `test`: the share of the locations, in whole areas, that no model sees."""
    validation_share: Share | None = None
    """Of `train_validation_test`: the share on which every model is validated."""
    held_out_deciles: Annotated[list[Decile] | None, Field(min_length=1, max_length=8)] = None
    """Of `by_class`: locations of these deciles of an outcome are not seen by the outcome's model."""
    hdf5: bool = True

    @model_validator(mode="before")
    @classmethod
    def _with_the_splits_numbers(cls, values: Any) -> Any:
        split = values.get("split", "folds") if isinstance(values, dict) else None
        return {**SPLITS.get(split, {}), **values} if isinstance(split, str) else values

    @model_validator(mode="after")
    def _has_the_splits_numbers(self) -> DatasetConfig:
        needed = SPLITS[self.split]
        for key in dict.fromkeys(key for keys in SPLITS.values() for key in keys):
            if key in needed and getattr(self, key) is None:
                raise ValueError(f"{key} must be given with split {self.split}")
            if key not in needed and getattr(self, key) is not None:
                raise ValueError(f"{key} does not go with split {self.split}; remove one of them")
        if (self.test_share or 0) + (self.validation_share or 0) >= 1:
            raise ValueError("test_share and validation_share must leave something to learn from")
        if len({*(self.held_out_deciles or [])}) < len(self.held_out_deciles or []):
            raise ValueError("held_out_deciles must be different ones")
        return self


TRAINING_PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper_tf": {
        "variant": "batch_norm",
        "learning_rate": 5e-6,
        "batch_size": 20,
        "balanced_batches": True,
        "epochs": 50,
        "patience": 50,
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
    units. The learning rate is the best of 3e-4, 1e-3 and 3e-3 on the drawn city of the demo (240 locations), and of
    1e-4, 3e-4 and 1e-3 on 4,000 locations with a planted signal; the paper's is 5e-6.
    """

    preset: Literal["default", "paper_tf", "paper_torch"] = "default"
    """Other defaults for the keys below: those of the paper's TensorFlow or PyTorch code (TRAINING_PRESETS)."""
    variant: Literal["batch_norm", "plain"] = "batch_norm"
    """`plain`: no normalisation; the features are mapped by (x + 5) / 8."""
    view_units: Annotated[list[Positive], Field(min_length=1)] = [512, 256, 128]
    location_units: Annotated[list[Positive], Field(min_length=1)] = [64]
    noise: Annotated[float, Field(ge=0, le=1)] = 0.05
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Added to the gradient, times the parameter, as PyTorch's Adam does."""
    batch_size: Positive = 64
    balanced_batches: bool = False
    """Draw each row of a batch by its class, as the paper does, instead of giving each row once an epoch and weighting
    it by its class. The loss is the same on average; every model then reads rows of its own, which takes longer."""
    epochs: Positive = 50
    patience: Positive = 10
    """A model stops when its validation loss has not improved for so many epochs."""
    halve_after: Positive | None = None
    """A model's learning rate is halved each time its validation loss has not improved for so many epochs."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the products; weights, statistics and losses are float32. `auto` is bfloat16 where that is native."""
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


class PredictionConfig(Section):
    models: Annotated[str | None, INPUT] = None
    """The `models` folder of another run: every location is scored by all its fold models, and none is trained here."""
    batch_size: Annotated[int, NEUTRAL, Field(ge=1)] = 256


class AggregationConfig(Section):
    methods: Annotated[list[AggregationMethod], Field(min_length=1)] = list(get_args(AggregationMethod))


class EvaluationConfig(Section):
    bootstrap: Annotated[int, Field(ge=0)] = 1000
    """Samples of the areas behind the 95 % intervals; 0: none."""


class ReportConfig(Section):
    title: str = "Deciles from street photographs"
    notice: str = ""
    """Shown above everything else, e.g. that the photographs are drawn."""
    attribution: str = ""
    """Whose the tables, boundaries and photographs are, at the foot of the page, as their licences ask for."""
    method: AggregationMethod = "score_mean"
    gallery: Annotated[int, Field(ge=0, le=200)] = 12


class SparkConfig(Section):
    """For a session that streetdeciles builds itself; under spark-submit the cluster's settings hold."""

    master: str = "local[*]"
    driver_memory: str = "2g"
    conf: dict[str, str] = {}


class RunConfig(Section):
    """A whole run. `work_dir` receives every table, model, log and the report."""

    work_dir: str
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    labels: LabelsConfig
    images: ImagesConfig
    features: FeaturesConfig = FeaturesConfig()
    dataset: DatasetConfig
    training: TrainingConfig = TrainingConfig()
    prediction: PredictionConfig = PredictionConfig()
    aggregation: AggregationConfig = AggregationConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()
    spark: Annotated[SparkConfig, NEUTRAL] = SparkConfig()

    @model_validator(mode="before")
    @classmethod
    def _given_models_are_tested(cls, values: Any) -> Any:
        """With `prediction.models` and no word of a split, it is `test_only`."""
        given = values.get("prediction") if isinstance(values, dict) else None
        if not isinstance(given, dict) or given.get("models") is None or not isinstance(values.get("dataset"), dict):
            return values
        return {**values, "dataset": {"split": "test_only", **values["dataset"]}}

    @model_validator(mode="after")
    def _split_fits_training_and_prediction(self) -> RunConfig:
        split, folds = self.dataset.split, self.training.folds
        if (split == "test_only") != (self.prediction.models is not None):
            raise ValueError(
                f"dataset.split {split} and prediction.models {self.prediction.models} do not go together: test_only "
                "needs the models of another run, and the other splits are for models that are trained here"
            )
        if folds is not None and {*folds} - {*range(self.dataset.folds or 0)}:
            there = f"0 to {self.dataset.folds - 1}" if self.dataset.folds else f"none with dataset.split {split}"
            raise ValueError(f"training.folds {folds} must be among the folds, of which there are {there}")
        return self

    @model_validator(mode="after")
    def _report_method_is_made(self) -> RunConfig:
        if self.report.method not in self.aggregation.methods:
            raise ValueError(f"report.method {self.report.method} must be one of aggregation.methods")
        return self


def input_paths(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each (key, path) of a section, or a whole config, that the run reads."""
    for key, value, field in _walk(section, prefix):
        if INPUT in field and isinstance(value, str):
            yield key, value


def result_settings(section: BaseModel) -> dict[str, Any]:
    """The flat {key: value} of everything that changes results (no NEUTRAL field), as plain values."""
    return {key: value for key, value, field in _walk(section, "") if NEUTRAL not in field}


def _walk(section: BaseModel, prefix: str) -> Iterator[tuple[str, Any, list[Any]]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        key = f"{prefix}{name}"
        if NEUTRAL in field.metadata and isinstance(value, BaseModel):
            continue
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for i, item in enumerate(value):
                yield from _walk(item, f"{key}[{i}].")
        else:
            yield key, value, field.metadata
