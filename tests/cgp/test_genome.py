"""Chromosomes: admissible, mutated at the stated rate, decoded as the oracle does, drawn from
counters alone."""

import numpy as np
import pytest
from helpers import oracle
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from srnet.cgp import genome
from srnet.cgp.genome import Genes, Grid
from srnet.cgp.primitives import CLASSIFICATION, PRIMITIVES, REGRESSION
from srnet.errors import UserError

keys = st.integers(0, 2**64 - 1)
grids = st.builds(
    Grid,
    inputs=st.integers(1, 6),
    constants=st.integers(0, 3),
    rows=st.integers(1, 5),
    cols=st.integers(1, 6),
    functions=st.sampled_from([REGRESSION, CLASSIFICATION, ("add", "sin"), ("ln",)]),
)


def shape(grid: Grid) -> oracle.Shape:
    return oracle.Shape(grid.inputs, grid.constants, grid.rows, grid.cols, grid.functions)


def random(grid: Grid, key: int) -> Genes:
    return np.asarray(genome.random_genes(grid.alleles(), np.uint64(key)))


def mutated(grid: Grid, parent: Genes, key: int, probability: float) -> Genes:
    return np.asarray(
        genome.mutate(
            parent, grid.alleles(), np.uint64(key), np.uint64(genome.threshold(probability))
        )
    )


def decoded(
    grid: Grid, parent: Genes, key: int, probability: float
) -> tuple[NDArray[np.int32], int]:
    program = np.full((grid.nodes, 3), -1, np.int32)
    scratch = np.full((grid.nodes, 4), 99, np.int32)  # what an earlier call may have left
    bound = np.uint64(genome.threshold(probability)) if probability else np.uint64(0)
    count, output = genome.decode(
        parent,
        grid.alleles(),
        np.uint64(key),
        bound,
        grid.opcodes(),
        grid.terminals,
        program,
        scratch,
    )
    return program[:count], int(output)


@given(grids)
def test_alleles_are_the_oracles(grid: Grid) -> None:
    assert grid.alleles().tolist() == shape(grid).alleles()
    assert grid.genes == 3 * grid.rows * grid.cols + 1 == grid.alleles().size


@given(grids, keys, keys, st.sampled_from([0.0001, 0.1, 0.4, 1.0]))
def test_random_and_mutated_genes_are_admissible_and_the_oracles(
    grid: Grid, start: int, key: int, probability: float
) -> None:
    parent = random(grid, start)
    child = mutated(grid, parent, key, probability)
    for genes in (parent, child):
        assert (genes >= 0).all()
        assert (genes < grid.alleles()).all()
        assert grid.check(genes.tolist()).tolist() == genes.tolist()
    assert parent.tolist() == shape(grid).random(start)
    assert child.tolist() == shape(grid).mutate(parent.tolist(), key, probability)


@given(grids, keys, keys, st.sampled_from([0.0, 0.1, 0.4, 1.0]))
def test_lazy_decoding_is_decoding_of_the_whole_offspring(
    grid: Grid, start: int, key: int, probability: float
) -> None:
    parent = random(grid, start)
    lazy, lazy_output = decoded(grid, parent, key, probability)
    whole, whole_output = decoded(grid, mutated(grid, parent, key, probability), 0, 0.0)
    assert lazy.tolist() == whole.tolist()
    assert lazy_output == whole_output


@given(grids, keys)
def test_decoding_agrees_with_the_oracle(grid: Grid, key: int) -> None:
    genes = random(grid, key)
    active = shape(grid).active(genes.tolist())
    program, output = decoded(grid, genes, 0, 0.0)
    # the oracle's active nodes, renumbered in order
    address = {i: i for i in range(grid.terminals)} | {
        grid.terminals + node: grid.terminals + i for i, node in enumerate(active)
    }
    expected = []
    for node in active:
        name = grid.functions[genes[3 * node]]
        operands = [
            address[int(a)] for a in genes[3 * node + 1 : 3 * node + 1 + oracle.ARITY.get(name, 1)]
        ]
        expected.append((name, sorted(operands) if name in ("add", "mul") else operands))
    got = [
        (PRIMITIVES[opcode].name, [a, b][: PRIMITIVES[opcode].arity])
        for opcode, a, b in program.tolist()
    ]
    assert got == expected
    assert output == address[int(genes[-1])]


@given(grids, keys)
def test_program_is_the_decoded_graph(grid: Grid, key: int) -> None:
    genes, constants = random(grid, key), [0.5 + i for i in range(grid.constants)]
    program = grid.program(genes, constants)
    x = np.linspace(0.3, 2.7, 5 * grid.inputs).reshape(5, grid.inputs)
    f = shape(grid).evaluate(genes.tolist(), x.astype(np.float32), constants)
    if f.largest_angle < 50 and np.isfinite(f.f).all() and np.abs(f.f).max() < 50:
        # float32 against float64: equal up to the conditioning of the formula, which a perturbed
        # input shows
        moved = program(x.astype(np.float32).astype(np.float64) * (1 + 3e-7))
        exact = program(x.astype(np.float32).astype(np.float64))
        assert np.abs(exact - f.f).max() <= 1e-4 + 1e3 * np.abs(moved - exact).max()
    assert program.complexity == len(shape(grid).active(genes.tolist()))


@pytest.mark.parametrize("probability", [0.4, 0.05])
def test_mutation_rate_and_uniformity(probability: float) -> None:
    grid = Grid(3, 1, 5, 5, REGRESSION)
    parent, draws = random(grid, 1), 4000
    children = np.array(
        [mutated(grid, parent, int(genome.stream(5, 3, 0, i)), probability) for i in range(draws)]
    )
    changed = children != parent
    # every gene by itself, a two-sided binomial test with Bonferroni's correction
    for gene in range(grid.genes):
        p = stats.binomtest(int(changed[:, gene].sum()), draws, probability).pvalue
        assert p > 1e-4 / grid.genes, (
            f"gene {gene} changed in {changed[:, gene].mean():.3f} of {draws} offspring"
        )
        others = [allele for allele in range(grid.alleles()[gene]) if allele != parent[gene]]
        counts = [(children[:, gene] == allele).sum() for allele in others]
        assert stats.chisquare(counts).pvalue > 1e-4 / grid.genes, (
            f"gene {gene} prefers an allele: {counts}"
        )


def test_genes_mutate_independently() -> None:
    grid = Grid(3, 1, 5, 5, REGRESSION)
    parent = random(grid, 1)
    changed = (
        np.array(
            [
                mutated(grid, parent, int(genome.stream(9, g, 1, i)), 0.4)
                for g in range(20)
                for i in range(200)
            ]
        )
        != parent
    )
    number = changed.sum(axis=1)
    assert number.mean() == pytest.approx(0.4 * grid.genes, rel=0.01)
    assert number.var() == pytest.approx(0.4 * 0.6 * grid.genes, rel=0.08)
    correlations = np.corrcoef(changed.T) - np.eye(grid.genes)
    assert np.abs(correlations).max() < 5 / np.sqrt(len(changed))


@given(
    st.integers(1, 2**63 - 1), st.integers(0, 10**6), st.integers(0, 100), st.integers(0, 2**31 - 1)
)
def test_streams_are_those_of_the_oracle(
    seed: int, generation: int, layer: int, offspring: int
) -> None:
    key = oracle.stream(seed, generation, layer, offspring)
    assert int(genome.stream(seed, generation, layer, offspring)) == key
    assert [int(genome.draw(np.uint64(key), i)) for i in range(3)] == [
        oracle.draw(key, i) for i in range(3)
    ]


def test_streams_differ_in_every_argument() -> None:
    keys = {
        int(genome.stream(s, g, i, o))
        for s in (1, 2, 3)
        for g in (0, 1, 2)
        for i in (0, 1, 2)
        for o in range(40)
    }
    assert len(keys) == 3 * 3 * 3 * 40


def test_draws_do_not_depend_on_what_was_drawn_before() -> None:
    grid = Grid(2, 1, 5, 5, REGRESSION)
    parent = random(grid, 4)
    key = int(genome.stream(11, 7, 1, 13))
    alone = mutated(grid, parent, key, 0.4)
    for i in range(10):
        mutated(grid, parent, int(genome.stream(11, 7, 1, i)), 0.4)
    np.testing.assert_array_equal(mutated(grid, parent, key, 0.4), alone)


def test_constants_are_normal_and_float32() -> None:
    values = np.asarray(genome.random_normals(20000, np.uint64(3)))
    assert (values == values.astype(np.float32)).all()
    assert stats.kstest(values, "norm").pvalue > 1e-3
    np.testing.assert_allclose(values[:50], oracle.normals(50, 3), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda genes: genes[:-1], "76 integers"),
        (lambda genes: [*genes[:-1], 29], "gene 75 "),
        (lambda genes: [-1, *genes[1:]], "gene 0 "),
        (lambda genes: [10, *genes[1:]], "gene 0 "),
        (lambda genes: [0.5, *genes[1:]], "float64"),
        (lambda genes: [2**40, *genes[1:]], "gene 0 "),
    ],
)
def test_genes_of_a_file_are_checked(change: object, words: str) -> None:
    grid = Grid(3, 1, 5, 5, REGRESSION)
    assert callable(change)
    with pytest.raises(UserError, match=words):
        grid.check(change(random(grid, 2).tolist()))


@pytest.mark.parametrize("size", ["inputs", "rows", "cols"])
def test_a_grid_has_positive_sizes(size: str) -> None:
    sizes = {"inputs": 1, "constants": 1, "rows": 1, "cols": 1, size: 0}
    with pytest.raises(UserError, match=f"'{size}' is 0"):
        Grid(**sizes, functions=REGRESSION)  # type: ignore[arg-type]
