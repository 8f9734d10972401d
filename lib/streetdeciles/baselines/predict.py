"""Every baseline's deciles of the held-out areas."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streetdeciles.baselines.areas import Areas, Flags, Floats, Part, as_deciles
from streetdeciles.baselines.components import principal_components
from streetdeciles.baselines.neighbours import Neighbours
from streetdeciles.baselines.regression import MIN_ROWS_TO_BOOST, boosting, ridge
from streetdeciles.methods import BOOSTING, COVARIATES, MEDIAN, NEIGHBOURS, RIDGE

if TYPE_CHECKING:
    import pandas as pd

MIN_LEARNED = 3
"""With fewer areas to learn from there is only the median."""

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]
Rule = Callable[[Part, Floats], Floats]
"""From a part and the deciles [areas] to a prediction for each area; NaN where there is none."""


def predict_areas(
    areas: Areas,
    *,
    held_out_deciles: Sequence[int] | None = None,
    pooled: Array | None = None,
    covariates: Floats | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """`region`, `area_id`, `outcome`, `model` and `decile` of every baseline, outcome and held-out area.

    An area that is held out in several folds has the mean of their predictions. Areas without a centre have no
    `neighbours`.

    Args:
        areas: what is known of the areas.
        held_out_deciles: those of the split `by_class`.
        pooled: features of each area [areas, columns] for `ridge` and `boosting`; None for neither.
        covariates: the user's columns [areas, columns], NaN where unknown, for `covariates`; None for no such baseline.
        seed: decides which areas stop the boosting.
    """
    import pandas as pd

    rules = _rules(areas, pooled, covariates, seed)
    parts = {outcome: [*areas.parts(outcome, held_out_deciles)] for outcome in areas.deciles}
    means = {(outcome, model): _Mean(len(areas.keys)) for outcome in parts for model in rules}
    # Part by part, so that outcomes that are known in the same areas share the part's principal components.
    for of_outcomes in zip(*parts.values(), strict=True):
        for outcome, part in zip(parts, of_outcomes, strict=True):
            for model, rule in rules.items():
                if part.learned.sum() >= (1 if model == MEDIAN else MIN_LEARNED):
                    logger.debug("baseline %s of %s: %d areas to learn from", model, outcome, part.learned.sum())
                    means[outcome, model].add(np.where(part.held_out, rule(part, areas.deciles[outcome]), np.nan))
    frames = []
    for (outcome, model), mean in means.items():
        is_predicted = mean.n > 0
        deciles = as_deciles(mean.total[is_predicted] / mean.n[is_predicted])
        frames.append(areas.keys[is_predicted].assign(outcome=outcome, model=model, decile=deciles))
    return pd.concat(frames, ignore_index=True)


class _Mean:
    """The mean of each area's predictions, of which each may be unknown (NaN)."""

    def __init__(self, n_areas: int) -> None:
        self.total, self.n = np.zeros(n_areas), np.zeros(n_areas)

    def add(self, predicted: Floats) -> None:
        self.total += np.nan_to_num(predicted)
        self.n += np.isfinite(predicted)


def _rules(areas: Areas, pooled: Array | None, covariates: Floats | None, seed: int) -> dict[str, Rule]:
    rules: dict[str, Rule] = {MEDIAN: _median}
    if np.isfinite(areas.points).all(axis=1).sum() > MIN_LEARNED:
        rules[NEIGHBOURS] = _Neighbours(areas.points)
    if covariates is not None:
        rules[COVARIATES] = _Ridge(_Components(lambda learned: _filled(covariates, learned)))
    if pooled is not None:
        components = _Components(lambda learned: pooled)
        rules[RIDGE] = _Ridge(components)
        rules[BOOSTING] = _Boosting(components, seed)
    return rules


def _median(part: Part, deciles: Floats) -> Floats:
    return np.full(len(deciles), np.rint(np.median(deciles[part.learned])))


class _Neighbours:
    """Those of a part are kept for the next outcome, which mostly is known in the same areas."""

    def __init__(self, points: Floats) -> None:
        self._points = points
        self._has_point = np.isfinite(points).all(axis=1)
        self._kept: dict[bytes, Neighbours] = {}

    def __call__(self, part: Part, deciles: Floats) -> Floats:
        learned, held_out = part.learned & self._has_point, part.held_out & self._has_point
        predicted = np.full(len(deciles), np.nan)
        if learned.sum() >= MIN_LEARNED and held_out.any():
            key = learned.tobytes() + held_out.tobytes()
            if key not in self._kept:
                self._kept = {key: Neighbours(self._points[learned], self._points[held_out])}
            predicted[held_out] = self._kept[key].deciles(deciles[learned])
        return predicted


class _Components:
    """The principal components for a set of areas to learn from; the last one's are kept for the next outcome."""

    def __init__(self, columns: Callable[[Flags], Array]) -> None:
        self._columns = columns
        self._kept: dict[bytes, Floats] = {}

    def __call__(self, learned: Flags) -> Floats:
        key = learned.tobytes()
        if key not in self._kept:
            self._kept = {key: principal_components(self._columns(learned), learned)}
        return self._kept[key]


class _Ridge:
    def __init__(self, components: _Components) -> None:
        self._components = components

    def __call__(self, part: Part, deciles: Floats) -> Floats:
        return ridge(self._components(part.learned), deciles, part.learned)


class _Boosting:
    def __init__(self, components: _Components, seed: int) -> None:
        self._components, self._seed = components, seed

    def __call__(self, part: Part, deciles: Floats) -> Floats:
        if part.learned.sum() < MIN_ROWS_TO_BOOST:
            return np.full(len(deciles), np.nan)
        return boosting(self._components(part.learned), deciles, part.learned, seed=self._seed)


def _filled(columns: Floats, learned: Flags) -> Floats:
    """Unknown values replaced by the mean of the learned areas; 0 where none of these is known."""
    known = np.isfinite(columns[learned])
    sums = np.where(known, columns[learned], 0).sum(axis=0)
    return np.where(np.isfinite(columns), columns, sums / np.maximum(known.sum(axis=0), 1))
