"""The ten colours of the deciles, on maps and labels alike."""

from __future__ import annotations

import math

DECILE_COLOURS = (
    "#a50026",
    "#d73027",
    "#f46d43",
    "#fdae61",
    "#fee090",
    "#e0f3f8",
    "#abd9e9",
    "#74add1",
    "#4575b4",
    "#313695",
)
"""Decile 1 to 10: ColorBrewer's RdYlBu, which people with common colour blindness can tell apart."""

NOT_KNOWN = "#bdbdbd"

INK, PAPER = "#1b1f24", "#ffffff"


def text_colour(background: str) -> str:
    """Ink or paper, whichever stands out more by the contrast ratio of WCAG 2."""
    light = _luminance(background)
    return INK if _contrast(light, _luminance(INK)) >= _contrast(light, _luminance(PAPER)) else PAPER


def blend(colour: str, share: float) -> str:
    """`colour` on white, at this share of its strength in 0..1."""
    return "#" + "".join(f"{round(255 + share * (part - 255)):02x}" for part in _parts(colour))


def decile_class(decile: float | None) -> int:
    """The index of a decile's colour: 1..10, halves go to the even one; 0 = not known."""
    if decile is None or math.isnan(decile):
        return 0
    return min(10, max(1, round(decile)))


def _parts(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
