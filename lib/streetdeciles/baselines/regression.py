"""The baselines `ridge`, `covariates` and `boosting`: scikit-learn's models on numbers of areas."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PENALTIES = np.logspace(-2, 6, 25)
"""Ridge's penalties to choose from; the columns are standardised, or principal components of such."""

BOOSTED_COMPONENTS = 64
"""Trees find little in later components, and need time for each."""

MIN_ROWS_TO_BOOST = 10


def ridge(components: Floats, deciles: Floats, learned: Flags) -> Floats:
    """Ridge regression of the deciles, for every row; the penalty is chosen by leaving out one learned area at a time.

    Args:
        components: [rows, components].
        deciles: [rows]; only those of the `learned` rows are read.
        learned: the rows to learn from, at least three.
    """
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(alphas=PENALTIES).fit(components[learned], deciles[learned])
    return np.asarray(model.predict(components), np.float64)


def boosting(components: Floats, deciles: Floats, learned: Flags, *, seed: int) -> Floats:
    """Gradient-boosted trees on the first components; a fifth of the learned areas says when to stop."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    first = components[:, :BOOSTED_COMPONENTS]
    model = HistGradientBoostingRegressor(
        learning_rate=0.05,
        max_iter=300,
        max_leaf_nodes=15,
        min_samples_leaf=min(20, max(2, int(learned.sum()) // 20)),
        early_stopping=True,
        validation_fraction=0.2,
        random_state=seed,
    ).fit(first[learned], deciles[learned])
    return np.asarray(model.predict(first), np.float64)
