"""The compiled kernel against the plain NumPy oracle, and each of its shortcuts against the long
way."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from helpers import oracle
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from srnet.cgp import evaluation
from srnet.cgp.genome import Genes, Grid, decode, threshold
from srnet.cgp.primitives import CLASSIFICATION, OPCODES, REGRESSION
from srnet.search.kernels import layer_kernel
from srnet.search.kernels.sums import CHUNK, accumulate, solve
from srnet.search.kernels.target import Target
from srnet.search.layerwise import LayerSearch

ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "div",
    "sqrt",
    "square",
)  # exact in float32: every bit must agree
POPULATION = 60
SEED, GENERATION = 3, 5


@dataclass
class Case:
    """One layer of a search: inputs x and target h, both rows × columns, the first ``train`` rows
    for training."""

    x: NDArray[np.float32]
    h: NDArray[np.float32]
    train: int
    functions: tuple[str, ...] = REGRESSION
    n_eph: int = 2

    @property
    def shape(self) -> oracle.Shape:
        return oracle.Shape(self.x.shape[1], self.n_eph, functions=self.functions)

    def layer(
        self, block_rows: int = 512, projection: bool = False, threads: int = 1
    ) -> LayerSearch:
        grid = Grid(self.x.shape[1], self.n_eph, 5, 5, self.functions)
        target = Target.of(
            self.h[: self.train], self.h[self.train :], block_rows, projection=projection
        )
        layer = LayerSearch(0, grid, target, SEED, threads, block_rows)
        layer.values[: self.x.size] = self.x.T.ravel()
        return layer

    def offspring(self, parent: Genes, number: int, rate: float = 0.4) -> list[int]:
        return self.shape.mutate(parent.tolist(), oracle.stream(SEED, GENERATION, 0, number), rate)

    def evaluation(self, genes: list[int]) -> oracle.Evaluation:
        return self.shape.evaluate(
            genes,
            self.x,
            oracle.normals(self.n_eph, oracle.stream(SEED, 0, 0, oracle.CONSTANTS_STREAM)),
        )


def search(
    layer: LayerSearch,
    parent: Genes,
    first: int = 0,
    last: int = POPULATION,
    limit: float = math.inf,
    shortcuts: bool = True,
    rate: float = 0.4,
    thread: int = 0,
) -> tuple[float, int]:
    return layer.search(
        parent, GENERATION, first, last, int(threshold(rate)), limit, thread, shortcuts
    )


def losses(layer: LayerSearch, parent: Genes, rate: float = 0.4) -> list[float]:
    """The sum of squares of every offspring by itself, infinite where it is not finite."""
    return [
        search(layer, parent, i, i + 1, shortcuts=False, rate=rate)[0] for i in range(POPULATION)
    ]


def values(layer: LayerSearch, genes: Genes) -> NDArray[np.float32]:
    """f on every row, as the kernel computes it block by block."""
    program, scratch = (
        np.empty((layer.grid.nodes, 3), np.int32),
        np.empty((layer.grid.nodes, 4), np.int32),
    )
    none = np.uint64(0)
    count, output = decode(
        genes, layer.alleles, none, none, layer.opcodes, layer.grid.terminals, program, scratch
    )
    rows = layer.target.values.shape[1]
    f = np.empty(rows, np.float32)
    for start, stop, _ in layer.target.blocks.tolist():
        at = int(
            evaluation.evaluate_block(
                program,
                count,
                output,
                layer.values,
                layer.grid.inputs,
                layer.grid.terminals,
                rows,
                start,
                stop,
                layer.constants_at(0),
                layer.block_rows,
            )
        )
        f[start:stop] = layer.values[at : at + stop - start]
    return f


def made_up(
    rows: int = 300,
    valid: int = 77,
    inputs: int = 3,
    width: int = 3,
    seed: int = 1,
    functions: tuple[str, ...] = REGRESSION,
) -> Case:
    rng = np.random.default_rng(seed)
    x = np.vstack([rng.uniform(-1, 1, (rows, inputs)), rng.uniform(-2, 2, (valid, inputs))])
    h = 1 / (
        1
        + np.exp(-np.tanh(x @ rng.normal(0, 2, (inputs, width))) @ rng.normal(0, 1, (width, width)))
    )
    return Case(x.astype(np.float32), h.astype(np.float32), rows, functions)


def hard_cases() -> dict[str, Case]:
    ordinary = made_up()
    cases = {
        "ordinary": ordinary,
        "protected primitives": made_up(functions=CLASSIFICATION),
        "one validation row": made_up(rows=300, valid=1),
        "two training rows": made_up(rows=2, valid=1),
        "less than a chunk": made_up(rows=25, valid=10),
        "many blocks, none full": made_up(rows=1900, valid=570),
        "exactly a chunk": made_up(rows=256, valid=256),
        "one unit": made_up(width=1),
        "even width": made_up(width=4),
        "too wide for floors": made_up(rows=300, valid=300, width=520),
    }
    zeros = made_up()
    zeros.x[::7, 0] = 0
    zeros.x[:, 1] = 0
    cases["zeros among the inputs"] = zeros
    same = made_up()
    same.x[:] = same.x[0]
    cases["every f is constant"] = same
    constant = made_up()
    constant.h[:] = 0.25
    cases["constant layer"] = constant
    only_training = made_up()
    only_training.h[: only_training.train] = 0.25
    cases["layer constant on the training rows"] = only_training
    huge = made_up()
    huge.x *= np.float32(1e30)
    cases["huge inputs"] = huge
    tiny = made_up()
    tiny.x *= np.float32(1e-38)
    cases["subnormal inputs"] = tiny
    offset = made_up()
    offset.h += np.float32(1e6)
    cases["target far from zero"] = offset
    large = made_up()
    large.h *= np.float32(1e15)
    cases["huge target"] = large
    return cases


HARD = hard_cases()
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
    target = Target.of(case.h[: case.train], case.h[case.train :], 256, projection=False)
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
        below = layer.propagate(genes)
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
    below = layer.propagate(genes)
    layer_kernel.spread(below.f, below.weights, below.biases, len(case.h), following)
    f = values(layer, genes).astype(np.float64)
    w, b = oracle.least_squares(f, case.h.astype(np.float64), case.train)
    np.testing.assert_allclose(
        following.reshape(case.h.shape[1], -1).T, np.outer(f, w) + b, rtol=3e-7, atol=1e-7
    )


@pytest.mark.parametrize("projection", [False, True])
@given(
    st.integers(0, 2**64 - 1),
    st.sampled_from(
        ["ordinary", "many blocks, none full", "zeros among the inputs", "target far from zero"]
    ),
)
def test_bound_after_every_block_is_below_the_loss(projection: bool, key: int, name: str) -> None:
    case = HARD[name]
    layer = case.layer(256, projection=projection)
    bounds, loss = _bounds(layer, np.array(case.shape.random(key), np.int32))
    if loss < np.inf:
        assert (bounds <= loss).all()
        assert (
            np.diff(bounds) >= -1e-9 * layer.target.seen_hh[-1, 2] - 1e-9 * np.abs(bounds[1:])
        ).all()  # more rows, more is known


def test_bound_is_tight_for_the_best_formula() -> None:
    """Where f is the layer itself nothing is left; where it is noise, almost everything is, already
    after one block."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (2000, 2)).astype(np.float32)
    layer = Case(x, np.hstack([3 * x[:, :1] - 1, -x[:, :1]]), 1500).layer(256)
    for gene, share in ((0, 0.0), (1, 1.0)):  # f = x0 and f = x1
        bounds, loss = _bounds(layer, np.array([0] * 75 + [gene], np.int32))
        total = layer.target.seen_hh[-1, 2]
        assert loss / total == pytest.approx(share, abs=0.02)
        seen = layer.target.seen_hh[:, 2] / total
        np.testing.assert_allclose(bounds / total, share * seen, atol=0.02)


def _bounds(layer: LayerSearch, genes: Genes) -> tuple[NDArray[np.float64], float]:
    """The lower bound after every block, and the final sum of squares."""
    program, scratch = np.empty((25, 3), np.int32), np.empty((25, 4), np.int32)
    none = np.uint64(0)
    count, output = decode(
        genes, layer.alleles, none, none, layer.opcodes, layer.grid.terminals, program, scratch
    )
    target = layer.target
    units = target.values.shape[0]
    sums, deviations, pivot, bounds = np.zeros((2, 2 + units)), np.empty(CHUNK), 0.0, []
    for block in range(len(target.blocks)):
        pivot = layer_kernel.sum_blocks(
            program,
            count,
            output,
            layer.values,
            layer.grid.inputs,
            layer.grid.terminals,
            layer.constants_at(0),
            layer.block_rows,
            target.values,
            target.blocks,
            block,
            block + 1,
            pivot,
            deviations,
            sums,
        )
        if math.isnan(pivot):
            return np.array([]), math.inf
        bounds.append(
            layer_kernel.lower_bound(
                block, target.seen_rows, sums, target.seen_h, target.seen_hh, target.floors
            )
        )
    weights = np.empty(units)
    loss = solve(
        target.seen_rows[-1, 0],
        target.seen_rows[-1, 1],
        sums,
        target.seen_h[-1],
        target.seen_hh[-1],
        weights,
    )
    return np.array(bounds), float(loss)


# --- the screen -----------------------------------------------------------------------------------


def _screened(layer: LayerSearch, f: NDArray[np.float32]) -> list[float]:
    """What the screen says of f after every block, and of its fit at last; it may not exceed the
    loss."""
    target = layer.target
    sums, narrow = np.zeros((2, 2 + len(target.leads))), np.empty(CHUNK, np.float32)
    pivot, said = f[target.blocks[0, 0]], []
    for block, (start, stop, split) in enumerate(target.blocks.tolist()):
        accumulate(f, np.uint64(start), pivot, target.leads, start, stop, narrow, sums, split)
        left = layer_kernel.screen_bound(
            block, target.seen_rows[block, 2], sums, target.seen_u, target.beyond, target.lead_scale
        )
        said.append(left + target.floors[block])
    train, valid = target.seen_rows[-1, :2].tolist()
    said.append(
        layer_kernel.screen_loss(
            train, valid, sums, target.seen_u, target.beyond_all, target.lead_scale
        )
    )
    return said


@pytest.mark.parametrize("projection", [False, True])
@given(st.integers(0, 2**64 - 1), st.sampled_from(list(HARD)))
def test_screen_never_says_more_than_the_loss(projection: bool, key: int, name: str) -> None:
    case = HARD[name]
    layer = case.layer(256, projection=projection)
    genes = np.array(case.shape.random(key), np.int32)
    f = values(layer, genes)
    _, loss = _bounds(layer, genes)
    if loss < np.inf:
        with np.errstate(all="ignore"):
            said = _screened(layer, f)
        allowed = loss * (1 + 1e-9) + 1e-9 * layer.target.seen_hh[-1, 2]
        assert not any(value > allowed for value in said)


@pytest.mark.parametrize("width", [1, 4, 30])
def test_screen_is_tight_on_ordinary_formulas(width: int) -> None:
    """Else nearly everyone would be summed twice."""
    case = made_up(rows=1900, valid=570, width=width)
    layer = case.layer(256, projection=True)
    compared = 0
    for key in range(60):
        genes = np.array(case.shape.random(key), np.int32)
        bounds, loss = _bounds(layer, genes)
        f = values(layer, genes)
        if (
            not loss < np.inf
            or np.ptp(f) < 1e-3
            or oracle.conditioning(f, case.train, case.train) > 10
        ):
            continue
        said = _screened(layer, f)
        assert said[-1] > 0.99 * loss
        np.testing.assert_allclose(said[:-1], bounds, rtol=0.02)
        compared += 1
    assert compared > 20


# --- inputs on a line -----------------------------------------------------------------------------


def _on_a_line(
    slopes: list[float], centres: list[float], scalar: NDArray[np.float64]
) -> tuple[Case, LayerSearch]:
    """A layer whose inputs are slopes·τ + centres, as those of every layer after the first."""
    case = made_up(rows=300, valid=77, inputs=len(slopes))
    case.functions = ("add", "sub", "mul", "div", "sin")
    case.x[:] = np.outer(scalar, slopes) + centres
    case.h[:, 0] = (np.sin(3 * scalar) + scalar) / 4
    layer = case.layer(256)
    line = layer_kernel.draw_line(
        scalar.astype(np.float32), 0.0, np.array(slopes), np.array(centres)
    )
    layer._kernels = [layer._kernels[0]._replace(line=line)]
    return case, layer


SCALAR = np.random.default_rng(5).normal(0, 1, 377)
ADD, SUB, MUL, DIV, SQUARE, SIN = (
    OPCODES[name] for name in ("add", "sub", "mul", "div", "square", "sin")
)


@pytest.mark.parametrize(
    ("nodes", "output", "expected"),
    [
        ([], 0, True),  # an input
        ([], 3, False),  # a constant
        ([(ADD, 0, 1)], 5, True),
        ([(SUB, 0, 0)], 5, False),  # nothing is left
        ([(MUL, 3, 2)], 5, True),  # constant · input
        ([(MUL, 0, 1)], 5, False),
        ([(DIV, 0, 4)], 5, True),
        ([(DIV, 4, 0)], 5, False),
        ([(SQUARE, 3, 0), (MUL, 5, 0)], 6, False),  # only + - · / are followed
        ([(SIN, 0, 0)], 5, False),
        ([(SUB, 0, 0), (ADD, 5, 1)], 6, True),
        ([(MUL, 3, 4), (ADD, 5, 1), (DIV, 6, 3), (SUB, 7, 0)], 8, True),
    ],
)
def test_affine_functions_of_the_scalar_are_known(
    nodes: list[tuple[int, int, int]], output: int, expected: bool
) -> None:
    _, layer = _on_a_line([1.0, 0.7, -0.4], [0.1, 0.5, 2.0], SCALAR)
    line = layer._kernels[0].line
    traced = np.zeros((5 + len(nodes), 3))
    traced[:3] = line[:3]
    traced[3:5, layer_kernel.CENTRE] = layer.constants
    program = np.array(nodes or [(0, 0, 0)], np.int32)
    assert (
        layer_kernel.is_affine(program, len(nodes), output, 5, traced, line[3, 0], line[3, 1])
        is expected
    )


@pytest.mark.parametrize(
    ("nodes", "output", "expected"),
    [
        ([], 0, False),  # an input
        ([], 3, True),
        ([(SIN, 4, 0)], 5, True),  # of one operand: what its second gene says does not count
        ([(ADD, 3, 1)], 5, False),
        ([(SUB, 1, 1), (MUL, 5, 3)], 6, True),
        ([(SUB, 1, 2)], 5, False),
        ([(DIV, 1, 1)], 5, False),  # NaN at zero
        ([(SIN, 0, 0), (SUB, 5, 5)], 6, False),  # only inputs are known to be finite
    ],
)
def test_constant_graphs_are_known(
    nodes: list[tuple[int, int, int]], output: int, expected: bool
) -> None:
    program = np.array(nodes or [(0, 0, 0)], np.int32)
    assert layer_kernel.is_constant(program, len(nodes), output, 3) is expected


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


def test_an_affine_function_that_float32_drowns_is_no_scalar() -> None:
    """A difference of nearly equal inputs, or an offset of a million, leaves rounding noise."""
    _, layer = _on_a_line([1.0, 1.0 + 1e-7, 1.0], [0.0, 0.0, 1e6], SCALAR)
    line = layer._kernels[0].line
    traced = np.zeros((6, 3))
    traced[:3] = line[:3]
    traced[3:5, layer_kernel.CENTRE] = layer.constants
    assert layer_kernel.is_affine(
        np.array([(ADD, 0, 1)], np.int32), 1, 5, 5, traced, line[3, 0], line[3, 1]
    )
    assert not layer_kernel.is_affine(
        np.array([(SUB, 0, 1)], np.int32), 1, 5, 5, traced, line[3, 0], line[3, 1]
    )
    assert not layer_kernel.is_affine(
        np.array([(ADD, 0, 2)], np.int32), 1, 5, 5, traced, line[3, 0], line[3, 1]
    )


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_affine_functions_of_a_scalar_tie_and_the_first_wins(rate: float) -> None:
    case, layer = _on_a_line([1.0, 0.7, -0.4], [0.1, 0.5, 2.0], SCALAR)
    plain = case.layer(256)  # the same values, no line
    ties = 0
    for number in range(6):
        parent = np.array(case.shape.random(number), np.int32)
        single, apart = losses(layer, parent, rate), losses(plain, parent, rate)
        # the scalar's loss is the formula's own, but for float32 rounding
        np.testing.assert_allclose(single, apart, rtol=1e-5)
        best = int(np.argmin(single))
        expected = (single[best], best) if math.isfinite(single[best]) else (math.inf, -1)
        assert search(layer, parent, shortcuts=False, rate=rate) == expected
        assert search(layer, parent, shortcuts=True, rate=rate) == expected
        ties += len(set(apart)) - len(set(single))
    assert ties > 5
