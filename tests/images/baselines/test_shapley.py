"""Shapley and Owen values by the package ``shap``, against their definition."""

import itertools
import math
import sys

import numpy as np
import pytest
from helpers.games import additive, arbitrary, look_up, play
from helpers.known_models import Game

from srnet.errors import UserError
from srnet.images.comparison.baselines.kernelshap import kernelshap
from srnet.images.comparison.baselines.partitionshap import partitionshap

pytestmark = pytest.mark.slow  # shap compiles in every process

WEIGHTS = np.array([0.02, 0.13, -0.05, 0.21, 0.01, 0.08, 0.11, -0.03])


def shapley(values: np.ndarray) -> list[float]:
    """The mean of what a member adds, over all orders of the others."""
    n = int(np.log2(len(values)))
    found = []
    for i in range(n):
        others = [each for each in range(n) if each != i]
        found.append(
            sum(
                (look_up(values, {*group, i}) - look_up(values, set(group)))
                / (n * math.comb(n - 1, size))
                for size in range(n)
                for group in itertools.combinations(others, size)
            )
        )
    return found


@pytest.mark.parametrize("n", [3, 6, 8])
def test_kernelshap_of_all_sets_is_exact(n: int) -> None:
    values = arbitrary(n, seed=n)
    game = Game(values)
    asked, before = play(game), sum(game.seen)
    found = kernelshap(asked, passes=1000)
    assert found.scores == pytest.approx(shapley(values), abs=1e-5)
    assert found.passes == sum(game.seen) - before == 2**n
    assert found.ranking.tolist() == np.argsort(-found.scores).tolist()


@pytest.mark.parametrize("method", [kernelshap, partitionshap])
def test_a_sum_has_its_weights(method) -> None:
    found = method(play(additive(WEIGHTS)), passes=100)
    assert found.scores == pytest.approx(WEIGHTS, abs=1e-5)
    assert found.passes <= 100


def test_kernelshap_takes_the_passes_it_is_given() -> None:
    game = Game(arbitrary(10, seed=0))
    asked, before = play(game), sum(game.seen)
    assert kernelshap(asked, passes=150, seed=3).passes == 150 == sum(game.seen) - before


def owen(values: np.ndarray) -> list[float]:
    """Owen values of four members in pairs (0, 1) and (2, 3): orders that keep pairs together."""
    orders = [
        order
        for order in itertools.permutations(range(4))
        if {order[0], order[1]} in ({0, 1}, {2, 3})
    ]
    found = np.zeros(4)
    for order in orders:
        for place, member in enumerate(order):
            before = set(order[:place])
            found[member] += look_up(values, before | {member}) - look_up(values, before)
    return (found / len(orders)).tolist()


def test_partitionshap_joins_neighbours() -> None:
    values = arbitrary(4, seed=5)
    assert partitionshap(play(values), passes=100).scores == pytest.approx(owen(values), abs=1e-5)


@pytest.mark.parametrize("limit", [4, 11, 30])
def test_partitionshap_keeps_its_limit_and_shares_out_everything(limit: int) -> None:
    values = arbitrary(8, seed=1)
    game = Game(values)
    asked, before = play(game), sum(game.seen)
    found = partitionshap(asked, passes=limit)
    assert found.passes == sum(game.seen) - before <= limit
    assert found.scores.sum() == pytest.approx(values[-1] - values[0], abs=1e-5)


@pytest.mark.parametrize("method", [kernelshap, partitionshap])
def test_the_seed_is_the_methods_own(method) -> None:
    values = arbitrary(10, seed=0)
    np.random.seed(5)  # noqa: NPY002
    first = method(play(values), passes=60, seed=1)
    drawn = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    assert drawn == np.random.random()  # noqa: NPY002
    assert (method(play(values), passes=60, seed=1).scores == first.scores).all()
    if method is kernelshap:
        assert (method(play(values), passes=60, seed=2).scores != first.scores).any()


@pytest.mark.parametrize("method", [kernelshap, partitionshap])
def test_what_is_missing_is_one_sentence(method, monkeypatch) -> None:
    with pytest.raises(UserError, match="'passes' is 3; a whole number of at least 4"):
        method(play(additive(WEIGHTS)), passes=3)
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(
        UserError, match=r"needs the package shap; .*pip install 'srnet\[compare\]'"
    ):
        method(play(additive(WEIGHTS)))
