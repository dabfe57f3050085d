"""Boxes of rows; the rows of tasks themselves are tested in test_tasks.py."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from srnet.data.dataset import task_boxes, widen_box
from srnet.data.tasks import Csv, load_tasks

ROOT = Path(__file__).parents[2]
ROWS = np.array([[0.0, -4.0], [10.0, -2.0], [3.0, -3.0]])


def test_a_box_is_widened_about_its_middle() -> None:
    for factor, low, high in (
        (1.0, [0, -4], [10, -2]),
        (2.0, [-5, -5], [15, -1]),
        (1.2, [-1, -4.2], [11, -1.8]),
    ):
        np.testing.assert_allclose(widen_box(ROWS, factor), (low, high), rtol=1e-15)


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300), st.floats(1, 100))
def test_a_wider_box_holds_the_rows(a: float, b: float, factor: float) -> None:
    low, high = widen_box(np.array([[a], [b]]), factor)
    rounding = 4 * np.finfo(float).eps * max(abs(a), abs(b))
    assert low <= min(a, b) + rounding
    assert high >= max(a, b) - rounding


def test_the_largest_numbers_do_not_overflow() -> None:
    largest = np.finfo(np.float64).max
    low, high = widen_box(np.array([[-largest], [largest]]), 1.0)
    assert (low, high) == (-largest, largest)


def test_boxes_of_a_formula_are_its_own_and_of_a_table_its_rows() -> None:
    task = load_tasks(ROOT / "config" / "tasks.yaml")["K0"]
    boxes = task_boxes(task, ROWS)
    assert {split: (*low, *high) for split, (low, high) in boxes.items()} == {
        "train": (-1, 1),
        "valid": (-2, 2),
        "test": (-5, 5),
    }
    table = replace(task, source=Csv(Path("t.csv"), "y", {"valid": 1.2, "test": 2.0}))
    boxes = task_boxes(table, ROWS)
    np.testing.assert_array_equal(boxes["train"], ([0, -4], [10, -2]))
    np.testing.assert_array_equal(boxes["test"], ([-5, -5], [15, -1]))
    np.testing.assert_array_equal(boxes["valid"], widen_box(ROWS, 1.2))
