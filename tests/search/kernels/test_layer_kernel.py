"""The compiled kernel against the plain NumPy oracle, and each of its shortcuts against the long
way."""

import math

import numpy as np
import pytest
from helpers import oracle
from helpers.layer_cases import HARD, POPULATION, SEED, Case, losses, made_up, search, values
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.genome import Grid
from srnet.cgp.primitives import REGRESSION
from srnet.search.kernels import layer_kernel
from srnet.search.kernels.target import Target
from srnet.search.layerwise import LayerSearch

# exact in float32: every bit must agree
ARITHMETIC = ("add", "sub", "mul", "div", "sqrt", "square")
CASE = pytest.mark.parametrize("case", HARD.values(), ids=HARD)


@CASE
def test_values_agree_with_the_oracle(case: Case) -> None:
    """To the last bit for the exact operations, almost always for the elementary functions, which
    are rounded twice."""
    layer = case.layer(256)
    equal = compared = 0
    for key in range(80):
        genes = case.shape.random(key)
        expected = case.evaluation(genes)
        got = values(layer, np.array(genes, np.int32))
        assert got.shape == expected.f.shape
        if expected.largest_angle > 1e6:
            continue
        same = (got == expected.f) | (np.isnan(got) & np.isnan(expected.f))
        equal, compared = equal + int(same.sum()), compared + same.size
    assert equal > 0.97 * compared


@given(st.integers(0, 2**64 - 1), st.sampled_from(list(HARD)))
def test_arithmetic_agrees_to_the_last_bit(key: int, name: str) -> None:
    case = Case(HARD[name].x, HARD[name].h, HARD[name].train, ARITHMETIC)
    genes = case.shape.random(key)
    np.testing.assert_array_equal(
        values(case.layer(256), np.array(genes, np.int32)), case.evaluation(genes).f
    )


@CASE
def test_loss_of_every_offspring_agrees_with_the_oracle(case: Case) -> None:
    layer = case.layer()
    parent = layer.start()
    spread = float(np.mean((case.h - case.h[: case.train].mean(axis=0, dtype=np.float64)) ** 2))
    finite = 0
    for rate in (0.1, 0.4, 1.0):
        for number, loss in enumerate(losses(layer, parent, rate)):
            genes = case.offspring(parent, number, rate)
            f = values(layer, np.array(genes, np.int32))
            expected = oracle.mse(f, case.h, case.train)
            if not math.isfinite(expected):
                assert loss == math.inf
                continue
            lost = 1e-15 * oracle.conditioning(
                f, case.train, case.train
            )  # digits that the common pivot costs
            if lost > 1e-4:
                continue
            finite += 1
            assert loss / layer.target.elements == pytest.approx(
                expected, rel=1e-9 + lost, abs=(1e-9 + lost) * spread
            ), genes
    assert finite > POPULATION  # else the case shows nothing


@CASE
@pytest.mark.parametrize("rate", [0.02, 0.4])
def test_search_finds_the_best_offspring_with_and_without_shortcuts(
    case: Case, rate: float
) -> None:
    for number in range(5):
        layer = case.layer(256)
        parent = np.array(case.shape.random(number), np.int32)
        single = losses(layer, parent, rate)
        best = int(np.argmin(single))  # the first of equals
        expected = (single[best], best) if math.isfinite(single[best]) else (math.inf, -1)
        assert search(layer, parent, shortcuts=False, rate=rate) == expected
        assert search(layer, parent, shortcuts=True, rate=rate) == expected


@CASE
def test_block_size_does_not_change_a_bit(case: Case) -> None:
    parent = case.layer().start()
    results = {size: losses(case.layer(size), parent) for size in (256, 512, 1024, 4096)}
    assert results[256] == results[512] == results[1024] == results[4096]
    for shortcuts in (True, False):
        assert len({search(case.layer(size), parent, shortcuts=shortcuts) for size in results}) == 1


@CASE
def test_sharing_among_threads_does_not_change_a_bit(case: Case) -> None:
    layer = case.layer(256, threads=3)
    parent = layer.start()
    whole = search(layer, parent)
    for shares in (2, 3, 7):
        edges = [POPULATION * i // shares for i in range(shares + 1)]
        parts = [
            search(layer, parent, a, b, thread=i % 3)
            for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False))
        ]
        assert min((part for part in parts if part[1] >= 0), default=(math.inf, -1)) == whole


def test_limit_is_inclusive_and_honest() -> None:
    layer = HARD["ordinary"].layer(256)
    parent = layer.start()
    loss, number = search(layer, parent)
    assert math.isfinite(loss)
    for shortcuts in (True, False):
        assert search(layer, parent, limit=loss, shortcuts=shortcuts) == (loss, number)
        assert search(layer, parent, limit=loss * 1.001, shortcuts=shortcuts) == (loss, number)
        assert search(layer, parent, limit=np.nextafter(loss, 0), shortcuts=shortcuts) == (
            math.inf,
            -1,
        )
        assert search(layer, parent, limit=-1.0, shortcuts=shortcuts) == (math.inf, -1)


def test_the_first_of_equal_offspring_wins() -> None:
    """At a mutation rate of almost nothing most offspring are the parent: number 0 must be the
    answer, in every share."""
    case = HARD["ordinary"]
    layer = case.layer(256)
    parent = next(
        g
        for g in (np.array(case.shape.random(i), np.int32) for i in range(50))
        if np.isfinite(case.evaluation(g.tolist()).f).all()
    )
    for shortcuts in (True, False):
        assert search(layer, parent, rate=1e-9, shortcuts=shortcuts)[1] == 0
        assert search(layer, parent, 17, 40, rate=1e-9, shortcuts=shortcuts)[1] == 17


def test_graphs_of_one_hash_slot_are_told_apart() -> None:
    """Graphs of one node: as many different ones of the same length as there can be."""
    case = HARD["ordinary"]
    grid = Grid(3, 2, 1, 1, REGRESSION)
    target = Target.build(case.h[: case.train], case.h[case.train :], 256, projection=False)
    layer = LayerSearch(0, grid, target, SEED, 1, 256)
    layer.values[: case.x.size] = case.x.T.ravel()
    for function in range(10):
        for operand in range(5):
            parent = np.array([function, operand, 2, 5], np.int32)
            assert search(layer, parent, rate=0.6) == search(
                layer, parent, rate=0.6, shortcuts=False
            )


def test_an_empty_share_finds_nothing() -> None:
    layer = HARD["ordinary"].layer()
    assert search(layer, layer.start(), 5, 5) == (math.inf, -1)


def test_nothing_finite_finds_nothing() -> None:
    case = made_up(functions=("ln",))
    case.x[:] = -1
    case.n_eph = 0
    layer = case.layer()
    parent = np.array([0, 0, 0] * 25 + [5], np.int32)
    assert search(layer, parent, rate=1e-9) == (math.inf, -1)


@pytest.mark.parametrize("width", [12, 40])
def test_projection_keeps_every_loss(width: int) -> None:
    """A wide layer of low rank, its validation rows outside the training rows' row space."""
    rng = np.random.default_rng(width)
    case = made_up(rows=700, valid=200, width=3)
    directions = rng.normal(0, 1, (3, width))
    case.h = (case.h @ directions).astype(np.float64)  # type: ignore[assignment]
    case.h[case.train :] += 0.1 * rng.normal(0, 1, (200, width))
    projected, plain = case.layer(256, projection=True), case.layer(256)
    assert projected.target.values.shape[0] == 3
    assert plain.target.values.shape[0] == width
    parent = plain.start()
    a, b = losses(projected, parent), losses(plain, parent)
    assert [math.isinf(v) for v in a] == [math.isinf(v) for v in b]
    np.testing.assert_allclose(a, b, rtol=1e-10)
    assert search(projected, parent)[1] == search(plain, parent)[1]
    following = [np.zeros(width * 900, np.float32) for _ in range(2)]
    genes = np.array(case.offspring(parent, search(plain, parent)[1]), np.int32)
    for layer, out in zip((projected, plain), following, strict=True):
        below = layer.propagate(layer.graph(genes))
        layer_kernel.spread(below.f, below.weights, below.biases, 900, out)
    np.testing.assert_allclose(following[0], following[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("projection", [False, True])
@pytest.mark.parametrize(
    "name",
    ["ordinary", "two training rows", "many blocks, none full", "one unit", "every f is constant"],
)
def test_propagation_agrees_with_the_oracle(name: str, projection: bool) -> None:
    case = HARD[name]
    layer = case.layer(256, projection=projection)
    parent = layer.start()
    number = search(layer, parent)[1]
    genes = np.array(case.offspring(parent, number), np.int32)
    following = np.zeros(case.h.size, np.float32)
    below = layer.propagate(layer.graph(genes))
    layer_kernel.spread(below.f, below.weights, below.biases, len(case.h), following)
    f = values(layer, genes).astype(np.float64)
    w, b = oracle.least_squares(f, case.h.astype(np.float64), case.train)
    np.testing.assert_allclose(
        following.reshape(case.h.shape[1], -1).T, np.outer(f, w) + b, rtol=3e-7, atol=1e-7
    )


def test_constants_tie_and_the_first_wins() -> None:
    """All offspring but one are constants; of these the lowest number stands for all, and infinite
    ones lose."""
    case = HARD["ordinary"]
    layer = case.layer(256)
    parent = np.array([0, 3, 4] * 25 + [5], np.int32)  # constant + constant
    single = losses(layer, parent, 0.02)
    constant = single[0]
    assert single.count(constant) > POPULATION / 2
    expected = min((loss, number) for number, loss in enumerate(single))
    for shortcuts in (True, False):
        assert search(layer, parent, rate=0.02, shortcuts=shortcuts) == expected
    infinite = np.array(
        [REGRESSION.index("ln"), 3 + int(np.argmin(layer.constants)), 0] * 25 + [5], np.int32
    )
    assert layer.constants.min() < 0
    assert search(layer, infinite, rate=1e-9) == (math.inf, -1)
