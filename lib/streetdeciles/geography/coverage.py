"""Overlaps of areas and gaps between them: what a set of boundaries that covers a country should not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streetdeciles.geography.boundaries import AreaPolygons

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MIN_SQUARE_METRES = 100.0
"""Smaller overlaps and gaps come from rounded coordinates, and hold no address."""

METRES_PER_DEGREE = 111_195.0
"""Along a meridian of a sphere with the radius of 6,371 km."""


def coverage_notes(path: str, areas: AreaPolygons) -> list[str]:
    """A note on overlapping areas, and one on gaps that areas enclose; none where the file at `path` has none."""
    import numpy as np
    import shapely

    polygons = areas.polygons
    # Only edges that do not match those of a neighbour can belong to an overlap, so that few areas are intersected.
    edges = shapely.coverage_invalid_edges(polygons)
    suspects = np.flatnonzero(~(shapely.is_missing(edges) | shapely.is_empty(edges)))
    whole = np.setdiff1d(np.arange(len(polygons)), suspects)
    united = shapely.union_all([shapely.coverage_union_all(polygons[whole]), *polygons[suspects]])
    return [*_overlaps(path, areas, suspects), *_gaps(path, united)]


def _overlaps(path: str, areas: AreaPolygons, suspects: npt.NDArray[np.int64]) -> list[str]:
    import numpy as np
    import shapely

    polygons, ids = areas.polygons[suspects], areas.area_ids[suspects]
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    once = (first < second) & (ids[first] != ids[second])
    first, second = first[once], second[once]
    common = square_metres(shapely.intersection(polygons[first], polygons[second]))
    large = np.flatnonzero(common >= MIN_SQUARE_METRES)
    if not len(large):
        return []
    most = large[np.argmax(common[large])]
    return [
        f"{len(large)} pair(s) of areas of {path} overlap, by {common[large].sum() / 1e6:.4f} km² together, most "
        f"{ids[first[most]]} and {ids[second[most]]}: a point in both is in the first by its code"
    ]


def _gaps(path: str, united: Any) -> list[str]:
    import numpy as np
    import shapely

    rings = [ring for part in shapely.get_parts(united) for ring in part.interiors]
    if not rings:
        return []
    gaps = shapely.polygons(np.array(rings, dtype=object))
    sizes = square_metres(gaps)
    large = np.flatnonzero(sizes >= MIN_SQUARE_METRES)
    if not len(large):
        return []
    middle = gaps[large[np.argmax(sizes[large])]].representative_point()
    return [
        f"{len(large)} gap(s) between areas of {path}, of {sizes[large].sum() / 1e6:.4f} km² together, the largest "
        f"at {middle.y:.5f}, {middle.x:.5f}: a point in one is in no area"
    ]


def square_metres(polygons: Any) -> npt.NDArray[np.float64]:
    """The size of small polygons in degrees, on a sphere; float64 [n]."""
    import numpy as np
    import shapely

    latitude = shapely.get_y(shapely.centroid(polygons))
    narrowing = np.cos(np.radians(np.nan_to_num(latitude)))
    sizes: npt.NDArray[np.float64] = shapely.area(polygons) * METRES_PER_DEGREE**2 * narrowing
    return sizes
