"""A training of planted rows without Spark, run as a separate process so that it can be killed. Argument: work_dir."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

from planted_rows import planted_config, planted_plan, planted_rows
from streetdeciles.config import RunConfig
from streetdeciles.keras_start import start_keras
from streetdeciles.models.store import TrainedModel
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.history import HistoryRow, TensorBoardLog

EPOCHS = 40


def config_of(work_dir: Path, rows: TrainingRows, **training: object) -> RunConfig:
    """With this patience some models stop early, at different epochs, and others do not."""
    return planted_config(work_dir, rows, **{"epochs": EPOCHS, "patience": 12, **training})


def train_planted(work_dir: Path, **training: object) -> tuple[list[TrainedModel], list[HistoryRow]]:
    from streetdeciles.training.rounds import train  # imports Keras, which must have been started

    rows = planted_rows()
    config = config_of(work_dir, rows, **training)
    assignments, _ = plan_assignments(rows, validation_share=config.training.validation_share, seed=config.seed)
    with closing(TensorBoardLog(work_dir / "logs")) as log:
        return train(assignments, planted_plan(config.training, rows, seed=config.seed), config.work_dir, [log])


def one_outcome_per_round(assignments: Assignments, *args: object, **kwargs: object) -> list[Assignments]:
    """Like `plan_rounds` when one outcome fits into memory."""
    return [assignments.part(range(3), [outcome_index]) for outcome_index in range(2)]


if __name__ == "__main__":
    start_keras()
    train_planted(Path(sys.argv[1]))
