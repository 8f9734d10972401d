"""Paths and URIs in a config: how they are resolved, and what is refused when they lead nowhere."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from config_files import config_values, load_values, refusal, write_config
from streetdeciles import storage
from streetdeciles.config import input_paths
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused


def test_paths_are_relative_to_the_folder_of_the_config(tmp_path: Path, values: dict[str, Any]) -> None:
    config = load_values(tmp_path, values)

    assert config.work_dir == str(tmp_path / "out")
    assert config.images.folder == str(tmp_path / "photographs")
    assert config.labels.tables[0].path == str(tmp_path / "table.csv")


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


@pytest.mark.parametrize(
    ("scheme", "package", "install"),
    [
        ("s3", "s3fs", "pip install 'streetdeciles[s3]'"),
        ("s3a", "s3fs", "pip install 'streetdeciles[s3]'"),
        ("gs", "gcsfs", "pip install 'streetdeciles[gcs]'"),
        ("abfss", "adlfs", "pip install 'streetdeciles[azure]'"),
        ("https", "aiohttp", "pip install aiohttp requests"),
    ],
)
def test_package_that_a_store_needs_is_named(
    tmp_path: Path, values: dict[str, Any], scheme: str, package: str, install: str
) -> None:
    if find_spec(package):
        pytest.skip(f"{package} is installed")
    values["images"]["folder"] = f"{scheme}://bucket/photographs"
    message = refusal(tmp_path, values)
    assert f"images.folder: {scheme}://bucket/photographs: cannot be looked up ({scheme}:// needs a package" in message
    assert install in message
    assert "write ./" not in message


@pytest.mark.parametrize("sign", ["*", "?", "["])
def test_pattern_in_a_remote_work_dir_is_refused(tmp_path: Path, values: dict[str, Any], sign: str) -> None:
    message = refusal(tmp_path, values | {"work_dir": f"memory://out {sign}"})

    assert f"work_dir: memory://out {sign}: * ? [ would be taken for a pattern there" in message


def test_inputs_of_other_stages_need_not_be_there(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "locations.csv").unlink()
    path = str(write_config(tmp_path, values))

    assert not load_config(path, ("images",)).labels.is_absent
    with pytest.raises(RunRefused, match=r"labels\.locations: .*no such file"):
        load_config(path, ("images", "labels"))


def test_missing_files_are_refused_all_at_once(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "table.csv").unlink()
    (tmp_path / "photographs").rmdir()

    message = refusal(tmp_path, values)

    assert f"labels.tables[0].path: {tmp_path}/table.csv: no such file or folder" in message
    assert f"images.folder: {tmp_path}/photographs: no such file or folder" in message


def test_missing_weights_file_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    message = refusal(tmp_path, values | {"features": {"weights": "vgg16.npy"}})

    assert f"features.weights: {tmp_path}/vgg16.npy: no such file" in message


def test_input_paths_are_named_by_their_keys(tmp_path: Path, values: dict[str, Any]) -> None:
    assert dict(input_paths(load_values(tmp_path, values))) == {
        "labels.tables[0].path": str(tmp_path / "table.csv"),
        "labels.locations": str(tmp_path / "locations.csv"),
        "images.folder": str(tmp_path / "photographs"),
    }


def test_start_models_are_an_input_of_the_training(tmp_path: Path, values: dict[str, Any]) -> None:
    config = load_values(tmp_path, values | {"training": {"start_from": "photographs", "train_size": 1}})

    assert dict(input_paths(config.training)) == {"start_from": str(tmp_path / "photographs")}
    assert config.training.train_size == 1.0


def test_paths_of_lookups_and_lists_of_areas_are_inputs(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "areas.csv").write_text("area_id\n")
    values["labels"] |= {"lookups": ["table.csv"], "regions": {"mine": {"file": "areas.csv"}, "bury": ["Bury"]}}
    paths = dict(input_paths(load_values(tmp_path, values)))

    assert paths["labels.lookups[0]"] == str(tmp_path / "table.csv")
    assert paths["labels.regions.mine.file"] == str(tmp_path / "areas.csv")
    values["labels"]["lookups"] = ["gone.csv"]
    assert "labels.lookups[0]: " in refusal(tmp_path, values)


def test_config_at_a_uri_has_its_inputs_beside_it() -> None:
    values = config_values("../out", labels={"regions": {"bury": ["Bury"]}})
    for name in ("table.csv", "locations.csv", "photographs/a.jpg"):
        storage.write_text(f"memory://configs/bury/{name}", "x\n")
    storage.write_text("memory://configs/bury/run.yaml", yaml.safe_dump(values))
    config = load_config("memory://configs/bury/run.yaml")
    assert config.labels.tables[0].path == "memory://configs/bury/table.csv"
    assert config.images.folder == "memory://configs/bury/photographs"
    assert config.work_dir == "memory://configs/out"
    with pytest.raises(RunRefused, match=r"memory://configs/none.yaml: cannot read the config \("):
        load_config("memory://configs/none.yaml")


def test_work_dir_of_databricks_is_not_a_relative_path(tmp_path: Path, values: dict[str, Any]) -> None:
    path = write_config(tmp_path, {**values, "work_dir": "dbfs:/Volumes/main/streets/run"})
    assert load_config(str(path)).work_dir == "dbfs:/Volumes/main/streets/run"
