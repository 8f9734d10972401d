"""The counts and notes of the stage's report, and the refusals that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streetdeciles.config import DatasetConfig
from streetdeciles.dataset.losses import spelled_differently
from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.ids.lookalikes import find_lookalikes
from streetdeciles.stages import DATASET_STAGE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from streetdeciles.dataset.feature_source import FeatureSource


def count_rows(
    left_out: DataFrame, locations: DataFrame, photographs: DataFrame, source: FeatureSource, rows: int
) -> dict[str, int]:
    """The stage's counts: locations = rows + left out, photographs (or imported views) = used + not used.

    Raises:
        RunFailed: the locations do not add up.
    """
    from pyspark.sql import functions as F

    words = source.words
    left_out = left_out.where(F.col("stage") == DATASET_STAGE)
    lost = {row["reason"]: row["count"] for row in left_out.groupBy("reason").count().collect()}
    of_reason = {row["reason"]: row["count"] for row in photographs.groupBy("reason").count().collect()}
    used = of_reason.pop(None, 0)
    if source.left_out is not None:  # no earlier stage has counted the rejects
        for row in source.rejects.groupBy("reason").count().collect():
            of_reason[row["reason"]] = of_reason.get(row["reason"], 0) + row["count"]
    n_locations = locations.count()
    n_left_out = sum(lost.get(reason, 0) for reason in (words.lacking, "no_features"))
    if n_locations != rows + n_left_out:
        raise RunFailed(
            f"dataset: {n_locations} locations in, {rows} rows out, {n_left_out} left out; please report this"
        )
    return {
        "locations": n_locations,
        "rows": rows,
        **{f"left out: {reason}": lost[reason] for reason in (words.lacking, "no_features") if reason in lost},
        words.with_features: used + sum(of_reason.values()),
        f"{words.views} used": used,
        **{f"{words.views} not used: {reason}": n for reason, n in sorted(of_reason.items())},
    }


def held_out_notes(numbered: DataFrame, settings: DatasetConfig) -> list[str]:
    """With the split by_class, how many locations each outcome holds out; RunRefused if no outcome holds any out."""
    from pyspark.sql import functions as F

    deciles = settings.held_out_deciles
    if deciles is None:
        return []
    counted = numbered.agg(*[F.count_if(F.col(name).isin(deciles)).alias(name) for name in settings.outcomes]).first()
    assert counted is not None
    held_out: dict[str, int] = counted.asDict()
    if not any(held_out.values()):
        raise RunRefused(
            f"dataset.held_out_deciles: no location with photographs has decile {', '.join(map(str, deciles))} of any "
            "outcome; hold out others"
        )
    return [f"{name}: {n} location(s) are held out" for name, n in held_out.items()]


def label_notes(numbered: DataFrame, outcomes: Sequence[str]) -> list[str]:
    """How many locations are in areas without a decile, by outcome."""
    from pyspark.sql import functions as F

    unknown = [F.count_if(F.col(outcome).isNull()).alias(outcome) for outcome in outcomes]
    unlabelled = F.count_if(F.coalesce(*outcomes).isNull()).alias("of any outcome")
    counted = numbered.agg(*unknown, unlabelled).first()
    assert counted is not None
    return [
        f"{n} location(s) are in areas without a decile {'' if name.startswith('of any') else 'of '}{name}; "
        "they can be predicted, not learned from"
        for name, n in counted.asDict().items()
        if n
    ]


def view_notes(photographs: DataFrame, rows: int, views: int) -> list[str]:
    """How many of the rows lack some of their views."""
    used = photographs.where("reason IS NULL").groupBy("location_id").count()
    n = used.where(f"count < {views}").count()
    if not n:
        return []
    return [f"{n} of {rows} locations lack some of their {views} views: zeros in features, false in view_mask"]


def nothing_in_common(source: FeatureSource, locations: DataFrame, photographs: DataFrame) -> str:
    """Why no location has features."""
    words = source.words
    location, feature = (_first_id(frame) for frame in (locations, source.keys))
    if feature is None:
        return (
            f"no {words.view} has features, because all were rejected ({words.rejected_detail}); check {words.source}"
        )
    expected = f"e.g. {location!r}" if location is not None else "none"
    of_reason = {row["reason"]: row["count"] for row in photographs.groupBy("reason").count().collect()}
    if of_reason.keys().isdisjoint(("unknown_location", "unknown_view", "view_twice")):
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(of_reason.items()))
        return (
            f"no {words.view} belongs to a location that is used: the stage labels left out all of theirs ({reasons}); "
            "the table left_out says why"
        )
    unknown = photographs.where("reason = 'unknown_location'").select("location_id").distinct()
    alike = find_lookalikes(locations.select("location_id"), unknown)
    why = f"; {spelled_differently(alike, words)}" if alike else ""
    return (
        f"no {words.view} belongs to a location of labels.locations: the location_ids are "
        f"{expected} there, and {words.ids} e.g. {feature!r}{why}; correct one of them"
    )


def _first_id(frame: DataFrame) -> str | None:
    """The first location_id in alphabetical order, so that a message is the same each time; None without rows."""
    row = frame.selectExpr("min(location_id) AS location_id").first()
    return None if row is None else row["location_id"]
