"""Which model learns from which rows: folds, validation areas, unknown deciles, outcomes that cannot be learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planted_rows import FOLDS, planted_rows
from streetdeciles.training.assignments import Assignments, plan_assignments
from streetdeciles.training.cache import TrainingRows, Units
from streetdeciles.training_set.fold_codes import LEARNED, VALIDATED


@pytest.fixture(scope="module")
def rows() -> TrainingRows:
    return planted_rows()


@pytest.fixture(scope="module")
def assignments(rows: TrainingRows) -> Assignments:
    return plan_assignments(rows, validation_share=0.2, seed=5)[0]


def roles(assignments: Assignments, fold_index: int, outcome_index: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row is learned from, and whether it validates."""
    everything = np.arange(len(assignments.rows))
    learning = assignments.learning_weights(fold_index, everything)[outcome_index] > 0
    return learning, assignments.validation_weights(fold_index, everything)[outcome_index] > 0


def test_models_are_outcomes_by_folds(assignments: Assignments) -> None:
    assert assignments.models == tuple((f"outcome_{o}", fold) for fold in range(FOLDS) for o in range(2))


@pytest.mark.parametrize("fold", range(FOLDS))
@pytest.mark.parametrize("outcome_index", range(2))
def test_a_row_is_held_out_or_learned_from_or_validates(
    assignments: Assignments, fold: int, outcome_index: int
) -> None:
    learning, validating = roles(assignments, fold, outcome_index)
    held_out = assignments.rows.fold == fold
    np.testing.assert_array_equal(held_out.astype(int) + learning + validating, 1)
    area = assignments.rows.area
    assert not {*area[learning]} & {*area[validating]}
    assert len({*area[validating]}) == 12  # 0.2 of the 60 areas of the other folds


def test_outcomes_of_a_fold_share_validation_areas_and_folds_do_not(assignments: Assignments) -> None:
    validation = assignments.validation_areas
    np.testing.assert_array_equal(validation[:, 0], validation[:, 1])
    assert not np.array_equal(validation[0], validation[1])


def test_validation_areas_depend_on_the_seed_alone(rows: TrainingRows, assignments: Assignments) -> None:
    again, other = (plan_assignments(rows, validation_share=0.2, seed=seed)[0] for seed in (5, 6))
    more = plan_assignments(rows, validation_share=0.3, seed=5)[0]
    np.testing.assert_array_equal(again.validation_areas, assignments.validation_areas)
    assert not np.array_equal(other.validation_areas, assignments.validation_areas)
    assert (more.validation_areas >= assignments.validation_areas).all()


def test_a_smaller_training_is_part_of_a_larger_one(rows: TrainingRows, assignments: Assignments) -> None:
    learned: list[set[int]] = []
    for size, n in ((0.1, 5), (0.5, 24), (1.0, 48)):  # of the 48 areas that do not validate
        smaller, _ = plan_assignments(rows, validation_share=0.2, seed=5, train_size=size)
        np.testing.assert_array_equal(smaller.validation_areas, assignments.validation_areas)
        learning, _ = roles(smaller, 1, 0)
        learned.append({*rows.area[learning].tolist()})
        assert len(learned[-1]) == n
        assert smaller.n_learning() == 6 * 4 * n
        assert smaller.learns[1].sum() == 4 * n
        weights = smaller.learning_weights(1, np.arange(len(rows)))[0]
        assert weights[learning].mean() == pytest.approx(1, rel=1e-5)
    assert learned[0] < learned[1] < learned[2]


def test_areas_of_a_smaller_training_depend_on_the_seed(rows: TrainingRows) -> None:
    one, again, other = (
        plan_assignments(rows, validation_share=0.2, seed=seed, train_size=0.5)[0].learning_areas for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_classes_are_balanced_over_the_rows_of_each_model(assignments: Assignments) -> None:
    for f in range(FOLDS):
        weights = assignments.learning_weights(f, np.arange(len(assignments.rows)))[0]
        by_decile = [weights[assignments.rows.deciles[:, 0] == decile].sum() for decile in range(1, 11)]
        np.testing.assert_allclose(by_decile, (weights > 0).sum() / 10, rtol=1e-5)


def test_rows_with_an_unknown_decile_are_not_used(rows: TrainingRows) -> None:
    deciles = rows.deciles.copy()
    deciles[rows.area < 30, 1] = 0
    assignments, _ = plan_assignments(replace(rows, deciles=deciles), validation_share=0.2, seed=5)
    assert assignments.outcomes == rows.outcomes
    for f in range(FOLDS):
        for role in roles(assignments, f, 1):
            assert role.any()
            assert not role[rows.area < 30].any()


def test_an_outcome_with_too_few_areas_is_skipped_with_a_note(rows: TrainingRows) -> None:
    deciles = rows.deciles.copy()
    deciles[rows.area != 7, 0] = 0
    assignments, notes = plan_assignments(replace(rows, deciles=deciles), validation_share=0.2, seed=5)
    assert assignments.outcomes == ("outcome_1",)
    assert len(notes) == 1
    assert "outcome_0 is skipped: without fold 0, 1, 2" in notes[0]


def test_an_outcome_with_an_empty_class_is_learned_with_a_note(rows: TrainingRows) -> None:
    deciles = rows.deciles.copy()
    deciles[(deciles[:, 0] == 4) & (rows.fold != 1), 0] = 5
    assignments, notes = plan_assignments(replace(rows, deciles=deciles), validation_share=0.2, seed=5)
    assert assignments.outcomes == rows.outcomes
    assert notes == ["outcome_0: no location to learn from in decile(s) 4 without fold 1"]


def test_a_part_keeps_what_its_models_learn_from(assignments: Assignments) -> None:
    part = assignments.part([2], [1])
    assert part.models == (("outcome_1", 2),)
    everything = np.arange(len(assignments.rows))
    np.testing.assert_array_equal(part.learning_weights(0, everything), assignments.learning_weights(2, everything)[1:])
    assert assignments.n_learning() == sum(assignments.part([f], [0, 1]).n_learning() for f in range(FOLDS))


def in_parts(rows: TrainingRows, *parts: int) -> TrainingRows:
    """`rows` with these parts in place of folds 0, 1, 2."""
    return replace(rows, fold=np.array(parts, np.int32)[rows.fold])


def test_a_held_out_part_is_not_seen_by_the_one_model(rows: TrainingRows) -> None:
    assignments, notes = plan_assignments(in_parts(rows, 0, LEARNED, LEARNED), validation_share=0.2, seed=5)
    assert notes == []
    assert assignments.models == (("outcome_0", 0), ("outcome_1", 0))
    for o in range(2):
        learning, validating = roles(assignments, 0, o)
        np.testing.assert_array_equal((rows.fold == 0).astype(int) + learning + validating, 1)
        assert len({*rows.area[validating]}) == 12
    np.testing.assert_array_equal(assignments.held_out(0, np.arange(len(rows))), [rows.fold == 0] * 2)


def test_a_validation_part_validates_the_model(rows: TrainingRows) -> None:
    assignments, _ = plan_assignments(in_parts(rows, 0, VALIDATED, LEARNED), validation_share=0.2, seed=5)
    for o in range(2):
        learning, validating = roles(assignments, 0, o)
        np.testing.assert_array_equal(validating, rows.fold == 1)
        np.testing.assert_array_equal(learning, rows.fold == 2)


def test_held_out_deciles_are_seen_by_no_model_of_the_outcome(rows: TrainingRows) -> None:
    parts = in_parts(rows, LEARNED, LEARNED, LEARNED)
    assignments, notes = plan_assignments(parts, validation_share=0.2, seed=5, held_out_deciles=[1, 7])
    assert notes == []  # it is no gap that nothing of these deciles is learned from
    for o in range(2):
        learning, validating = roles(assignments, 0, o)
        held_out = np.isin(rows.deciles[:, o], [1, 7])
        np.testing.assert_array_equal(held_out.astype(int) + learning + validating, 1)
        np.testing.assert_array_equal(assignments.held_out(0, np.arange(len(rows)))[o], held_out)
        assert not {*rows.area[learning]} & {*rows.area[validating]}
        weights = assignments.learning_weights(0, np.arange(len(rows)))[o]
        for decile in {*range(1, 11)} - {1, 7}:
            of_decile = weights[rows.deciles[:, o] == decile].sum()
            assert of_decile == pytest.approx(learning.sum() / 8, rel=1e-5)


def test_without_held_out_rows_all_are_learned_from_or_validate(rows: TrainingRows) -> None:
    assignments, _ = plan_assignments(in_parts(rows, LEARNED, LEARNED, LEARNED), validation_share=0.2, seed=5)
    learning, validating = roles(assignments, 0, 0)
    np.testing.assert_array_equal(learning.astype(int) + validating, 1)
    assert len({*rows.area[validating]}) == 18  # 0.2 of 90 areas
    assert not assignments.held_out(0, np.arange(len(rows))).any()


def test_one_fold_alone_has_the_same_assignments_as_among_all(rows: TrainingRows, assignments: Assignments) -> None:
    one, _ = plan_assignments(rows, validation_share=0.2, seed=5, folds=[2])
    part = assignments.part([2], [0, 1])
    assert one.models == part.models == (("outcome_0", 2), ("outcome_1", 2))
    assert one.all_folds == part.all_folds
    for name in ("class_weights", "learning_areas", "validation_areas", "learns", "validates"):
        np.testing.assert_array_equal(getattr(one, name), getattr(part, name))


def test_a_skipped_outcome_without_folds_has_a_note(rows: TrainingRows) -> None:
    deciles = rows.deciles.copy()
    deciles[rows.area != 7, 0] = 0
    parts = in_parts(replace(rows, deciles=deciles), 0, LEARNED, LEARNED)
    assignments, notes = plan_assignments(parts, validation_share=0.2, seed=5)
    assert assignments.outcomes == ("outcome_1",)
    assert notes == [
        "outcome_0 is skipped: too few areas of different deciles are left to learn from and to validate on"
    ]


def with_units(rows: TrainingRows, **values: np.ndarray | dict[int, np.ndarray]) -> TrainingRows:
    nothing = np.zeros(rows.area.max() + 1, np.int32)
    return replace(rows, units=Units(**{"region": nothing, "block": nothing - 1, "in_buffer": {}, **values}))  # type: ignore[arg-type]


def test_a_model_does_not_see_the_buffer_of_its_fold(rows: TrainingRows) -> None:
    near = np.arange(90) % 5 == 0
    assignments, _ = plan_assignments(with_units(rows, in_buffer={1: near}), validation_share=0.2, seed=5)
    for f in range(FOLDS):
        learning, validating = roles(assignments, f, 0)
        unused = (rows.fold == f) | (near[rows.area] if f == 1 else False)
        np.testing.assert_array_equal(unused.astype(int) + learning + validating, 1)
        assert assignments.held_out(f, np.arange(len(rows)))[0].sum() == (rows.fold == f).sum()


def test_blocks_validate_as_a_whole(rows: TrainingRows) -> None:
    block = (np.arange(90) // 6).astype(np.int32)  # 15 blocks
    folds = (block % FOLDS).astype(np.int32)
    in_blocks = with_units(replace(rows, fold=folds[rows.area]), block=block)
    assignments, _ = plan_assignments(in_blocks, validation_share=0.2, seed=5)
    for f in range(FOLDS):
        learning, validating = roles(assignments, f, 0)
        of_learning, of_validation = ({*block[rows.area[role]]} for role in (learning, validating))
        assert len(of_validation) == 2  # 0.2 of the 10 blocks of the other folds
        assert not of_learning & of_validation
        assert of_learning | of_validation == {*range(15)} - {*range(f, 15, FOLDS)}


@pytest.mark.parametrize("size", [0.1, 0.2, 0.5, 0.75])
def test_a_smaller_training_has_its_share_of_every_decile_and_region(rows: TrainingRows, size: float) -> None:
    region = (np.arange(90) < 30).astype(np.int32)
    in_regions = with_units(rows, region=region)
    whole, smaller = (
        plan_assignments(in_regions, validation_share=0.2, seed=5, train_size=share)[0].learning_areas[1, 0]
        for share in (1.0, size)
    )
    assert (smaller <= whole).all()
    deciles = np.zeros(90, int)
    deciles[rows.area] = rows.deciles[:, 0]
    for key in (deciles, 100 * region):
        for value in np.unique(key):
            n_all = (whole & (key == value)).sum()
            # Within a class of region and decile the number is right to one half, and there are 2 or 10 such classes.
            assert abs((smaller & (key == value)).sum() - size * n_all) <= (1.5 if key is deciles else 5.5)
