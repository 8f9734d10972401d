"""`training --learning-curve`: trainings on growing shares of the areas, and their errors on held-out locations."""

from __future__ import annotations

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.keras_start import start_keras
from streetdeciles.run_log import StageReport
from streetdeciles.splits.registry import split_of
from streetdeciles.training.checkpoints import CHECKPOINTS
from streetdeciles.training.inputs import plan, read_rows, read_start_models, scratch_folder, with_precision

LEARNING_CURVE = "learning_curve.csv"


def learning_curve(config: RunConfig) -> StageReport:
    """Write learning_curve.csv: held-out errors of models that learn from 1, 5, 10, 25, 50 and 100 % of the areas.

    A size at which no model can be trained is skipped and named. Trainings that a killed run has finished are not
    repeated.

    Raises:
        RunRefused: nothing is held out or can be learned at any size, features are not finite, or start models do not
            fit.
    """
    if "prediction" in split_of(config.dataset).skipped_stages:
        raise RunRefused("a learning curve needs held-out locations, and dataset.split train_only has none")
    start_keras()
    from streetdeciles.training.learning_curve import SIZES, CurvePoint, curve_csv, curve_points, mean_errors
    from streetdeciles.training.rounds import train

    config = with_precision(config)
    points: list[CurvePoint] = []
    notes: list[str] = []
    with scratch_folder(config.work_dir) as folder:
        starts = read_start_models(config)
        rows = read_rows(config, folder)
        for size in SIZES:
            training = config.training.model_copy(update={"train_size": size})
            sized = config.model_copy(update={"training": training})
            assignments, plan_notes = plan(sized, rows)
            notes += [f"{size:.0%}: {note}" for note in plan_notes if "is skipped" in note]
            if assignments.outcomes:
                models, _ = train(sized, assignments, [], starts)
                points += curve_points(assignments, models, training)
        if not points:
            raise RunRefused(f"training: nothing can be learned; {'; '.join(notes)}")
        storage.write_text(storage.join(config.work_dir, LEARNING_CURVE), curve_csv(points))
        storage.remove(storage.join(config.work_dir, *CHECKPOINTS))
    for outcome, errors in mean_errors(points).items():
        by_size = ", ".join(f"{size:.0%}: {mae:.2f}" for size, mae in errors.items())
        notes.append(f"{outcome}: mean error on held-out locations, in deciles, by size {by_size}")
    return StageReport("learning curve", {"locations": len(rows), "models": len(points)}, notes)
