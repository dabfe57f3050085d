"""What a layer reads, and which composites are judged."""

import numpy as np
from helpers import made_up

from srnet.search.layerwise import LayerwiseSearch
from srnet.search.settings import preset


def search() -> LayerwiseSearch:
    return LayerwiseSearch(
        made_up.layers(rows=1300, valid=300), preset("paper", population=20, generations=5), 1
    )


def test_a_layer_reads_the_symbolic_values_of_the_layer_before() -> None:
    first, second = search()._layers[:2]
    genes = first.start()
    below = first.propagate(first.graph(genes))
    second.follow(first, genes)
    rows, width = below.f.size, below.weights.size
    expected = np.outer(below.weights, below.f.astype(np.float64)) + below.biases[:, None]
    np.testing.assert_allclose(second.values[: width * rows], expected.ravel(), rtol=1e-6)
    line, tau = second.lines[0], below.f - below.centre
    np.testing.assert_allclose(
        np.outer(line.slopes[:width], tau) + line.centres[:width, None], expected, atol=1e-6
    )


def test_the_same_graph_leaves_everything_as_it_is() -> None:
    first, second = search()._layers[:2]
    genes = first.start()
    second.follow(first, genes)
    second.values[0] = 123.0
    second.follow(first, genes.copy())
    assert second.values[0] == 123.0


def test_the_values_of_the_latest_graphs_are_kept() -> None:
    """Of the same inputs alone."""
    first, second = search()._layers[:2]
    chromosomes = [first.start() for _ in range(2)]
    for number, genes in enumerate(chromosomes):
        genes[-1] = number  # an input is the output
    below, above = [], []
    for number in (0, 1, 0):
        below.append(first.propagate(first.graph(chromosomes[number])))
        second.follow(first, chromosomes[number])
        above.append(second.propagate(second.graph(chromosomes[0])))
    for values in (below, above):
        assert values[0] is values[2]
        assert not np.array_equal(values[0].f, values[1].f)


def test_a_composite_is_judged_once() -> None:
    one = search()
    while not one.elites:
        one.step()
    judged = []
    one._individual = lambda genes: judged.append(genes)  # type: ignore[method-assign, assignment, func-returns-value]
    one._consider(one.elites[0].genes)
    assert not judged
