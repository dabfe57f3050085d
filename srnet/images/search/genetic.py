"""The genetic algorithm over superpixels: a genome says which are shown (Wang, Pei, Xue and Zhang,
arXiv 2211.15143)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from srnet.errors import UserError
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.images.search.ranking import leading, plan
from srnet.images.search.surrogate import Surrogate
from srnet.typing import Floats
from srnet.validation import Choice, Count, Integer, Number, Share, validate

# Of the passes that are left, how many go into the first generation where every superpixel alone
# would cost too many.
START_SHARE = 0.8

FITNESSES = ("probability", "contrast")
STARTS = ("uniform", "sparse", "probes")


@dataclass(frozen=True)
class Settings:
    """Settings of the search.

    Attributes
    ----------
    fitness
        ``probability``: p(S) of the explained class when only the superpixels S are shown.
        ``contrast``: p(S) - p(all but S), which asks of S to be necessary as well as sufficient,
        for two passes.
    temperature
        The p of the fitness is that of the log-odds divided by this: above 1, what makes a sure
        network surer counts too.
    penalty
        Taken off the fitness, times the share of the pixels in S.
    population
        Individuals.
    offspring
        Evaluated in every generation; as many as there are individuals where None.
    generations, patience
        Most generations after the first, and most of them without a better individual; a patience
        of None has no end.
    tournament
        Individuals of which the best becomes a parent.
    crossover
        Probability of a uniform crossover of two parents; otherwise the first is copied.
    mutation
        Probability with which a bit is flipped; None for 1 / superpixels.
    elites
        Parents that compete with their offspring for a place in the next generation; all of them
        where None.
    start
        First generation: ``uniform``, every superpixel shown with probability 1/2; ``sparse``, with
        ``ones``; ``probes``, every superpixel alone (``sparse`` where passes do not suffice for
        that).
    ones
        Share of superpixels in a sparse start.
    candidates
        Offspring bred for every one that is evaluated; the surrogate chooses, for penalties from
        the whole one down to none, so that what is known does not end at the size of the fittest.
    max_passes
        Most network evaluations; None for no limit.
    refinement
        Share of ``max_passes`` that is kept for the ranking, see
        :func:`srnet.images.search.ranking.refine`; the explanation may then be the leading part of
        the ranking, where the surrogate holds that to be fitter than the fittest individual.

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
    """A preset's settings with some of them changed; a change of None is none.

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
class Found:
    """What a search found.

    Attributes
    ----------
    genome
        (n,) the superpixels of the best individual.
    history
        By generation: ``generation``, ``passes`` (so far), ``best`` and ``mean`` fitness of the
        population, and the best individual's ``probability`` and ``share`` of the pixels.
    """

    genome: NDArray[np.bool_]
    history: list[dict[str, float]]


def search(
    archive: Archive,
    sizes: Floats,
    settings: Settings,
    seed: int,
    progress: Callable[[dict[str, float]], None] | None = None,
) -> Found:
    """Search the superpixels that explain the class.

    Parameters
    ----------
    archive
        What has been evaluated so far, and the way to evaluate more.
    sizes
        (n,) share of the pixels in each superpixel.
    settings
        Of the search.
    seed
        Of its random numbers; the result depends on nothing else.
    progress
        Called with every entry of the history.
    """
    rng = np.random.default_rng(seed)
    archive.places(np.zeros((1, len(sizes)), dtype=bool))  # the report asks for it
    history: list[dict[str, float]] = []
    population = _first(archive, settings, rng)
    fitness = _fitness(archive, population, sizes, settings)
    population, fitness = _best(population, fitness, settings.population)
    waited = 0
    while True:
        entry = _entry(archive, population, fitness, sizes, len(history))
        waited = 0 if not history or entry["best"] > history[-1]["best"] else waited + 1
        history.append(entry)
        if progress is not None:
            progress(entry)
        if (
            len(history) - 1 == settings.generations
            or waited == settings.patience
            or archive.left < 1
        ):
            break
        offspring = _offspring(archive, population, fitness, sizes, settings, rng)
        kept, kept_fitness = _best(population, fitness, settings.elites or settings.population)
        offspring_fitness = _fitness(archive, offspring, sizes, settings)
        population, fitness = _best(
            np.concatenate([kept, offspring]),
            np.concatenate([kept_fitness, offspring_fitness]),
            settings.population,
        )
    return Found(population[0], history)


def _first(archive: Archive, settings: Settings, rng: np.random.Generator) -> Genomes:
    n = archive.genomes.shape[1]
    cost = 2 if settings.fitness == "contrast" else 1
    if settings.start == "probes" and cost * n <= archive.left:
        return np.eye(n, dtype=bool)
    share, count = (0.5 if settings.start == "uniform" else settings.ones), settings.population
    if settings.start == "probes":  # as many as probes may cost, each of them larger
        count = max(count, int(START_SHARE * archive.left) // cost)
    genomes = rng.random((count, n)) < share
    empty = ~genomes.any(axis=1)
    genomes[empty, rng.integers(0, n, np.count_nonzero(empty))] = True
    return genomes


def _fitness(archive: Archive, genomes: Genomes, sizes: Floats, settings: Settings) -> Floats:
    """(m,), minus infinity for genomes that passes did not suffice for."""
    asked = np.stack([genomes, ~genomes] if settings.fitness == "contrast" else [genomes], axis=1)
    places = archive.places(asked.reshape(-1, genomes.shape[1])).reshape(asked.shape[:2])
    value = _value(archive.log_odds[places].T, genomes, sizes, settings)
    return np.where((places < 0).any(axis=1), -np.inf, value)


def expected_fitness(
    expected: Surrogate, genomes: Genomes, sizes: Floats, settings: Settings
) -> Floats:
    """(m,), by the surrogate of the log-odds."""
    asked = [genomes, ~genomes] if settings.fitness == "contrast" else [genomes]
    return _value([expected(shown) for shown in asked], genomes, sizes, settings)


def _value(
    log_odds: Sequence[Floats] | Floats, genomes: Genomes, sizes: Floats, settings: Settings
) -> Floats:
    """The fitness (m,) of genomes with these log-odds, and as the second (contrast only), those of
    their complements."""
    value = expit(log_odds[0] / settings.temperature)
    for rest in log_odds[1:]:
        value = value - expit(rest / settings.temperature)
    return value - settings.penalty * (genomes @ sizes)


def _best(genomes: Genomes, fitness: Floats, count: int) -> tuple[Genomes, Floats]:
    """The ``count`` fittest, best first; of equals the first, so that parents stay."""
    order = np.argsort(-fitness, kind="stable")[:count]
    return genomes[order], fitness[order]


def _offspring(
    archive: Archive,
    population: Genomes,
    fitness: Floats,
    sizes: Floats,
    settings: Settings,
    rng: np.random.Generator,
) -> Genomes:
    count = settings.offspring or settings.population
    bred = _bred(population, fitness, count * settings.candidates, settings, rng)
    if settings.candidates == 1:
        return bred
    # Many are bred, few evaluated: new ones, and of those the ones that the surrogate holds to be
    # the fittest, each for another penalty. The leading superpixels of the ranking take part beside
    # the offspring.
    expected = Surrogate.of(archive)
    order, _ = plan(expected, sizes, settings.temperature)
    bred = np.unique(np.concatenate([leading(order), bred]), axis=0)
    bred = bred[~archive.knows(bred) & bred.any(axis=1)]
    predicted = expected_fitness(expected, bred, sizes, replace(settings, penalty=0.0))
    chosen: list[int] = []
    for penalty in np.linspace(settings.penalty, 0, count)[: len(bred)]:
        value = predicted - penalty * (bred @ sizes)
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    return bred[chosen]


def _bred(
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


def _entry(
    archive: Archive, population: Genomes, fitness: Floats, sizes: Floats, generation: int
) -> dict[str, float]:
    finite = fitness[np.isfinite(fitness)]
    return {
        "generation": generation,
        "passes": archive.passes,
        "best": float(fitness[0]),
        "mean": float(finite.mean()),
        "probability": float(archive.probability[archive.places(population[:1])[0]]),
        "share": float(population[0] @ sizes),
    }
