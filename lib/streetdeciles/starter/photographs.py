"""How photographs are named: the pattern and the views, from the names in a folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from streetdeciles.config.images import MAX_VIEWS
from streetdeciles.errors import RunRefused

MAX_NAMES = 20_000
"""The number of names that are looked at, which are enough to recognise the pattern."""

ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff")

PATTERNS = ("{location_id}_{view}", "{location_id}-{view}", "{location_id}/{view}")
"""With a view, the more usual ones first."""

ENOUGH = 0.9
"""The share of the names that a pattern must match."""


@dataclass(frozen=True)
class Naming:
    """Values for the section images; `view_names` is None where views are numbers from 0, or letters from a."""

    pattern: str
    views: int
    view_names: list[str] | None


def photograph_names(folder: Path) -> list[str]:
    """The first names of photographs in the folder and below it, relative to it."""
    paths = (path for path in folder.rglob("*") if path.suffix[1:].lower() in ENDINGS)
    return [path.relative_to(folder).as_posix() for path in islice(paths, MAX_NAMES) if not path.name.startswith(".")]


def recognise_names(names: Iterable[str]) -> Naming:
    """The naming of these photographs; RunRefused if there are none.

    Without a view in the names, each photograph is a location of its own.
    """
    split = [name.rpartition(".") for name in names]
    if not split:
        raise RunRefused(f"no photographs found; expected files that end with {', '.join(ENDINGS)}")
    counted = Counter(ending.lower() for _, _, ending in split)
    endings = "|".join(ending for ending, _ in counted.most_common())
    stems = [stem for stem, _, _ in split]
    for pattern in PATTERNS:
        separator = re.escape(pattern.removeprefix("{location_id}").removesuffix("{view}"))
        matches = [re.fullmatch(rf"(?:.*/)?([^/]+){separator}([0-9]+|[A-Za-z]{{1,5}})", stem) for stem in stems]
        views = [match[2].lower() for match in matches if match]
        if len(views) >= ENOUGH * len(stems) and len({*views}) <= MAX_VIEWS:
            return _with_views(f"{pattern}.{endings}", sorted({*views}))
    return Naming(f"{{location_id}}.{endings}", 1, None)


def _with_views(pattern: str, views: list[str]) -> Naming:
    if all(view.isdecimal() for view in views):
        numbers = sorted({int(view) for view in views})
        # A view may be missing in the first names; with numbers from 0 the others show that it exists.
        if numbers[0] == 0 and numbers[-1] < MAX_VIEWS and numbers[-1] < 2 * len(numbers):
            return Naming(pattern, numbers[-1] + 1, None)
        return Naming(pattern, len(numbers), [str(number) for number in numbers])
    letters = [chr(ord("a") + i) for i in range(len(views))]
    return Naming(pattern, len(views), None if views == letters else views)
