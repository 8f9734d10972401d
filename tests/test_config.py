"""What a run's YAML may hold, and how each mistake in it is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config_files import load_values, refusal, write_config
from streetdeciles.config import RunConfig, input_paths, public_values, result_settings
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused

CONF = Path(__file__).parents[1] / "conf"


def test_unknown_key_is_refused_with_the_nearest_and_all_allowed(tmp_path: Path, values: dict[str, Any]) -> None:
    message = refusal(tmp_path, values | {"features": {"batchsize": 8}})

    assert "features.batchsize: unknown key; did you mean batch_size? allowed: backbone, weights" in message


def test_unknown_key_of_a_list_item_is_refused_with_its_place(tmp_path: Path, values: dict[str, Any]) -> None:
    values["labels"]["tables"][0]["file"] = "x"

    assert "labels.tables.0.file: unknown key; allowed: path, catalog_table, columns" in refusal(tmp_path, values)


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


def test_absent_sections_are_not_written_down(tmp_path: Path, values: dict[str, Any]) -> None:
    path = str(write_config(tmp_path, {key: values[key] for key in ("work_dir", "images")}))
    config = load_config(path, ("images",))

    assert not {"labels", "dataset"} & {*public_values(config)}
    assert not [key for key in result_settings(config) if key.startswith(("labels", "dataset"))]
    assert RunConfig.model_validate(public_values(config)) == config


def test_backbone_may_be_a_file_which_then_has_its_own_weights(tmp_path: Path, values: dict[str, Any]) -> None:
    with_network = values | {"features": {"backbone": "own.keras", "layer": "pooled"}}
    assert f"features.backbone: {tmp_path}/own.keras: no such file" in refusal(tmp_path, with_network)
    (tmp_path / "own.keras").write_text("x")
    features = load_config(str(write_config(tmp_path, with_network))).features
    assert features.backbone == features.weights == f"{tmp_path}/own.keras"
    with_network["features"]["weights"] = "imagenet"
    assert "leave weights out to use the file's" in refusal(tmp_path, with_network)


def test_weights_of_an_image_encoder_may_be_a_folder(tmp_path: Path, values: dict[str, Any]) -> None:
    with_network = values | {"features": {"backbone": "dinov2_base", "weights": "preset"}}
    assert f"features.weights: {tmp_path}/preset: no such file or folder" in refusal(tmp_path, with_network)
    (tmp_path / "preset").mkdir()
    assert load_config(str(write_config(tmp_path, with_network))).features.weights == f"{tmp_path}/preset"
    with_network["features"]["weights"] = "random:1"
    assert load_config(str(write_config(tmp_path, with_network))).features.weights == "random:1"
    with_network["features"]["weights"] = "random:x"
    assert "must be imagenet, random:<seed>, or a .h5" in refusal(tmp_path, with_network)


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
    ("text", "message"), [("seed: [", "not valid YAML"), ("- 1\n", "expected a mapping"), ("", "map")]
)
def test_text_that_is_no_config_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)


def test_config_that_is_not_there_is_refused() -> None:
    with pytest.raises(RunRefused, match=r"nowhere\.yaml: cannot read the config"):
        load_config("nowhere.yaml")


def test_several_views_need_a_view_in_the_pattern(tmp_path: Path, values: dict[str, Any]) -> None:
    values["images"] |= {"pattern": "{location_id}.jpg", "views": 4}

    assert "images: pattern must hold {view} when there are 4 views" in refusal(tmp_path, values)


def test_result_settings_leave_out_what_changes_no_result(tmp_path: Path, values: dict[str, Any]) -> None:
    one = load_values(tmp_path, values | {"spark": {"master": "local[1]"}, "features": {"batch_size": 1}})
    other = load_values(tmp_path, values | {"spark": {"master": "local[8]"}, "features": {"batch_size": 64}})

    assert result_settings(one) == result_settings(other)
    assert result_settings(one) != result_settings(load_values(tmp_path, values | {"seed": 7}))


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
    assert "images.table.colum: unknown key; allowed: path, catalog_table, image" in refusal(
        tmp_path, values | {"images": table}
    )


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
