"""Why photographs are refused: in the same words before the run, by a sample of them, and in the stage, by all."""

from __future__ import annotations

from streetdeciles.config import ImagesConfig
from streetdeciles.images.views import explain


def kind_of_source(images: ImagesConfig) -> str:
    """The word for what a source holds."""
    return "files" if images.table is None else "rows"


def no_photographs(images: ImagesConfig, n: int, instead: str, advice: str) -> str:
    """The error if none of the `n` files or rows is a photograph of a location.

    `instead` says what there is, and `advice`, which may be empty, what to set.
    """
    if images.table is not None:
        what = instead if n else "it is empty"
        return f"images.table.path: no row of {images.table.name} is a photograph of a location ({what}){advice}"
    if not n:
        return f"images.folder: {images.folder} is empty; expected photographs named {images.pattern}"
    return (
        f"images.folder: none of the {n} files in {images.folder} matches images.pattern {images.pattern} with "
        f"{images.views} view(s); {instead}{advice}"
    )


def too_many_other_views(images: ImagesConfig, *, n_out: int, n_kept: int) -> str:
    """The error if more files or rows are left out for their view than are kept."""
    return (
        f"images: {n_out:,} {kind_of_source(images)} are left out for their view and only {n_kept:,} kept, because "
        f"{explain(images)}"
    )
