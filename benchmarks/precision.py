"""How close VGG16's bfloat16 features are to float32 features, on each photograph of tests/data that can be decoded.

With `--decoder gpu`, how close float32 features of photographs that a GPU's JPEG engines have decoded are to those of
photographs that the CPU has decoded; only JPEGs that go to the engines are compared.

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

from measure import Comparison, record, this_machine
from streetdeciles.backbone_sources import weight_source
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weights import read_weights
from streetdeciles.extraction.decoding import decode, prepare_pillow
from streetdeciles.extraction.engine_jpegs import engine_jpeg_size
from streetdeciles.extraction.gpu_decoding import EngineDecoder
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.hardware import first_gpu

DATA = Path(__file__).parent.parent / "tests" / "data"
MAX_PIXELS = 50_000_000
BATCH = 16
GOAL = 0.999


def prepared_photographs(paths: Iterable[Path], engines: EngineDecoder | None) -> Iterator[tuple[str, np.ndarray]]:
    """(name, input of the backbone) of each file that can be decoded; with `engines`, only what they decode."""
    prepare_pillow(MAX_PIXELS)
    for path in paths:
        content = path.read_bytes()
        try:
            picture = decode(content, max_pixels=MAX_PIXELS)
        except Rejected:
            continue
        if engines is not None:
            (picture,) = engines.decode([content]) if engine_jpeg_size(content) else (None,)
        if picture is not None:
            yield path.name, VGG16.preprocess(picture)


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


def example_photographs(engines: EngineDecoder | None = None) -> dict[str, np.ndarray]:
    paths = sorted([*(DATA / "photos").iterdir(), *(DATA / "difficult_images").iterdir()])
    return dict(prepared_photographs((path for path in paths if path.is_file()), engines))


def similarities(weights: str, decoder: str) -> dict[str, float]:
    """The cosine similarity of each photograph's two vectors."""
    photographs = example_photographs()
    if decoder == "cpu":
        images = np.stack(list(photographs.values()))
        similar = cosines(features(images, "float32", weights), features(images, "bfloat16", weights))
        return dict(zip(photographs, map(float, similar), strict=True))
    by_gpu = example_photographs(EngineDecoder())
    both = [np.stack([images[name] for name in by_gpu]) for images in (photographs, by_gpu)]
    similar = cosines(*(features(images, "float32", weights) for images in both))
    return dict(zip(by_gpu, map(float, similar), strict=True))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="random:1", help="like features.weights of a config: imagenet, a file, …")
    parser.add_argument("--decoder", choices=("cpu", "gpu"), default="cpu")
    options = parser.parse_args(arguments)
    similar = similarities(options.weights, options.decoder)
    lowest, median = min(similar, key=lambda name: similar[name]), float(np.median([*similar.values()]))
    print(f"cosine similarity: lowest {similar[lowest]:.6f} ({lowest}), median {median:.6f}")
    by_engines = ", decoded by JPEG engines" if options.decoder == "gpu" else ""
    for which, cosine in (("lowest", similar[lowest]), ("median", median)):
        record(
            "precision",
            Comparison(ours=closeness(cosine), other=closeness(GOAL), runs=1),
            unit=f"1 / (1 - cosine), {which} of {len(similar)}, {options.weights}{by_engines}",
            other_is=f"the goal, a cosine similarity of {GOAL}",
            machine=f"{first_gpu().name}, {this_machine()}" if options.decoder == "gpu" else None,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
