"""Extraction against other frameworks' ways to run a model on files: Spark's predict_batch_udf and Ray Data.

All sides use the same JPEGs, the same Keras model in the same precision, from a file, and the same batch size. Each
framework is used as in its documentation, with `model.predict`, and writes Parquet. Both use our preprocessing, and
decode with Pillow inside the function that they call for a batch (Spark) or in a step before it (Ray Data). The time in
which Ray starts and loads the model does not count, because Ray starts a new actor in every run; Spark's workers keep
the model from the warm-up, and so do ours.

- Spark: `spark.read.format("binaryFile")` and `pyspark.ml.functions.predict_batch_udf`, one task per core. A second
  comparison uses our backbone in it, with one thread per task, so that all but the backbone is compared.
- Ray Data: `read_binary_files`, `map`, `map_batches` with a class on one actor, `write_parquet`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from extraction import seeded_model, through_spark
from measure import interleaved, record
from photographs import draw_files
from streetdeciles.backbone_sources import Named, Seeded
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.backbones.weights import random_weights, weights_hash
from streetdeciles.config import SparkConfig
from streetdeciles.extraction import device
from streetdeciles.extraction.network import NetworkSettings, load_network
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.hardware import choose_precision
from streetdeciles.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BATCH_SIZE = 16

Predict = Callable[[list[np.ndarray]], np.ndarray]
"""From RGB uint8 [height, width, 3] of each photograph to features [n, length]."""


def saved_model(path: Path, precision: str) -> Path:
    """The backbone as a Keras file, in the precision that ours uses."""
    seeded_model(precision).save(path)
    return path


@dataclass(frozen=True)
class KerasPredict:
    """Loads and calls a Keras model as in the documentation of Spark and Ray."""

    path: Path

    def __call__(self) -> Predict:
        import keras

        model = keras.saving.load_model(self.path)
        return lambda images: model.predict(
            np.stack([VGG16.preprocess(image) for image in images]), batch_size=BATCH_SIZE, verbose=0
        )


@dataclass(frozen=True)
class OurPredict:
    """The backbone as in our own workers."""

    settings: NetworkSettings

    def __call__(self) -> Predict:
        network = load_network(self.settings)

        def predict(images: list[np.ndarray]) -> np.ndarray:
            pictures = Pictures.empty(BATCH_SIZE, VGG16.preprocess)
            for slot, image in enumerate(images):
                pictures.pick(image, slot)
            return network.compute(pictures)[: len(images)]

        return predict


def decoded(content: bytes) -> np.ndarray:
    with Image.open(BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def by_predict_batch_udf(
    spark: SparkSession, folder: Path, photos: Path, load: KerasPredict | OurPredict
) -> Callable[[], float]:
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql.types import ArrayType, FloatType

    def make_predict() -> Predict:
        model = load()

        def predict(contents: np.ndarray) -> np.ndarray:
            return model([decoded(bytes(content)) for content in contents])

        return predict

    features_of = predict_batch_udf(make_predict, return_type=ArrayType(FloatType()), batch_size=BATCH_SIZE)
    n = len(list(photos.iterdir()))

    def run() -> float:
        out = folder / "udf"
        shutil.rmtree(out, ignore_errors=True)
        start = time.perf_counter()
        files = spark.read.format("binaryFile").load(str(photos)).repartition(spark.sparkContext.defaultParallelism)
        files.select("path", features_of("content").alias("features")).write.parquet(str(out))
        seconds = time.perf_counter() - start
        if spark.read.parquet(str(out)).count() != n:
            raise RuntimeError("photographs are missing")
        return n / seconds

    return run


class RayPredictor:
    """The callable that Ray keeps on an actor."""

    def __init__(self, load: KerasPredict, ready: Path) -> None:
        self.predict = load()
        ready.write_text(repr(time.time()))

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"path": batch["path"], "features": self.predict(list(batch["image"]))}


def by_ray_data(folder: Path, photos: Path, load: KerasPredict) -> Callable[[], float]:
    import ray

    n = len(list(photos.iterdir()))

    def decode(row: dict[str, Any]) -> dict[str, Any]:
        return {"path": row["path"], "image": decoded(row["bytes"])}

    def run() -> float:
        out, ready = folder / "ray", folder / "ready"
        shutil.rmtree(out, ignore_errors=True)
        files = ray.data.read_binary_files(str(photos), include_paths=True)
        files.map(decode).map_batches(
            RayPredictor,
            fn_constructor_args=(load, ready),
            batch_size=BATCH_SIZE,
            compute=ray.data.ActorPoolStrategy(size=1),
        ).write_parquet(str(out))
        seconds = time.time() - float(ready.read_text())
        if ray.data.read_parquet(str(out)).count() != n:
            raise RuntimeError("photographs are missing")
        return n / seconds

    return run


def start_ray() -> None:
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 (its name; Ray's default of 15 would not be fair)
    import ray

    paths = os.pathsep.join(path for path in sys.path if path)
    ray.init(
        num_cpus=len(os.sched_getaffinity(0)),
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "2"}},
    )
    ray.data.DataContext.get_current().enable_progress_bars = False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    precision = choose_precision("auto", device.start("cpu", threads=cores, backend="tensorflow"))
    digest = weights_hash(random_weights(1, VGG16))
    settings = NetworkSettings(Named("vgg16"), Seeded(1), digest, precision, "cpu", "tensorflow", 1, BATCH_SIZE)
    with tempfile.TemporaryDirectory() as name:
        folder, photos = Path(name), Path(name) / "photos"
        photos.mkdir()
        paths = draw_files(photos, options.images)
        documented = KerasPredict(saved_model(folder / "vgg16.keras", precision))
        for load, what in ((OurPredict(settings), "_of_ours"), (documented, "")):
            # One session for each, because reused workers would keep the number of threads.
            with spark_session(SparkConfig(master="local[*]", driver_memory="1g"), name) as spark:
                ours = through_spark(spark, folder, paths, precision)
                udf = by_predict_batch_udf(spark, folder, photos, load)
                ours(), udf()
                other = f"Spark's predict_batch_udf with {'our backbone in it' if what else 'model.predict'}"
                compared = interleaved(ours, udf, options.runs)
                record(f"extraction_predict_batch_udf{what}", compared, unit="images/s", other_is=other)
                if not what:
                    start_ray()
                    by_ray = by_ray_data(folder, photos, documented)
                    by_ray()
                    compared = interleaved(ours, by_ray, options.runs)
                    other = "Ray Data's map_batches with model.predict"
                    record("extraction_ray_data", compared, unit="images/s", other_is=other)
    return 0


if __name__ == "__main__":
    sys.exit(main())
