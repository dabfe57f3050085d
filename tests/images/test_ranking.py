"""The ranking: the order by greed, what it asks about, and the scores that say the order."""

import itertools

import numpy as np
import pytest
from helpers.known_models import Known, genomes, grid, white
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from srnet.images import Evaluator
from srnet.images.measures import measure_explanation
from srnet.images.search import genetic
from srnet.images.search.archive import Archive
from srnet.images.search.ranking import (
    _select_uncertain,
    compute_scores,
    leading_sets,
    plan_order,
    refine,
)
from srnet.images.search.surrogate import Surrogate

seeds = st.integers(0, 2**32 - 1)


def archive_of(
    weights,
    pairs=None,
    bias: float = 0.0,
    shape: tuple[int, int] = (2, 4),
    limit: int | None = None,
) -> Archive:
    segments = grid(*shape)
    model = Known(np.asarray(weights, dtype=float), *([] if pairs is None else [pairs]), bias=bias)
    return Archive(
        Evaluator(
            model, white(segments), segments, label=1, fill="black", outputs="logits", batch=256
        ),
        limit,
    )


def probed(archive: Archive) -> Archive:
    """Nothing, every superpixel alone, and all but it are known."""
    n = archive.genomes.shape[1]
    alone = np.eye(n, dtype=bool)
    archive.evaluate(np.concatenate([np.zeros((1, n), dtype=bool), alone, ~alone]))
    return archive


def test_leading_are_the_first_of_an_order() -> None:
    assert leading_sets(np.array([2, 0, 1])).tolist() == [
        [False, False, True],
        [True, False, True],
        [True, True, True],
    ]


def test_a_sum_is_ordered_by_its_weights() -> None:
    weights = np.array([1.5, -2.0, 3.0, 0.5, -1.0, 2.0, 0.0, -0.4])
    order, gains = plan_order(
        Surrogate.from_archive(probed(archive_of(weights))), np.full(8, 1 / 8)
    )
    assert order.tolist() == np.argsort(-weights).tolist()
    assert (np.sign(gains[[0, 1, 2, -1, -2, -3]]) == [1, 1, 1, -1, -1, -1]).all()


def test_of_two_that_add_the_same_the_smaller_comes_first() -> None:
    expected = Surrogate.from_archive(probed(archive_of([1.0, 1.0, 0, 0, 0, 0, 0, 0])))
    order, _ = plan_order(expected, np.array([0.3, *[0.1] * 7]))
    assert order[:2].tolist() == [1, 0]


@given(seeds, st.integers(2, 7), st.floats(0.5, 4))
def test_the_order_is_greedy(seed: int, n: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    known = rng.random((12, n)) < 0.5
    expected = Surrogate(known, rng.normal(0, 2, 12))
    sizes = rng.dirichlet(np.ones(n) * 5)
    order, gains = plan_order(expected, sizes, temperature)
    assert sorted(order.tolist()) == list(range(n))

    def contrast(shown) -> float:
        p, rest = expit(expected.predict(np.stack([shown, ~shown])) / temperature)
        return p - rest

    shown = np.zeros(n, dtype=bool)
    for superpixel, gain in zip(order, gains, strict=True):
        per_pixel = {}
        for other in np.flatnonzero(~shown):
            after = shown.copy()
            after[other] = True
            per_pixel[other] = (contrast(after) - contrast(shown)) / sizes[other]
        assert gain == pytest.approx(per_pixel[superpixel] * sizes[superpixel], abs=1e-9)
        assert per_pixel[superpixel] >= max(per_pixel.values()) - 1e-9
        shown[superpixel] = True


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), seeds)
def test_scores_fall_in_the_order_and_keep_the_sum(gains, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(gains))
    found = compute_scores(order, np.array(gains))
    assert np.argsort(-found, kind="stable").tolist() == order.tolist()
    assert found.sum() == pytest.approx(sum(gains), abs=1e-6)
    if all(one >= other for one, other in itertools.pairwise(gains)):
        assert found[order] == pytest.approx(gains, abs=1e-6)


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 7])
def test_refining_spends_what_is_left_and_no_more(limit: int) -> None:
    archive = probed(archive_of(np.random.default_rng(1).normal(0, 2, 20), shape=(4, 5)))
    before = archive.passes
    archive.limit = before + limit
    refine(archive, np.full(20, 1 / 20))
    assert archive.passes - before == limit


def test_refining_ends_where_nothing_is_new() -> None:
    archive = probed(archive_of([2.0, 1.0, 0.0, -1.0], shape=(2, 2), limit=500))
    refine(archive, np.full(4, 1 / 4))
    order, _ = plan_order(Surrogate.from_archive(archive), np.full(4, 1 / 4))
    assert archive.contains(np.concatenate([leading_sets(order), ~leading_sets(order)])).all()
    assert archive.passes < 16


@given(seeds, st.integers(2, 6))
def test_what_is_asked_is_the_least_certain_given_what_is_asked_before_it(
    seed: int, n: int
) -> None:
    rng = np.random.default_rng(seed)
    known, values = rng.random((6, n)) < 0.5, rng.normal(0, 3, 6)
    asked, width = rng.permutation(genomes(n))[:8], rng.random(8)
    expected = Surrogate(known, values)
    chosen = _select_uncertain(expected, asked, width[: len(asked)], 2)

    def deviations(surrogate):
        probability = expit(expected.predict(asked))
        variance = np.maximum(surrogate.covariance(asked).diagonal(), 0)
        return width[: len(asked)] * probability * (1 - probability) * np.sqrt(variance)

    first = deviations(expected)
    place = np.flatnonzero((asked == chosen[0]).all(axis=1))[0]
    assert first[place] == pytest.approx(first.max())
    # The variance does not depend on the answer, so that of a surrogate with any answer to the
    # first is that given the first.
    second = deviations(Surrogate(np.vstack([known, chosen[:1]]), np.append(values, 0.0)))
    second[place] = -1
    assert second[(asked == chosen[1]).all(axis=1)] == pytest.approx(second.max())


def test_a_refined_ranking_is_better_than_one_of_as_many_passes_of_search() -> None:
    better = {"insertion": [], "deletion": []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n = 20
        pairs = np.triu(rng.normal(0, 1.2, (n, n)), 1)
        weights = rng.normal(0, 1.2, n)
        found = {}
        for share in (0.0, 0.3):
            archive = archive_of(weights, pairs, shape=(4, 5), limit=int(round((1 - share) * 80)))
            genetic.search(archive, np.full(n, 1 / n), genetic.preset("sparse"), seed=1)
            archive.limit = 80
            if share:
                refine(archive, np.full(n, 1 / n))
            order, _ = plan_order(Surrogate.from_archive(archive), np.full(n, 1 / n))
            judge = archive_of(weights, pairs, shape=(4, 5))
            found[share] = measure_explanation(judge, np.zeros(n, dtype=bool), order)
        for name, differences in better.items():
            differences.append(found[0.3][name] - found[0.0][name])
    assert np.mean(better["insertion"]) > 0 > np.mean(better["deletion"])
