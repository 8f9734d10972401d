"""The report on locations: counts that add up, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streetdeciles.labels.locations import LocationCounts, LocationSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def location_notes(located: DataFrame, drawn: set[str], counts: LocationCounts) -> list[str]:
    """Sentences about locations whose input is odd; `drawn` holds the areas that have a polygon."""
    from pyspark.sql import functions as F

    notes = []
    if counts.ignored_coordinates:
        notes.append(
            f"{counts.ignored_coordinates} location(s) have an area_id, and coordinates that are not on earth: the "
            "coordinates were dropped, the locations kept"
        )
    by_area = located.groupBy("area_id").agg(F.count("*").alias("n")).toPandas() if drawn else None
    if by_area is not None:
        lost = by_area[~by_area["area_id"].isin(drawn)].sort_values("area_id")
        if len(lost):
            notes.append(
                f"{lost['n'].sum()} location(s) are by their area_id in {len(lost)} area(s) without a polygon, "
                f"e.g. {lost['area_id'].iloc[0]}"
            )
    return notes


def location_counts(n_labels: int, counts: LocationCounts, source: LocationSource) -> dict[str, int]:
    """The rows of the source, and what became of them: the locations and those left out add up to it."""
    return {
        "labels (areas x outcomes)": n_labels,
        source.unit: counts.in_file,
        "locations": counts.located,
        **{f"left out: {reason}": n for reason, n in counts.left_out.items()},
    }
