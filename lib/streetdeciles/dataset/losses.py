"""Photographs and locations that would not be used: counted and explained; too many of them end the run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles.config import DatasetConfig, ImagesConfig
from streetdeciles.dataset.words import Words
from streetdeciles.errors import RunFailed
from streetdeciles.ids.lookalikes import Lookalikes, describe, find_lookalikes
from streetdeciles.queries import query
from streetdeciles.stages import DATASET_STAGE, FEATURES_STAGE, IMAGES_STAGE, LABELS_STAGE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from streetdeciles.dataset.feature_source import FeatureSource

PHOTOGRAPH = (
    r"(?i)(^|[/!\\])[^/!\\.][^/!\\]*[.](jpe?g|jfif|png|webp|tiff?|bmp|gif|hei[cf]|avif|jp2|{endings})(#[0-9]+)?$"
)
"""Names of photographs that are not hidden; `#2` follows a name that appears twice in an archive."""

ELSEWHERE = ("not_in_region", "outside_boundaries")
"""Reasons of the stage labels for a location that lies elsewhere; its photographs do not count as lost."""

NOT_USED = ("terminated", "large_user")
"""Reasons of the stage labels for a postcode that the config keeps out; its photographs do not count as lost."""

ADVICE = {
    "view_out_of_range": "list the views to use as images.view_names",
    "name_does_not_match": "correct images.pattern",
    "duplicate": "keep one photograph of each view",
    "unknown_location": "labels.locations has no such location_id",
    "wrong_shape": "other features than most have",
    "not_finite": "NaN or infinite numbers",
    "view_twice": "keep one of each view of a location",
    "no_grid_reference": "the postcode directory has no coordinates of these postcodes",
    "unknown_postcode": "the postcode directory does not have these postcodes",
    "unknown_area": "labels.tables do not have the areas of these locations",
}


@dataclass(frozen=True)
class Losses:
    """Photographs (or views cut from panoramas) and locations that no row uses."""

    lost: Counter[str]
    """Photographs by reason."""
    share: float
    """The share of photographs that are lost, without those of locations elsewhere and of postcodes not used."""
    elsewhere: int
    """Photographs of locations that labels left out because they lie elsewhere."""
    not_used: int
    """Photographs of postcodes that labels left out because the config keeps them out."""
    locations: int
    without_photograph: int
    lookalikes: Sequence[Lookalikes]
    """Locations without photographs that look like unknown locations of photographs."""
    words: Words

    @property
    def lookalike_share(self) -> float:
        return sum(alike.n_left for alike in self.lookalikes) / self.locations

    def notes(self) -> list[str]:
        """Sentences for the stage's report."""
        notes = []
        if self.without_photograph:
            share = self.without_photograph / self.locations
            notes.append(
                f"{self.without_photograph:,} of {self.locations:,} locations ({share:.1%}) have no {self.words.views}"
            )
        if self.elsewhere:
            notes.append(
                f"{self.elsewhere:,} {self.words.views} are of locations that labels left out because they lie "
                "elsewhere"
            )
        if self.not_used:
            notes.append(
                f"{self.not_used:,} {self.words.views} are of postcodes that are no longer in use, or of one "
                "organisation; labels.locations.terminated and labels.locations.large_users would keep them"
            )
        return notes + ([spelled_differently(self.lookalikes, self.words)] if self.lookalikes else [])


def find_unlabelled(left_out: DataFrame) -> DataFrame:
    """`location_id` and `reason` of the locations that the stage labels left out."""
    of_labels = left_out.where(left_out["stage"] == LABELS_STAGE)
    return of_labels.groupBy(of_labels["id"].alias("location_id")).agg({"reason": "min"}).toDF("location_id", "reason")


NO_PHOTOGRAPHS: Mapping[str, Any] = {
    "views_of_one": 1,
    "in_table": False,
    "has_view_names": False,
    "photograph": "",
}
"""For a run without photographs, which has no rows of the stage images either."""


def photograph_arguments(images: ImagesConfig) -> dict[str, Any]:
    """How the query `losses` counts what the stage images left out."""
    return {
        "views_of_one": images.views if images.panorama else 1,
        "in_table": images.table is not None,
        "has_view_names": images.view_names is not None,
        "photograph": PHOTOGRAPH.replace("{endings}", images.pattern.rsplit(".", 1)[1]),
    }


def count_losses(left_out: DataFrame, photographs: DataFrame, source: FeatureSource, *, locations: int) -> Losses:
    """Count the losses. `left_out` covers all stages up to dataset; `photographs` is from `join.found_photographs`."""
    unlabelled = find_unlabelled(left_out)
    stages = {"images_stage": IMAGES_STAGE, "features_stage": FEATURES_STAGE, "dataset_stage": DATASET_STAGE}
    arguments = {**stages, **source.losses}
    rejects = source.rejects
    frames = {"left_out": left_out, "rejects": rejects, "photographs": photographs, "unlabelled": unlabelled}
    rows = query("streetdeciles.dataset", "losses", arguments, **frames).collect()
    lost: Counter[str] = Counter()
    for row in rows:
        lost[row["reason"] or ""] += row["n"]
    used = lost.pop("", 0)
    n_elsewhere = sum(lost.pop(reason, 0) for reason in ELSEWHERE)
    n_not_used = sum(lost.pop(reason, 0) for reason in NOT_USED)
    of_dataset = left_out.where(left_out["stage"] == DATASET_STAGE)
    no_photograph = of_dataset.where(of_dataset["reason"] == source.words.lacking).select("id")
    unknown = of_dataset.where("reason = 'unknown_location'").select("id")
    without = no_photograph.count()
    lookalikes = find_lookalikes(no_photograph, unknown) if without and lost["unknown_location"] else []
    indexed = sum(row["n"] for row in rows if row["stage"] != IMAGES_STAGE)
    n_photographs = sum(row["n"] for row in rows)
    # Files without a location_id may belong anywhere; they are assumed to be spread evenly.
    share = 1 - used / (indexed - n_elsewhere - n_not_used) * (indexed / n_photographs)
    return Losses(+lost, share, n_elsewhere, n_not_used, locations, without, lookalikes, source.words)


def refuse_losses(losses: Losses, settings: DatasetConfig) -> None:
    """RunFailed if more is lost than the config allows."""
    too_many_lost = losses.share > settings.allowed_lost_share
    too_many_alike = losses.lookalike_share > settings.allowed_lookalike_share
    if not too_many_lost and not too_many_alike:
        return
    problems = []
    if too_many_lost:
        reasons = [
            f"{n:,} {reason}{f' ({ADVICE[reason]})' if reason in ADVICE else ''}"
            for reason, n in losses.lost.most_common()
        ]
        problems.append(
            f"{losses.share:.0%} of the {losses.words.views} are not used, more than dataset.max_lost_share "
            f"{settings.allowed_lost_share:g}: {', '.join(reasons)}"
        )
    if losses.lookalikes:
        problems.append(spelled_differently(losses.lookalikes, losses.words))
    needed = math.ceil(max(losses.share, losses.lookalike_share) * 100) / 100
    raise RunFailed(
        f"dataset: {'; '.join(problems)}; correct that ({losses.words.tables} each), or allow it with "
        f"dataset.max_lost_share: {needed:g}"
    )


def spelled_differently(lookalikes: Sequence[Lookalikes], words: Words) -> str:
    """Which location_ids look alike and are not the same."""
    return describe(lookalikes, "locations", f"{words.views}' locations")
