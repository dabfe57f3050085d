"""The genetic algorithm against the exact optimum, and what it promises."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.known_models import Known, genomes, grid, white
from hypothesis import given
from hypothesis import strategies as st

from srnet.errors import UserError
from srnet.images import Evaluator
from srnet.images.search import genetic
from srnet.images.search.archive import Archive
from srnet.images.search.surrogate import Surrogate


def problem(seed: int, rows: int = 3, columns: int = 4, limit: int | None = None):
    """A random model with interactions on superpixels of one size, its archive and their sizes."""
    n = rows * columns
    rng = np.random.default_rng(seed)
    model = Known(rng.normal(0, 2, n), np.triu(rng.normal(0, 1.5, (n, n)), 1))
    segments = grid(rows, columns)
    return (
        model,
        Archive(
            Evaluator(
                model, white(segments), segments, label=1, fill="black", batch=256, outputs="logits"
            ),
            limit,
        ),
        np.full(n, 1 / n),
    )


def optimum(model: Known, settings: genetic.Settings, n: int) -> float:
    """The best fitness of all 2ⁿ genomes, by enumeration."""
    shown = genomes(n)

    def softened(genomes):
        truth = model.truth(genomes)
        return 1 / (1 + ((1 - truth) / truth) ** (1 / settings.temperature))

    value = softened(shown) - (softened(~shown) if settings.fitness == "contrast" else 0)
    return float((value - settings.penalty * shown.mean(axis=1)).max())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["published", "sparse"])
def test_it_finds_the_optimum_where_all_genomes_can_be_counted(name: str, seed: int) -> None:
    model, archive, sizes = problem(seed)
    settings = genetic.preset(name, max_passes=None, patience=50)
    settings = replace(settings, max_passes=None, penalty=max(settings.penalty, 0.2), population=50)
    found = genetic.search(archive, sizes, settings, seed=1)
    assert found.history[-1]["best"] == pytest.approx(optimum(model, settings, 12), abs=1e-5)


def test_a_hundred_passes_come_close_to_the_optimum() -> None:
    reached = []
    for seed in range(20):
        model, archive, sizes = problem(seed, limit=100)
        settings = genetic.preset("sparse")
        archive.evaluate(np.zeros((1, 12), dtype=bool))
        found = genetic.search(archive, sizes, settings, seed=1)
        assert archive.passes <= 100
        empty = 2 * model.truth(np.zeros((1, 12)))[0] - 1
        reached.append((found.history[-1]["best"] - empty) / (optimum(model, settings, 12) - empty))
    assert np.mean(reached) > 0.95


def test_a_seed_gives_one_result_and_another_seed_another_way() -> None:
    ways = []
    for seed in (1, 1, 2):
        _, archive, sizes = problem(0)
        found = genetic.search(archive, sizes, genetic.preset("published", generations=5), seed)
        ways.append((archive.genomes.tobytes(), found.genome.tobytes(), found.history))
    assert ways[0] == ways[1]
    assert ways[0][0] != ways[2][0]


def test_the_best_never_gets_worse_and_the_history_says_what_was() -> None:
    model, archive, sizes = problem(3)
    seen = []
    found = genetic.search(
        archive, sizes, genetic.preset("published", generations=8, patience=8), 1, seen.append
    )
    assert seen == found.history
    assert [entry["generation"] for entry in seen] == list(range(len(seen)))
    best = [entry["best"] for entry in seen]
    assert best == sorted(best)
    assert all(entry["mean"] <= entry["best"] for entry in seen)
    assert seen[-1]["probability"] == pytest.approx(model.truth(found.genome[None])[0], abs=1e-5)
    assert seen[-1]["share"] == pytest.approx(found.genome.mean())
    assert seen[-1]["passes"] == archive.passes


def test_patience_ends_a_search_that_finds_nothing_better() -> None:
    _, archive, sizes = problem(0, rows=1, columns=2)
    found = genetic.search(archive, sizes, genetic.preset("published", patience=3), seed=1)
    assert len(found.history) <= 8
    assert archive.passes <= 4


@pytest.mark.parametrize("limit", [10, 11, 25, 60])
@pytest.mark.parametrize(
    "settings",
    [{}, {"start": "sparse"}, {"start": "uniform", "fitness": "probability"}, {"candidates": 1}],
)
def test_passes_never_exceed_the_limit(limit: int, settings) -> None:
    _, archive, sizes = problem(1, rows=6, columns=6, limit=limit)
    found = genetic.search(
        archive, sizes, genetic.preset("sparse", max_passes=limit, **settings), seed=1
    )
    assert archive.passes <= limit
    assert len(found.genome) == 36
    assert np.isfinite(found.history[-1]["best"])


def test_contrast_asks_for_all_that_would_do_alone() -> None:
    # Either of two superpixels is enough: the probability is content with one, contrast must take
    # both away.
    segments = grid(3, 4)
    weights = np.zeros(12)
    weights[[2, 7]] = 8.0
    chosen = {}
    for fitness in genetic.FITNESSES:
        evaluator = Evaluator(
            Known(weights, bias=-4.0),
            white(segments),
            segments,
            label=1,
            fill="black",
            outputs="logits",
        )
        settings = genetic.preset("sparse", fitness=fitness, penalty=0.5, temperature=1.0)
        chosen[fitness] = np.flatnonzero(
            genetic.search(Archive(evaluator, 100), np.full(12, 1 / 12), settings, 1).genome
        ).tolist()
    assert chosen["probability"] in ([2], [7])
    assert chosen["contrast"] == [2, 7]


@pytest.mark.parametrize(("temperature", "count"), [(1.0, 1), (3.0, 2)])
def test_a_temperature_counts_what_makes_a_sure_network_surer(
    temperature: float, count: int
) -> None:
    segments = grid(3, 4)
    weights = np.zeros(12)
    weights[[2, 7]] = 8.0
    evaluator = Evaluator(
        Known(weights, bias=-4.0),
        white(segments),
        segments,
        label=1,
        fill="black",
        outputs="logits",
    )
    settings = genetic.preset("sparse", fitness="probability", penalty=0.5, temperature=temperature)
    assert (
        genetic.search(Archive(evaluator, 100), np.full(12, 1 / 12), settings, 1).genome.sum()
        == count
    )


def test_the_surrogate_chooses_offspring_of_every_size() -> None:
    _, archive, sizes = problem(0, rows=5, columns=6)
    settings = genetic.preset("sparse", offspring=4)
    rng = np.random.default_rng(1)
    population = np.eye(30, dtype=bool)
    fitness = genetic._evaluate_fitness(archive, population, sizes, settings)
    chosen = genetic._make_offspring(archive, population, fitness, sizes, settings, rng)
    assert len(chosen) == len(np.unique(chosen, axis=0)) == 4
    assert not archive.contains(chosen).any()
    assert (np.diff(chosen.sum(axis=1)) >= 0).all()  # the lower the penalty, the more is shown
    assert chosen[0].sum() < chosen[-1].sum()


@pytest.mark.parametrize("fitness", genetic.FITNESSES)
def test_the_fitness_expected_is_that_of_what_was_evaluated(fitness: str) -> None:
    _, archive, sizes = problem(2)
    settings = genetic.preset("sparse", fitness=fitness)
    shown = genomes(12)[:: 2**12 // 40]
    measured = genetic._evaluate_fitness(archive, shown, sizes, settings)
    expected = genetic.predict_fitness(Surrogate.from_archive(archive), shown, sizes, settings)
    assert np.corrcoef(measured, expected)[0, 1] > 0.99
    assert np.abs(expected - measured).mean() < 0.05


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.floats(0, 1), st.floats(0, 1))
def test_offspring_have_only_genes_of_their_parents_unless_mutated(
    seed: int, n: int, crossover: float, mutation: float
) -> None:
    rng = np.random.default_rng(seed)
    population, fitness = rng.random((4, n)) < 0.5, rng.random(4)
    settings = genetic.preset("published", crossover=crossover, mutation=0.0)
    bred = genetic._breed(population, fitness, 30, settings, rng)
    common = (population == population[0]).all(axis=0)
    assert bred.shape == (30, n)
    assert (bred[:, common] == population[0, common]).all()
    flipped = genetic._breed(
        population[:1], fitness[:1], 30, replace(settings, mutation=mutation), rng
    )
    assert (flipped == population[0]).all() or mutation > 0


def test_the_fitter_win_the_tournament() -> None:
    population, fitness = np.eye(5, dtype=bool), np.arange(5.0)
    settings = genetic.preset("published", crossover=0.0, mutation=0.0, tournament=20)
    bred = genetic._breed(population, fitness, 50, settings, np.random.default_rng(0))
    assert (bred == population[4]).all(axis=1).mean() > 0.9


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("dense", {}, "published, sparse"),
        ("sparse", {"fitness": "loss"}, "probability, contrast"),
        ("sparse", {"start": "cold"}, "uniform, sparse, probes"),
        ("sparse", {"population": 1}, "at least 2"),
        ("sparse", {"max_passes": 3}, "at least 10"),
        ("sparse", {"generations": 2.5}, "at least 0"),
        ("sparse", {"mutation": 1.5}, "from 0 to 1"),
        ("sparse", {"refinement": -0.1}, "from 0 to 1"),
        ("sparse", {"penalty": -1.0}, "at least 0"),
        ("sparse", {"offspring": 0}, "at least 1"),
        ("sparse", {"temperature": 0.0}, "above 0"),
        ("sparse", {"speed": 1}, "no setting"),
    ],
)
def test_an_unusable_setting_is_one_sentence(name: str, changes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        genetic.preset(name, **changes)
