"""Maps as small pictures, for paper and for browsers that run no script."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from streetdeciles.report.colours import DECILE_COLOURS, NOT_KNOWN, PAPER
from streetdeciles.report.maps import AreaMap

LONGER_SIDE = 760
"""Pixels."""

MAX_BORDERED = 1000
"""Maps of more areas have no lines between them: there would be nothing else to see."""

COLOURS = (NOT_KNOWN, *DECILE_COLOURS, PAPER)
"""By decile, 0 = not known; the last one is the paper, and the lines between areas."""


def plate_box(drawn: AreaMap) -> str:
    """The grid units that a plate shows, as an SVG viewBox: it has a margin of a pixel or two."""
    unit = max(drawn.width, drawn.height) / LONGER_SIDE
    width, height = ((round(side / unit) + 3) * unit for side in (drawn.width, drawn.height))
    return f"{-unit:.1f} {-unit:.1f} {width:.1f} {height:.1f}"


def plate(drawn: AreaMap, classes: Sequence[int]) -> str:
    """The map as a PNG in a data URI.

    `classes`: the decile of each area in the order of `drawn.polygons`, 0 = not known (colours.decile_class).
    """
    from PIL import Image, ImageDraw

    scale = LONGER_SIDE / max(drawn.width, drawn.height)
    size = (round(drawn.width * scale) + 3, round(drawn.height * scale) + 3)
    paper = len(COLOURS) - 1
    image = Image.new("P", size, paper)
    image.putpalette([int(colour[i : i + 2], 16) for colour in COLOURS for i in (1, 3, 5)])
    brush = ImageDraw.Draw(image)
    outline = paper if len(drawn.polygons) <= MAX_BORDERED else None
    areas = [*drawn.polygons.values()]
    # What lies in another area's hole is drawn after the hole, because it is smaller.
    for i in drawn.largest_first:
        decile = classes[i]
        for outer, *holes in areas[i]:
            brush.polygon((outer * scale + 1).ravel().tolist(), fill=decile, outline=outline)
            for hole in holes:
                brush.polygon((hole * scale + 1).ravel().tolist(), fill=paper)
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True, bits=4)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
