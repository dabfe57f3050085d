"""The settings of a search and the presets that name them."""

from dataclasses import asdict, dataclass, fields, replace
from numbers import Real
from typing import Any

from srnet.cgp.primitives import CLASSIFICATION, REGRESSION, function_set
from srnet.errors import UserError

# What the loss changes in every preset (Luo et al. 2022, section 4).
BY_LOSS: dict[str, dict[str, Any]] = {
    "mse": {},
    "cross_entropy": {"rows": 10, "cols": 10, "functions": CLASSIFICATION, "stop": 1e-6},
}


def _whole(name: str, value: Any, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise UserError(f"'{name}' is {value!r}; a whole number of at least {minimum} is needed")


def _number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UserError(f"'{name}' is {value!r}; a number is needed")


@dataclass(frozen=True)
class Settings:
    """What defines a search besides the layers and the seed.

    ``population`` offspring are made in each of ``generations`` generations; ``population ×
    generations × layers`` chromosome evaluations are the budget of either search. ``loss`` is that
    of the output layer: ``mse``, or for a network that classifies ``cross_entropy`` against the
    class it predicts.

    Raises
    ------
    UserError
        If a value is out of its range.
    """

    preset: str
    search: str  # layerwise (Luo et al. 2022, section 3) or joint
    loss: str = "mse"
    population: int = 200
    generations: int = 5000
    rows: int = 5
    cols: int = 5
    n_eph: int = 1
    functions: tuple[str, ...] = REGRESSION
    mutation: float = 0.4
    stop: float = 1e-5
    elites: int = 10

    def __post_init__(self) -> None:
        for name in ("population", "generations", "rows", "cols", "elites"):
            _whole(name, getattr(self, name), 1)
        _whole("n_eph", self.n_eph, 0)
        _number("mutation", self.mutation)
        _number("stop", self.stop)
        if not 0.0 < self.mutation <= 1.0:
            raise UserError(
                f"'mutation' is {self.mutation}; a probability above 0 and at most 1 is needed"
            )
        if not self.stop >= 0.0:
            raise UserError(f"'stop' is {self.stop}; a fitness of 0 or more is needed")
        if self.loss not in BY_LOSS:
            raise UserError(f"'loss' is {self.loss!r}; allowed are {', '.join(BY_LOSS)}")
        function_set(self.functions)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without the preset's name, which RUN.json holds beside it."""
        content = asdict(self)
        content.pop("preset")
        content["functions"] = list(self.functions)
        return content


@dataclass(frozen=True)
class JointSettings(Settings):
    """What the joint search takes besides.

    Attributes
    ----------
    layerwise
        Share of the generations that a published search takes first, to give some of the climbers
        their start.
    starts
        Climbers at the beginning; half of them are dropped after each round of equal length.
    nodes_per_layer
        Offspring with more active nodes than this times the layers, and than their parent, are not
        made.
    two_layers, constant, restructure, again
        Probabilities: that an offspring changes a second layer; that a change moves a constant;
        that one that does not puts a node in or takes one out, instead of changing an active gene;
        that another change follows.
    temperature
        Mean share of its fitness by which an offspring may be worse at the beginning; falls
        linearly to 0.
    promising, polish_offspring
        An offspring of a new structure that is not good enough, but whose fitness is at most
        ``promising`` times its parent's, is judged again after ``polish_offspring``
        Levenberg–Marquardt steps on its constants.
    polish
        Such steps on the constants of a climber that has changed in a generation.
    memory
        Whether a climber passes over composites that it has met of late.
    screen_rows
        Rows on which composites are compared where there are more (:mod:`srnet.search.sampling`);
        the archive is fitted and judged on all.
    """

    layerwise: float = 0.05
    starts: int = 16
    nodes_per_layer: float = 4.34
    two_layers: float = 0.2
    constant: float = 0.3
    restructure: float = 0.5
    again: float = 0.6
    temperature: float = 0.06
    promising: float = 1.5
    polish_offspring: int = 2
    polish: int = 3
    memory: bool = True
    screen_rows: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        _whole("starts", self.starts, 1)
        _whole("polish", self.polish, 0)
        _whole("polish_offspring", self.polish_offspring, 0)
        _whole("screen_rows", self.screen_rows, 2)
        if not isinstance(self.memory, bool):
            raise UserError(f"'memory' is {self.memory!r}; true or false is needed")
        for name in ("layerwise", "two_layers", "constant", "restructure", "again"):
            _number(name, getattr(self, name))
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(
                    f"'{name}' is {getattr(self, name)}; 0 or more and less than 1 is needed"
                )
        for name in ("nodes_per_layer", "temperature", "promising"):
            _number(name, getattr(self, name))
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise UserError(
                    f"'{name}' is {getattr(self, name)}; a number of 0 or more is needed"
                )


PRESETS: dict[str, Settings] = {
    "paper": Settings(preset="paper", search="layerwise"),
    "joint": JointSettings(preset="joint", search="joint", n_eph=4),
}


def preset(name: str, **changes: Any) -> Settings:
    """The settings of a preset with some values changed; ``None`` leaves a value as it is.

    The loss ``cross_entropy`` brings a larger grid, protected primitives and a lower stop, each
    unless it is given.

    Raises
    ------
    UserError
        If the preset or a key is unknown or a value out of its range.
    """
    if name not in PRESETS:
        raise UserError(f"unknown preset '{name}'; known are {', '.join(PRESETS)}")
    changes = {key: value for key, value in changes.items() if value is not None}
    known = {field.name for field in fields(PRESETS[name])} - {"preset", "search"}
    for key in changes:
        if key not in known:
            raise UserError(f"unknown setting '{key}'; known are {', '.join(sorted(known))}")
    return replace(PRESETS[name], **{**BY_LOSS.get(changes.get("loss", "mse"), {}), **changes})


# A schedule needs some generations: of a small budget they are made of fewer offspring.
_FEWEST_GENERATIONS, _SMALLEST_POPULATION = 1000, 10


def small_population(settings: Settings, evaluations: float, layers: int) -> int:
    """Offspring of a generation, not more than the settings', of which the evaluations pay for
    enough generations."""
    affordable = int(min(evaluations / (layers * _FEWEST_GENERATIONS), settings.population))
    return min(max(affordable, _SMALLEST_POPULATION), settings.population)


def spending(settings: Settings, evaluations: int, layers: int) -> Settings:
    """The settings with population and generations such that a run of so many layers makes about so
    many chromosome evaluations.

    Raises
    ------
    UserError
        If ``evaluations`` is not positive.
    """
    _whole("evaluations", evaluations, 1)
    population = small_population(settings, evaluations, layers)
    return replace(
        settings, population=population, generations=max(1, evaluations // (population * layers))
    )


def check_seed(seed: int) -> int:
    """A seed as the random streams take it.

    Raises
    ------
    UserError
        If it is not between 1 and 2^63 - 1.
    """
    _whole("seed", seed, 1)
    if seed >= 2**63:
        raise UserError(f"'seed' is {seed}; a whole number below 2^63 is needed")
    return seed
