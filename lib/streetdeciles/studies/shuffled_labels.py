"""`check --shuffle-labels`: a run's training again, on labels that are shuffled over areas."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.digests import settings_digest
from streetdeciles.errors import RunRefused
from streetdeciles.keras_start import start_keras
from streetdeciles.methods import AREA, NETWORK, SCORE_MEAN
from streetdeciles.run_log import StageReport
from streetdeciles.splits.registry import split_of
from streetdeciles.stages import PREDICTION_STAGE, TRAINING_STAGE
from streetdeciles.studies.chance import Verdict, judge, shuffle_deciles
from streetdeciles.studies.row_areas import read_row_areas
from streetdeciles.tables import METRICS, TRAINING_SET
from streetdeciles.training.inputs import assign_rows, read_rows, read_start_models, scratch_folder
from streetdeciles.training.plan import plan_training, resolve_precision

if TYPE_CHECKING:
    import pandas as pd

FOLDER = ("_cache", "shuffled_labels")
AT_CHANCE, ABOVE_CHANCE = "regions x outcomes at chance", "regions x outcomes above chance"

ADVICE = (
    "models that learned from shuffled labels know something of areas that they should not have seen, so the run's own "
    "measures are too good as well: look for areas that are divided between folds (split_level oa, a fold_column), and "
    "for training.start_from a model that has seen these areas"
)


def check_shuffled_labels(config: RunConfig) -> StageReport:
    """Train, predict and measure as the run did, with each area's deciles exchanged for those of another.

    Works in `_cache/shuffled_labels` of the work_dir, and removes it. A check that was killed goes on where it stopped.
    One note per region and outcome says whether its measures are at chance.

    Raises:
        RunRefused: a run that trains nothing or holds nothing out, or nothing can be learned.
    """
    split = split_of(config.dataset)
    if {TRAINING_STAGE, PREDICTION_STAGE} & {*split.skipped_stages}:
        raise RunRefused(
            "check --shuffle-labels repeats a training and measures it on held-out areas, and a run with dataset.split "
            f"{config.dataset.split} has none"
        )
    start_keras()
    areas, n_areas = _held_out_areas(config)
    verdicts = judge(areas, seed=config.seed)
    above = sum(verdict.is_above for verdict in verdicts)
    counts = {"areas shuffled": n_areas, AT_CHANCE: len(verdicts) - above, ABOVE_CHANCE: above}
    notes = _lines(verdicts, storage.read_pandas(METRICS, config.work_dir))
    return StageReport("check with shuffled labels", counts, [*notes, *([ADVICE] if above else [])])


def _held_out_areas(config: RunConfig) -> tuple[pd.DataFrame, int]:
    """What `chance.judge` takes, and the number of areas that were shuffled."""
    from streetdeciles.studies.areas import learned_medians, predict_areas
    from streetdeciles.training.rounds import train

    settings, own_folder = config.training, storage.join(config.work_dir, *FOLDER)
    with scratch_folder(own_folder) as folder:
        starts = read_start_models(settings, config.work_dir)
        rows = read_rows(config.work_dir, folder, dtype=settings.cache)
        areas = read_row_areas(storage.join(config.work_dir, TRAINING_SET), len(rows))
        deciles = shuffle_deciles(rows.deciles, areas.number, areas.keys["region"].tolist(), seed=config.seed)
        fingerprint = settings_digest(training_set=rows.fingerprint, shuffled=config.seed)
        shuffled = replace(rows, deciles=deciles, fingerprint=fingerprint)
        plan = plan_training(settings, seed=config.seed, n_locations=len(rows), precision=resolve_precision(settings))
        assignments, notes = assign_rows(shuffled, settings, config.dataset, seed=config.seed)
        if not assignments.outcomes:
            raise RunRefused(f"training: nothing can be learned; {'; '.join(notes)}")
        models, _ = train(assignments, plan, own_folder, [], starts)
        predicted = predict_areas(assignments, models, settings, areas)
        medians = learned_medians(assignments, areas)
    storage.remove(own_folder)
    pairs = zip(predicted["outcome"], predicted["fold"], strict=True)
    return predicted.assign(median=[medians[pair] for pair in pairs]), len(areas.keys)


def _lines(verdicts: Sequence[Verdict], metrics: pd.DataFrame) -> list[str]:
    """E.g. "imd in bury: at chance: Spearman 0.03 (by chance -0.21 to 0.20; own labels 0.62), MAE 3.1 (median 2.5)"."""
    is_own = (metrics["level"] == AREA) & (metrics["method"] == SCORE_MEAN) & (metrics["model"] == NETWORK)
    own = {(row["region"], row["outcome"]): row for row in metrics[is_own].to_dict("records")}
    return [_line(verdict, own.get((verdict.region, verdict.outcome), {})) for verdict in verdicts]


def _line(verdict: Verdict, own: Mapping[Hashable, float]) -> str:
    own_spearman, own_mae = (f"; own labels {own[name]:.2f}" if name in own else "" for name in ("spearman", "mae"))
    if verdict.spearman is None:
        spearman = "Spearman not defined"
    else:
        interval = f"by chance {verdict.low:.2f} to {verdict.high:.2f}"
        spearman = f"Spearman {verdict.spearman:.2f} ({interval}{own_spearman})"
    return (
        f"{verdict.outcome} in {verdict.region}: {'ABOVE CHANCE' if verdict.is_above else 'at chance'}: {spearman}, "
        f"MAE {verdict.mae:.2f} (median {verdict.median_mae:.2f}{own_mae})"
    )
