"""What a run's YAML may hold, and how each mistake in it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config_files import write_config
from streetdeciles.config import RunConfig, input_paths, public_values, result_settings
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused

CONF = Path(__file__).parents[1] / "conf"


def load_values(tmp_path: Path, values: Any) -> RunConfig:
    return load_config(str(write_config(tmp_path, values)))


def refusal(tmp_path: Path, values: Any) -> str:
    with pytest.raises(RunRefused) as refused:
        load_values(tmp_path, values)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_paths_are_relative_to_the_folder_of_the_config(tmp_path: Path, values: dict[str, Any]) -> None:
    config = load_values(tmp_path, values)

    assert config.work_dir == str(tmp_path / "out")
    assert config.images.folder == str(tmp_path / "photographs")
    assert config.labels.tables[0].path == str(tmp_path / "table.csv")


def test_paths_of_lookups_and_lists_of_areas_are_inputs(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "areas.csv").write_text("area_id\n")
    values["labels"] |= {"lookups": ["table.csv"], "regions": {"mine": {"file": "areas.csv"}, "bury": ["Bury"]}}
    paths = dict(input_paths(load_values(tmp_path, values)))

    assert paths["labels.lookups[0]"] == str(tmp_path / "table.csv")
    assert paths["labels.regions.mine.file"] == str(tmp_path / "areas.csv")
    values["labels"]["lookups"] = ["gone.csv"]
    assert "labels.lookups[0]: " in refusal(tmp_path, values)


def test_uri_is_left_as_it_is(tmp_path: Path, values: dict[str, Any]) -> None:
    config = load_values(tmp_path, values | {"work_dir": "s3://bucket/run"})

    assert config.work_dir == "s3://bucket/run"


@pytest.mark.parametrize("folder", ["s3:", "a::b", "in [1] {2}", "12:30:00", "per%20cent#?"])
def test_local_path_with_signs_of_a_uri_is_found(tmp_path: Path, values: dict[str, Any], folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / "locations.csv").rename(tmp_path / folder / "locations.csv")
    values["labels"]["locations"] = f"./{folder}//locations.csv"

    config = load_values(tmp_path, values | {"work_dir": f"{folder}/out"})

    assert config.labels.locations == str(tmp_path / folder / "locations.csv")
    assert config.work_dir == str(tmp_path / folder / "out")


def test_unknown_scheme_is_refused_with_its_key(tmp_path: Path, values: dict[str, Any]) -> None:
    values["images"]["folder"] = "photos://2019/may"

    message = refusal(tmp_path, values | {"work_dir": "nowhere://x"})

    assert "images.folder: photos://2019/may: cannot be looked up (Protocol not known: photos); write ./" in message
    assert "work_dir: nowhere://x: unknown protocol nowhere; write ./ before a local path" in message


@pytest.mark.parametrize("sign", ["*", "?", "["])
def test_pattern_in_a_remote_work_dir_is_refused(tmp_path: Path, values: dict[str, Any], sign: str) -> None:
    message = refusal(tmp_path, values | {"work_dir": f"memory://out {sign}"})

    assert f"work_dir: memory://out {sign}: the libraries that write there would take * ? [ for a pattern" in message


def test_unknown_key_is_refused_with_the_nearest_and_all_allowed(tmp_path: Path, values: dict[str, Any]) -> None:
    message = refusal(tmp_path, values | {"features": {"batchsize": 8}})

    assert "features.batchsize: unknown key; did you mean batch_size? allowed: backbone, weights" in message


def test_unknown_key_of_a_list_item_is_refused_with_its_place(tmp_path: Path, values: dict[str, Any]) -> None:
    values["labels"]["tables"][0]["file"] = "x"

    assert "labels.tables.0.file: unknown key; allowed: path, columns" in refusal(tmp_path, values)


def test_unknown_key_of_an_outcome_is_refused_with_its_place(tmp_path: Path, values: dict[str, Any]) -> None:
    outcome = {"column": "POV", "higher_is": "worse", "titel": "Poverty"}
    values["labels"]["tables"][0]["columns"] = {"area_id": "GEOID", "outcomes": {"poverty": outcome}}

    assert "columns.outcomes.poverty.titel: unknown key; did you mean title?" in refusal(tmp_path, values)


def test_layout_of_a_table_is_refused_as_no_longer_needed(tmp_path: Path, values: dict[str, Any]) -> None:
    values["labels"]["tables"][0]["layout"] = "iod2019_file_7"

    assert "labels.tables.0: the key layout is gone: a published table is recognised by its header" in refusal(
        tmp_path, values
    )


@pytest.mark.parametrize("region", [3, ["Bury", 4], {"files": "x.csv"}, {"file": 1}])
def test_region_of_another_kind_is_refused(tmp_path: Path, values: dict[str, Any], region: Any) -> None:
    values["labels"]["regions"] = {"bury": region}

    assert "labels.regions: bury must be a list of districts, a region's code or name" in refusal(tmp_path, values)


def test_bad_value_is_refused_with_what_is_allowed(tmp_path: Path, values: dict[str, Any]) -> None:
    message = refusal(tmp_path, values | {"features": {"device": "tpu"}, "training": {"epochs": 0}})

    assert "features.device: input should be 'auto', 'gpu' or 'cpu', got 'tpu'" in message
    assert "training.epochs: input should be greater than or equal to 1, got 0" in message


def test_value_of_another_type_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    assert "training.epochs: input should be a valid integer, got '5'" in refusal(
        tmp_path, values | {"training": {"epochs": "5"}}
    )


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("default", ("batch_norm", 1e-2, 0.0, "auto", 50, 10, 3)),
        ("paper_tf", ("batch_norm", 5e-6, 0.0, 20, 50, 50, None)),
        ("paper_torch", ("plain", 1e-4, 1e-4, 20, 50, 50, None)),
    ],
)
def test_training_preset_gives_the_keys_that_are_not_set(
    tmp_path: Path, values: dict[str, Any], preset: str, expected: tuple[Any, ...]
) -> None:
    names = ("variant", "learning_rate", "weight_decay", "batch_size", "epochs", "patience", "halve_after")

    whole = load_values(tmp_path, values | {"training": {"preset": preset}}).training
    some = load_values(tmp_path, values | {"training": {"preset": preset, "epochs": 7}}).training

    assert tuple(getattr(whole, name) for name in names) == expected
    assert (whole.view_units, whole.location_units, whole.noise) == ([512, 256, 128], [64], 0.05)
    assert some == whole.model_copy(update={"epochs": 7})


@pytest.mark.parametrize(
    ("training", "told"),
    [
        ({"freeze": 1}, "training: freeze needs start_from"),
        ({"freeze": 4, "start_from": "photographs"}, "training: freeze must be at most 3, the number of view_units"),
        ({"start_from": "other/models"}, "training.start_from: {folder}/other/models: no such file or folder"),
        ({"train_size": 0.0}, "training.train_size: input should be greater than 0"),
        ({"train_size": 1.5}, "training.train_size: input should be less than or equal to 1"),
    ],
)
def test_fine_tuning_that_cannot_be_is_refused(
    tmp_path: Path, values: dict[str, Any], training: dict[str, Any], told: str
) -> None:
    assert told.format(folder=tmp_path) in refusal(tmp_path, values | {"training": training})


def test_start_models_are_an_input_of_the_training(tmp_path: Path, values: dict[str, Any]) -> None:
    config = load_values(tmp_path, values | {"training": {"start_from": "photographs", "train_size": 1}})

    assert dict(input_paths(config.training)) == {"start_from": str(tmp_path / "photographs")}
    assert config.training.train_size == 1.0


def test_unknown_preset_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    assert "training.preset: input should be 'default', 'paper_tf' or 'paper_torch', got 'paper'" in refusal(
        tmp_path, values | {"training": {"preset": "paper"}}
    )


def test_missing_key_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    del values["dataset"]

    assert "dataset: is missing; the stage labels reads it" in refusal(tmp_path, values)


def test_stage_needs_only_the_sections_that_it_reads(tmp_path: Path, values: dict[str, Any]) -> None:
    path = str(write_config(tmp_path, {key: values[key] for key in ("work_dir", "images")}))

    config = load_config(path, ("images", "features"))

    assert config.labels.is_absent
    assert config.dataset.is_absent
    assert config.images.views == 4
    assert load_config(path, ()).work_dir == str(tmp_path / "out")
    with pytest.raises(RunRefused, match=r"run\.yaml: dataset: is missing; the stage training reads it$"):
        load_config(path, ("images", "training"))


def test_inputs_of_other_stages_need_not_be_there(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "locations.csv").unlink()
    path = str(write_config(tmp_path, values))

    assert not load_config(path, ("images",)).labels.is_absent
    with pytest.raises(RunRefused, match=r"labels\.locations: .*no such file"):
        load_config(path, ("images", "labels"))


def test_absent_sections_are_not_written_down(tmp_path: Path, values: dict[str, Any]) -> None:
    path = str(write_config(tmp_path, {key: values[key] for key in ("work_dir", "images")}))
    config = load_config(path, ("images",))

    assert not {"labels", "dataset"} & {*public_values(config)}
    assert not [key for key in result_settings(config) if key.startswith(("labels", "dataset"))]
    assert RunConfig.model_validate(public_values(config)) == config


def test_missing_files_are_refused_all_at_once(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "table.csv").unlink()
    (tmp_path / "photographs").rmdir()

    message = refusal(tmp_path, values)

    assert f"labels.tables[0].path: {tmp_path}/table.csv: no such file or folder" in message
    assert f"images.folder: {tmp_path}/photographs: no such file or folder" in message


def test_missing_weights_file_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    message = refusal(tmp_path, values | {"features": {"weights": "vgg16.npy"}})

    assert f"features.weights: {tmp_path}/vgg16.npy: no such file" in message


def test_backbone_may_be_a_file_which_then_has_its_own_weights(tmp_path: Path, values: dict[str, Any]) -> None:
    given = values | {"features": {"backbone": "own.keras", "layer": "pooled"}}
    assert f"features.backbone: {tmp_path}/own.keras: no such file" in refusal(tmp_path, given)
    (tmp_path / "own.keras").write_text("x")
    features = load_config(str(write_config(tmp_path, given))).features
    assert features.backbone == features.weights == f"{tmp_path}/own.keras"
    given["features"]["weights"] = "imagenet"
    assert "leave weights out to use the file's" in refusal(tmp_path, given)


def test_weights_of_an_image_encoder_may_be_a_folder(tmp_path: Path, values: dict[str, Any]) -> None:
    given = values | {"features": {"backbone": "dinov2_base", "weights": "preset"}}
    assert f"features.weights: {tmp_path}/preset: no such file or folder" in refusal(tmp_path, given)
    (tmp_path / "preset").mkdir()
    assert load_config(str(write_config(tmp_path, given))).features.weights == f"{tmp_path}/preset"
    given["features"]["weights"] = "random:1"
    assert load_config(str(write_config(tmp_path, given))).features.weights == "random:1"
    given["features"]["weights"] = "random:x"
    assert "must be imagenet, random:<seed>, or a .h5" in refusal(tmp_path, given)


def test_unknown_backbone_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    message = refusal(tmp_path, values | {"features": {"backbone": "alexnet"}})
    assert (
        "features.backbone: must be vgg16, vgg19, resnet50, efficientnetv2b0, convnext_tiny, clip_vit_base" in message
    )
    assert "dinov2_large, or a .keras file, got 'alexnet'" in message


@pytest.mark.parametrize("weights", ["random", "random:x", "places365"])
def test_unknown_weights_are_refused(tmp_path: Path, values: dict[str, Any], weights: str) -> None:
    assert "must be imagenet, random:<seed>, or a .h5" in refusal(tmp_path, values | {"features": {"weights": weights}})


def test_key_that_appears_twice_is_refused(tmp_path: Path) -> None:
    assert "line 2, column 1: key 'seed' appears twice" in refusal(tmp_path, "seed: 1\nseed: 2\n")


def test_yaml_that_would_run_code_is_refused(tmp_path: Path) -> None:
    assert "not valid YAML" in refusal(tmp_path, "seed: !!python/object/apply:os.system ['true']\n")


@pytest.mark.parametrize(
    ("text", "told"), [("seed: [", "not valid YAML"), ("- 1\n", "expected a mapping"), ("", "map")]
)
def test_text_that_is_no_config_is_refused(tmp_path: Path, text: str, told: str) -> None:
    assert told in refusal(tmp_path, text)


def test_config_that_is_not_there_is_refused() -> None:
    with pytest.raises(RunRefused, match=r"nowhere\.yaml: cannot read the config"):
        load_config("nowhere.yaml")


def test_several_views_need_a_view_in_the_pattern(tmp_path: Path, values: dict[str, Any]) -> None:
    values["images"] |= {"pattern": "{location_id}.jpg", "views": 4}

    assert "images: pattern must hold {view} when there are 4 views" in refusal(tmp_path, values)


def test_report_method_must_be_among_the_aggregation_methods(tmp_path: Path, values: dict[str, Any]) -> None:
    message = refusal(tmp_path, values | {"aggregation": {"methods": ["decile_mean"]}})

    assert "report.method score_mean must be one of aggregation.methods" in message


def test_result_settings_leave_out_what_changes_no_result(tmp_path: Path, values: dict[str, Any]) -> None:
    one = load_values(tmp_path, values | {"spark": {"master": "local[1]"}, "features": {"batch_size": 1}})
    other = load_values(tmp_path, values | {"spark": {"master": "local[8]"}, "features": {"batch_size": 64}})

    assert result_settings(one) == result_settings(other)
    assert result_settings(one) != result_settings(load_values(tmp_path, values | {"seed": 7}))


def test_input_paths_are_named_by_their_keys(tmp_path: Path, values: dict[str, Any]) -> None:
    assert dict(input_paths(load_values(tmp_path, values))) == {
        "labels.tables[0].path": str(tmp_path / "table.csv"),
        "labels.locations": str(tmp_path / "locations.csv"),
        "images.folder": str(tmp_path / "photographs"),
    }


def test_sample_config_is_valid() -> None:
    assert load_config(str(CONF / "sample.yaml")).images.views == 1


def test_saved_config_is_read_back_equal(tmp_path: Path, values: dict[str, Any]) -> None:
    config = load_values(tmp_path, values | {"training": {"preset": "paper_torch", "batch_size": 8}})

    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


def test_photographs_come_from_a_folder_or_a_table(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "photos.parquet").touch()
    table = {"table": {"path": "photos.parquet"}}
    config = load_values(tmp_path, values | {"images": table})
    assert config.images.table is not None
    assert config.images.table.path == str(tmp_path / "photos.parquet")
    assert ("images.table.path", str(tmp_path / "photos.parquet")) in [*input_paths(config)]
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config
    for images in ({}, {"folder": "photographs"} | table):
        assert "images: exactly one of folder and table must be given" in refusal(tmp_path, values | {"images": images})
    table["table"]["view"] = None  # type: ignore[assignment]
    assert "images: table.view must name a column when there are 4" in refusal(tmp_path, values | {"images": table})
    table["table"]["colum"] = "x"
    assert "images.table.colum: unknown key; allowed: path, image" in refusal(tmp_path, values | {"images": table})


def test_panoramas_have_no_view_in_their_names(tmp_path: Path, values: dict[str, Any]) -> None:
    images: dict[str, Any] = {"folder": "photographs", "pattern": "{location_id}.jpg", "panorama": {}}
    config = load_values(tmp_path, values | {"images": images})
    assert config.images.panorama is not None
    assert config.images.panorama.headings == [0, 90, 180, 270]
    assert "images: views must be 2, a view for each of panorama.headings" in refusal(
        tmp_path, values | {"images": images | {"panorama": {"headings": [0, 180]}}}
    )
    assert "images: with panorama there is no {view} in pattern" in refusal(
        tmp_path, values | {"images": images | {"pattern": "{location_id}_{view}.jpg"}}
    )
    assert "images.panorama.field_of_view: input should be less than or equal to 150" in refusal(
        tmp_path, values | {"images": images | {"panorama": {"field_of_view": 180}}}
    )


@pytest.mark.parametrize(
    ("dataset", "numbers"),
    [
        ({}, {"folds": 5}),
        ({"folds": 3}, {"folds": 3}),
        ({"split": "train_test"}, {"test_share": 0.2}),
        ({"split": "train_validation_test", "test_share": 0.3}, {"test_share": 0.3, "validation_share": 0.15}),
        ({"split": "by_class", "held_out_deciles": [1, 10]}, {"held_out_deciles": [1, 10]}),
        ({"split": "train_only"}, {}),
    ],
)
def test_a_split_has_the_numbers_that_it_needs(
    tmp_path: Path, values: dict[str, Any], dataset: dict[str, Any], numbers: dict[str, Any]
) -> None:
    values["dataset"] |= dataset
    config = load_values(tmp_path, values)
    found = {
        key: getattr(config.dataset, key) for key in ("folds", "test_share", "validation_share", "held_out_deciles")
    }
    assert {key: value for key, value in found.items() if value is not None} == numbers
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ({"split": "leave_one_out"}, "dataset.split: input should be 'folds', 'train_validation_test'"),
        (
            {"split": "train_test", "folds": 5},
            "dataset: folds cannot be used with split train_test; remove one of them",
        ),
        ({"test_share": 0.2}, "dataset: test_share cannot be used with split folds"),
        ({"split": "by_class"}, "dataset: held_out_deciles must be set with split by_class"),
        ({"split": "by_class", "held_out_deciles": [11]}, "held_out_deciles.0: input should be less than or equal"),
        ({"split": "by_class", "held_out_deciles": [1, 1]}, "held_out_deciles must be different from each other"),
        (
            {"split": "train_validation_test", "test_share": 0.6, "validation_share": 0.4},
            "test_share and validation_share must leave something to learn from",
        ),
        ({"split": "test_only"}, "dataset.split test_only and prediction.models None do not go together"),
    ],
)
def test_a_split_that_does_not_fit_is_refused(
    tmp_path: Path, values: dict[str, Any], dataset: dict[str, Any], told: str
) -> None:
    values["dataset"] |= dataset
    assert told in refusal(tmp_path, values)


def test_given_models_go_with_test_only(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "models").mkdir()
    values["prediction"] = {"models": "models"}
    assert load_values(tmp_path, values).dataset.split == "test_only"
    values["dataset"]["split"] = "train_test"
    assert "dataset.split train_test and prediction.models" in refusal(tmp_path, values)


def test_folds_to_train_must_be_there(tmp_path: Path, values: dict[str, Any]) -> None:
    values["training"] = {"folds": [0, 4]}
    assert load_values(tmp_path, values).training.folds == [0, 4]
    values["training"] = {"folds": [5]}
    assert "training.folds [5] must be from 0 to 4" in refusal(tmp_path, values)
    values["training"] = {"folds": [0]}
    values["dataset"]["split"] = "train_test"
    assert "training.folds [0] must not be set with dataset.split train_test" in refusal(tmp_path, values)
