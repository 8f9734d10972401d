"""Confusion matrices, learning curves, intervals and colours, with numbers worked out by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from streetdeciles.report import colours
from streetdeciles.report.charts import Interval, Tick, confusion_matrix, correlation_line, learning_curves


def test_confusion_matrix_counts_by_true_row_and_predicted_column() -> None:
    counts = pd.DataFrame(
        [(1, 1, 6), (1, 2, 2), (1, 10, 2), (2, 2.5, 1), (3, 3.5, 1), (4, math.nan, 9), (math.nan, 4, 9)],
        columns=["true_decile", "decile", "n"],
    )
    matrix = confusion_matrix(counts)
    assert matrix is not None
    assert [cell.n for cell in matrix.rows[0]] == [6, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert [cell.share for cell in matrix.rows[0]][:2] == [0.6, 0.2]
    assert matrix.rows[1][1].n == 1, "2.5 goes to the even decile"
    assert matrix.rows[2][3].n == 1, "3.5 goes to the even decile"
    assert (matrix.n, matrix.exact, matrix.within_1) == (12, 7, 10)


def test_confusion_matrix_of_nothing_is_none() -> None:
    assert confusion_matrix(pd.DataFrame({"true_decile": [4.0], "decile": [math.nan], "n": [1]})) is None


def history(*rows: tuple[int, int, float, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["fold", "epoch", "loss", "val_loss", "mae", "val_mae"])


def test_learning_curves_place_epochs_and_values_on_common_axes() -> None:
    frame = history(
        (1, 2, 1.0, 2.0, 1, 0.5), (1, 1, 3.0, 3.0, 2, 2), (1, 3, 1.0, 2.5, 1, 1), (0, 1, 2.0, math.nan, 1, math.nan)
    )
    curves = learning_curves(frame, "loss", "Loss")
    assert curves is not None
    # 188 units along from 34, 120 units down from 10; the scale goes from 1 to 3.
    assert curves.x_ticks == [Tick(34.0, "1"), Tick(222.0, "3")]
    assert curves.y_ticks == [Tick(y, f"{v:g}") for y, v in [(130, 1), (100, 1.5), (70, 2), (40, 2.5), (10, 3)]]
    without, with_validation = curves.folds
    assert (without.fold, without.training, without.validation) == (0, "34.0,70.0", "")
    assert (without.best_x, without.best) == (None, "no validation")
    assert with_validation.training == "34.0,10.0 128.0,130.0 222.0,130.0"
    assert with_validation.validation == "34.0,10.0 128.0,70.0 222.0,40.0"
    assert (with_validation.best_x, with_validation.best_y, with_validation.best) == (128.0, 70.0, "epoch 2: 2.00")


def test_learning_curves_end_at_four_times_the_median() -> None:
    """Of 1, 1, 1, 2, 2 and 80 that is 6, where 80 is drawn: else nothing could be seen of the others."""
    frame = history((0, 1, 2.0, 80.0, 2, 2), (0, 2, 1.0, 2.0, 1, 1), (0, 3, 1.0, 1.0, 1, 1))
    curves = learning_curves(frame, "loss", "Loss")
    assert curves is not None
    assert [tick.label for tick in curves.y_ticks] == ["0", "2", "4", "6"]
    assert curves.folds[0].validation == "34.0,10.0 128.0,90.0 222.0,110.0"


def test_learning_curve_of_any_measure_marks_the_epoch_of_least_loss() -> None:
    curves = learning_curves(history((0, 1, 2, 2, 2, 0.1), (0, 2, 1, 1, 1, 0.5)), "mae", "MAE")
    assert curves is not None
    assert curves.folds[0].best == "epoch 2: 0.50"


def test_learning_curves_of_nothing_are_none() -> None:
    assert learning_curves(history(), "loss", "Loss") is None


def row(value: float, low: float, high: float) -> dict[str, float]:
    return {"spearman": value, "spearman_low": low, "spearman_high": high}


def test_line_is_long_enough_for_the_widest_interval() -> None:
    line = correlation_line([row(0.4, -0.45, 0.7), row(0.7, 0.55, 0.85), {}], "spearman")
    assert line.ticks == [Tick(0.0, "−0.5"), Tick(33.3, "0"), Tick(100.0, "1")]
    assert line.intervals == [
        Interval(60.0, 3.3, 80.0),
        Interval(80.0, 70.0, 90.0),
        Interval(None, None, None),
    ]


def test_line_begins_at_minus_a_quarter_where_nothing_is_lower() -> None:
    for rows in ([], [row(0.375, 0.0, 0.6875)], [{"spearman": math.nan}]):
        assert [tick.label for tick in correlation_line(rows, "spearman").ticks] == ["−0.25", "0", "1"]
    assert correlation_line([row(-0.9, -1.0, 0.0)], "spearman").ticks[0].label == "−1"


@pytest.mark.parametrize(
    ("decile", "expected"),
    [(None, 0), (math.nan, 0), (1, 1), (2.5, 2), (3.5, 4), (4.49, 4), (0.2, 1), (10.4, 10), (11, 10)],
)
def test_decile_class_rounds_halves_to_the_even_decile(decile: float | None, expected: int) -> None:
    assert colours.decile_class(decile) == expected


def test_ten_colours_differ_and_their_text_is_readable() -> None:
    assert len(set(colours.DECILE_COLOURS)) == 10
    for colour in (*colours.DECILE_COLOURS, colours.NOT_KNOWN):
        text = colours.text_colour(colour)
        assert contrast(colour, text) >= 4.5, (colour, text)


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)
