"""The training set on local disk as plain arrays: read once, then any row in any order, with little memory."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.training_set.columns import TrainingSetShape

Batch = dict[str, npt.NDArray[Any]]

COLUMNS = ("location_id", "row_number", "region", "area_id", "features", "view_mask", "fold")


@dataclass(frozen=True)
class TrainingRows:
    """A training set's rows: the features are on disk, the rest (a few bytes per row) in memory.

    features: memory map [rows, views, feature_size]; view_mask: bool [rows, views]; fold: int32 [rows];
    area: int32 [rows], 0 .. areas - 1 in the order of (region, area_id); deciles: int8 [rows, outcomes], 0 = not known.
    fingerprint: equal for training sets in which all of this is equal.
    """

    outcomes: tuple[str, ...]
    features: npt.NDArray[Any]
    view_mask: npt.NDArray[np.bool_]
    fold: npt.NDArray[np.int32]
    area: npt.NDArray[np.int32]
    deciles: npt.NDArray[np.int8]
    fingerprint: str = ""

    def __len__(self) -> int:
        return len(self.fold)


def cache_rows(
    batches: Iterable[Batch], shape: TrainingSetShape, folder: Path, *, dtype: Literal["float32", "float16"]
) -> TrainingRows:
    """Write the features of `batches` (columns COLUMNS and the outcomes) to `folder` and gather the rest.

    Raises:
        RunRefused: a feature that is not finite, in the set or in `dtype`, or a location without any view.
        RunFailed: too little disk space, or another number of rows than `shape` says.
    """
    size = (shape.rows, shape.views, shape.feature_size)
    _check_disk(folder, int(np.prod(size)) * np.dtype(dtype).itemsize)
    features: npt.NDArray[Any] = np.memmap(folder / "features.bin", mode="w+", dtype=dtype, shape=size)
    view_mask = np.zeros(size[:2], bool)
    fold, area = np.zeros(size[0], np.int32), np.zeros(size[0], np.int32)
    deciles = np.zeros((size[0], len(shape.outcomes)), np.int8)
    checksums = np.zeros(size[0], np.uint32)
    area_codes: dict[tuple[str, str], int] = {}
    seen = 0
    for batch in batches:
        rows = batch["row_number"]
        features[rows] = checked = _checked(batch, np.dtype(dtype))
        checksums[rows] = [zlib.crc32(row) for row in np.ascontiguousarray(checked)]
        view_mask[rows] = batch["view_mask"]
        fold[rows] = batch["fold"]
        areas = zip(batch["region"], batch["area_id"], strict=True)
        area[rows] = [area_codes.setdefault(name, len(area_codes)) for name in areas]
        deciles[rows] = np.stack([batch[outcome] for outcome in shape.outcomes], axis=1)
        seen += len(rows)
    if seen != shape.rows:
        raise RunFailed(f"training_set: read {seen} rows, expected {shape.rows}; run the stage training again")
    area = _in_order_of_name(area_codes)[area]
    fingerprint = _fingerprint(shape.outcomes, checksums, view_mask, fold, area, deciles)
    return TrainingRows(shape.outcomes, features, view_mask, fold, area, deciles, fingerprint)


def _checked(batch: Batch, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    with np.errstate(over="ignore"):
        features = batch["features"].astype(dtype)
    finite = np.isfinite(features).all(axis=(1, 2))
    if not finite.all():
        bad = batch["location_id"][~finite]
        raise RunRefused(
            f"training_set: location_id {bad[0]} has features that are NaN or infinite in {dtype.name} "
            f"({len(bad)} such locations in this batch); extract its photographs again or leave it out"
        )
    blind = ~batch["view_mask"].any(axis=1)
    if blind.any():
        raise RunRefused(f"training_set: location_id {batch['location_id'][blind][0]} has no view at all; leave it out")
    return features


def _fingerprint(outcomes: tuple[str, ...], *arrays: npt.NDArray[Any]) -> str:
    digest = hashlib.sha256(repr((outcomes, [(array.shape, array.dtype.name) for array in arrays])).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _in_order_of_name(codes: dict[tuple[str, str], int]) -> npt.NDArray[np.int32]:
    """The new code of each code, in the order of names: draws must not depend on the order in which rows arrive."""
    ordered = np.empty(len(codes), np.int32)
    ordered[[codes[name] for name in sorted(codes)]] = np.arange(len(codes))
    return ordered


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RunFailed(
            f"{folder}: the training cache needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; "
            "free some space or set training.cache to float16, which needs half as much"
        )
