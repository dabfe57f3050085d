"""Enclosures on bins of the scalar: every row lies inside, and the bound made of them is never
above the loss."""

import math

import numpy as np
import pytest
from helpers.on_a_scalar import KINDS, LAYERS, ROWS, TRAIN, VALID, layer_on
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from srnet.cgp import evaluation
from srnet.cgp.genome import Genes, threshold
from srnet.cgp.primitives import OPCODES, REGRESSION
from srnet.search.kernels import enclosures
from srnet.search.kernels.bins import MOST_BINS, Bins
from srnet.search.kernels.enclosures import SUMS
from srnet.search.kernels.sums import CHUNK, accumulate, solve
from srnet.search.layerwise import LayerSearch


def bins_of(layer: LayerSearch) -> Bins:
    return layer._kernels[0].bins


def decoded(layer: LayerSearch, genes: Genes) -> tuple[NDArray[np.int32], int, int]:
    program, output = layer._decoded(genes)
    return program, len(program), output


def enclosed(
    layer: LayerSearch, genes: Genes
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """c, s and ρ by bin; None where f is said not to be finite."""
    kernel, bins = layer._kernels[0], bins_of(layer)
    place = enclosures.enclose(*decoded(layer, genes), 3, 5, bins, kernel.room)
    if place < 0:
        return None
    count = bins.centres.size
    parts = [kernel.room[place + part * MOST_BINS :][:count].copy() for part in range(3)]
    return parts[0], parts[1], parts[2]


def bound(layer: LayerSearch, genes: Genes) -> tuple[float, bool]:
    kernel, target = layer._kernels[0], layer.target
    place = enclosures.enclose(*decoded(layer, genes), 3, 5, kernel.bins, kernel.room)
    if place < 0:
        return math.inf, True
    sums = np.zeros((2, SUMS + 2 * len(target.leads)))
    return enclosures.loss_bound(
        kernel.room, place, kernel.bins, target.beyond_all, target.lead_scale, sums
    )


def values(layer: LayerSearch, genes: Genes) -> NDArray[np.float32]:
    """f on every row in float32, as the search computes it."""
    f = np.empty(ROWS, np.float32)
    program, count, output = decoded(layer, genes)
    for start, stop, _ in layer.target.blocks.tolist():
        at = int(
            evaluation.evaluate_block(
                program,
                count,
                output,
                layer.values,
                3,
                5,
                ROWS,
                start,
                stop,
                layer.constants_at(0),
                layer.block_rows,
            )
        )
        f[start:stop] = layer.values[at : at + stop - start]
    return f


def loss(layer: LayerSearch, f: NDArray[np.float32]) -> float:
    target = layer.target
    sums, deviations = np.zeros((2, 2 + len(target.values))), np.empty(CHUNK)
    for start, stop, split in target.blocks.tolist():
        accumulate(
            f,
            np.uint64(start),
            np.float64(f[target.blocks[0, 0]]),
            target.values,
            start,
            stop,
            deviations,
            sums,
            split,
        )
    weights = np.empty(len(target.values))
    return float(solve(TRAIN, VALID, sums, target.seen_h[-1], target.seen_hh[-1], weights))


def random_genes(layer: LayerSearch, key: int) -> Genes:
    return np.array([np.random.default_rng(key).integers(0, n) for n in layer.alleles], np.int32)


def chosen(layer: LayerSearch, nodes: list[tuple[str, int, int]], output: int) -> Genes:
    """The genes of a graph; nodes of a column read terminals and the columns before, so each is put
    in its own column."""
    genes = np.zeros(layer.grid.genes, np.int32)
    place = {address: address for address in range(5)}
    for i, (name, a, b) in enumerate(nodes):
        node = i * layer.grid.rows
        genes[3 * node : 3 * node + 3] = layer.grid.functions.index(name), place[a], place[b]
        place[5 + i] = 5 + node
    genes[-1] = place[output]
    return genes


@pytest.mark.parametrize("name", ["plain", "protected"])
@settings(max_examples=300)
@given(st.integers(0, 2**32), st.sampled_from(KINDS))
def test_every_row_lies_inside(name: str, key: int, kind: str) -> None:
    layer, below = LAYERS[kind, name]
    genes = random_genes(layer, key)
    f, found = values(layer, genes), enclosed(layer, genes)
    if found is None:
        assert not np.isfinite(f).all()
        return
    c, s, rest = found
    bins = bins_of(layer)
    scalars = below.f.astype(np.float64)
    for at in np.flatnonzero(rest < np.inf):
        t = scalars - bins.centres[at]
        rows = np.abs(t) <= bins.radii[at]
        off = np.abs(f[rows] - (c[at] + s[at] * t[rows]))
        assert (off <= rest[at]).all(), (off.max(), rest[at])


@pytest.mark.parametrize("name", ["plain", "protected"])
@settings(max_examples=300)
@given(st.integers(0, 2**32), st.sampled_from(KINDS))
def test_the_bound_is_never_above_the_loss(name: str, key: int, kind: str) -> None:
    layer, _ = LAYERS[kind, name]
    genes = random_genes(layer, key)
    f, (least, _) = values(layer, genes), bound(layer, genes)
    if not np.isfinite(f).all():
        return
    assert least <= loss(layer, f) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("nodes", "kind"),
    [
        ([("sin", 0, 0)], "normal"),
        ([("mul", 0, 1), ("cos", 5, 0)], "normal"),
        ([("square", 2, 0), ("add", 5, 1)], "normal"),
        ([("ln", 2, 0)], "positive"),
        ([("sqrt", 2, 0), ("div", 0, 5)], "positive"),
        ([("tan", 2, 0), ("sub", 5, 0)], "positive"),
        ([("sin", 0, 0), ("mul", 5, 3), ("add", 6, 1)], "two values"),
    ],
)
def test_the_bound_is_tight_where_f_is_smooth(nodes: list[tuple[str, int, int]], kind: str) -> None:
    layer, _ = LAYERS[kind, "plain"]
    genes = chosen(layer, nodes, 4 + len(nodes))
    least, sharp = bound(layer, genes)
    assert sharp
    assert least == pytest.approx(loss(layer, values(layer, genes)), rel=0.02)


def test_a_pole_is_bounded_by_the_other_rows() -> None:
    layer, _ = LAYERS["normal", "plain"]
    genes = chosen(layer, [("div", 3, 0)], 5)
    c, _, rest = enclosed(layer, genes) or (None, None, np.empty(0))
    assert 1 <= np.isinf(rest).sum() <= 8
    least, sharp = bound(layer, genes)
    assert not sharp
    assert 0.2 * loss(layer, values(layer, genes)) < least <= loss(layer, values(layer, genes))


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([("ln", 0, 0)], True),
        ([("sqrt", 0, 0), ("sin", 5, 0)], True),
        ([("square", 0, 0), ("ln", 5, 0)], False),  # zero at most in one bin
    ],
)
def test_roots_and_logarithms_of_negative_values_are_known(
    nodes: list[tuple[str, int, int]], said: bool
) -> None:
    layer, _ = LAYERS["normal", "plain"]
    assert (enclosed(layer, chosen(layer, nodes, 4 + len(nodes))) is None) is said


def test_protected_division_may_mend_what_is_not_finite() -> None:
    """NaN divided by zero is one there, so nothing is said."""
    functions = (*REGRESSION, "pdiv")
    layer, _ = layer_on("normal", functions)
    genes = chosen(layer, [("ln", 0, 0), ("sub", 1, 1), ("pdiv", 5, 6)], 7)
    assert enclosed(layer, genes) is not None
    assert np.isfinite(values(layer, genes)).all()


@pytest.mark.parametrize("opcode", sorted(set(OPCODES.values())))
def test_every_primitive_is_enclosed(opcode: int) -> None:
    """Nothing falls through: on positive, well-conditioned operands every primitive has a finite
    and narrow rest."""
    count = 5
    a, b, out = (np.zeros(3 * MOST_BINS) for _ in range(3))
    a[:count], a[MOST_BINS : MOST_BINS + count] = np.linspace(0.5, 1.2, count), 1.0
    b[:count], b[MOST_BINS : MOST_BINS + count] = np.linspace(1.5, 0.7, count), -0.5
    out[:] = np.nan
    enclosures._enclose(opcode, a, b, out, np.full(count, 1e-3), count)
    rest = out[2 * MOST_BINS : 2 * MOST_BINS + count]
    assert (rest < 1e-4).all()
    assert np.isfinite(out[:count]).all()


@pytest.mark.parametrize("kind", ["normal", "positive", "heavy tails"])
@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_the_best_offspring_is_the_same_with_and_without(kind: str, rate: float) -> None:
    layer, _ = layer_on(kind)
    for generation in range(1, 9):
        parent = random_genes(layer, generation)
        found = [
            layer.search(parent, generation % 3, 0, 80, int(threshold(rate)), math.inf, 0, short)
            for short in (True, False, True)
        ]
        assert found[0] == found[1] == found[2]
