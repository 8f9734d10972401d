"""Run as a process of its own: extracts the photographs of its arguments in eight threads, and prints what it cost."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from pixel_network import SIZE, pixel_network
from test_features_extraction import index_batch

from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.preparing import Preparation

if __name__ == "__main__":
    paths = [Path(path) for path in sys.argv[1:]]
    preparation = Preparation(scaled_centre_crop(SIZE), 50_000_000, 8, "float32")
    batches = [*extract([index_batch(paths, [0] * len(paths))], pixel_network().load(), preparation)]
    kinds = [kind for batch in batches for kind in batch.column("kind").to_pylist()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"features": kinds.count("feature"), "megabytes": peak}))
