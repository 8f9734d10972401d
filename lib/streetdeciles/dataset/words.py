"""What the stage's counts, notes and refusals call the views that give features."""

from __future__ import annotations

from dataclasses import dataclass

from streetdeciles.config import FeatureImport, ImagesConfig
from streetdeciles.methods import IMPORTED_VIEWS


@dataclass(frozen=True)
class Words:
    """`view` is one of what gives features, `views` several, `with_features` all of those that do."""

    view: str
    views: str
    with_features: str
    lacking: str
    """The reason for leaving out a location of which there is none."""
    lacking_detail: str
    rejected_detail: str
    """Follows the number of rejects of a location."""
    ids: str
    """Where the location_ids are from: completes "and the location_ids … are e.g. X"."""
    tables: str
    """Where the reasons are: completes "… each"."""
    source: str
    """The key and the path of what to check."""


def words_of_photographs(images: ImagesConfig) -> Words:
    return Words(
        view="photograph",
        views="photographs",
        with_features="photographs with features",
        lacking="no_photograph",
        lacking_detail="no photograph has this location_id",
        rejected_detail="see the table rejects",
        ids=f"in images.table's column {images.table.location_id!r}" if images.table else "by images.pattern",
        tables="the tables left_out and rejects list",
        source=f"images.table {images.table.name}" if images.table else f"images.folder {images.folder}",
    )


def words_of_import(section: FeatureImport) -> Words:
    return Words(
        view="imported view",
        views=IMPORTED_VIEWS,
        with_features=IMPORTED_VIEWS,
        lacking="not_imported",
        lacking_detail="dataset.import has no features with this location_id",
        rejected_detail="see their own rows in left_out",
        ids="in dataset.import.table" if section.table else "by the names of the files in dataset.import.features",
        tables="the table left_out lists",
        source=f"dataset.import.features {section.features}",
    )
