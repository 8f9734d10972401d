"""The training set on local disk as plain arrays: read once, then any row in any order, with little memory."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.training_set.columns import Batch, TrainingSetShape

COLUMNS = ("location_id", "row_number", "region", "unit", "features", "view_mask", "fold", "block", "buffer_of")


@dataclass(frozen=True)
class Units:
    """What the split does not divide, areas by default: the region and block of each (NO_BLOCK without blocks).

    region, block: int32 [areas]; in_buffer: for each fold that has a buffer, bool [areas], whether its models do not
    learn from an area that is in another fold.
    """

    region: npt.NDArray[np.int32]
    block: npt.NDArray[np.int32]
    in_buffer: Mapping[int, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class TrainingRows:
    """A training set's rows: the features are on disk, the rest (a few bytes per row) in memory.

    features: memory map [rows, views, feature_size]; view_mask: bool [rows, views]; fold: int32 [rows];
    area: int32 [rows], 0 .. areas - 1 in the order of (region, unit), where a unit is what the split does not divide;
    deciles: int8 [rows, outcomes], 0 = not known. units: None stands for one region without blocks and buffers.
    fingerprint: equal for training sets in which all of this is equal.
    """

    outcomes: tuple[str, ...]
    features: npt.NDArray[Any]
    view_mask: npt.NDArray[np.bool_]
    fold: npt.NDArray[np.int32]
    area: npt.NDArray[np.int32]
    deciles: npt.NDArray[np.int8]
    fingerprint: str = ""
    units: Units | None = None

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
    _refuse_full_disk(folder, int(np.prod(size)) * np.dtype(dtype).itemsize)
    features: npt.NDArray[Any] = np.memmap(folder / "features.bin", mode="w+", dtype=dtype, shape=size)
    view_mask = np.zeros(size[:2], bool)
    fold, area = np.zeros(size[0], np.int32), np.zeros(size[0], np.int32)
    deciles = np.zeros((size[0], len(shape.outcomes)), np.int8)
    checksums = np.zeros(size[0], np.uint32)
    area_codes: dict[str, int] = {}
    about: dict[str, tuple[str, int, str]] = {}
    seen = 0
    for batch in batches:
        rows = batch["row_number"]
        features[rows] = checked = _checked(batch, np.dtype(dtype))
        checksums[rows] = [zlib.crc32(row) for row in np.ascontiguousarray(checked)]
        view_mask[rows] = batch["view_mask"]
        fold[rows] = batch["fold"]
        area[rows] = [area_codes.setdefault(unit, len(area_codes)) for unit in batch["unit"]]
        for unit, *values in zip(
            batch["unit"], batch["region"], batch["block"].tolist(), batch["buffer_of"], strict=True
        ):
            about[unit] = min(about.get(unit, tuple(values)), tuple(values))
        deciles[rows] = np.stack([batch[outcome] for outcome in shape.outcomes], axis=1)
        seen += len(rows)
    if seen != shape.rows:
        raise RunFailed(f"training_set: read {seen} rows, expected {shape.rows}; run the stage training again")
    # Draws must not depend on the order in which rows arrive.
    in_order = sorted(about, key=lambda unit: (about[unit][0], unit))
    area = np.argsort([area_codes[unit] for unit in in_order]).astype(np.int32)[area]
    units = _units([about[unit] for unit in in_order])
    buffers = [array for number in units.in_buffer for array in (np.array(number), units.in_buffer[number])]
    arrays = (checksums, view_mask, fold, area, deciles, units.region, units.block, *buffers)
    return TrainingRows(
        shape.outcomes, features, view_mask, fold, area, deciles, _fingerprint(shape.outcomes, *arrays), units
    )


def _units(areas: list[tuple[str, int, str]]) -> Units:
    """The units with these regions, blocks and `buffer_of`."""
    regions = sorted({region for region, _, _ in areas})
    buffers = [{int(fold) for fold in buffer_of.split()} for _, _, buffer_of in areas]
    return Units(
        np.array([regions.index(region) for region, _, _ in areas], np.int32),
        np.array([block for _, block, _ in areas], np.int32),
        {fold: np.array([fold in near for near in buffers]) for fold in sorted(set().union(*buffers))},
    )


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


def _refuse_full_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RunFailed(
            f"{folder}: the training cache needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; "
            "free some space or set training.cache to float16, which needs half as much"
        )
