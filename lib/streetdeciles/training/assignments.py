"""Which rows each model learns from and with what weight, and which it is validated on."""

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
"""First words of the seeds by which validation areas are drawn, and the areas of a smaller training."""

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Assignments:
    """The models of a training, one for each of `folds` x `outcomes`, fold by fold, and their rows.

    A model sees no row of its own fold, and none of the `held_out_deciles` of its outcome. Of the other areas it is
    validated on some and learns from the rest, each row weighted by its decile. A row whose decile is not known is
    neither.

    class_weights: float32 [folds, outcomes, 11], by decile.
    learning_areas, validation_areas: bool [folds, outcomes, areas].
    learns, validates: bool [all folds, rows]: rows that any model of a fold learns from, or is validated on. They stay
    those of all models in a part of the assignments, because batches are made from them: so a model is given the same
    batches with whichever others it is trained.
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
        """The assignments of some of the models, by the places of their folds and outcomes."""
        chosen = np.ix_(folds, outcomes)
        return replace(
            self,
            folds=tuple(self.folds[f] for f in folds),
            outcomes=tuple(self.outcomes[o] for o in outcomes),
            class_weights=self.class_weights[chosen],
            learning_areas=self.learning_areas[chosen],
            validation_areas=self.validation_areas[chosen],
        )

    def learning_weights(self, f: int, index: Index) -> npt.NDArray[np.float32]:
        """Weights [outcomes, n] of rows `index` for the models of fold `folds[f]`; 0: not to learn from."""
        deciles = self.deciles(index).astype(np.int64)
        weights: npt.NDArray[np.float32] = np.take_along_axis(self.class_weights[f], deciles, axis=1)
        weights *= self.learning_areas[f][:, self.rows.area[index]] * ~self.held_out(f, index)
        return weights

    def validation_weights(self, f: int, index: Index) -> npt.NDArray[np.float32]:
        """1 for rows `index` that the models of fold `folds[f]` are validated on, else 0; [outcomes, n]."""
        own = self._validation_rows(f, index) & (self.deciles(index) > 0) & ~self.held_out(f, index)
        weights: npt.NDArray[np.float32] = own.astype(np.float32)
        return weights

    def held_out(self, f: int, index: Index) -> npt.NDArray[np.bool_]:
        """Whether rows `index` are held out from the models of fold `folds[f]`; [outcomes, n]."""
        of_fold = self.rows.fold[index] == self.folds[f]
        held_out: npt.NDArray[np.bool_] = np.isin(self.deciles(index), self.held_out_deciles) | of_fold
        return held_out

    def deciles(self, index: Index) -> npt.NDArray[np.int8]:
        """Deciles [outcomes, n] of rows `index`; 0 = not known."""
        columns = [self.rows.outcomes.index(outcome) for outcome in self.outcomes]
        return self.rows.deciles[index][:, columns].T

    def n_learning(self) -> int:
        """Rows that models learn from in an epoch, counted once for each model."""
        index = np.arange(len(self.rows))
        return int(sum((self.learning_weights(f, index) > 0).sum() for f in range(len(self.folds))))

    def _validation_rows(self, f: int, index: Index) -> npt.NDArray[np.bool_]:
        rows: npt.NDArray[np.bool_] = self.validation_areas[f][:, self.rows.area[index]]
        return rows


def plan_assignments(
    rows: TrainingRows,
    *,
    validation_share: float,
    seed: int,
    train_size: float = 1.0,
    folds: Sequence[int] | None = None,
    held_out_deciles: Sequence[int] = (),
) -> tuple[Assignments, list[str]]:
    """Assignments of all outcomes that can be learned in every fold, and notes on those that cannot, or not wholly.

    Where no row is in a fold, there is one model an outcome, THE_ONE_MODEL. Where rows are VALIDATED, every model is
    validated on them, else on a share of the areas that it may learn from, drawn by `seed`.

    Args:
        train_size: below 1 only that share of the areas is learned from. Those of a smaller size are among those of a
            larger one, and validation areas are the same for all, so that sizes can be compared.
        folds: those to train; None: all. Their models are the same, whichever others are trained.
        held_out_deciles: the rows of these deciles of an outcome are held out from its models.
    """
    all_folds = tuple(int(fold) for fold in np.unique(rows.fold) if fold >= 0) or (THE_ONE_MODEL,)
    areas, outcomes = int(rows.area.max()) + 1, len(rows.outcomes)
    areas_to_learn, validation = np.zeros((2, len(all_folds), outcomes, areas), bool)
    weights = np.zeros((len(all_folds), outcomes, N_DECILES + 1), np.float32)
    learns, validates = np.zeros((2, len(all_folds), len(rows)), bool)
    set_aside = rows.fold == VALIDATED
    for f, fold in enumerate(all_folds):
        order, smaller = (
            np.random.default_rng([use, seed, fold]).permutation(areas) for use in (VALIDATION, TRAIN_SIZE)
        )
        for o in range(outcomes):
            deciles = rows.deciles[:, o]
            own = (rows.fold != fold) & (deciles > 0) & ~np.isin(deciles, held_out_deciles)
            if set_aside.any():
                validation[f, o, rows.area[own & set_aside]] = True
            else:
                validation[f, o, _validation_areas(rows.area[own], order, validation_share)] = True
            validating = own & validation[f, o, rows.area]
            areas_to_learn[f, o, _learning_areas(rows.area[own & ~validating], smaller, train_size)] = True
            learning = own & areas_to_learn[f, o, rows.area]
            weights[f, o] = class_weights(deciles[learning].astype(np.int64))
            learns[f] |= learning
            validates[f] |= validating
    assignments = Assignments(
        rows,
        all_folds,
        all_folds,
        rows.outcomes,
        weights,
        areas_to_learn,
        validation,
        learns,
        validates,
        tuple(held_out_deciles),
    )
    chosen = all_folds if folds is None else sorted(folds)
    return _without_hopeless(assignments.part([all_folds.index(fold) for fold in chosen], range(outcomes)))


def _validation_areas(known: npt.NDArray[np.int32], order: Index, share: float) -> Index:
    """The first `share` of the areas that stand in `known`, in `order`; at least one, but never the only one.

    The order is the same for all outcomes, so outcomes that are known in the same areas share their choice.
    """
    candidates = _in_order(known, order)
    return candidates[: max(1, round(share * len(candidates)))] if len(candidates) > 1 else candidates[:0]


def _learning_areas(known: npt.NDArray[np.int32], order: Index, size: float) -> Index:
    candidates = _in_order(known, order)
    return candidates[: max(1, round(size * len(candidates)))]


def _in_order(known: npt.NDArray[np.int32], order: Index) -> Index:
    """The areas that stand in `known`, in `order`."""
    there = np.bincount(known, minlength=len(order)) > 0
    candidates: Index = order[there[order]]
    return candidates


def _without_hopeless(assignments: Assignments) -> tuple[Assignments, list[str]]:
    """The assignments without outcomes that lack rows to learn from in some fold, and notes on what is missing."""
    kept: list[int] = []
    notes: list[str] = []
    has_folds = len(assignments.all_folds) > 1
    expected = np.isin(np.arange(1, N_DECILES + 1), assignments.held_out_deciles)
    for o, outcome in enumerate(assignments.outcomes):
        empty = assignments.class_weights[:, o, 1:] == 0
        hopeless = (empty.sum(axis=1) > N_DECILES - 2) | ~assignments.validation_areas[:, o].any(axis=1)
        if hopeless.any():
            folds = ", ".join(str(assignments.folds[f]) for f in np.flatnonzero(hopeless))
            where = f"without fold {folds} there" if has_folds else "there"
            notes.append(
                f"{outcome} is skipped: {where} are too few areas of different deciles to learn from and to validate on"
            )
            continue
        kept.append(o)
        empty &= ~expected
        missing = [
            f"{', '.join(map(str, np.flatnonzero(empty[f]) + 1))}{f' without fold {fold}' if has_folds else ''}"
            for f, fold in enumerate(assignments.folds)
            if empty[f].any()
        ]
        if missing:
            notes.append(f"{outcome}: no location to learn from in decile(s) {'; '.join(missing)}")
    return assignments.part(range(len(assignments.folds)), kept), notes
