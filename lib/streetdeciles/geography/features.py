"""What every format of boundaries has: features with properties, one of which holds the area's code, and a CRS."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles.errors import RunRefused
from streetdeciles.geography.shapes import Shape

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CODE_NAMES = (
    r"area_?id",
    r"lsoa(\d\d)?_?(cd|code)",
    r"(dz|datazone|data_zone|sdz|soa)(\d\d)?_?(cd|code)?",
    r"oa(\d\d)?_?(cd|code)",
    r"msoa(\d\d)?_?(cd|code)",
    r"geoid(\d\d)?",
    r"(area|geo|geography)?[_ ]?code",
)
"""Patterns of the properties that usually hold an area's code; the first that fits any property is used."""

EXPECTED_NAMES = "area_id, LSOA11CD, LSOA21CD, DataZone, OA11CD, MSOA11CD, GEOID, code"
"""Some of them, for messages."""


@dataclass(frozen=True)
class Features:
    """The features of a file of boundaries: the lists have one value for each, in the order of the file."""

    code_property: str
    codes: list[str]
    names: list[str]
    shapes: list[Shape]


def choose_properties(
    uri: str, properties: Iterable[str], area_id: str | None, name: str | None
) -> tuple[str, str | None]:
    """The properties that hold an area's code and its name, by the names in the config or by their usual names.

    RunRefused where no property holds a code, or one that the config names is missing. The name may be None otherwise.
    """
    known = [*properties]
    code = _as_configured(uri, known, "area_id", area_id) or _usual_code(uri, known)
    return code, _as_configured(uri, known, "name", name) or _usual_name(known, code)


def _as_configured(uri: str, known: Sequence[str], key: str, asked: str | None) -> str | None:
    if asked is None:
        return None
    if asked in known:
        return asked
    alike = [name for name in known if name.casefold() == asked.casefold()]
    if len(alike) != 1:
        raise RunRefused(
            f"{uri}: no feature has the property {asked!r} (labels.boundaries.{key}); "
            f"the properties are {', '.join(known) or 'none'}"
        )
    return alike[0]


def _usual_code(uri: str, known: Sequence[str]) -> str:
    for pattern in CODE_NAMES:
        fits = [name for name in known if re.fullmatch(pattern, name, re.IGNORECASE)]
        if len(fits) > 1:
            raise RunRefused(
                f"{uri}: {' and '.join(fits)} may both hold an area's code; "
                "name the one that the tables have in labels.boundaries.area_id"
            )
        if fits:
            return fits[0]
    raise RunRefused(
        f"{uri}: no feature has a property by one of the usual names of an area's code ({EXPECTED_NAMES}); "
        f"name it in labels.boundaries.area_id: the properties are {', '.join(known) or 'none'}"
    )


def _usual_name(known: Sequence[str], code: str) -> str | None:
    """`LSOA11NM` for the code `LSOA11CD`, or a property that is called a name."""
    beside = {re.sub(r"(?i)(cd|code|id)$", "", code).casefold() + ending for ending in ("nm", "name")}
    usual = ({code.casefold() + "nm", *beside}, {"name", "area_name", "areaname", "namelsad"})
    return next((name for names in usual for name in known if name.casefold() in names), None)


def text_of(value: Any) -> str:
    """A property as text: '' for none, 7 for 7.0, as GDAL reads whole numbers where some are missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def to_wgs84(uri: str, geometries: Sequence[Any], crs: Any) -> npt.NDArray[np.object_]:
    """Shapely geometries (or None) with coordinates in `crs` (None: WGS84) as WGS84 longitude and latitude; object [n].

    RunRefused where the CRS is unknown, or coordinates are outside of it.
    """
    import numpy as np
    import pyproj
    import shapely

    original = np.array([None, *geometries], dtype=object)[1:]
    if crs is None:
        return original
    try:
        transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise RunRefused(
            f"{uri}: its coordinate reference system {str(crs)[:80]!r} is unknown; save it with another, e.g. EPSG:4326"
        ) from error
    if pyproj.CRS(crs).equals("OGC:CRS84", ignore_axis_order=True):
        return original
    moved: npt.NDArray[np.object_] = shapely.transform(original, transformer.transform, interleaved=False)
    wrong = np.flatnonzero(np.isinf(shapely.bounds(moved)).any(axis=1))
    if len(wrong):
        west, south = shapely.bounds(original[wrong[0]])[:2]
        raise RunRefused(f"{uri}, feature {wrong[0] + 1}: coordinates reach ({west:g}, {south:g}), outside of its CRS")
    return moved
