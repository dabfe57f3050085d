"""The genetic algorithm over sets of superpixels (Wang, Pei, Xue and Zhang, arXiv 2211.15143).

A genome, (n,) bool, holds the superpixels that are shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from srnet.errors import UserError
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.images.search.ranking import leading_sets, plan_order
from srnet.images.search.surrogate import Surrogate
from srnet.typing import Floats
from srnet.validation import Choice, Count, Integer, Number, Share, validate

# Share of the remaining passes for the first generation if evaluating each superpixel alone would
# take too many.
FIRST_SHARE = 0.8

FITNESSES = ("probability", "contrast")
STARTS = ("uniform", "sparse", "probes")


@dataclass(frozen=True)
class Settings:
    """Settings of the search.

    Attributes
    ----------
    fitness
        ``probability``: p(S) of the explained class when only the superpixels S are shown.
        ``contrast``: p(S) - p(all but S), so that S is necessary as well as sufficient; this takes
        two passes.
    temperature
        Divides the log-odds of p in the fitness. Above 1, the fitness still rises where p is close
        to 1.
    penalty
        Weight of the share of pixels in S, which is subtracted from the fitness.
    population
        Number of individuals.
    offspring
        Number of offspring evaluated per generation; None for as many as individuals.
    generations, patience
        The most generations after the first, and the most without a better individual; a patience
        of None is unlimited.
    tournament
        Number of individuals in a tournament, whose best becomes a parent.
    crossover
        Probability of a uniform crossover of two parents; otherwise the first is copied.
    mutation
        Probability of flipping a bit; None for 1 / superpixels.
    elites
        Number of parents that compete with their offspring for the next generation; None for all.
    start
        The first generation. ``uniform``: each superpixel is shown with probability 1/2.
        ``sparse``: with probability ``ones``. ``probes``: each superpixel alone, or ``sparse`` if
        there are too few passes for that.
    ones
        Probability of showing a superpixel in a sparse start.
    candidates
        Number of offspring bred for each one that is evaluated. The surrogate chooses among them
        with penalties from ``penalty`` down to 0, so that larger genomes are evaluated too.
    max_passes
        The most network evaluations; None for no limit.
    refinement
        Share of ``max_passes`` reserved for :func:`srnet.images.search.ranking.refine`. If it is
        positive, a leading part of the ranking becomes the explanation if the surrogate predicts
        that it is fitter than the fittest individual.

    Raises
    ------
    UserError
        If a value is out of range.
    """

    fitness: Annotated[str, Choice(FITNESSES)] = "contrast"
    temperature: Annotated[float, Number(above=0)] = 2.0
    penalty: Annotated[float, Number(at_least=0)] = 1.5
    population: Annotated[int, Integer(2)] = 10
    offspring: Count | None = 4
    generations: Annotated[int, Integer(0)] = 100
    patience: Count | None = None
    tournament: Count = 2
    crossover: Share = 0.9
    mutation: Share | None = None
    elites: Count | None = None
    start: Annotated[str, Choice(STARTS)] = "probes"
    ones: Share = 0.1
    candidates: Count = 50
    max_passes: Annotated[int, Integer(10)] | None = 100
    refinement: Share = 1 / 6

    def __post_init__(self) -> None:
        validate(self)


PRESETS = {
    "published": Settings(
        fitness="probability",
        temperature=1.0,
        penalty=0.0,
        population=50,
        offspring=None,
        generations=50,
        patience=10,
        elites=1,
        start="uniform",
        candidates=1,
        max_passes=None,
        refinement=0.0,
    ),
    "sparse": Settings(),
}


def preset(name: str, **changes: Any) -> Settings:
    """The settings of a preset with some changes; a change to None is ignored.

    Raises
    ------
    UserError
        If the preset or a setting is unknown, or a value is out of range.
    """
    Choice(tuple(PRESETS)).check("preset", name)
    unknown = changes.keys() - {field.name for field in fields(Settings)}
    if unknown:
        raise UserError(
            f"{min(unknown)}: is no setting; those of the search are "
            f"{', '.join(field.name for field in fields(Settings))}"
        )
    return replace(
        PRESETS[name], **{key: value for key, value in changes.items() if value is not None}
    )


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes
    ----------
    genome
        (n,) superpixels of the best individual.
    history
        For each generation: ``generation``, ``passes`` so far, ``best`` and ``mean`` fitness of the
        population, and the ``probability`` and ``share`` of pixels of the best individual.
    """

    genome: NDArray[np.bool_]
    history: list[dict[str, float]]


def search(
    archive: Archive,
    sizes: Floats,
    settings: Settings,
    seed: int,
    progress: Callable[[dict[str, float]], None] | None = None,
) -> SearchResult:
    """Search for the superpixels that explain the class.

    Parameters
    ----------
    archive
        Evaluates genomes; it is extended.
    sizes
        (n,) share of the pixels in each superpixel.
    settings
        Settings of the search.
    seed
        Seed of the random numbers. Equal archives, settings and seeds give equal results.
    progress
        Called with each entry of the history.
    """
    rng = np.random.default_rng(seed)
    archive.evaluate(np.zeros((1, len(sizes)), dtype=bool))  # the result reports it
    history: list[dict[str, float]] = []
    population = _first_generation(archive, settings, rng)
    fitness = _evaluate_fitness(archive, population, sizes, settings)
    population, fitness = _select_fittest(population, fitness, settings.population)
    stagnation = 0
    while True:
        entry = _history_entry(archive, population, fitness, sizes, len(history))
        improved = not history or entry["best"] > history[-1]["best"]
        stagnation = 0 if improved else stagnation + 1
        history.append(entry)
        if progress is not None:
            progress(entry)
        if (
            len(history) - 1 == settings.generations
            or stagnation == settings.patience
            or archive.passes_left < 1
        ):
            break
        offspring = _make_offspring(archive, population, fitness, sizes, settings, rng)
        kept, kept_fitness = _select_fittest(
            population, fitness, settings.elites or settings.population
        )
        offspring_fitness = _evaluate_fitness(archive, offspring, sizes, settings)
        population, fitness = _select_fittest(
            np.concatenate([kept, offspring]),
            np.concatenate([kept_fitness, offspring_fitness]),
            settings.population,
        )
    return SearchResult(population[0], history)


def _first_generation(archive: Archive, settings: Settings, rng: np.random.Generator) -> Genomes:
    n = archive.genomes.shape[1]
    cost = 2 if settings.fitness == "contrast" else 1
    if settings.start == "probes" and cost * n <= archive.passes_left:
        return np.eye(n, dtype=bool)
    share, count = (0.5 if settings.start == "uniform" else settings.ones), settings.population
    if settings.start == "probes":  # too few passes for probes: as many genomes as they allow
        count = max(count, int(FIRST_SHARE * archive.passes_left) // cost)
    genomes = rng.random((count, n)) < share
    empty = ~genomes.any(axis=1)
    genomes[empty, rng.integers(0, n, np.count_nonzero(empty))] = True
    return genomes


def _evaluate_fitness(
    archive: Archive, genomes: Genomes, sizes: Floats, settings: Settings
) -> Floats:
    """Evaluate the fitness (m,) of genomes (m, n): −∞ for those that the limit does not allow."""
    shown = np.stack([genomes, ~genomes] if settings.fitness == "contrast" else [genomes], axis=1)
    indices = archive.evaluate(shown.reshape(-1, genomes.shape[1])).reshape(shown.shape[:2])
    fitness = _compute_fitness(archive.log_odds[indices].T, genomes, sizes, settings)
    return np.where((indices < 0).any(axis=1), -np.inf, fitness)


def predict_fitness(
    surrogate: Surrogate, genomes: Genomes, sizes: Floats, settings: Settings
) -> Floats:
    """The fitness (m,) of genomes (m, n) as the surrogate predicts it."""
    shown = [genomes, ~genomes] if settings.fitness == "contrast" else [genomes]
    log_odds = [surrogate.predict(subset) for subset in shown]
    return _compute_fitness(log_odds, genomes, sizes, settings)


def _compute_fitness(
    log_odds: Sequence[Floats] | Floats, genomes: Genomes, sizes: Floats, settings: Settings
) -> Floats:
    """Compute the fitness (m,) of genomes (m, n).

    Parameters
    ----------
    log_odds
        (m,) of the genomes and, for a contrast, (m,) of their complements.
    """
    fitness = expit(log_odds[0] / settings.temperature)
    for complement in log_odds[1:]:
        fitness = fitness - expit(complement / settings.temperature)
    return fitness - settings.penalty * (genomes @ sizes)


def _select_fittest(genomes: Genomes, fitness: Floats, count: int) -> tuple[Genomes, Floats]:
    """Select the ``count`` fittest, best first; ties keep their order, so parents stay."""
    order = np.argsort(-fitness, kind="stable")[:count]
    return genomes[order], fitness[order]


def _make_offspring(
    archive: Archive,
    population: Genomes,
    fitness: Floats,
    sizes: Floats,
    settings: Settings,
    rng: np.random.Generator,
) -> Genomes:
    count = settings.offspring or settings.population
    bred = _breed(population, fitness, count * settings.candidates, settings, rng)
    if settings.candidates == 1:
        return bred
    # Many are bred and few evaluated: only new genomes, and of those the fittest by the surrogate,
    # each under a different penalty. The leading sets of the ranking compete with the offspring.
    surrogate = Surrogate.from_archive(archive)
    order, _ = plan_order(surrogate, sizes, settings.temperature)
    bred = np.unique(np.concatenate([leading_sets(order), bred]), axis=0)
    bred = bred[~archive.contains(bred) & bred.any(axis=1)]
    predicted = predict_fitness(surrogate, bred, sizes, replace(settings, penalty=0.0))
    chosen: list[int] = []
    for penalty in np.linspace(settings.penalty, 0, count)[: len(bred)]:
        value = predicted - penalty * (bred @ sizes)
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    return bred[chosen]


def _breed(
    population: Genomes, fitness: Floats, count: int, settings: Settings, rng: np.random.Generator
) -> Genomes:
    n = population.shape[1]
    entrants = rng.integers(0, len(population), (2, count, settings.tournament))
    winners = np.take_along_axis(entrants, fitness[entrants].argmax(axis=2)[..., None], axis=2)[
        ..., 0
    ]
    first, second = population[winners]
    swapped = (rng.random((count, n)) < 0.5) & (rng.random((count, 1)) < settings.crossover)
    rate = 1 / n if settings.mutation is None else settings.mutation
    return np.where(swapped, second, first) ^ (rng.random((count, n)) < rate)


def _history_entry(
    archive: Archive, population: Genomes, fitness: Floats, sizes: Floats, generation: int
) -> dict[str, float]:
    finite = fitness[np.isfinite(fitness)]
    return {
        "generation": generation,
        "passes": archive.passes,
        "best": float(fitness[0]),
        "mean": float(finite.mean()),
        "probability": float(archive.probability[archive.evaluate(population[:1])[0]]),
        "share": float(population[0] @ sizes),
    }
