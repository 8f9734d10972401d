"""How close VGG16's bfloat16 features are to float32 features, on each photograph of tests/data that can be decoded.

The result is not a speed, but 1 / (1 - cosine similarity) of a photograph's two vectors: it is 1,000 at the goal of
0.999, and higher the closer the vectors are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from measure import Comparison, record
from streetdeciles.backbone_sources import weight_source
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weights import read_weights
from streetdeciles.extraction.decoding import decode, prepare_pillow
from streetdeciles.extraction.rejects import Rejected

DATA = Path(__file__).parent.parent / "tests" / "data"
MAX_PIXELS = 50_000_000
BATCH = 16
GOAL = 0.999


def prepared_photographs(paths: Iterable[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """(name, input of the backbone) of each file that can be decoded."""
    prepare_pillow(MAX_PIXELS)
    for path in paths:
        try:
            yield path.name, VGG16.preprocess(decode(path.read_bytes(), max_pixels=MAX_PIXELS))
        except Rejected:
            continue


def features(images: np.ndarray, precision: str, weights: str) -> np.ndarray:
    """float64 [photographs, 4096], computed in `precision`."""
    model = VGG16.build(precision)
    assign(model, read_weights(weight_source(weights), VGG16))
    batches = [model.predict_on_batch(images[first : first + BATCH]) for first in range(0, len(images), BATCH)]
    return np.concatenate([np.asarray(batch, dtype=np.float64) for batch in batches])


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cosine similarity [n] of the rows of two arrays [n, length]."""
    similar: Any = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return similar


def closeness(cosine: float) -> float:
    """1,000 for a cosine similarity of 0.999, and more the closer two vectors are."""
    return 1 / max(1 - cosine, np.finfo(np.float64).eps)


def example_photographs() -> dict[str, np.ndarray]:
    paths = sorted([*(DATA / "photos").iterdir(), *(DATA / "difficult_images").iterdir()])
    return dict(prepared_photographs(path for path in paths if path.is_file()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="random:1", help="like features.weights of a config: imagenet, a file, …")
    weights = parser.parse_args(arguments).weights
    photographs = example_photographs()
    images = np.stack(list(photographs.values()))
    similar = cosines(features(images, "float32", weights), features(images, "bfloat16", weights))
    lowest = list(photographs)[int(similar.argmin())]
    print(f"cosine similarity: lowest {similar.min():.6f} ({lowest}), median {np.median(similar):.6f}")
    for which, cosine in (("lowest", similar.min()), ("median", np.median(similar))):
        record(
            "precision",
            Comparison(ours=closeness(float(cosine)), other=closeness(GOAL), runs=1),
            unit=f"1 / (1 - cosine), {which} of {len(images)}, {weights}",
            other_is=f"the goal, a cosine similarity of {GOAL}",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
