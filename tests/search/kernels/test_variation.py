"""Changes of one layer's chromosome: addresses stay admissible, and nodes are put in and taken out
as promised."""

import dataclasses
from typing import Any

import numpy as np
from helpers import made_up
from hypothesis import given, settings
from hypothesis import strategies as st

from srnet.cgp.genome import random_genes
from srnet.search.joint import JointSearch
from srnet.search.kernels import composite_kernel
from srnet.search.kernels.climbing import climb
from srnet.search.kernels.composite_kernel import Lineage, Problem, Scratch
from srnet.search.kernels.variation import delete_node, insert_node, vary_layer
from srnet.search.settings import JointSettings, preset

SEEDS = st.integers(0, 2**63 - 1)


def search(**changes: Any) -> JointSearch:
    chosen = preset("joint", population=20, generations=200)
    assert isinstance(chosen, JointSettings)
    return JointSearch(
        made_up.layers((2, 3, 3, 1), rows=60, valid=20),
        dataclasses.replace(chosen, layerwise=0.0, **changes),
        1,
    )


SEARCH = search()
ALONE = search(functions=("sub", "sin"))


def chromosomes(seed: int, of: JointSearch = SEARCH) -> tuple[Problem, Lineage, Scratch]:
    """A random composite as a lineage's, its layer 1 decoded."""
    problem, lineage, scratch = of._problem, of._lineages[0], of._scratch[0]
    lineage.key[0], lineage.counters[composite_kernel.DRAWS] = seed, 0
    lineage.genes[:] = random_genes(problem.alleles, np.uint64(seed))
    return problem, lineage, scratch


def active(problem: Problem, genes: Any, scratch: Scratch) -> tuple[int, int]:
    """Active nodes of layer 1, and active constants; ``scratch`` then holds the decoded graph."""
    count, output = composite_kernel.decode_layer(1, problem, genes, scratch)
    return count, composite_kernel.active_constants(1, count, output, problem, scratch)


def values(problem: Problem, lineage: Lineage, genes: Any, constants: Any, scratch: Scratch) -> Any:
    """What layer 1 computes from layer 0's f = 0 … 1."""
    count, output = composite_kernel.decode_layer(1, problem, genes, scratch)
    below = np.linspace(0, 1, problem.rows, dtype=np.float32)
    f = np.empty(problem.rows, dtype=np.float32)
    weights, biases = np.array([1.0, -0.5, 2.0]), np.array([0.1, 0.7, -0.3])
    composite_kernel.evaluate_layer(
        1, count, output, constants, problem, below, weights, biases, f, scratch
    )
    return f


@settings(deadline=None)
@given(SEEDS)
def test_an_inserted_node_is_active_and_admissible(seed: int) -> None:
    problem, lineage, scratch = chromosomes(seed)
    count, found = active(problem, lineage.genes, scratch)
    genes, constants = lineage.genes.copy(), lineage.constants.copy()
    done = insert_node(1, found, genes, constants, problem, lineage, scratch)
    assert ((genes >= 0) & (genes < problem.alleles)).all()
    assert (active(problem, genes, scratch)[0] > count) == done
    if not done:
        assert np.array_equal(genes, lineage.genes)
        assert np.array_equal(constants, lineage.constants)


def test_a_node_with_a_constant_of_its_own_changes_nothing() -> None:
    """Half of the inserted nodes add 0 or multiply by 1: the graph computes what it did."""
    same, new_constants = 0, 0
    for seed in range(300):
        problem, lineage, scratch = chromosomes(seed)
        count, found = active(problem, lineage.genes, scratch)
        genes, constants = lineage.genes.copy(), lineage.constants.copy()
        before = values(problem, lineage, genes, constants, scratch)
        active(problem, genes, scratch)
        insert_node(1, found, genes, constants, problem, lineage, scratch)
        more, now = active(problem, genes, scratch)
        if (
            more == count + 1
            and now == found + 1
            and not np.array_equal(constants, lineage.constants)
        ):
            new_constants += 1
            after = values(problem, lineage, genes, constants, scratch)
            same += np.array_equal(before, after, equal_nan=True)
    assert new_constants > 60
    assert same == new_constants


def test_without_add_and_mul_nodes_are_random() -> None:
    for seed in range(100):
        problem, lineage, scratch = chromosomes(seed, ALONE)
        _, found = active(problem, lineage.genes, scratch)
        genes, constants = lineage.genes.copy(), lineage.constants.copy()
        insert_node(1, found, genes, constants, problem, lineage, scratch)
        assert ((genes >= 0) & (genes < problem.alleles)).all()
        assert np.array_equal(constants, lineage.constants)


@settings(deadline=None)
@given(SEEDS)
def test_a_deleted_node_is_read_no_more(seed: int) -> None:
    problem, lineage, scratch = chromosomes(seed)
    count, _ = active(problem, lineage.genes, scratch)
    genes = lineage.genes.copy()
    assert delete_node(1, count, genes, problem, lineage, scratch) == (count > 0)
    assert ((genes >= 0) & (genes < problem.alleles)).all()
    assert active(problem, genes, scratch)[0] <= max(count - 1, 0)


@settings(deadline=None)
@given(SEEDS)
def test_a_change_stays_in_its_layer(seed: int) -> None:
    problem, lineage, scratch = chromosomes(seed)
    genes, constants = lineage.genes.copy(), lineage.constants.copy()
    structure = vary_layer(1, genes, constants, problem, lineage, scratch)
    assert ((genes >= 0) & (genes < problem.alleles)).all()
    at, size = problem.table[1, composite_kernel.GENES_AT], problem.table[1, composite_kernel.GENES]
    elsewhere = np.r_[0:at, at + size : genes.size]
    assert np.array_equal(genes[elsewhere], lineage.genes[elsewhere])
    mine = (
        np.arange(problem.table[1, composite_kernel.CONSTANTS])
        + problem.table[1, composite_kernel.CONSTANTS_AT]
    )
    assert np.array_equal(np.delete(constants, mine), np.delete(lineage.constants, mine))
    if not structure:
        assert np.array_equal(genes, lineage.genes)


def test_all_changes_happen() -> None:
    """With the preset's probabilities: nodes come and go, and constants move alone."""
    seen = {"longer": 0, "shorter": 0, "constants alone": 0}
    for seed in range(300):
        problem, lineage, scratch = chromosomes(seed)
        count, _ = active(problem, lineage.genes, scratch)
        genes, constants = lineage.genes.copy(), lineage.constants.copy()
        structure = vary_layer(1, genes, constants, problem, lineage, scratch)
        now, _ = active(problem, genes, scratch)
        seen["longer"] += now > count
        seen["shorter"] += now < count
        seen["constants alone"] += not structure
    assert min(seen.values()) > 20, seen


def test_without_restructuring_no_constant_is_put_in() -> None:
    """Where constants do not move, only nodes that are put in set one."""
    moved = {}
    for restructure in (0.0, 0.5):
        of = search(restructure=restructure, constant=0.0)
        moved[restructure] = 0
        for seed in range(200):
            problem, lineage, scratch = chromosomes(seed, of)
            genes, constants = lineage.genes.copy(), lineage.constants.copy()
            vary_layer(1, genes, constants, problem, lineage, scratch)
            moved[restructure] += not np.array_equal(constants, lineage.constants)
    assert moved[0.0] == 0
    assert moved[0.5] > 20


def test_offspring_are_not_fitted_where_that_is_switched_off() -> None:
    """With no step, or with nothing promising, a climber goes the same way; with both it goes
    another."""
    ways = []
    for changes in ({"polish_offspring": 0}, {"promising": 0.0}, {}):
        of = search(starts=1, **changes)
        climb(3000, 0.0, of._problem, of._lineages[0], of._scratch[0])
        ways.append((of._lineages[0].genes.tolist(), of._lineages[0].constants.tolist()))
    assert ways[0] == ways[1]
    assert ways[0] != ways[2]
