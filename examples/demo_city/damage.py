"""The few photographs that are broken on purpose, so that a report of the demo has rejects to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

ERROR_PAGE = b"""<!DOCTYPE html>
<html><head><title>403 Forbidden</title></head>
<body><h1>Forbidden</h1><p>The photograph could not be downloaded: the key is over its quota.</p></body></html>
"""

DAMAGES: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "truncated": lambda content: content[: len(content) * 2 // 5],
        "empty": lambda content: b"",
        "error page": lambda content: ERROR_PAGE,
    }
)
"""By name, what becomes of a photograph's content."""


def choose_damaged(seed: int, files: Sequence[str]) -> dict[str, str]:
    """{file: name of its damage} for one JPEG file of each damage, of different locations where there are enough."""
    jpegs = [file for file in files if file.endswith(".jpg")]
    rng = np.random.default_rng(np.random.SeedSequence([seed, 404]))
    shuffled = [jpegs[i] for i in rng.permutation(len(jpegs))]
    chosen: dict[str, str] = {}
    for damage in DAMAGES:
        taken = {file.rsplit("_", 1)[0] for file in chosen}
        file = next((file for file in shuffled if file.rsplit("_", 1)[0] not in taken), None)
        if file is not None:
            chosen[file] = damage
    return chosen
