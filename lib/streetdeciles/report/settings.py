"""The run's settings on the page: what decides the result in words, and the whole config to copy."""

from __future__ import annotations

from typing import Any

import yaml

from streetdeciles.config import RegionFile, RunConfig, input_paths, public_values
from streetdeciles.shown import redacted, without_secrets
from streetdeciles.splits.registry import split_of


def settings_in_words(config: RunConfig, n_views: int) -> list[tuple[str, str]]:
    """What decides the result. No folders: the page may be handed on."""
    training = config.training
    views, locations = ("-".join(map(str, units)) for units in (training.view_units, training.location_units))
    regions = "; ".join(f"{region}: {_region_words(chosen)}" for region, chosen in config.labels.regions.items())
    network = (
        f"{views} per view, {locations} per location; "
        f"learning rate {training.learning_rate:g}, batch size {training.batch_size}, "
        f"at most {training.epochs} epochs, noise {training.noise:g}"
    )
    if config.prediction.models:
        network = "trained elsewhere; the mean score of its fold models"
    return [
        ("Regions", regions),
        ("Published tables", ", ".join(table.catalog_table or file_name(table.path) for table in config.labels.tables)),
        ("Outcomes", ", ".join(config.dataset.outcomes)),
        ("Views per location", str(n_views)),
        ("Features", _features_in_words(config)),
        ("Network", network),
        ("Held out", split_of(config.dataset, config.training.folds).report_words.setting),
        ("Seed", str(config.seed)),
    ]


def _features_in_words(config: RunConfig) -> str:
    if config.dataset.feature_import is not None:
        return f"made elsewhere, imported from {file_name(config.dataset.feature_import.features)}"
    features = config.features
    weights = file_name(features.weights)
    return f"{features.backbone}, weights {weights}, precision {features.precision}, kept as {features.store}"


def settings_as_yaml(config: RunConfig) -> str:
    """The resolved config without secrets, and with the names of files in place of paths.

    The settings of Spark and the work_dir are left out: they are of this machine, and decide nothing.
    """
    values: dict[str, Any] = {key: value for key, value in public_values(config).items() if key != "spark"}
    del values["work_dir"]
    paths = {without_secrets(path, by_key=False) for _, path in input_paths(config)}
    return yaml.safe_dump(_with_names(values, paths), sort_keys=False, allow_unicode=True, width=100)


def _with_names(value: Any, paths: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _with_names(held, paths) for key, held in value.items()}
    if isinstance(value, list):
        return [_with_names(held, paths) for held in value]
    return file_name(value) if value in paths else value


def without_folders(text: str, config: RunConfig) -> str:
    """`text` with this machine's paths cut to the names of files: the page may be handed on."""
    paths = [config.work_dir, *(path for _, path in input_paths(config))]
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, file_name(path))
    return text


def file_name(path: str) -> str:
    """Without the signature or password of a URI."""
    return redacted(path).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _region_words(chosen: str | list[str] | RegionFile) -> str:
    if isinstance(chosen, RegionFile):
        return f"the areas in {file_name(chosen.file)}"
    if isinstance(chosen, str):
        return "every area" if chosen == "all" else chosen
    return ", ".join(chosen)
