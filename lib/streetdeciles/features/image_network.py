"""The network of a run, as the driver sees it: weights where workers can read them, and one precision for all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.backbone_sources import Seeded, Shipped, WeightSource
from streetdeciles.backbones.backbone import Backbone
from streetdeciles.backbones.preprocessing import Preprocessing
from streetdeciles.backbones.registry import backbone_from, for_workers
from streetdeciles.backbones.weights import hashed, read_weights, weights_hash, write_npz
from streetdeciles.borrowed_sessions import with_tags
from streetdeciles.config import FeaturesConfig
from streetdeciles.extraction.network import Network, NetworkSettings
from streetdeciles.features import ledger
from streetdeciles.features.workers import LoadInTask, PrecisionTask
from streetdeciles.hardware import keras_backend
from streetdeciles.parallel import Parallelism, gpu_share

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


_seeded_hashes: dict[tuple[Seeded, str, str], str] = {}


@dataclass(frozen=True)
class ImageNetwork:
    """What the stage needs to know of a network."""

    load: Callable[[], Network]
    """Called in the workers."""
    preprocess: Preprocessing
    fingerprint: Mapping[str, Any]
    """What tells its features from another network's."""


@contextmanager
def backbone_network(
    spark: SparkSession, features: FeaturesConfig, work_dir: str, sizes: Parallelism, *, afresh: bool = False
) -> Iterator[ImageNetwork]:
    """The network that the config names; its weights can be read by the workers until the context ends.

    The precision `auto` is that of the finished shards, unless `afresh`.
    """
    source = for_workers(features.backbone_source)
    backbone = backbone_from(source, layer=features.layer, activation=features.activation)
    if features.antialias:
        backbone = backbone.antialiased()
    backend = keras_backend()
    task = PrecisionTask(features.device, features.decoder, sizes.threads, backend)
    with ThreadPoolExecutor(1) as pool:
        # A worker starts its framework while the weights are read here.
        asked = pool.submit(with_tags(spark, _precision), spark, features, work_dir, task, afresh)
        with _weights_for_workers(features.weight_source, backbone, work_dir) as (weights, digest):
            settings = NetworkSettings(
                backbone=source,
                weights=weights,
                weights_hash=digest,
                precision=asked.result(),
                device=features.device,
                backend=backend,
                threads=sizes.threads,
                batch_size=None if features.batch_size == "auto" else features.batch_size,
                layer=features.layer,
                activation=features.activation,
                antialias=features.antialias,
                gpu_share=1 / sizes.tasks if sizes.local else gpu_share(spark),  # a local master's use the first GPU
            )
            yield ImageNetwork(LoadInTask(settings), backbone.preprocess, _fingerprint(backbone, settings))


def _fingerprint(backbone: Backbone, settings: NetworkSettings) -> dict[str, Any]:
    return {
        "backbone": backbone.name,
        "layer": backbone.layer,
        "preprocessing": backbone.preprocessing,
        "weights": settings.weights_hash,
        "precision": settings.precision,
    }


@contextmanager
def _weights_for_workers(source: WeightSource, backbone: Backbone, work_dir: str) -> Iterator[tuple[WeightSource, str]]:
    """(a source that workers can read, hash). Files are read once, here; workers draw seeded numbers themselves."""
    if isinstance(source, Seeded):
        yield source, _seeded_hash(source, backbone)
        return
    ledger.remove_staged("weights", work_dir)
    digest = hashlib.sha256()
    shipped = f"{storage.staging_uri(work_dir, 'weights')}.npz"
    try:
        write_npz(hashed(read_weights(source, backbone), digest), shipped)
        yield Shipped(shipped), digest.hexdigest()
    finally:
        storage.remove(shipped)


def _seeded_hash(source: Seeded, backbone: Backbone) -> str:
    """Drawing the numbers takes seconds, and a session may run the stage many times."""
    key = (source, backbone.name, backbone.layer)
    if key not in _seeded_hashes:
        _seeded_hashes[key] = weights_hash(read_weights(source, backbone))
    return _seeded_hashes[key]


def _precision(spark: SparkSession, features: FeaturesConfig, work_dir: str, task: PrecisionTask, afresh: bool) -> str:
    """`auto` is the precision of the finished shards, so that a run may continue elsewhere, or else the workers' best.

    Where finished shards are about to be removed, or a GPU is to decode, a worker is asked in any case: it refuses if
    it lacks the device.
    """
    setting: str = features.precision
    if setting == "auto" and not afresh:
        precisions = (str(mark.settings["precision"]) for mark in ledger.read_marks(work_dir).values())
        setting = next(precisions, "auto")
    if setting != "auto" and not afresh and features.decoder != "gpu":
        return setting
    row = spark.range(0, 1, 1, 1).mapInArrow(task.run, "precision string").first()
    assert row is not None
    return str(row["precision"]) if setting == "auto" else setting
