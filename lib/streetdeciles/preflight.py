"""Checks before Spark starts, for `--dry-run` and at the start of every run."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from importlib import import_module
from importlib.util import find_spec

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.images.sample import sample_images
from streetdeciles.imports.sources import sample_ids
from streetdeciles.labels.known_ids import example_id, knows_any, table_of_ids
from streetdeciles.labels.locations import open_source
from streetdeciles.splits.registry import split_of
from streetdeciles.splits.split import Needs
from streetdeciles.stages import DATASET_STAGE, IMAGES_STAGE, LABELS_STAGE

logger = logging.getLogger(__name__)


def preflight(config: RunConfig, stages: Sequence[str]) -> None:
    """Call `preflight(config)` of each of `stages` that has such a module, and compare photographs with locations.

    This takes seconds and little memory however large the inputs are, by looking at headers and first rows only; what
    passes may still be refused by the stage itself.

    Raises:
        RunRefused: one of the stages would refuse its inputs.
    """
    for name in stages:
        module = f"streetdeciles.{name}.preflight"
        if find_spec(module) is not None:
            import_module(module).preflight(config)
    if not _has_locations(config):
        return
    if DATASET_STAGE in stages:
        _refuse_split_without_places(config)
    are_joined = DATASET_STAGE in stages
    if config.replaced_stages:
        if are_joined:
            _compare_imported_ids(config)
    elif IMAGES_STAGE in stages and {LABELS_STAGE, DATASET_STAGE} & {*stages}:
        _compare_ids(config, are_joined=are_joined)


def _has_locations(config: RunConfig) -> bool:
    """Whether the file of locations is there: `images` and what follows run without it once labels is done."""
    return not config.labels.is_absent and storage.exists(config.labels.location_source.file)


def _refuse_split_without_places(config: RunConfig) -> None:
    """RunRefused where the split needs to know where areas are, and neither boundaries nor locations can say so."""
    dataset, labels = config.dataset, config.labels
    if split_of(dataset).needs is not Needs.SHAPES:
        return
    has_polygons = labels.boundaries is not None and dataset.split_level != "oa"
    if not has_polygons and not open_source(labels).has_points:
        raise RunRefused(
            f"dataset.split {dataset.split} needs to know where areas are: {labels.location_source.file} has no "
            "columns latitude and longitude; add them, set labels.boundaries, or use the split folds"
        )


def _compare_ids(config: RunConfig, *, are_joined: bool) -> None:
    """RunRefused where no location has a photograph and they `are_joined`; a warning where only a sample says so."""
    sample = sample_images(config.images)
    if sample is None:
        return
    problem = _problem_of_ids(config, sample.location_ids, "photographs", "images.pattern or the ids")
    if problem and sample.is_whole and are_joined:
        raise RunRefused(problem)
    if problem:
        logger.warning("of the first %d photographs that were looked at, %s", sample.n, problem)


def _compare_imported_ids(config: RunConfig) -> None:
    section = config.dataset.feature_import
    assert section is not None
    sample = sample_ids(section)
    problem = _problem_of_ids(
        config, sample.location_ids, "imported features", "the ids, or dataset.import.location_id"
    )
    if problem and sample.is_whole:
        raise RunRefused(problem)
    if problem:
        logger.warning("of the first imported features that were looked at, %s", problem)


def _problem_of_ids(config: RunConfig, location_ids: Collection[str], what: str, to_correct: str) -> str:
    """Why none of these ids is a location's; '' where one is, or where that is not known."""
    table = table_of_ids(config.labels.location_source)
    if table is None or not location_ids or knows_any(table, location_ids) is not False:
        return ""
    return (
        f"none of the location_ids of {len(location_ids):,} location(s) with {what} is in {table.uri}: {what} have "
        f"e.g. {min(location_ids)!r}, locations {example_id(table)!r}; correct {to_correct}"
    )
