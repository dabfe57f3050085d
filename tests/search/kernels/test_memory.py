"""What earlier generations tell of a graph changes no answer, and saves its evaluation."""

import math

import numpy as np
import pytest
from helpers import made_up
from helpers.layer_cases import HARD, SEED, Case
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.genome import Genes, threshold
from srnet.search.kernels.layer_kernel import best_known
from srnet.search.kernels.memory import Memory, is_known, name_graph, remember
from srnet.search.kernels.population import Population, Share
from srnet.search.layerwise import LayerSearch, LayerwiseSearch
from srnet.search.settings import preset

CASE = pytest.mark.parametrize("case", HARD.values(), ids=HARD)
OFFSPRING = 60


def search(
    layer: LayerSearch, parent: Genes, generation: int, limit: float = math.inf
) -> tuple[float, int]:
    share = Share(parent, generation, 0, OFFSPRING, np.uint64(threshold(0.1)), limit)
    return layer.search(share, 0, True)


@CASE
@pytest.mark.parametrize("places", [0, 1, 8, 1 << 12])
def test_a_layer_with_a_memory_answers_as_a_new_one(case: Case, places: int) -> None:
    """Over generations of few parents, with limits that fall and rise, in a large table, in tables
    where graphs drive one another out, and in none."""
    layer = case.layer(256)
    layer.scratch(0, OFFSPRING)
    layer._memories[0] = Memory.empty(OFFSPRING, places)
    parents = [np.array(case.shape.random(key), np.int32) for key in range(2)]
    limit = math.inf
    for generation in range(12):
        parent = parents[generation % 2]
        found = search(layer, parent, generation % 5, limit)
        assert found == search(case.layer(256), parent, generation % 5, limit)
        limit = found[0] * 1.5 if generation % 3 else math.inf


def test_a_known_graph_is_not_evaluated_again() -> None:
    layer, other = (HARD["many blocks, none full"].layer(256) for _ in range(2))
    parent = layer.start()
    found = search(layer, parent, 1, limit=1e6)
    assert found[1] >= 0
    layer.values[:] = other.values[:] = np.nan
    assert search(layer, parent, 1, limit=1e6) == found
    assert search(other, parent, 1, limit=1e6) == (math.inf, -1)


def test_what_is_known_holds_for_its_inputs_alone() -> None:
    """The layer above reads others after every change of the formula below."""
    below, above = layers_of_a_search()
    formulas = [below.offspring(share_of(below), number) for number in range(3)]
    first = {}
    for turn in range(3):
        for i, genes in enumerate(formulas):
            above.follow(below, genes)
            found = search(above, above.start(), 1)
            assert first.setdefault(i, found) == found, turn
            fresh_below, fresh_above = layers_of_a_search()
            fresh_above.follow(fresh_below, genes)
            assert search(fresh_above, fresh_above.start(), 1) == found
    assert len(set(first.values())) > 1  # else the case shows nothing


def layers_of_a_search() -> list[LayerSearch]:
    layers = made_up.layers(rows=600, valid=50)
    return LayerwiseSearch(layers, preset("paper", population=OFFSPRING), SEED)._layers[:2]


def share_of(layer: LayerSearch) -> Share:
    return Share(layer.start(), 1, 0, OFFSPRING, np.uint64(threshold(1.0)), math.inf)


GRAPHS = st.tuples(
    st.integers(0, 30),
    st.lists(st.tuples(*[st.integers(0, 30)] * 3), max_size=6),
    st.integers(0, 30),
)


@given(GRAPHS, GRAPHS)
def test_graphs_and_inputs_are_told_apart(
    one: tuple[int, list[tuple[int, int, int]], int],
    other: tuple[int, list[tuple[int, int, int]], int],
) -> None:
    population, memory = Population.empty(2, 6), Memory.empty(2, 1)
    for offspring, (inputs, nodes, output) in enumerate((one, other)):
        for node, genes in enumerate(nodes):
            population.programs[offspring, node] = genes
        population.counts[offspring], population.outputs[offspring] = len(nodes), output
        name_graph(memory, offspring, inputs, population)
    assert (memory.current[0] == memory.current[1]).all() == (one == other)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(math.inf, (1, 2.0)), (2.0, (1, 2.0)), (1.5, (-1, 1.5))],
)
def test_the_best_known_loss_comes_first(limit: float, expected: tuple[int, float]) -> None:
    """Of equals the first; bounds are no losses, and infinite ones are out of the race."""
    memory = Memory.empty(6, 8)
    memory.current[:, 0], memory.current[:, 1] = np.arange(6), 1
    bounds = np.array([3.0, 2.0, 1.0, 2.0, math.inf, -math.inf])
    for offspring, bound in enumerate(bounds):
        remember(memory, offspring, bound, offspring not in (2, 5))
    assert best_known(memory, bounds, 6, limit) == expected
    assert bounds.tolist() == [math.inf, math.inf, 1.0, math.inf, math.inf, -math.inf]


def test_the_loss_itself_outlives_bounds_of_it() -> None:
    memory = Memory.empty(2, 1)
    memory.current[:] = [[8, 1], [8, 3]]
    assert not is_known(memory, 0)
    remember(memory, 0, 2.0, False)
    assert is_known(memory, 0)
    assert not is_known(memory, 1)
    remember(memory, 0, 5.0, True)
    remember(memory, 0, 3.0, False)
    assert (memory.bounds[0], memory.exact[0]) == (5.0, True)
    remember(memory, 1, 1.0, False)
    assert is_known(memory, 1)
    assert not is_known(memory, 0)
    assert (memory.bounds[0], memory.exact[0]) == (1.0, False)
