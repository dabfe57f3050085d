"""SRNet: one formula with weights and biases per layer, which together are one closed expression (Luo et al. 2022, equation 2)."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.files import read_json
from srnet.layers import Layers
from srnet.program import Floats, Program


@dataclass(frozen=True)
class SRNet:
    """The symbolic network hᵢ = fᵢ(hᵢ₋₁)·wᵢ + bᵢ, h₀ = x.

    Attributes
    ----------
    programs
        fᵢ, one per layer, the output layer last.
    weights, biases
        wᵢ and bᵢ, float64 arrays of the layer's width.
    """

    programs: tuple[Program, ...]
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    task: str = "network"

    def __post_init__(self) -> None:
        if not len(self.programs) == len(self.weights) == len(self.biases) or not self.programs:
            raise UserError(
                f"a model has {len(self.programs)} formulas, {len(self.weights)} weights and {len(self.biases)} biases; "
                "as many of each are needed"
            )
        for i, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            if (
                weights.ndim != 1
                or weights.shape != biases.shape
                or not (np.isfinite(weights).all() and np.isfinite(biases).all())
            ):
                raise UserError(f"layer {i + 1} has weights and biases that are not finite vectors of one length")
            if i + 1 < len(self.programs) and self.programs[i + 1].inputs != weights.size:
                raise UserError(f"layer {i + 2} reads {self.programs[i + 1].inputs} values, layer {i + 1} gives {weights.size}")

    @property
    def complexity(self) -> int:
        """Active function nodes over all layers."""
        return sum(program.complexity for program in self.programs)

    def layers(self, x: NDArray[Any]) -> list[Floats]:
        """The symbolic values h₁, …, hL, y of every row of ``x`` (n × k₀), float64.

        Raises
        ------
        UserError
            If ``x`` is not n × k₀.
        """
        values = np.asarray(x, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.programs[0].inputs:
            raise UserError(f"the data has shape {values.shape}; rows × {self.programs[0].inputs} columns are needed")
        result = []
        with np.errstate(all="ignore"):
            for program, weights, biases in zip(self.programs, self.weights, self.biases, strict=True):
                values = np.outer(program(values), weights) + biases
                result.append(values)
        return result

    def predict(self, x: NDArray[Any]) -> Floats:
        """The network's output as the formulas compute it, n × k."""
        return self.layers(x)[-1]

    def losses(self, layers: Layers) -> list[float]:
        """MSE of every layer over training and validation rows, the output layer last."""
        train, valid = layers.splits["train"], layers.splits["valid"]
        return [
            _mean_square(a, train[i + 1], b, valid[i + 1])
            for i, (a, b) in enumerate(zip(self.layers(train[0]), self.layers(valid[0]), strict=True))
        ]

    def expressions(self) -> list[str]:
        """fᵢ as text, of x0… in the first layer and h0… in the others."""
        return [program.render(_names("h" if i else "x", program.inputs)) for i, program in enumerate(self.programs)]

    def network_expressions(self, names: Sequence[str] | None = None) -> list[str]:
        """Every output of the network as text, of the inputs alone, which are called x0… or as given."""
        names = _names("x", self.programs[0].inputs) if names is None else list(names)
        for program, weights, biases in zip(self.programs, self.weights, self.biases, strict=True):
            value = program.render(names)
            names = [f"({_number(w)} * {value} + {_number(b)})" for w, b in zip(weights, biases, strict=True)]
        return names

    @classmethod
    def from_run(cls, run: Mapping[str, Any]) -> "SRNet":
        """The model of a RUN.json.

        Raises
        ------
        UserError
            If the content is not a run's.
        """
        try:
            programs, weights, biases = run["programs"], run["weights"], run["biases"]
            return cls(
                tuple(Program.from_json(program) for program in programs),
                tuple(_vector(values) for values in weights),
                tuple(_vector(values) for values in biases),
                str(run.get("task", "network")),
            )
        except (KeyError, TypeError, OverflowError) as error:
            raise UserError(
                f"a run lacks 'programs', 'weights' or 'biases' in their form ({type(error).__name__}: {error})"
            ) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "SRNet":
        """Read a RUN.json."""
        try:
            return cls.from_run(read_json(path))
        except UserError as error:
            raise error if str(error).startswith(str(path)) else UserError(f"{path}: {error}") from error


def fit(programs: Sequence[Program], layers: Layers, task: str = "network") -> SRNet | None:
    """The model of the given formulas, each wᵢ, bᵢ fitted to the network's hᵢ on the training rows.

    The loss is quadratic in (w, b) and f is one scalar, so the Newton step is univariate least squares:
    w = cov(f, h)/var(f), b = mean(h) − w·mean(f) (Luo et al. 2022, section 3). Float64 throughout.
    None where a formula is not finite on every training and validation row.
    """
    fitted = fit_and_measure(programs, layers, task)
    return None if fitted is None else fitted[0]


def fit_and_measure(programs: Sequence[Program], layers: Layers, task: str = "network") -> tuple[SRNet, list[float]] | None:
    """``fit``, with the losses of the model on the way."""
    train, valid = layers.splits["train"], layers.splits["valid"]
    x, z = train[0].astype(np.float64), valid[0].astype(np.float64)
    weights, biases, losses = [], [], []
    with np.errstate(all="ignore"):
        for i, program in enumerate(programs):
            f, g = program(x), program(z)
            if not (np.isfinite(f).all() and np.isfinite(g).all()):
                return None
            w, b = least_squares(f, train[i + 1].astype(np.float64))
            x, z = np.outer(f, w) + b, np.outer(g, w) + b
            losses.append(_mean_square(x, train[i + 1], z, valid[i + 1]))
            if not (np.isfinite(losses[-1]) and np.isfinite(w).all() and np.isfinite(b).all()):
                return None
            weights.append(w)
            biases.append(b)
    return SRNet(tuple(programs), tuple(weights), tuple(biases), task), losses


def least_squares(f: Floats, h: Floats) -> tuple[Floats, Floats]:
    """w and b of the best h ≈ f·w + b; f of n values, h n × k. A constant f gets w = 0."""
    mean_f, mean_h = f.mean(), h.mean(axis=0)
    centred = f - mean_f
    # not BLAS, which shares long sums among threads: the result would depend on their number
    square = np.einsum("i,i->", centred, centred)
    # below this the spread of f is rounding noise
    if square <= 1e-24 * f.size * (mean_f * mean_f):
        return np.zeros(h.shape[1]), mean_h
    w = np.einsum("i,ij->j", centred, h - mean_h) / square
    return w, mean_h - w * mean_f


def fitness(losses: Sequence[float]) -> float:
    """Loss of the output layer + mean of the hidden layers' MSE (Luo et al. 2022, section 3)."""
    hidden = losses[:-1]
    return float(losses[-1] + (sum(hidden) / len(hidden) if hidden else 0.0))


def _mean_square(a: Floats, h: NDArray[Any], b: Floats, g: NDArray[Any]) -> float:
    """Mean of (a − h)² and (b − g)² together."""
    with np.errstate(all="ignore"):
        value = float((np.square(a - h).sum() + np.square(b - g).sum()) / (h.size + g.size))
    return value if np.isfinite(value) else float("inf")


def _names(letter: str, count: int) -> list[str]:
    return [f"{letter}{i}" for i in range(count)]


def _number(value: float) -> str:
    return repr(float(value)) if value >= 0 else f"({float(value)!r})"


def _vector(values: Any) -> Floats:
    if not isinstance(values, list) or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        raise UserError("a run's weights and biases must be lists of numbers, one per layer")
    return np.array(values, dtype=np.float64)
