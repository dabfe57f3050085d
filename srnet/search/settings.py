"""The settings of a search and the presets that name them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from srnet.cgp.costs import Costs, OperatorCosts
from srnet.cgp.nesting import PLAIN_TRIGONOMETRY, Constraints, NestedConstraints
from srnet.cgp.primitives import CLASSIFICATION, REGRESSION, FunctionSet
from srnet.errors import UserError
from srnet.model.losses import DELTA, ROBUST, SQUARED, RowLoss
from srnet.model.sizes import SMALLEST
from srnet.validation import Choice, Count, Integer, Number, Share, validate

# Of a run; the random streams take 63 bits.
SEED = Integer(1, 2**63 - 1)

# Of one layer.
FORMULAS = Integer(1, 99)

# What the loss changes in a preset (Luo et al. 2022, section 4).
BY_LOSS: dict[str, dict[str, Any]] = {
    "mse": {},
    "cross_entropy": {"rows": 10, "cols": 10, "functions": CLASSIFICATION, "stop": 1e-6},
}
LOSSES = (*BY_LOSS, *ROBUST)
_LOSS = Choice(LOSSES)
# Of Huber's loss: an error counts squared up to a tenth of the output's deviation, which the search
# scales to 1.
_DELTA = 0.1


@dataclass(frozen=True)
class Settings:
    """What defines a search besides the layers and the seed.

    ``population`` offspring are made in each of ``generations`` generations; ``population ×
    generations × layers`` chromosome evaluations are the budget of every search. ``loss`` is that
    of the output layer: ``mse``, or for a network that classifies ``cross_entropy`` against the
    class it predicts, in the preset ``rank`` against its probabilities; in that preset also
    ``huber`` or ``l1`` (:mod:`srnet.model.losses`).

    Raises
    ------
    UserError
        If a value is out of its range.
    """

    preset: str
    search: str  # layerwise (Luo et al. 2022, section 3), joint or pursuit
    loss: Annotated[str, _LOSS] = "mse"
    population: Count = 200
    generations: Count = 5000
    rows: Count = 5
    cols: Count = 5
    n_eph: Annotated[int, Integer(0)] = 1
    functions: Annotated[tuple[str, ...], FunctionSet()] = REGRESSION
    mutation: Annotated[float, Number(above=0, at_most=1)] = 0.4
    stop: Annotated[float, Number(at_least=0)] = 1e-5
    elites: Count = 10

    def __post_init__(self) -> None:
        validate(self)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without the preset's name, which RUN.json holds beside it, and without what
        is empty."""
        content = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        content.pop("preset")
        return {key: value for key, value in content.items() if value not in ([], {}, None)}


def _plain(value: Any) -> Any:
    """A value as JSON has it; a tuple of pairs is a mapping."""
    if not isinstance(value, tuple):
        return value
    if value and all(isinstance(part, tuple) for part in value):
        return {key: _plain(part) for key, part in value}
    return list(value)


@dataclass(frozen=True)
class JointSettings(Settings):
    """What the joint search takes besides.

    Attributes
    ----------
    layerwise_share
        Share of the generations that a published search takes first; its elites are the start of
        half of the restarts.
    restarts
        Hill climbers at the beginning; half of them are dropped after each round of equal length.
    nodes_per_layer
        Offspring of a higher complexity than this times the layers, and than their parent, are not
        made.
    temperature
        Mean share of its fitness by which an offspring may be worse at the beginning; falls
        linearly to 0.
    constant_steps
        Levenberg–Marquardt steps on the constants of a promising offspring that would be refused.
    sample_rows
        Rows on which composites are compared where there are more (:mod:`srnet.search.sampling`);
        the archive is fitted and judged on all.
    nested_constraints
        How often a function may occur on a path below another one of the same formula, as ``{"sin":
        {"cos": 0}}``; offspring that break this are refused.
    costs
        What an operator counts in the complexity, as ``{"sin": 3}``; 1 where it is not named.
    """

    layerwise_share: Annotated[float, Number(at_least=0, below=1)] = 0.05
    restarts: Count = 16
    nodes_per_layer: Annotated[float, Number(at_least=0)] = 4.34
    temperature: Annotated[float, Number(at_least=0)] = 0.06
    constant_steps: Annotated[int, Integer(0)] = 2
    sample_rows: Annotated[int, Integer(2)] = 1024
    nested_constraints: Annotated[Constraints, NestedConstraints()] = ()
    costs: Annotated[Costs, OperatorCosts()] = ()


@dataclass(frozen=True)
class RankSettings(JointSettings):
    """What the search of rank r takes besides; the fields of the joint search are those of every
    round, which takes an equal part of a layer's budget, but at most ``round_generations``.

    Attributes
    ----------
    formulas
        Formulas of each layer, r, or by layer; 0 for as many as it takes.
    rounds
        Searches for one formula in a pursuit.
    round_generations
        Largest number of generations of a round. Where rows are held out, further pursuits take
        what is left of a layer's budget.
    most_nodes
        Complexity of a layer's formulas above which a round takes something out before the next;
        where rows are held out, no longer formulas are chosen, except linear ones.
    fidelity
        R² on the validation rows, or for logits the explained divergence, at which a layer is
        explained well enough; its search then ends where it finds nothing simpler.
    hold_out
        Whether the validation rows only choose among the formulas. If not, they are fitted like
        the training rows, since the published fitness counts both, and the squared error on all
        rows chooses.
    delta
        Of the loss ``huber``, in the units of the output as it is searched; None with any other.
    maxsize
        Largest size of an output's formula (:meth:`srnet.model.srnet.SRNet.size`), where validation
        rows are held out; None for any.
    """

    formulas: int | tuple[int, ...] = 0
    rounds: Count = 8
    round_generations: Count = 3000
    most_nodes: Count = 60
    fidelity: Share = 0.999
    hold_out: bool = True
    delta: Annotated[float, DELTA] | None = None
    maxsize: Annotated[int, Integer(SMALLEST)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.maxsize is not None and not self.hold_out:
            raise UserError(f"'maxsize' is of the preset rank; the preset is {self.preset}")
        if self.loss in ROBUST and not self.hold_out:  # squares choose there
            raise UserError(
                f"the loss {self.loss} is of the preset rank with held-out rows; 'hold_out' is "
                f"{self.hold_out}"
            )
        if (self.delta is not None) != (self.loss == "huber"):
            raise UserError(
                f"'delta' is {self.delta} with the loss {self.loss}; it is of the loss huber alone"
            )
        by_layer = self.formulas if isinstance(self.formulas, tuple) else (self.formulas,)
        for count in by_layer:
            Integer(0, FORMULAS.maximum).check("formulas", count)

    @property
    def robust(self) -> RowLoss:
        """The loss of the output layer where it is robust; else the squared error."""
        return RowLoss(self.loss, self.delta or 1.0) if self.loss in ROBUST else SQUARED

    def affordable_rounds(self, passes: int = 1) -> int:
        """Rounds of a layer in each of several passes that share the generations; a round takes at
        least one."""
        return max(1, min(self.rounds, self.generations // passes))

    def formulas_of(self, layer: int) -> int:
        """Formulas of a layer, 0 …; 0 for as many as it takes."""
        return self.formulas if isinstance(self.formulas, int) else self.formulas[layer]


_RANK: dict[str, Any] = {
    "search": "pursuit",
    "n_eph": 4,
    "nodes_per_layer": 8.0,
    "population": 40,
}
_FIXED: dict[str, Any] = {
    **_RANK,
    "generations": 25_000,
    "round_generations": 25_000,
    "hold_out": False,
}

PRESETS: dict[str, Settings] = {
    "paper": Settings(preset="paper", search="layerwise"),
    "joint": JointSettings(
        preset="joint", search="joint", n_eph=4, nested_constraints=PLAIN_TRIGONOMETRY
    ),
    "rank": RankSettings(
        preset="rank", **_RANK, generations=100_000, nested_constraints=PLAIN_TRIGONOMETRY
    ),
    # compared with the published form, in its own space of formulas
    "rank2": RankSettings(preset="rank2", **_FIXED, formulas=2),
    "rank3": RankSettings(preset="rank3", **_FIXED, formulas=3),
}


def preset(name: str, **changes: Any) -> Settings:
    """The settings of a preset with some values changed; ``None`` leaves a value as it is.

    The loss ``cross_entropy`` brings a larger grid, protected primitives and a lower stop, each
    unless it is given; but not in the preset ``rank``, whose formulas are finite on all of the
    inputs' box.

    Raises
    ------
    UserError
        If the preset or a key is unknown or a value out of its range.
    """
    Choice(tuple(PRESETS)).check("preset", name)
    changes = {key: value for key, value in changes.items() if value is not None}
    known = {field.name for field in fields(PRESETS[name])} - {"preset", "search"}
    for key in changes:
        if key not in known:
            raise UserError(
                f"unknown setting '{key}' of the preset {name}; known are "
                f"{', '.join(sorted(known))}"
            )
    loss = _LOSS.check("loss", changes.get("loss", "mse"))
    if loss in ROBUST and name != "rank":
        raise UserError(f"the loss {loss} is of the preset rank; the preset is {name}")
    brought = {} if name == "rank" else BY_LOSS[loss]
    if loss == "huber":
        brought = {"delta": _DELTA}
    return replace(PRESETS[name], **{**brought, **changes})


def of_run(run: Mapping[str, Any]) -> Settings:
    """The settings that RUN.json tells; what they lack is empty. Population and generations, which
    the budget of a run changes, are the preset's own.

    Raises
    ------
    UserError
        If the preset or a key is unknown or a value out of its range.
    """
    budget = ("population", "generations")
    given = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in run["settings"].items()
        if key != "search" and key not in budget
    }
    own = preset(run["preset"])
    empty = {key: () for key in ("nested_constraints", "costs") if hasattr(own, key)}
    return preset(run["preset"], **empty | given)


# A schedule needs some generations: where the budget is small they have fewer offspring.
_FEWEST_GENERATIONS, _SMALLEST_POPULATION = 1000, 10


def small_population(settings: Settings, evaluations: float, layers: int) -> int:
    """Offspring per generation, at most the settings', so few that the evaluations suffice for
    enough generations."""
    affordable = int(min(evaluations / (layers * _FEWEST_GENERATIONS), settings.population))
    return min(max(affordable, _SMALLEST_POPULATION), settings.population)


def limit_evaluations(settings: Settings, evaluations: int, layers: int) -> Settings:
    """The settings with a population and generations that make about so many chromosome evaluations
    in a run of so many layers.

    Raises
    ------
    UserError
        If ``evaluations`` is not a whole number of at least 1.
    """
    evaluations = Integer(1).check("evaluations", evaluations)
    population = small_population(settings, evaluations, layers)
    return replace(
        settings, population=population, generations=max(1, evaluations // (population * layers))
    )
