"""Checks of the stage images before a run: whether its pattern or columns fit a sample of the photographs."""

from __future__ import annotations

import logging

from streetdeciles import storage
from streetdeciles.config import ImagesConfig, RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.images.refusals import no_photographs, too_many_other_views
from streetdeciles.images.sample import Sample, sample_images
from streetdeciles.images.views import advise

logger = logging.getLogger(__name__)


def preflight(config: RunConfig) -> None:
    """RunRefused if no photograph would be used, or most have another view; a warning if only a sample was checked."""
    images = config.images
    if images.folder is not None and storage.is_local(images.folder):
        fs, folder = storage.filesystem(images.folder)
        if not fs.isdir(folder):
            raise RunRefused(f"images.folder: {images.folder} is a file; expected the folder of the photographs")
    sample = sample_images(images)
    if sample is None or not (problem := _problem(images, sample)):
        return
    if sample.is_whole:
        raise RunRefused(problem)
    logger.warning("of the first %d that were checked, %s", sample.n, problem)


def _problem(images: ImagesConfig, sample: Sample) -> str:
    """Why the photographs would be refused if all were like the sample; '' if they would not be."""
    advice = f"; {advise(sample.views)}" if sample.n_other_views else ""
    if not sample.n_kept:
        return no_photographs(images, sample.n, f"there is e.g. {sample.example}", advice)
    if sample.n_other_views > sample.n_kept and images.view_names is None:
        return too_many_other_views(images, n_out=sample.n_other_views, n_kept=sample.n_kept) + advice
    return ""
