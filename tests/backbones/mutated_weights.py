"""Reads mutations of a file of weights, in a separate process, which a crash of the reader would end.

python mutated_weights.py FILE SEED N: prints the counts of what came out, as JSON, and the peak memory in MB.
"""

from __future__ import annotations

import collections
import json
import re
import sys
from pathlib import Path

import numpy as np
from test_backbones_weights import SMALL

from streetdeciles.backbone_sources import weight_source
from streetdeciles.backbones.weights import read_weights
from streetdeciles.errors import RunRefused
from streetdeciles.models.torch_files import read_state_dict


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, a piece cut out, doubled or cut off, or a length made huge."""
    changed = bytearray(content)
    kind = rng.integers(5)
    at, n = int(rng.integers(len(changed))), int(rng.integers(1, 9))
    if kind == 0:
        del changed[at:]
    elif kind == 1:
        del changed[at : at + n]
    elif kind == 2:
        changed[at:at] = changed[at : at + 8 * n]
    elif kind == 3:
        changed[at : at + n] = b"\xff" * n
    else:
        for index in rng.integers(len(changed), size=n):
            changed[index] = rng.integers(256)
    return bytes(changed)


def peak_mb() -> int:
    """Peak memory of this process; `getrusage` would give that of its parent, if it was larger."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) // 1024


def main(file: str, seed: int, n: int) -> None:
    content = Path(file).read_bytes()
    target = Path(file).with_name(f"mutated-{Path(file).name}")
    read = read_state_dict if file.endswith(".pt") else lambda path: dict(read_weights(weight_source(path), SMALL))
    outcomes: collections.Counter[str] = collections.Counter()
    for i in range(n):
        target.write_bytes(mutated(content, np.random.default_rng([seed, i])))
        try:
            read(str(target))
            outcomes["read"] += 1
        except RunRefused as refused:
            message = str(refused)
            outcomes["refused" if message.isprintable() and str(target) in message else "refused wrongly"] += 1
    print(json.dumps({**outcomes, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
