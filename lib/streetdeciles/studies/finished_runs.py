"""The areas of finished runs, from their tables: what runs are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streetdeciles import run_log, storage
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.methods import AREA, SCORE_MEAN
from streetdeciles.stages import AGGREGATION_STAGE
from streetdeciles.state_files import read_state
from streetdeciles.tables import AREA_PREDICTIONS, TRAINING_SET
from streetdeciles.training_set.reader import open_training_set

if TYPE_CHECKING:
    import pandas as pd

MAX_NAME = 30
"""Longer names lose their beginning, so that a line of the tables has at most 100 columns."""


@dataclass(frozen=True)
class FinishedRun:
    """A run and its measured areas.

    name: short, and different for each run that is compared.
    areas: `region`, `outcome`, `area_id`, `true_decile`, `predicted_decile`; one row per area and outcome.
    blocks: the block of each area by `area_id`, if the split keeps blocks together; else None.
    """

    name: str
    areas: pd.DataFrame
    blocks: Mapping[str, int] | None = None


def read_runs(paths: Sequence[str]) -> tuple[str, list[FinishedRun]]:
    """The method of aggregation, that of the first run's report, and the runs of these work_dirs or configs.

    Raises:
        RunRefused: a run that is not finished or has no such method, or one that is named twice.
    """
    work_dirs = [_work_dir(path) for path in paths]
    for path, work_dir in zip(paths, work_dirs, strict=True):
        if run_log.read_mark(work_dir, AGGREGATION_STAGE) is None:
            raise RunRefused(
                f"{path}: no finished run; expected the work_dir, or the config, of a run whose stage "
                f"{AGGREGATION_STAGE} is done"
            )
        if work_dirs.count(work_dir) > 1:
            raise RunRefused(f"{path}: this run is named twice; a run can only be compared with others")
    names = short_names(work_dirs)
    method = str(_settings(work_dirs[0]).get("report", {}).get("method", SCORE_MEAN))
    return method, [_read(work_dir, name, method) for work_dir, name in zip(work_dirs, names, strict=True)]


def short_names(work_dirs: Sequence[str]) -> list[str]:
    """The last part of each work_dir, with as many parts before it as make all of them different; long ones are cut."""
    parts = [work_dir.rstrip("/").split("/") for work_dir in work_dirs]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(of_path[-length:]) for of_path in parts]
        names = [name if len(name) <= MAX_NAME else f"…{name[1 - MAX_NAME :]}" for name in names]
        if len({*names}) == len(names):
            break
    return names


def _work_dir(path: str) -> str:
    """A file is a config; anything else is a work_dir."""
    if not storage.is_local(path):
        return path
    if Path(storage.local_path(path)).is_file():
        return load_config(path, stages=()).work_dir
    return str(Path(storage.local_path(path)).resolve())


def _settings(work_dir: str) -> dict[str, Any]:
    return read_state(storage.join(work_dir, "config.json"), dict[str, Any]) or {}


def _read(work_dir: str, name: str, method: str) -> FinishedRun:
    areas = storage.read_pandas(AREA_PREDICTIONS, work_dir)
    is_chosen = (areas["level"] == AREA) & (areas["method"] == method)
    if not is_chosen.any():
        raise RunRefused(f"{work_dir}: no areas by the method {method}; add it to aggregation.methods, and run again")
    columns = ["region", "outcome", "area_id", "true_decile", "predicted_decile"]
    measured = areas[is_chosen & areas["true_decile"].notna()].rename(columns={"decile": "predicted_decile"})[columns]
    has_blocks = _settings(work_dir).get("dataset", {}).get("split") == "spatial_blocks"
    return FinishedRun(name, measured, _blocks(work_dir) if has_blocks else None)


def _blocks(work_dir: str) -> dict[str, int]:
    blocks: dict[str, int] = {}
    for batch in open_training_set(storage.join(work_dir, TRAINING_SET), ["area_id", "block"]):
        blocks.update(zip(batch["area_id"], batch["block"].tolist(), strict=True))
    return blocks
