"""What a layer reads: taken from the chromosome of the layer before, and known again when it comes
back."""

import numpy as np
from helpers import made_up

from srnet.search.layerwise import _REMEMBERED_INPUTS, LayerwiseSearch
from srnet.search.settings import preset


def search() -> LayerwiseSearch:
    return LayerwiseSearch(
        made_up.layers(rows=1300, valid=300), preset("paper", population=20, generations=5), 1
    )


def test_inputs_that_come_back_are_the_same_and_have_the_same_version() -> None:
    first, second = search()._layers[:2]
    chromosomes = [first.offspring(first.start(), 3, number, 2**31) for number in range(200)]
    finite = [genes for genes in chromosomes if np.isfinite(first.propagate(genes).f).all()]
    graphs = {first.graph(genes): genes for genes in finite}
    assert len(graphs) > _REMEMBERED_INPUTS + 5
    a, b, *others = graphs.values()
    seen = []
    for genes in (a, b, a, *others, a):
        second.follow(first, genes)
        kernel = second._kernels[0]
        seen.append(
            (
                kernel.version,
                second.values[: second._inputs_end].copy(),
                kernel.line,
                kernel.bins.moments,
            )
        )
    back, after_many = seen[2], seen[-1]
    assert seen[0][0] == back[0]
    assert seen[1][0] != back[0]
    # forgotten in between: the same again, under another number
    assert after_many[0] != back[0]
    for i in (1, 2, 3):
        np.testing.assert_array_equal(seen[0][i], back[i])
        np.testing.assert_array_equal(seen[0][i], after_many[i])


def test_the_same_graph_leaves_everything_as_it_is() -> None:
    first, second = search()._layers[:2]
    genes = first.start()
    second.follow(first, genes)
    second.values[0] = 123.0
    second.follow(first, genes.copy())
    assert second.values[0] == 123.0


def test_a_composite_is_judged_once() -> None:
    one = search()
    while not one.elites:
        one.step()
    judged = []
    one._individual = lambda genes: judged.append(genes)  # type: ignore[method-assign, assignment, func-returns-value]
    one._consider(one.elites[0].genes)
    assert not judged
