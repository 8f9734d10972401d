"""A stack in training: the models of a layout in one network with their optimizer, one epoch at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from streetdeciles.config import TrainingConfig
from streetdeciles.ordinal import SCORE_BINS
from streetdeciles.ordinal.network import NetworkShape, Weights
from streetdeciles.ordinal.stacked_network import empty_stack
from streetdeciles.training.adam import StackedAdam
from streetdeciles.training.assignments import Assignments
from streetdeciles.training.batches import StackedBatch, learning_batches, prefetched, validation_batches
from streetdeciles.training.best_models import BestModels
from streetdeciles.training.cache import TrainingRows
from streetdeciles.training.checkpoints import TrainingState
from streetdeciles.training.feature_source import FeatureSource
from streetdeciles.training.history import HistoryRow
from streetdeciles.training.layout import Layout
from streetdeciles.training.plan import TrainingPlan
from streetdeciles.training.steps import Metrics, learning_steps

MAX_SHRUNK_SHARE = 0.9
MIN_SAVED_MODEL_ROWS = 10_000
"""Models that have stopped leave the stack if it then has less than MAX_SHRUNK_SHARE of its models, and if this saves
at least MIN_SAVED_MODEL_ROWS before the others can stop: more time than a new network takes to compile, two seconds."""

logger = logging.getLogger(__name__)


class TrainingStack:
    """The models of a layout in one network, with their optimizer; takes and returns arrays of all
    `assignments.models`."""

    def __init__(self, assignments: Assignments, plan: TrainingPlan, layout: Layout) -> None:
        settings = plan.settings
        self.assignments = assignments
        self.plan = plan
        self.layout = layout
        self.shape = network_shape(assignments.rows, settings)
        self.network = empty_stack(
            self.shape,
            layout.models.size,
            sets=len(layout.model_indices),
            seed=plan.seed,
            precision="mixed_bfloat16" if plan.precision == "bfloat16" else "float32",
            weight_decay=settings.weight_decay,
            frozen=settings.freeze,
        )
        optimizer = StackedAdam(settings.learning_rate, layout.models.size)
        self.network.compile(optimizer=optimizer, jit_compile=_compiles())
        optimizer.build(self.network.trainable_variables)
        self._learning_steps = learning_steps(self.network)

    def learn(
        self,
        source: FeatureSource,
        order: tuple[int, ...],
        best: BestModels,
        on_batch: Callable[[int], None],
    ) -> npt.NDArray[np.float64]:
        """One epoch of the models that still learn; mean loss, absolute error and hits [3, all models]."""
        self.network.optimizer.rate_shares.assign(best.rate_share[self.layout.models])
        batches = learning_batches(
            self.assignments,
            self.layout,
            source,
            batch_size=self.plan.batch_size,
            seed=order,
            balanced=self.plan.settings.balanced_batches,
        )
        still_learning = best.learning[self.layout.models]
        return self._mean_by_model(_without_stopped(batches, still_learning), on_batch, learns=True)[0]

    def validate(self, source: FeatureSource) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Mean loss, absolute error and hits [3, all models], and the counts of scores [SCORE_BINS, all models]."""
        batches = validation_batches(self.assignments, self.layout, source, batch_size=self.plan.batch_size)
        return self._mean_by_model(batches)

    def weights_of(self, models: list[int]) -> list[Weights]:
        """The weights of some of `assignments.models`, by their indices."""
        return self.network.get_model_weights(self.layout.stack_indices(models))

    def is_worth_shrinking(self, learning: npt.NDArray[np.bool_]) -> bool:
        """Whether a stack without the models that have stopped saves more than a new network costs to compile.

        Decided by counts, not by clocks, so that every run of a training decides alike.
        """
        size, smaller_size = self.layout.models.size, self.layout.without(~learning).models.size
        if smaller_size >= MAX_SHRUNK_SHARE * size:
            return False  # before all rows are counted, because every epoch asks
        rows_per_model = self.assignments.n_learning() / len(self.assignments.models)
        return (size - smaller_size) * rows_per_model * self.plan.settings.patience >= MIN_SAVED_MODEL_ROWS

    def without(self, stopped: npt.NDArray[np.bool_]) -> TrainingStack:
        """A smaller stack of the models that have not stopped, in the state of this one."""
        layout = self.layout.without(stopped)
        smaller = TrainingStack(self.assignments, self.plan, layout)
        kept = self.layout.stack_indices(layout.models.tolist())
        for old, new in zip(self._variables(), smaller._variables(), strict=True):
            value = keras.ops.convert_to_numpy(old)
            has_model_axis = value.shape and old is not self.network.noise_seed.state
            new.assign(value[kept] if has_model_axis else value)
        logger.info("training: continues with %d of %d models", layout.models.size, self.layout.models.size)
        return smaller

    def state(self, best: BestModels, history: list[HistoryRow]) -> TrainingState:
        """What a checkpoint holds."""
        variables = {f"variable_{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self._variables())}
        return TrainingState(history, {**variables, "layout": self.layout.model_indices, **best.arrays()})

    def restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Take over the variables of a checkpoint."""
        for i, variable in enumerate(self._variables()):
            variable.assign(arrays[f"variable_{i}"])

    def _variables(self) -> list[Any]:
        """Weights, normalisation statistics, the seed of the noise, and Adam's moments and step count."""
        return [*self.network.variables, *self.network.optimizer.variables]

    def _validation_steps(self, batches: Iterable[StackedBatch]) -> Iterator[Metrics]:
        return (self.network.test_on_batch(batch.inputs, batch.deciles, return_dict=True) for batch in batches)

    def _mean_by_model(
        self,
        batches: Iterable[StackedBatch],
        on_batch: Callable[[int], None] = lambda model_rows: None,
        *,
        learns: bool = False,
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Over each model's rows of all batches: mean loss, absolute error and hits [3, all models], and counts of
        the scores [SCORE_BINS, all models]."""
        steps = self._learning_steps if learns else self._validation_steps
        sums = np.zeros((4, len(self.assignments.models)))
        scores = np.zeros((SCORE_BINS, len(self.assignments.models)), np.int64)
        for metrics in steps(prefetched(batches)):
            by_model = np.asarray(metrics["by_model"], np.float64)
            sums[:, self.layout.models] += by_model
            scores[:, self.layout.models] += np.asarray(metrics["score_counts"]).astype(np.int64)
            on_batch(int(by_model[0].sum()))
        return sums[1:] / np.maximum(sums[0], 1), scores


def network_shape(rows: TrainingRows, settings: TrainingConfig) -> NetworkShape:
    """The shape of the network for these rows."""
    return shape_of_input(*rows.features.shape[1:], settings=settings)


def shape_of_input(views: int, features: int, *, settings: TrainingConfig) -> NetworkShape:
    """The shape of the network for `views` per location and `features` per view."""
    units = tuple(settings.view_units), tuple(settings.location_units)
    return NetworkShape(views, features, *units, settings.noise, settings.variant)


def _without_stopped(batches: Iterable[StackedBatch], still_learning: npt.NDArray[np.bool_]) -> Iterator[StackedBatch]:
    """`batches` in which the rows of models that have stopped have weight 0."""
    for batch in batches:
        batch.inputs["row_weights"][~still_learning] = 0
        yield batch


def _compiles() -> bool:
    """XLA makes steps of TensorFlow on a CPU slower, not faster; JAX needs it."""
    return bool(keras.backend.backend() == "jax")
