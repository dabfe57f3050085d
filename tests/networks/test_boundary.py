"""USDB: which points are taken, on classifiers whose boundary is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srnet.networks.boundary import boundary_points


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def two_classes(x: np.ndarray) -> np.ndarray:
    """The boundary is x0 = 0."""
    p = 1 / (1 + np.exp(-x[:, 0]))
    return np.column_stack([p, 1 - p])


def quadrants(x: np.ndarray) -> np.ndarray:
    """Four classes, one per quadrant; all four are as likely at the origin."""
    across, up = 1 / (1 + np.exp(-3 * x[:, 0])), 1 / (1 + np.exp(-3 * x[:, 1]))
    return np.column_stack(
        [across * up, across * (1 - up), (1 - across) * up, (1 - across) * (1 - up)]
    )


def test_of_two_classes_the_points_nearest_the_boundary_are_taken() -> None:
    box = [(-5.0, 5.0), (10.0, 20.0)]
    kept = boundary_points(two_classes, box, rng())
    drawn = rng().uniform([-5, 10], [5, 20], (10000, 2))
    distance = np.sort(np.abs(drawn[:, 0]))
    assert kept.shape == (1000, 2)
    assert np.abs(kept[:, 0]).max() == pytest.approx(distance[999])
    assert (
        len(np.unique(kept[:, 0])) == 1000
    )  # a point counts once, though it is as near for both classes
    assert kept[:, 1].min() < 10.1  # along the whole of the boundary
    assert kept[:, 1].max() > 19.9


def test_every_class_gets_its_share() -> None:
    """The literal rule: class by class, the points not yet taken, by their distance."""
    box = [(-2.0, 2.0), (-2.0, 2.0)]
    kept = boundary_points(quadrants, box, rng(1), draws=500, keep=102)
    drawn = rng(1).uniform(-2, 2, (500, 2))
    found = quadrants(drawn)
    taken: list[int] = []
    for column in range(4):
        free = [i for i in range(500) if i not in taken]
        taken += sorted(free, key=lambda i: abs(found[i, column] - 0.25))[:25]
    np.testing.assert_array_equal(kept, drawn[sorted(taken)])


def test_a_constant_classifier_gives_points_all_the_same() -> None:
    box = [(0.0, 1.0)]
    drawn = rng().uniform(0, 1, (10000, 1))
    same = boundary_points(lambda x: np.tile([0.9, 0.1], (len(x), 1)), box, rng())
    np.testing.assert_array_equal(same, drawn[:1000])
    sure = boundary_points(
        lambda x: two_classes(x + 5), box, rng()
    )  # one class in all of the box: the least sure
    np.testing.assert_array_equal(sure[:, 0], drawn[np.sort(np.argsort(drawn[:, 0])[:1000]), 0])


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 80), st.integers(1, 3))
def test_as_many_as_said_all_in_the_box(seed: int, draws: int, keep: int, inputs: int) -> None:
    box = [(-1.0, 3.0), (2.0, 2.0), (1e6, 1e6 + 1)][:inputs]
    kept = boundary_points(two_classes, box, rng(seed), draws, keep)
    assert kept.shape == (min(2 * (keep // 2), draws), inputs)
    low, high = np.transpose(box)
    assert ((kept >= low) & (kept <= high)).all()
    np.testing.assert_array_equal(kept, boundary_points(two_classes, box, rng(seed), draws, keep))
