"""A network for tests of everything around it: the mean colour of the photograph, scaled to 32 x 32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import config_files
from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.extraction.decoding import decode
from streetdeciles.features.image_network import ImageNetwork

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from streetdeciles.config import RunConfig

SIZE = 32
POISON = 251
"""A photograph of this grey kills the worker that computes it."""


def pixel_network(*, delay_s: float = 0.0, name: str = "pixels", log: str | None = None) -> ImageNetwork:
    """`log`: a file that gets a line for each batch: the process that computed it, and its photographs' numbers."""

    def load() -> Any:
        # Nested, and with its imports inside, so that it travels to workers that do not have this module.
        import os
        import signal
        import time

        from streetdeciles.extraction.network import Network

        def compute(pictures: Any) -> Any:
            means = pictures.images().mean(axis=(1, 2))
            if log is not None:
                numbers = [round(float(red + 250 * green)) for red, green, blue in means if abs(blue - 7) < 0.1]
                with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123
                    file.write(f"{os.getpid()} {','.join(map(str, numbers))}\n")
            time.sleep(delay_s)
            if (abs(means - 251).max(axis=1) < 0.01).any():
                os.kill(os.getpid(), signal.SIGKILL)
            return means

        return Network(compute, 4, "mean of pixels")

    return ImageNetwork(load, scaled_centre_crop(SIZE), {"backbone": name})


def features_of(path: Path) -> np.ndarray:
    image = decode(path.read_bytes(), max_pixels=10**8)
    return scaled_centre_crop(SIZE)(image).mean(axis=(0, 1))


def run_config(work_dir: Path, **features: Any) -> RunConfig:
    return config_files.run_config(work_dir, features={"weights": "random:1", **features})


def write_index(spark: SparkSession, work_dir: Path, shards: Sequence[Sequence[Path]]) -> None:
    from streetdeciles import storage
    from streetdeciles.tables import IMAGE_INDEX

    rows = [
        (path.stem, path.stem, 0, str(path), None, None, path.stat().st_size if path.exists() else None, None, number)
        for number, paths in enumerate(shards)
        for path in paths
    ]
    storage.write_table(spark.createDataFrame(rows, IMAGE_INDEX.ddl), IMAGE_INDEX, str(work_dir))


def write_photos(folder: Path, n: int) -> list[Path]:
    """Photographs of one grey each, no two the same."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(n):
        path = folder / f"photo_{i:03d}.png"
        Image.new("RGB", (40, 30), (i % 250, i // 250, 7)).save(path)
        paths.append(path)
    return paths
