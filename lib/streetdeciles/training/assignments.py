"""Which rows each model learns from, with what weight, and which rows validate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from streetdeciles.ordinal import N_DECILES
from streetdeciles.ordinal.balance import class_weights
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training_set.fold_codes import THE_ONE_MODEL, VALIDATED

VALIDATION, TRAIN_SIZE = 1, 4
"""First words of the seeds that draw the validation areas, and the areas of a training with `train_size` < 1."""

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Assignments:
    """The models of a training, one per fold and outcome, ordered by fold, and the rows of each.

    A model sees no row of its own fold, and no row whose decile is one of `held_out_deciles`. Some of the other areas
    validate it, and it learns from the rest, each row weighted by its decile. A row whose decile is not known does
    neither.

    class_weights: float32 [folds, outcomes, 11], by decile.
    learning_areas, validation_areas: bool [folds, outcomes, areas].
    learns, validates: bool [all folds, rows]: the rows that any model of a fold learns from, or is validated on. A part
    of the assignments keeps those of all models, because they decide the batches: a model gets the same batches
    whichever other models are trained with it.
    """

    rows: TrainingRows
    all_folds: tuple[int, ...]
    folds: tuple[int, ...]
    outcomes: tuple[str, ...]
    class_weights: npt.NDArray[np.float32]
    learning_areas: npt.NDArray[np.bool_]
    validation_areas: npt.NDArray[np.bool_]
    learns: npt.NDArray[np.bool_]
    validates: npt.NDArray[np.bool_]
    held_out_deciles: tuple[int, ...] = ()

    @property
    def models(self) -> tuple[tuple[str, int], ...]:
        """(outcome, fold) of each model, in the order of the stack."""
        return tuple((outcome, fold) for fold in self.folds for outcome in self.outcomes)

    def part(self, folds: Sequence[int], outcomes: Sequence[int]) -> Assignments:
        """The assignments of some of the models, by the indices of their folds and outcomes."""
        chosen = np.ix_(folds, outcomes)
        return replace(
            self,
            folds=tuple(self.folds[fold_index] for fold_index in folds),
            outcomes=tuple(self.outcomes[outcome_index] for outcome_index in outcomes),
            class_weights=self.class_weights[chosen],
            learning_areas=self.learning_areas[chosen],
            validation_areas=self.validation_areas[chosen],
        )

    def learning_weights(self, fold_index: int, row_numbers: Index) -> npt.NDArray[np.float32]:
        """Weights [outcomes, n] of rows for the models of fold `folds[fold_index]`; 0 for rows not to learn from."""
        deciles = self.deciles(row_numbers).astype(np.int64)
        weights: npt.NDArray[np.float32] = np.take_along_axis(self.class_weights[fold_index], deciles, axis=1)
        weights *= self.learning_areas[fold_index][:, self.rows.area[row_numbers]]
        weights *= ~self.held_out(fold_index, row_numbers)
        return weights

    def validation_weights(self, fold_index: int, row_numbers: Index) -> npt.NDArray[np.float32]:
        """1 for rows that validate the models of fold `folds[fold_index]`, else 0; [outcomes, n]."""
        validates = self.validation_areas[fold_index][:, self.rows.area[row_numbers]]
        validates = validates & (self.deciles(row_numbers) > 0) & ~self.held_out(fold_index, row_numbers)
        weights: npt.NDArray[np.float32] = validates.astype(np.float32)
        return weights

    def held_out(self, fold_index: int, row_numbers: Index) -> npt.NDArray[np.bool_]:
        """Whether rows are held out from the models of fold `folds[fold_index]`; [outcomes, n]."""
        of_fold = self.rows.fold[row_numbers] == self.folds[fold_index]
        held_out: npt.NDArray[np.bool_] = np.isin(self.deciles(row_numbers), self.held_out_deciles) | of_fold
        return held_out

    def deciles(self, row_numbers: Index) -> npt.NDArray[np.int8]:
        """Deciles [outcomes, n] of rows; 0 where the decile is not known."""
        columns = [self.rows.outcomes.index(outcome) for outcome in self.outcomes]
        return self.rows.deciles[row_numbers][:, columns].T

    def n_learning(self) -> int:
        """Rows that models learn from in an epoch, counted once for each model."""
        everything = np.arange(len(self.rows))
        by_fold = (self.learning_weights(fold_index, everything) > 0 for fold_index in range(len(self.folds)))
        return int(sum(is_learned.sum() for is_learned in by_fold))


def plan_assignments(
    rows: TrainingRows,
    *,
    validation_share: float,
    seed: int,
    train_size: float = 1.0,
    folds: Sequence[int] | None = None,
    held_out_deciles: Sequence[int] = (),
) -> tuple[Assignments, list[str]]:
    """Assignments of the outcomes that can be learned in every fold, and notes on missing outcomes and deciles.

    If no row is in a fold, there is one model per outcome, THE_ONE_MODEL. If some rows are VALIDATED, they validate
    every model; otherwise a share of the areas that a model may learn from does, drawn by `seed`; of a split into
    blocks, a share of the blocks. A model uses no area that is in the buffer of its fold.

    Args:
        train_size: the share of the areas to learn from, of each region and of each decile of the first outcome alike.
            A larger one contains the areas of a smaller one, and all have the same validation areas.
        folds: the folds to train; None for all. Their models do not depend on which other folds are trained.
        held_out_deciles: an outcome's models see no row whose decile of that outcome is one of these.
    """
    all_folds = tuple(int(fold) for fold in np.unique(rows.fold) if fold >= 0) or (THE_ONE_MODEL,)
    areas, outcomes = int(rows.area.max()) + 1, len(rows.outcomes)
    learning_areas, validation_areas = np.zeros((2, len(all_folds), outcomes, areas), bool)
    learns, validates = np.zeros((2, len(all_folds), len(rows)), bool)
    weights = np.zeros((len(all_folds), outcomes, N_DECILES + 1), np.float32)
    for fold_index, fold in enumerate(all_folds):
        validation_order, learning_order = (
            np.random.default_rng([use, seed, fold]).permutation(areas) for use in (VALIDATION, TRAIN_SIZE)
        )
        for outcome_index in range(outcomes):
            model, deciles = (fold_index, outcome_index), rows.deciles[:, outcome_index]
            usable = ~(_is_unseen(rows, fold) | np.isin(deciles, [0, *held_out_deciles]))
            validation_areas[(*model, _validation_areas(rows, usable, validation_order, validation_share))] = True
            validating = usable & validation_areas[model][rows.area]
            areas_left = _balanced_order(rows, usable & ~validating, learning_order)
            learning_areas[(*model, _first(areas_left, train_size))] = True
            learning = usable & learning_areas[model][rows.area]
            weights[model] = class_weights(deciles[learning].astype(np.int64))
            learns[fold_index] |= learning
            validates[fold_index] |= validating
    roles = (learning_areas, validation_areas, learns, validates, tuple(held_out_deciles))
    of_all = Assignments(rows, all_folds, all_folds, rows.outcomes, weights, *roles)
    chosen = range(len(all_folds)) if folds is None else [all_folds.index(fold) for fold in sorted(folds)]
    return _without_hopeless(of_all.part(chosen, range(outcomes)))


def _is_unseen(rows: TrainingRows, fold: int) -> npt.NDArray[np.bool_]:
    """Whether each row is in a fold or in its buffer, so that its models do not see it; bool [rows]."""
    in_fold: npt.NDArray[np.bool_] = rows.fold == fold
    in_buffer = rows.units.in_buffer.get(fold) if rows.units else None
    return in_fold if in_buffer is None else in_fold | in_buffer[rows.area]


def _validation_areas(rows: TrainingRows, usable: npt.NDArray[np.bool_], order: Index, share: float) -> Index:
    """The areas of the VALIDATED rows, if there are any; else the first `share` of the `usable` [rows] areas or blocks.

    The order is the same for all outcomes, so outcomes that are known in the same areas have the same choice. The only
    usable area is not chosen, because it is needed to learn from.
    """
    set_aside = rows.fold == VALIDATED
    if set_aside.any():
        chosen: Index = rows.area[usable & set_aside].astype(np.int64)
        return chosen
    candidates = order[np.isin(order, rows.area[usable])]
    if rows.units is not None and len({*rows.units.block[candidates]}) > 1:
        blocks = rows.units.block[candidates]
        # The first area in the order decides when it is the turn of its block.
        of_order = list(dict.fromkeys(blocks.tolist()))
        n_blocks = min(max(1, round(share * len(of_order))), len(of_order) - 1)
        return candidates[np.isin(blocks, of_order[:n_blocks])]
    return _first(candidates, share) if len(candidates) > 1 else order[:0]


def _balanced_order(rows: TrainingRows, usable: npt.NDArray[np.bool_], order: Index) -> Index:
    """The areas of the `usable` [rows], in an order whose every beginning has its share of each region and decile.

    Within a region and decile, areas are in `order`. The decile is that of the first outcome, as in the split, so that
    outcomes that are known in the same areas learn from the same ones; an area of several deciles has its highest.
    """
    kind = np.zeros(len(order), np.int64)
    np.maximum.at(kind, rows.area, rows.deciles[:, 0])
    if rows.units is not None:
        kind += rows.units.region.astype(np.int64) * (N_DECILES + 1)
    candidates: Index = order[np.isin(order, rows.area[usable])]
    kinds = kind[candidates]
    sizes = np.bincount(kinds)
    by_kind = np.argsort(kinds, kind="stable")
    position = np.empty(len(candidates), np.int64)
    position[by_kind] = np.arange(len(candidates)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    balanced: Index = candidates[np.argsort((position + 0.5) / sizes[kinds], kind="stable")]
    return balanced


def _first(areas: Index, share: float) -> Index:
    """The first `share` of the areas; at least one, if there is any."""
    return areas[: max(1, round(share * len(areas)))]


def _without_hopeless(assignments: Assignments) -> tuple[Assignments, list[str]]:
    """The assignments without the outcomes that have too little to learn from in some fold, and notes on the gaps."""
    kept: list[int] = []
    notes: list[str] = []
    has_folds = len(assignments.all_folds) > 1
    is_held_out = np.isin(np.arange(1, N_DECILES + 1), assignments.held_out_deciles)
    for outcome_index, outcome in enumerate(assignments.outcomes):
        empty = assignments.class_weights[:, outcome_index, 1:] == 0
        has_validation = assignments.validation_areas[:, outcome_index].any(axis=1)
        hopeless = (empty.sum(axis=1) > N_DECILES - 2) | ~has_validation
        if hopeless.any():
            folds = ", ".join(str(assignments.folds[fold_index]) for fold_index in np.flatnonzero(hopeless))
            where = f"without fold {folds}, " if has_folds else ""
            notes.append(
                f"{outcome} is skipped: {where}too few areas of different deciles are left to learn from and to "
                "validate on"
            )
            continue
        kept.append(outcome_index)
        empty &= ~is_held_out
        missing = [
            f"{', '.join(map(str, np.flatnonzero(empty[fold_index]) + 1))}"
            f"{f' without fold {fold}' if has_folds else ''}"
            for fold_index, fold in enumerate(assignments.folds)
            if empty[fold_index].any()
        ]
        if missing:
            notes.append(f"{outcome}: no location to learn from in decile(s) {'; '.join(missing)}")
    return assignments.part(range(len(assignments.folds)), kept), notes
