"""Changes of one layer's chromosome: addresses stay admissible, and nodes are put in and taken out
as promised."""

import dataclasses
from typing import Any

import numpy as np
from helpers import made_up
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from srnet.cgp.genome import random_genes
from srnet.search.joint import JointSearch
from srnet.search.kernels.climbing import improve
from srnet.search.kernels.composite_kernel import active_constants, decode_layer, evaluate_layer
from srnet.search.kernels.composites import (
    CONSTANTS,
    CONSTANTS_AT,
    GENES,
    GENES_AT,
    Composite,
    Graph,
    Layout,
)
from srnet.search.kernels.variation import delete_node, insert_node, vary_layer
from srnet.search.settings import JointSettings, preset

SEEDS = st.integers(0, 2**63 - 1)


def search(**changes: Any) -> JointSearch:
    chosen = preset("joint", population=20, generations=200)
    assert isinstance(chosen, JointSettings)
    return JointSearch(
        made_up.layers((2, 3, 3, 1), rows=60, valid=20),
        dataclasses.replace(chosen, layerwise_share=0.0, **changes),
        1,
    )


SEARCH = search()
WITHOUT_ADD_AND_MUL = search(functions=("sub", "sin"))


def chromosomes(
    seed: int, joint: JointSearch = SEARCH
) -> tuple[Layout, Composite, Graph, NDArray[np.uint64]]:
    """A random composite, room for a graph, and a stream of random numbers."""
    layout, composite = joint._problem.layout, joint._climbers[0].composite
    composite.genes[:] = random_genes(layout.alleles, np.uint64(seed))
    return layout, composite, joint._scratch[0].graph, np.array([seed, 0], dtype=np.uint64)


def decode(layout: Layout, genes: Any, graph: Graph) -> tuple[int, int]:
    """Active nodes of layer 1, and active constants; ``graph`` then holds the decoded graph."""
    count, output = decode_layer(1, layout, genes, graph)
    return count, active_constants(1, count, output, layout, graph)


def values(layout: Layout, genes: Any, constants: Any, graph: Graph) -> Any:
    """What layer 1 computes from layer 0's f = 0 … 1."""
    count, output = decode_layer(1, layout, genes, graph)
    f = np.empty(SEARCH._problem.rows, dtype=np.float32)
    evaluate_layer(
        1,
        count,
        output,
        constants,
        layout,
        SEARCH._problem.x,
        graph.program,
        np.linspace(0, 1, f.size, dtype=np.float32),
        np.array([1.0, -0.5, 2.0]),
        np.array([0.1, 0.7, -0.3]),
        SEARCH._scratch[0].values,
        f,
    )
    return f


@settings(deadline=None)
@given(SEEDS)
def test_an_inserted_node_is_active_and_admissible(seed: int) -> None:
    layout, parent, graph, random = chromosomes(seed)
    count, found = decode(layout, parent.genes, graph)
    genes, constants = parent.genes.copy(), parent.constants.copy()
    done = insert_node(1, found, genes, constants, layout, graph, random)
    assert ((genes >= 0) & (genes < layout.alleles)).all()
    assert (decode(layout, genes, graph)[0] > count) == done
    if not done:
        assert np.array_equal(genes, parent.genes)
        assert np.array_equal(constants, parent.constants)


def test_a_node_with_a_constant_of_its_own_changes_nothing() -> None:
    """Half of the inserted nodes add 0 or multiply by 1: the graph computes what it did."""
    same, new_constants = 0, 0
    for seed in range(300):
        layout, parent, graph, random = chromosomes(seed)
        genes, constants = parent.genes.copy(), parent.constants.copy()
        before = values(layout, genes, constants, graph)
        count, found = decode(layout, genes, graph)
        insert_node(1, found, genes, constants, layout, graph, random)
        more, now = decode(layout, genes, graph)
        if (
            more == count + 1
            and now == found + 1
            and not np.array_equal(constants, parent.constants)
        ):
            new_constants += 1
            after = values(layout, genes, constants, graph)
            same += np.array_equal(before, after, equal_nan=True)
    assert new_constants > 60
    assert same == new_constants


def test_without_add_and_mul_nodes_are_random() -> None:
    for seed in range(100):
        layout, parent, graph, random = chromosomes(seed, WITHOUT_ADD_AND_MUL)
        _, found = decode(layout, parent.genes, graph)
        genes, constants = parent.genes.copy(), parent.constants.copy()
        insert_node(1, found, genes, constants, layout, graph, random)
        assert ((genes >= 0) & (genes < layout.alleles)).all()
        assert np.array_equal(constants, parent.constants)


@settings(deadline=None)
@given(SEEDS)
def test_a_deleted_node_is_read_no_more(seed: int) -> None:
    layout, parent, graph, random = chromosomes(seed)
    count, _ = decode(layout, parent.genes, graph)
    genes = parent.genes.copy()
    assert delete_node(1, count, genes, layout, graph, random) == (count > 0)
    assert ((genes >= 0) & (genes < layout.alleles)).all()
    assert decode(layout, genes, graph)[0] <= max(count - 1, 0)


@settings(deadline=None)
@given(SEEDS)
def test_a_change_stays_in_its_layer(seed: int) -> None:
    layout, parent, graph, random = chromosomes(seed)
    genes, constants = parent.genes.copy(), parent.constants.copy()
    vary_layer(1, genes, constants, layout, graph, random)
    assert ((genes >= 0) & (genes < layout.alleles)).all()
    for column, size, mine, other in (
        (GENES_AT, GENES, genes, parent.genes),
        (CONSTANTS_AT, CONSTANTS, constants, parent.constants),
    ):
        own = layout.table[1, column] + np.arange(layout.table[1, size])
        assert np.array_equal(np.delete(mine, own), np.delete(other, own))


def test_all_changes_happen() -> None:
    """Nodes come and go, active genes change, and constants are put in."""
    seen = {"longer": 0, "shorter": 0, "as long": 0, "constants": 0}
    for seed in range(300):
        layout, parent, graph, random = chromosomes(seed)
        count, _ = decode(layout, parent.genes, graph)
        genes, constants = parent.genes.copy(), parent.constants.copy()
        vary_layer(1, genes, constants, layout, graph, random)
        now, _ = decode(layout, genes, graph)
        seen["longer"] += now > count
        seen["shorter"] += now < count
        seen["as long"] += now == count
        seen["constants"] += not np.array_equal(constants, parent.constants)
    assert min(seen.values()) > 20, seen


def test_constants_of_offspring_are_fitted_in_the_steps_given() -> None:
    """Without any, a climber's constants are those that it was given, 0 or 1."""
    for steps in (0, 2):
        joint = search(restarts=1, constant_steps=steps)
        climber = joint._climbers[0]
        given = {0.0, 1.0, *climber.composite.constants.tolist()}
        improve(3000, 0.0, 0, joint._problem, climber, joint._scratch[0])
        assert set(climber.composite.constants.tolist()).issubset(given) == (steps == 0)
