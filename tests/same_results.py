"""Whether two runs of the same config have the same results, table by table and model by model."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from streetdeciles.plans import STAGES

NAMES = tuple(name for stage in STAGES for name in (*stage.writes, *stage.may_write))
NOT_TABLES = ("models", "report.html", "training_set.h5", "training_set.csv")
TOLERANCE = 1e-5


def assert_same_results(one: Path, other: Path) -> None:
    """Everything that the stages write into a work_dir, but the pages of the report and the models' cards."""
    present = [name for name in NAMES if (one / name).exists()]
    assert present == [name for name in NAMES if (other / name).exists()]
    for name in present:
        if name not in NOT_TABLES:
            assert_same_frames(pd.read_parquet(one / name), pd.read_parquet(other / name), name)
    if "training_set.csv" in present:
        assert (one / "training_set.csv").read_text() == (other / "training_set.csv").read_text()
        assert_same_hdf5(one / "training_set.h5", other / "training_set.h5")
    if "models" in present:
        assert_same_models(one / "models", other / "models")


def assert_same_frames(one: pd.DataFrame, other: pd.DataFrame, name: str) -> None:
    """The same rows in whatever order; float numbers up to TOLERANCE."""
    pd.testing.assert_frame_equal(_sorted(one), _sorted(other), rtol=TOLERANCE, obj=name)


def assert_same_hdf5(one: Path, other: Path) -> None:
    with h5py.File(one) as first, h5py.File(other) as second:
        assert sorted(first) == sorted(second)
        for name in first:
            np.testing.assert_allclose(first[name][()], second[name][()], rtol=TOLERANCE, err_msg=name)


def assert_same_models(one: Path, other: Path) -> None:
    """The same files, whose networks have the same weights."""
    import keras

    files = sorted(path.relative_to(one) for path in one.rglob("*.keras"))
    assert files == sorted(path.relative_to(other) for path in other.rglob("*.keras"))
    for file in files:
        weights = [keras.saving.load_model(folder / file).get_weights() for folder in (one, other)]
        for first, second in zip(*weights, strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-4, atol=TOLERANCE, err_msg=str(file))


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """By the columns that are neither lists nor float numbers, which are keys and what follows from them."""
    partitions = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    frame = frame.astype(dict.fromkeys(partitions, str))
    by = [name for name in frame if frame[name].dtype.kind in "iubO" and not frame[name].map(_is_list).any()]
    order = frame[by].astype(str).sort_values(by).index
    return frame.loc[order].reset_index(drop=True)


def _is_list(value: object) -> bool:
    return isinstance(value, np.ndarray | list | bytes)
