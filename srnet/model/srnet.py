"""SRNet: one formula with weights and biases per layer, which together are one closed expression
(Luo et al. 2022, equation 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.program import Program, written_out
from srnet.errors import UserError
from srnet.io.files import read_json
from srnet.io.schema import check_json
from srnet.model.logistic import classes_of, mean_cross_entropy, softmax
from srnet.model.names import default_names
from srnet.networks.layers import Layers
from srnet.typing import Floats, StrPath
from srnet.validation import Choice

# Of the output layer; hidden layers have the mean squared error.
LOSSES = ("mse", "cross_entropy")
# As text, which shares nothing, a network of more operations would fill the memory.
MOST_WRITTEN = 10**7


@dataclass(frozen=True)
class SRNet:
    """The symbolic network hᵢ = fᵢ(hᵢ₋₁)·wᵢ + bᵢ, h₀ = x.

    Attributes
    ----------
    programs
        fᵢ, one per layer, the output layer last.
    weights, biases
        wᵢ and bᵢ, float64 arrays of the layer's width.
    loss
        What the output layer was fitted by: ``mse`` to the network's output, or ``cross_entropy``
        to the class it predicts. With the latter the output layer's values are logits, and the
        network's output is their softmax.
    """

    programs: tuple[Program, ...]
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    task: str = "network"
    loss: str = "mse"

    def __post_init__(self) -> None:
        if not len(self.programs) == len(self.weights) == len(self.biases) or not self.programs:
            raise UserError(
                f"a model has {len(self.programs)} formulas, {len(self.weights)} weights and "
                f"{len(self.biases)} biases; as many of each are needed"
            )
        for i, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            if (
                weights.ndim != 1
                or weights.shape != biases.shape
                or not (np.isfinite(weights).all() and np.isfinite(biases).all())
            ):
                raise UserError(
                    f"layer {i + 1} has weights and biases that are not finite vectors of "
                    f"one length"
                )
            if i + 1 < len(self.programs) and self.programs[i + 1].inputs != weights.size:
                raise UserError(
                    f"layer {i + 2} reads {self.programs[i + 1].inputs} values, layer {i + 1} "
                    f"gives {weights.size}"
                )
        Choice(LOSSES).check("loss", self.loss)

    @property
    def complexity(self) -> int:
        """Active function nodes over all layers."""
        return sum(program.complexity for program in self.programs)

    def layers(self, x: NDArray[Any]) -> list[Floats]:
        """The symbolic values h₁, …, hL, y of every row of ``x`` (n × k₀), float64; y are logits
        where the loss is cross-entropy.

        Raises
        ------
        UserError
            If ``x`` is not n × k₀.
        """
        values = np.asarray(x, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.programs[0].inputs:
            raise UserError(
                f"the data has shape {values.shape}; rows × {self.programs[0].inputs} columns are "
                f"needed"
            )
        result = []
        with np.errstate(all="ignore"):
            for program, weights, biases in zip(
                self.programs, self.weights, self.biases, strict=True
            ):
                values = np.outer(program(values), weights) + biases
                result.append(values)
        return result

    def predict(self, x: NDArray[Any]) -> Floats:
        """The network's output as the formulas compute it, n × k; probabilities where the loss is
        cross-entropy."""
        output = self.layers(x)[-1]
        return softmax(output) if self.loss == "cross_entropy" else output

    def losses(self, layers: Layers) -> list[float]:
        """MSE of every layer over training and validation rows, the output layer last; of that the
        cross-entropy if it is the loss. Infinite where a formula is not finite on every row."""
        train, valid = layers.splits["train"], layers.splits["valid"]
        losses = []
        for i, (a, b) in enumerate(zip(self.layers(train[0]), self.layers(valid[0]), strict=True)):
            h, g = train[i + 1], valid[i + 1]
            if self.loss == "cross_entropy" and i + 1 == len(self.programs):
                loss = mean_cross_entropy((a, h), (b, g))
            else:
                loss = _mean_square((a, h), (b, g))
            losses.append(loss if np.isfinite(loss) else float("inf"))
        return losses

    def accuracy(self, layers: Layers) -> float:
        """Share of the training and validation rows of which the formulas predict the network's
        class."""
        logits = self.layers(layers.values(0))[-1]
        return float((logits.argmax(axis=1) == classes_of(layers.values(-1))).mean())

    def expressions(self, names: Sequence[str] | None = None) -> list[str]:
        """fᵢ as text, of x0… (or as given) in the first layer and h0… in the others.

        Raises
        ------
        UserError
            If a formula is too long to be written.
        """
        _check_length(sum(written_out(program, [0] * program.inputs) for program in self.programs))
        first, *others = self.programs
        names = default_names(first.inputs) if names is None else names
        return [
            first.render(names),
            *(program.render(default_names(program.inputs, "h")) for program in others),
        ]

    def network_expressions(self, names: Sequence[str] | None = None) -> list[str]:
        """Every output of the network (where the loss is cross-entropy, its logit) as text, of the
        inputs alone: x0… or as given.

        Raises
        ------
        UserError
            If the formulas are too long to be written: they share sub-expressions, text does not.
        """
        _check_length(
            sum(
                weights.size * n for weights, n in zip(self.weights, _operations(self), strict=True)
            )
        )
        names = default_names(self.programs[0].inputs) if names is None else list(names)
        for program, weights, biases in zip(self.programs, self.weights, self.biases, strict=True):
            value = program.render(names)
            names = [
                f"({_number(w)} * {value} + {_number(b)})"
                for w, b in zip(weights, biases, strict=True)
            ]
        return names

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
            "constants": [list(program.constants) for program in self.programs],
            "programs": [program.to_json() for program in self.programs],
            "weights": [weights.tolist() for weights in self.weights],
            "biases": [biases.tolist() for biases in self.biases],
        }
        if text:
            content["expressions"] = self.expressions()
            content["network_expressions"] = readable_expressions(self)
        return content

    @classmethod
    def from_run(cls, run: Mapping[str, Any]) -> "SRNet":
        """The model of a RUN.json, or of an entry of its ``pareto``: the inverse of ``to_run``.

        Raises
        ------
        UserError
            If the content breaks ``srnet/schemas/run.schema.yaml``, or its parts do not fit.
        """
        check_json(run, "run", part="model")
        return cls(
            tuple(Program.from_json(program) for program in run["programs"]),
            tuple(_vector(values) for values in run["weights"]),
            tuple(_vector(values) for values in run["biases"]),
            run.get("task", "network"),
            run.get("loss", "mse"),
        )

    @classmethod
    def load(cls, path: StrPath) -> "SRNet":
        """Read a RUN.json."""
        try:
            return cls.from_run(read_json(path))
        except UserError as error:
            raise error.in_file(path) from error


def readable_expressions(model: SRNet, names: Sequence[str] | None = None) -> list[str]:
    """``network_expressions`` for a reader, with a remark in the place of what is too long to be
    written."""
    try:
        return model.network_expressions(names)
    except UserError as error:
        return [f"not written: {error}"] * model.weights[-1].size


def network_operations(model: SRNet) -> int:
    """Operations of one composed formula when nothing is shared."""
    return _operations(model)[-1]


def _operations(model: SRNet) -> list[int]:
    """Operations of one unit of every layer, of the inputs alone."""
    counts = [0]
    for program in model.programs:
        counts.append(written_out(program, [counts[-1]] * program.inputs) + 2)
    return counts[1:]


def _check_length(operations: int) -> None:
    if operations > MOST_WRITTEN:
        raise UserError(
            f"the formulas have {operations} operations when written out; at most {MOST_WRITTEN} "
            f"can be"
        )


def _mean_square(*parts: tuple[Floats, NDArray[Any]]) -> float:
    """Mean of (a − h)² over all parts."""
    with np.errstate(all="ignore"):
        total = sum(np.square(a - h).sum() for a, h in parts)
    return float(total / sum(h.size for _, h in parts))


def _number(value: float) -> str:
    return repr(float(value)) if value >= 0 else f"({float(value)!r})"


def _vector(values: list[float]) -> Floats:
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError as error:
        raise UserError("a model has a weight or bias that is too large") from error
