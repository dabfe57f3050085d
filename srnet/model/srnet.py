"""SRNet: formulas with weights and biases per layer, which together are one closed expression
(Luo et al. 2022, equation 2, where a layer has one formula)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.costs import Costs, OperatorCosts, layer_complexity
from srnet.cgp.primitives import by_name, is_own
from srnet.cgp.program import Program, written_out
from srnet.errors import UserError
from srnet.io.files import read_json
from srnet.io.schema import check_json
from srnet.model.logistic import TARGETS, classes_of, mean_cross_entropy, softmax
from srnet.model.names import default_names
from srnet.model.regression import weigh
from srnet.model.sizes import program_size, sum_size
from srnet.networks.layers import Layers
from srnet.typing import Floats, StrPath
from srnet.validation import Choice

# Of the output layer; hidden layers have the mean squared error.
LOSSES = ("mse", "cross_entropy")
# What a layer above the first reads.
READS = ("units", "scalars")
# As text, which shares nothing, a network of more operations would fill the memory.
MOST_WRITTEN = 10**7


@dataclass(frozen=True)
class SRNet:
    """The symbolic network of rank r, hᵢ = zᵢ·Wᵢ + bᵢ with zᵢ = (fᵢ₁(·), …, fᵢᵣ(·)).

    The first layer's formulas read the inputs x. Those above read the units hᵢ₋₁ of the layer
    before, as in the paper, whose networks have r = 1; or its scalars zᵢ₋₁.

    Attributes
    ----------
    programs
        The formulas fᵢⱼ by layer, at least one in each, the output layer last.
    weights, biases
        Wᵢ and bᵢ by layer: float64 arrays, formulas × width and width.
    loss
        What the output layer was fitted by: ``mse`` to the network's output, or ``cross_entropy``.
        With the latter the output layer's values are logits, and the network's output is their
        softmax.
    reads
        ``units`` or ``scalars``.
    costs
        What operators count in the complexity, where it is not 1.
    targets
        What the logits were fitted to: the ``classes`` that the network predicts, or its
        ``probabilities``.

    Raises
    ------
    UserError
        If the parts do not fit.
    """

    programs: tuple[tuple[Program, ...], ...]
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    task: str = "network"
    loss: str = "mse"
    reads: str = "units"
    costs: Costs = ()
    targets: str = "classes"

    def __post_init__(self) -> None:
        if not len(self.programs) == len(self.weights) == len(self.biases) or not self.programs:
            raise UserError(
                f"a model has {len(self.programs)} layers of formulas, {len(self.weights)} weights "
                f"and {len(self.biases)} biases; as many of each are needed"
            )
        Choice(LOSSES).check("loss", self.loss)
        Choice(READS).check("reads", self.reads)
        object.__setattr__(self, "costs", OperatorCosts().check("costs", self.costs))
        Choice(TARGETS).check("targets", self.targets)
        for i, (programs, weights, biases) in enumerate(
            zip(self.programs, self.weights, self.biases, strict=True)
        ):
            if (
                weights.ndim != 2
                or weights.shape != (len(programs), *biases.shape)
                or not weights.size
                or not (np.isfinite(weights).all() and np.isfinite(biases).all())
            ):
                raise UserError(
                    f"layer {i + 1} has {len(programs)} formula(s), weights of the shape "
                    f"{weights.shape} and biases of the shape {biases.shape}; finite numbers, one "
                    f"vector of weights per formula, are needed"
                )
            if len({program.inputs for program in programs}) > 1:
                raise UserError(f"layer {i + 1} has formulas of different numbers of inputs")
            if i and programs[0].inputs != self._given(i - 1):
                raise UserError(
                    f"layer {i + 1} reads {programs[0].inputs} values, layer {i} gives "
                    f"{self._given(i - 1)}"
                )

    def _given(self, layer: int) -> int:
        """The number of values that a layer gives to the next."""
        return self.weights[layer].shape[0 if self.reads == "scalars" else 1]

    @property
    def inputs(self) -> int:
        """Number of the network's inputs, k₀."""
        return self.programs[0][0].inputs

    @property
    def depth(self) -> int:
        """Number of layers with formulas, L."""
        return len(self.programs)

    @property
    def widths(self) -> list[int]:
        """Inputs, then the units of each layer: k₀, …, kL."""
        return [self.inputs, *(biases.size for biases in self.biases)]

    @property
    def ranks(self) -> list[int]:
        """Formulas of each layer."""
        return [len(programs) for programs in self.programs]

    def __iter__(self) -> Iterator[tuple[tuple[Program, ...], Floats, Floats]]:
        """Formulas, weights and biases of each layer."""
        return zip(self.programs, self.weights, self.biases, strict=True)

    @property
    def complexity(self) -> int:
        """Active function nodes of all formulas, and the additions that join those of a layer, each
        with its cost."""
        return sum(layer_complexity(programs, self.costs) for programs in self.programs)

    @property
    def size(self) -> int:
        """The number of operators and functions, each with its cost, inputs and constants in the
        printed formula of an output, composed of those of all layers: PySR's complexity."""
        read, units = [1] * self.inputs, 0
        for i, programs in enumerate(self.programs):
            sizes = [program_size(program, read, self.costs) for program in programs]
            units = sum_size(sizes, self.costs)
            read = sizes if self.reads == "scalars" else [units] * self.widths[i + 1]
        return units

    @property
    def loss_name(self) -> str:
        """The name of the output layer's loss, as printed."""
        if self.loss == "mse":
            return "MSE"
        return "divergence" if self.targets == "probabilities" else "cross-entropy"

    def layers(self, x: NDArray[Any]) -> list[Floats]:
        """The symbolic values h₁, …, hL, y of every row of ``x`` (n × k₀), float64; y are logits
        where the loss is cross-entropy.

        Raises
        ------
        UserError
            If ``x`` is not n × k₀.
        """
        return [units for _, units in self._evaluate(x)]

    def scalars(self, x: NDArray[Any]) -> list[Floats]:
        """The values z₁, …, zL of the formulas at every row of ``x`` (n × k₀): n × formulas each,
        float64.

        Raises
        ------
        UserError
            If ``x`` is not n × k₀.
        """
        return [scalars for scalars, _ in self._evaluate(x)]

    def _evaluate(self, x: NDArray[Any]) -> list[tuple[Floats, Floats]]:
        """Scalars and units of every layer."""
        values = np.asarray(x, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.inputs:
            raise UserError(
                f"the data has shape {values.shape}; rows × {self.inputs} columns are needed"
            )
        result = []
        with np.errstate(all="ignore"):
            for programs, weights, biases in self:
                columns = [program(values) for program in programs]
                result.append((np.column_stack(columns), join(columns, weights, biases)))
                values = result[-1][0 if self.reads == "scalars" else 1]
        return result

    def predict(self, x: NDArray[Any]) -> Floats:
        """The network's output as the formulas compute it, n × k; probabilities where the loss is
        cross-entropy."""
        output = self.layers(x)[-1]
        return softmax(output) if self.loss == "cross_entropy" else output

    def losses(self, layers: Layers) -> list[float]:
        """MSE of every layer over training and validation rows, by their weights, the output layer
        last. For logits the cross-entropy, or the divergence from the network's probabilities where
        these are the targets. Infinite where a formula is not finite on every row."""
        train, valid = layers.splits["train"], layers.splits["valid"]
        v, w = layers.row_weights("train"), layers.row_weights("valid")
        losses = []
        for i, (a, b) in enumerate(zip(self.layers(train[0]), self.layers(valid[0]), strict=True)):
            h, g = train[i + 1], valid[i + 1]
            if self.loss == "cross_entropy" and i + 1 == self.depth:
                loss = mean_cross_entropy((a, h, v), (b, g, w), targets=self.targets)
            else:
                loss = _mean_square((a, h, v), (b, g, w))
            losses.append(loss if np.isfinite(loss) else float("inf"))
        return losses

    def accuracy(self, layers: Layers) -> float:
        """Share of the training and validation rows, by their weights, of which the formulas
        predict the network's class."""
        logits = self.layers(layers.values(0))[-1]
        same = logits.argmax(axis=1) == classes_of(layers.values(-1))
        return float(np.average(same, weights=layers.row_weights("train", "valid")))

    def formula_texts(self, names: Sequence[str] | None = None) -> list[list[str]]:
        """The formulas of each layer as text: of x0… (or as given) in the first layer, of h0… or
        z0… in the others (see :meth:`operands`).

        Raises
        ------
        UserError
            If a formula is too long to be written.
        """
        _check_length(
            sum(
                written_out(program, [0] * program.inputs)
                for programs in self.programs
                for program in programs
            )
        )
        return [
            [program.render(self.operands(i, names)) for program in programs]
            for i, programs in enumerate(self.programs)
        ]

    def operands(self, layer: int, names: Sequence[str] | None = None) -> list[str]:
        """What the inputs of a layer, 0 …, are called: ``names`` in the first, x0… where there are
        none; in the others h0… for the units and z0… for the scalars of the layer before."""
        if layer == 0:
            return default_names(self.inputs) if names is None else list(names)
        return default_names(self._given(layer - 1), "h" if self.reads == "units" else "z")

    def network_expressions(self, names: Sequence[str] | None = None) -> list[str]:
        """Every output of the network (where the loss is cross-entropy, its logit) as text, of the
        inputs alone: x0… or as given.

        Raises
        ------
        UserError
            If the formulas are too long to be written: they share sub-expressions, text does not.
        """
        written = [1 if self.reads == "scalars" else biases.size for biases in self.biases[:-1]]
        written.append(self.widths[-1])
        _check_length(sum(n * m for n, m in zip(written, _operations(self), strict=True)))
        values = self.operands(0, names)
        for i, (programs, weights, biases) in enumerate(self):
            scalars = [program.render(values) for program in programs]
            if self.reads == "scalars" and i + 1 < self.depth:
                values = scalars
                continue
            values = [
                f"({' + '.join(f'{_number(w)} * {z}' for w, z in zip(row, scalars, strict=True))}"
                f" + {_number(b)})"
                for row, b in zip(weights.T, biases, strict=True)
            ]
        return values

    def to_run(self, text: bool = True) -> dict[str, Any]:
        """The model's part of RUN.json.

        Parameters
        ----------
        text
            Whether with the formulas as text: by layer, and composed (a remark in the place of
            what is too long to be written).

        Raises
        ------
        UserError
            If the formula of a layer is too long to be written.
        """
        content: dict[str, Any] = {
            "task": self.task,
            "loss": self.loss,
            "complexity": self.complexity,
            "constants": _plain([[list(p.constants) for p in layer] for layer in self.programs]),
            "programs": _plain([[p.to_json() for p in layer] for layer in self.programs]),
            "weights": _plain([weights.tolist() for weights in self.weights]),
            "biases": [biases.tolist() for biases in self.biases],
        }
        if self.reads != "units":
            content["reads"] = self.reads
        if self.costs:
            content["costs"] = dict(self.costs)
        if self.targets != "classes":
            content["targets"] = self.targets
        if own := self.own_functions():
            content["own_functions"] = own
        if text:
            content["expressions"] = self.expressions()
            content["network_expressions"] = readable_expressions(self)
        return content

    def own_functions(self) -> dict[str, str]:
        """The definitions of the user's own functions that the formulas have, by their names: with
        ``{0}`` and ``{1}`` for the operands."""
        names = {
            name
            for programs in self.programs
            for program in programs
            for name, _ in program.nodes
            if is_own(name)
        }
        return {name: by_name(name).python for name in sorted(names)}

    def expressions(self) -> list[Any]:
        """``formula_texts`` as RUN.json holds them: a text for a layer of one formula, a list for
        one of several."""
        return _plain(self.formula_texts())

    @classmethod
    def from_run(cls, run: Mapping[str, Any]) -> "SRNet":
        """The model of a RUN.json, or of an entry of its ``pareto``: the inverse of ``to_run``.

        A layer of one formula has an object in ``programs`` and a list of numbers in ``weights``,
        as in every version; one of several has a list of each.

        Raises
        ------
        UserError
            If the content breaks ``srnet/schemas/run.schema.yaml``, or its parts do not fit; if a
            function of the user's own is not there, or is another.
        """
        check_json(run, "run", part="model")
        _check_own(run.get("own_functions", {}))
        return cls(
            tuple(
                tuple(map(Program.from_json, layer if isinstance(layer, list) else [layer]))
                for layer in run["programs"]
            ),
            tuple(np.atleast_2d(_array(values)) for values in run["weights"]),
            tuple(_array(values) for values in run["biases"]),
            run.get("task", "network"),
            run.get("loss", "mse"),
            run.get("reads", "units"),
            tuple(run.get("costs", {}).items()),
            run.get("targets", "classes"),
        )

    @classmethod
    def load(cls, path: StrPath) -> "SRNet":
        """Read a RUN.json."""
        try:
            return cls.from_run(read_json(path))
        except UserError as error:
            raise error.in_file(path) from error


def _check_own(definitions: Mapping[str, str]) -> None:
    """UserError unless the own functions of a file are those that were made."""
    for name, definition in definitions.items():
        if not is_own(name):
            raise UserError(
                f"the formulas have the function '{name}', {definition}; make it by "
                f"srnet.make_function, for no code is read from a file"
            )
        if by_name(name).python != definition:
            raise UserError(
                f"the formulas have the function '{name}', {definition}; the one that was made is "
                f"{by_name(name).python}"
            )


def readable_expressions(model: SRNet, names: Sequence[str] | None = None) -> list[str]:
    """``network_expressions`` for a reader, with a remark in the place of what is too long to be
    written."""
    try:
        return model.network_expressions(names)
    except UserError as error:
        return [f"not written: {error}"] * model.widths[-1]


def legend(model: SRNet, names: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    """For a reader, a line with the columns whose symbols in the formulas (``names``) are not their
    own names, of those that are read; none where there are none."""
    read = {i for program in model.programs[0] for i in program.used_inputs()}
    pairs = [
        f"{symbol} is '{column}'"
        for i, (symbol, column) in enumerate(zip(names, columns or names, strict=True))
        if symbol != column and i in read
    ]
    return [f"({', '.join(pairs)})"] if pairs else []


def network_operations(model: SRNet) -> int:
    """Operations of one composed formula when nothing is shared."""
    return _operations(model)[-1]


def join(scalars: Sequence[Floats], weights: Floats, biases: Floats) -> Floats:
    """The units z·W + b of a layer, n × k; ``scalars`` are the values of its formulas, n each.

    No BLAS, whose sums depend on the number of threads; every rendering adds in this order.
    """
    return reduce(np.add, map(np.outer, scalars, weights)) + biases


def _operations(model: SRNet) -> list[int]:
    """Operations of one unit of every layer, of the inputs alone."""
    counts, read = [], [0] * model.inputs
    for i, programs in enumerate(model.programs):
        scalars = [written_out(program, read) for program in programs]
        counts.append(sum(scalars) + 2 * len(scalars))
        read = scalars if model.reads == "scalars" else [counts[i]] * model.widths[i + 1]
    return counts


def _plain(layers: list[Any]) -> list[Any]:
    """What a layer of one formula has stands by itself in RUN.json, as in every version."""
    return [layer[0] if len(layer) == 1 else layer for layer in layers]


def _check_length(operations: int) -> None:
    if operations > MOST_WRITTEN:
        raise UserError(
            f"the formulas have {operations} operations when written out; at most {MOST_WRITTEN} "
            f"can be"
        )


def _mean_square(*parts: tuple[Floats, NDArray[Any], Floats | None]) -> float:
    """Mean of (a − h)² over all parts, whose rows have weights or count alike."""
    with np.errstate(all="ignore"):
        total = sum(np.square(weigh(a - h, w)).sum() for a, h, w in parts)
    return float(total / sum(h.size if w is None else w.sum() * h.shape[1] for _, h, w in parts))


def _number(value: float) -> str:
    return repr(float(value)) if value >= 0 else f"({float(value)!r})"


def _array(values: list[Any]) -> Floats:
    try:
        return np.array(values, dtype=np.float64)
    except (OverflowError, ValueError) as error:
        raise UserError(
            f"a model has weights or biases that are too large, or of different lengths ({error})"
        ) from error
