"""What can be seen to be wrong before Spark starts: for `--dry-run`, and at the start of every run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.images.sample import sample_images
from streetdeciles.labels.known_ids import example_id, knows_any

logger = logging.getLogger(__name__)


def preflight(config: RunConfig, stages: Sequence[str]) -> None:
    """Call `preflight(config)` of each of `stages` that has such a module, and compare photographs with locations.

    This takes seconds and little memory however large the inputs are, by looking at headers and first rows only; what
    passes may still be refused by the stage itself.

    Raises:
        RunRefused: one of the stages would end so.
    """
    for name in stages:
        module = f"streetdeciles.{name}.preflight"
        if find_spec(module) is not None:
            import_module(module).preflight(config)
    if "images" in stages and {"labels", "dataset"} & {*stages}:
        _compare_ids(config, are_joined="dataset" in stages)


def _compare_ids(config: RunConfig, *, are_joined: bool) -> None:
    """RunRefused where no location has a photograph and they `are_joined`; a warning where only a sample says so."""
    found = sample_images(config.images)
    path = config.labels.locations
    if found is None or not found.location_ids or knows_any(path, found.location_ids) is not False:
        return
    n = len(found.location_ids)
    problem = (
        f"none of the location_ids of {n:,} location(s) with photographs is in {path}: photographs have e.g. "
        f"{min(found.location_ids)!r}, locations {example_id(path)!r}; correct images.pattern or the ids"
    )
    if found.is_whole and are_joined:
        raise RunRefused(problem)
    logger.warning("of the first %d photographs that were looked at, %s", found.n, problem)
