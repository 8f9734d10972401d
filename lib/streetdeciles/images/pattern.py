"""The pattern of file names, such as `{location_id}_{view}.jpg|png`, as a regular expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A name that starts with a dot is a hidden file or a Mac's `._` twin of a photograph, never a photograph.
LOCATION_ID = r"([^/.][^/]*)"
VIEW = r"([0-9]+|[A-Za-z])"
END = r"(?![\s\S])"
"""`$` also matches before a line break at the end, which is a part of the name."""


@dataclass(frozen=True)
class NamePattern:
    """`regex`, in the syntax that Java and Python share, is for paths relative to the folder of photographs."""

    regex: str
    location_group: int
    view_group: int
    """0 where the pattern has no {view}."""


def name_pattern(pattern: str) -> NamePattern:
    """What matches `pattern` in the folder itself or anywhere below it; endings in upper or lower case.

    A pattern with slashes matches as many folders above the file.
    """
    name, endings = pattern.rsplit(".", 1)
    parts = re.split(r"(\{location_id\}|\{view\})", name)
    fields = [part for part in parts if part in ("{location_id}", "{view}")]
    regex = "".join({"{location_id}": LOCATION_ID, "{view}": VIEW}.get(part, re.escape(part)) for part in parts)
    ending = "|".join(re.escape(ending) for ending in endings.split("|"))
    return NamePattern(
        regex=f"^(?s:.*/)?{regex}[.](?i:{ending}){END}",
        location_group=fields.index("{location_id}") + 1,
        view_group=fields.index("{view}") + 1 if "{view}" in fields else 0,
    )
