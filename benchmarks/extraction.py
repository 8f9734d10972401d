"""Extraction from files to committed Parquet through local Spark, against the reference's way and its own parts.

Three comparisons on the same 640 x 640 JPEGs, cut from the photographs of tests/data:

- `extraction`: against the reference's way (docs/reference.md, 2): one process, four images per batch, float32, one
  step after another, one .npy file per location. It uses our preprocessing, which is faster than scikit-image's.
- `extraction_bare_network`: against the same backbone and precision in a loop on images in memory, with one call per
  core, like ours.
- `extraction_decoding`: with the mean of the pixels as backbone, on one core, against a loop with Pillow that prepares
  the same input.

All are started and warmed up before anything is measured. The reference's way runs in a separate process, because the
number of threads per call is set for a whole process.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from measure import interleaved, record
from network_calls import network_calls
from photographs import VIEWS, draw_files, index_batch
from streetdeciles import storage
from streetdeciles.backbone_sources import Named, Seeded
from streetdeciles.backbones.variables import assign
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weights import random_weights, weights_hash
from streetdeciles.config import FeaturesConfig, ImagesConfig, RunConfig, SparkConfig
from streetdeciles.extraction import device
from streetdeciles.extraction.compiled import compiled
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.network import Network, NetworkSettings, load_network
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.extraction.preparing import Preparation
from streetdeciles.features import stage
from streetdeciles.hardware import choose_precision
from streetdeciles.session import spark_session
from streetdeciles.tables import IMAGE_INDEX

if TYPE_CHECKING:
    import keras
    from pyspark.sql import SparkSession

SHARD_SIZE = 512
REFERENCE_BATCH_SIZE = 4


def run_config(work_dir: Path, images: ImagesConfig, precision: str = "auto") -> RunConfig:
    """A config with which the stages images and features can run alone."""
    features = FeaturesConfig(weights="random:1", precision=precision, device="cpu")
    return RunConfig(work_dir=str(work_dir), images=images, features=features)


def write_index(spark: SparkSession, work_dir: Path, paths: Sequence[Path]) -> None:
    rows = [
        (
            path.stem,
            path.stem[:-2],
            VIEWS.index(path.stem[-1]),
            str(path),
            None,
            None,
            path.stat().st_size,
            None,
            i // SHARD_SIZE,
        )
        for i, path in enumerate(paths)
    ]
    storage.write_table(spark.createDataFrame(rows, IMAGE_INDEX.ddl), IMAGE_INDEX, str(work_dir))


def through_spark(spark: SparkSession, folder: Path, paths: Sequence[Path], precision: str) -> Callable[[], float]:
    """Runs the stage in a new work_dir; images/s from its start to its end."""

    def run() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as work_dir:
            write_index(spark, Path(work_dir), paths)
            start = time.perf_counter()
            report = stage.run(spark, run_config(Path(work_dir), ImagesConfig(folder="none"), precision))
            seconds = time.perf_counter() - start
            assert report.counts["features"] == len(paths)
            return len(paths) / seconds

    return run


def load_backbone(precision: str, digest: str) -> Network:
    cores = len(os.sched_getaffinity(0))
    return load_network(NetworkSettings(Named("vgg16"), Seeded(1), digest, precision, "cpu", "tensorflow", cores, None))


def seeded_model(precision: str) -> keras.Model:
    """VGG16 with the weights `random:1`, which all sides use."""
    model = VGG16.build(precision)
    assign(model, random_weights(1, VGG16))
    return model


@cache
def reference_backbone() -> Callable[[np.ndarray], np.ndarray]:
    """In float32, and with TensorFlow's default number of threads per call. For a separate process."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.pop(name, None)
    model = seeded_model("float32")
    predict: Callable[[np.ndarray], np.ndarray] = model.predict_on_batch
    predict(np.zeros((REFERENCE_BATCH_SIZE, 224, 224, 3), np.float32))
    return predict


def reference_way(folder: Path, paths: Sequence[Path]) -> float:
    """Images/s. One location after another: read and decode its four views, predict, save."""
    predict = reference_backbone()
    start = time.perf_counter()
    for i in range(0, len(paths), REFERENCE_BATCH_SIZE):
        views = paths[i : i + REFERENCE_BATCH_SIZE]
        images = [VGG16.preprocess(np.asarray(Image.open(path).convert("RGB"))) for path in views]
        np.save(folder / f"{views[0].stem[:-2]}.npy", predict(np.stack(images)))
    return len(paths) / (time.perf_counter() - start)


def on_one_core(work: Callable[[], int]) -> Callable[[], float]:
    """Images/s of `work`, which returns the number of images, with this process limited to one core."""

    def run() -> float:
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        try:
            start = time.perf_counter()
            return work() / (time.perf_counter() - start)
        finally:
            os.sched_setaffinity(0, cores)

    return run


@cache
def mean_of_pixels() -> Network:
    """A backbone that costs nothing, behind the preprocessing that is compiled for every backbone."""
    import keras

    images = keras.Input((224, 224, 3))
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
    return Network(compiled(model, VGG16.preprocess, "cpu").compute, 16, "mean of pixels")


def our_decoding(paths: Sequence[Path]) -> int:
    network = mean_of_pixels()
    preparation = Preparation(VGG16.preprocess, max_pixels=50_000_000, threads=2, store="float32")
    out = extract(iter([index_batch(paths)]), network, preparation)
    n_features = sum(batch.num_rows for batch in out) - 1  # the last row is the shard's statistics
    if n_features != len(paths):
        raise RuntimeError(f"extracted {n_features} of {len(paths)} photographs")
    return n_features


def decoding_by_pillow(paths: Sequence[Path]) -> int:
    means = np.float32([103.939, 116.779, 123.68])
    for path in paths:
        with Image.open(BytesIO(path.read_bytes())) as opened:
            image = opened.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
        (np.asarray(image, dtype=np.float32)[:, :, ::-1] - means).mean(axis=(0, 1))
    return len(paths)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=192, help="images of our run; the others get a quarter")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    started = device.start("cpu", threads=len(os.sched_getaffinity(0)), backend="tensorflow")
    digest = weights_hash(random_weights(1, VGG16))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = draw_files(folder, options.images)
        few = paths[: max(64, options.images // 4)]
        our_decoding(few)  # starts TensorFlow
        record(
            "extraction_decoding",
            interleaved(
                on_one_core(lambda: our_decoding(few)), on_one_core(lambda: decoding_by_pillow(few)), options.runs
            ),
            unit="images/s on one core",
            other_is="Pillow in a loop: open, convert, resize, float32",
        )
        spark_config = SparkConfig(master="local[*]", driver_memory="1g")
        with spark_session(spark_config, name) as spark:
            precision = choose_precision("auto", started)
            ours = through_spark(spark, folder, paths, precision)
            through_spark(spark, folder, few, precision)()  # starts the worker, which keeps the backbone
            with ProcessPoolExecutor(1, get_context("spawn")) as other:
                reference = partial(reference_way, folder, few)
                other.submit(reference).result()  # starts TensorFlow there
                record(
                    "extraction",
                    interleaved(ours, lambda: other.submit(reference).result(), options.runs),
                    unit="images/s",
                    other_is="the reference's way: four images per batch, float32, one step after another",
                )
            network = load_backbone(precision, digest)
            same = Pictures.empty(network.batch_size, VGG16.preprocess)
            record(
                "extraction_bare_network",
                interleaved(ours, network_calls(network, same, len(few)), options.runs),
                unit="images/s",
                other_is=f"the backbone alone ({precision}, batches of {network.batch_size}) on images in memory",
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
