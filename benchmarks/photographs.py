"""Photographs that the extraction's benchmarks read: squares of 640 x 640, cut from those of tests/data. No Spark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

PHOTOS = Path(__file__).parent.parent / "tests" / "data" / "photos"
SIDE = 640
VIEWS = "abcd"


def draw_files(folder: Path, n: int, *, different: int | None = None) -> list[Path]:
    """`n` JPEGs of about 100 KB each, of which the first `different` are files of their own, and the others links."""
    generator = np.random.default_rng(0)
    photos = [Image.open(path).convert("RGB") for path in sorted(PHOTOS.glob("*.jpg"))]
    different = min(n, different or n)
    paths = []
    for i in range(n):
        paths.append(folder / f"{i // len(VIEWS):05d}_{VIEWS[i % len(VIEWS)]}.jpg")
        if i >= different:
            os.link(paths[i % different], paths[-1])
            continue
        photo = photos[i % len(photos)]
        side = int(min(photo.size) * generator.uniform(0.8, 1))
        left, top = (int(generator.integers(0, length - side + 1)) for length in photo.size)
        square = photo.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        square.save(paths[-1], quality=90)
    return paths


def index_batch(uris: Sequence[Path | str]) -> pa.RecordBatch:
    """Rows of the index for photographs of one shard."""
    n = len(uris)
    columns: dict[str, Any] = {
        "image_id": [Path(uri).stem for uri in uris],
        "location_id": [Path(uri).stem[:-2] for uri in uris],
        "view": pa.array([0] * n, pa.int8()),
        "uri": [str(uri) for uri in uris],
        "member": pa.nulls(n, pa.string()),
        "offset": pa.nulls(n, pa.int64()),
        "length": pa.nulls(n, pa.int64()),
        "shard": pa.array([0] * n, pa.int32()),
    }
    return pa.RecordBatch.from_pydict(columns)
