"""`training --learning-curve`: trainings on growing shares of the areas, and their errors on held-out locations."""

from __future__ import annotations

from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.keras_start import start_keras
from streetdeciles.run_log import StageReport
from streetdeciles.splits.registry import split_of
from streetdeciles.stages import DATASET_STAGE, PREDICTION_STAGE, REPORT_STAGE
from streetdeciles.training.checkpoints import CHECKPOINTS
from streetdeciles.training.inputs import assign_rows, read_rows, read_start_models, scratch_folder
from streetdeciles.training.plan import plan_training, resolve_precision

LEARNING_CURVE = "learning_curve.csv"


def learning_curve(config: RunConfig) -> StageReport:
    """Write learning_curve.csv: held-out errors of models that learn from 1, 5, 10, 25, 50 and 100 % of the areas.

    A size at which no model can be trained is skipped and named. Trainings that a killed run has finished are not
    repeated. The report is made again in the next run, because it shows the curve.

    Raises:
        RunRefused: nothing is held out or can be learned at any size, features are not finite, or start models do not
            fit.
    """
    if PREDICTION_STAGE in split_of(config.dataset).skipped_stages:
        raise RunRefused("a learning curve needs held-out locations, and dataset.split train_only has none")
    start_keras()
    from streetdeciles.training.learning_curve import SIZES, CurvePoint, curve_csv, curve_points, mean_errors
    from streetdeciles.training.rounds import train

    work_dir, precision = config.work_dir, resolve_precision(config.training)
    points: list[CurvePoint] = []
    notes: list[str] = []
    with scratch_folder(work_dir) as folder:
        starts = read_start_models(config.training, work_dir)
        rows = read_rows(work_dir, folder, dtype=config.training.cache)
        for size in SIZES:
            settings = config.training.model_copy(update={"train_size": size})
            assignments, size_notes = assign_rows(rows, settings, config.dataset, seed=config.seed)
            notes += [f"{size:.0%}: {note}" for note in size_notes if "is skipped" in note]
            if assignments.outcomes:
                plan = plan_training(settings, seed=config.seed, n_locations=len(rows), precision=precision)
                models, _ = train(assignments, plan, work_dir, [], starts)
                points += curve_points(assignments, models, settings)
        if not points:
            raise RunRefused(f"training: nothing can be learned; {'; '.join(notes)}")
        mark = run_log.read_mark(work_dir, DATASET_STAGE)
        text = curve_csv(points, mark.generation if mark else "")
        storage.write_text(storage.join(work_dir, LEARNING_CURVE), text)
        storage.remove(storage.join(work_dir, *CHECKPOINTS))
    run_log.forget(work_dir, REPORT_STAGE)
    for outcome, errors in mean_errors(points).items():
        by_size = ", ".join(f"{size:.0%}: {mae:.2f}" for size, mae in errors.items())
        notes.append(f"{outcome}: mean error on held-out locations, in deciles, by size {by_size}")
    notes.append("the report shows it after the next `streetdeciles run`")
    return StageReport("learning curve", {"locations": len(rows), "models": len(points)}, notes)
