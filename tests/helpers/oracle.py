"""MNNCGP-ES in plain NumPy and plain Python: slow, simple, and written from the paper, not from the
compiled kernel.

Luo et al. 2022, sections 2 and 3: chromosomes are decoded node by node, evaluated in float32 on all
rows, fitted by univariate least squares on the training rows and scored on training and validation
rows; a classifier's output layer by SciPy's L-BFGS. Only the definition of the random numbers is
shared with the package (a hash of seed, generation, layer, offspring and gene), and that is written
again here in Python integers.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Values = NDArray[np.float32]
Floats = NDArray[np.float64]
Chromosome = list[int]

REGRESSION = ("add", "sub", "mul", "div", "sqrt", "square", "ln", "sin", "cos", "tan")
ARITY = dict.fromkeys(("add", "sub", "mul", "div", "pdiv", "pow", "min", "max"), 2)

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
CONSTANTS_STREAM, START_STREAM = 2**31 - 1, 2**31 - 2


def mix(state: int) -> int:
    """SplitMix64's finaliser."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def stream(seed: int, generation: int, layer: int, offspring: int) -> int:
    """The key of one offspring."""
    key = mix((seed + GOLDEN) & MASK)
    key = mix(key ^ ((generation + GOLDEN) & MASK))
    return mix(key ^ ((layer << 32) | offspring))


def draw(key: int, counter: int) -> int:
    """64 random bits."""
    return mix((key + (counter + 1) * GOLDEN) & MASK)


def normals(count: int, key: int) -> list[float]:
    """Draws from N(0, 1), rounded to float32."""
    values = []
    for i in range(count):
        u = ((draw(key, 2 * i) >> 11) + 1) / 2**53
        v = (draw(key, 2 * i + 1) >> 11) / 2**53
        values.append(float(np.float32(math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v))))
    return values


@dataclass(frozen=True)
class Shape:
    """A chromosome's shape: inputs, constants, grid, function set."""

    inputs: int
    constants: int
    rows: int = 5
    cols: int = 5
    functions: tuple[str, ...] = REGRESSION

    @property
    def terminals(self) -> int:
        return self.inputs + self.constants

    def alleles(self) -> list[int]:
        """Admissible alleles of every gene: function, two inputs; …; output."""
        counts = []
        for column in range(self.cols):
            readable = self.terminals + column * self.rows
            counts += [len(self.functions), readable, readable] * self.rows
        return [*counts, self.terminals + self.rows * self.cols]

    def random(self, key: int) -> Chromosome:
        return [((draw(key, gene) >> 32) * n) >> 32 for gene, n in enumerate(self.alleles())]

    def mutate(self, parent: Sequence[int], key: int, probability: float) -> Chromosome:
        """Every gene, with the probability, becomes another of its alleles."""
        genes = []
        for gene, (old, n) in enumerate(zip(parent, self.alleles(), strict=True)):
            bits = draw(key, gene)
            if n > 1 and (bits >> 32) < int(probability * 2**32):
                others = [allele for allele in range(n) if allele != old]
                genes.append(others[((bits & 0xFFFFFFFF) * len(others)) >> 32])
            else:
                genes.append(int(old))
        return genes

    def active(self, genes: Sequence[int]) -> list[int]:
        """The nodes that the output depends on."""
        found: set[int] = set()
        waiting = [genes[-1]]
        while waiting:
            address = waiting.pop()
            node = address - self.terminals
            if node >= 0 and node not in found:
                found.add(node)
                name = self.functions[genes[3 * node]]
                waiting += genes[3 * node + 1 : 3 * node + 1 + ARITY.get(name, 1)]
        return sorted(found)

    def evaluate(self, genes: Sequence[int], x: Values, constants: Sequence[float]) -> "Evaluation":
        """f on every row of x (n × inputs), in float32."""
        values: dict[int, Values] = {i: x[:, i] for i in range(self.inputs)}
        values |= {
            self.inputs + i: np.full(x.shape[0], c, dtype=np.float32)
            for i, c in enumerate(constants)
        }
        largest_angle = 0.0
        for node in self.active(genes):
            name = self.functions[genes[3 * node]]
            operands = [values[genes[3 * node + 1 + i]] for i in range(ARITY.get(name, 1))]
            if name in ("sin", "cos", "tan"):
                largest_angle = max(
                    largest_angle, float(np.nanmax(np.abs(operands[0]), initial=0.0))
                )
            values[self.terminals + node] = apply(name, *operands)
        return Evaluation(values[genes[-1]], largest_angle)


@dataclass(frozen=True)
class Evaluation:
    """f, and the largest |argument| of a sine, cosine or tangent: beyond 1e6 float32 has no phase
    to agree on."""

    f: Values
    largest_angle: float


def apply(name: str, *operands: Values) -> Values:
    """One primitive in float32: elementary functions in float64, rounded once."""
    with np.errstate(all="ignore"):
        a, b = operands[0], operands[-1]
        wide = a.astype(np.float64)
        result = {
            "add": lambda: a + b,
            "sub": lambda: a - b,
            "mul": lambda: a * b,
            "div": lambda: a / b,
            "sqrt": lambda: np.sqrt(a),
            "square": lambda: a * a,
            "ln": lambda: np.log(wide),
            "sin": lambda: np.sin(wide),
            "cos": lambda: np.cos(wide),
            "tan": lambda: np.tan(wide),
            "pdiv": lambda: np.where(b == 0, np.float32(1), a / b),
            "psqrt": lambda: np.sqrt(np.abs(a)),
            "pln": lambda: np.where(a == 0, 0.0, np.log(np.abs(wide))),
            "exp": lambda: np.exp(wide),
            "tanh": lambda: np.tanh(wide),
            "sigmoid": lambda: np.exp(np.minimum(wide, 0)) / (1 + np.exp(-np.abs(wide))),
            "abs": lambda: np.where(np.signbit(a), -a, a),
            "pow": lambda: np.float_power(wide, b.astype(np.float64)),
            "min": lambda: np.where(np.isnan(a + b) & np.isnan(a), a, np.where(a < b, a, b)),
            "max": lambda: np.where(np.isnan(a + b) & np.isnan(a), a, np.where(a > b, a, b)),
        }[name]()
        return result.astype(np.float32)


def least_squares(f: Floats, h: Floats, train_rows: int) -> tuple[Floats, Floats]:
    """w, b of h ≈ f·w + b on the training rows; w = 0 where f is constant there."""
    f, h = f[:train_rows], h[:train_rows]
    deviation = f - f.mean()
    square = float(np.sum(deviation**2))
    w = (
        deviation @ (h - h.mean(axis=0)) / square
        if np.ptp(f) > 0 and square > 0
        else np.zeros(h.shape[1])
    )
    return w, h.mean(axis=0) - w * f.mean()


def mse(f: Values, h: Values, train_rows: int) -> float:
    """The loss of a layer: infinite where f is not finite on every row."""
    if not np.isfinite(f).all():
        return math.inf
    wide, target = f.astype(np.float64), h.astype(np.float64)
    w, b = least_squares(wide, target, train_rows)
    with np.errstate(over="ignore"):
        return float(np.mean((np.outer(wide, w) + b - target) ** 2))


SHADOW = 40.0


def cross_entropy(f: Values, y: Values, train_rows: int) -> float:
    """The loss of a classifier's output layer: L-BFGS on the multinomial logistic loss of the
    training rows, all weights free.

    A class without training rows costs ``SHADOW`` nats more than the most frequent one wherever it
    is wanted.
    """
    if not np.isfinite(f).all():
        return math.inf
    classes = np.argmax(y, axis=1)
    names, counts = np.unique(classes[:train_rows], return_counts=True)
    extra = SHADOW * float(np.sum(~np.isin(classes, names)))
    classes = np.where(np.isin(classes, names), classes, names[np.argmax(counts)])
    own = (classes[:, None] == names).astype(np.float64)
    z = f.astype(np.float64) - f[:train_rows].astype(np.float64).mean()
    spread = float(np.std(z[:train_rows]))
    z = z / spread if spread > 0 else 0 * z

    def losses(theta: Floats, rows: slice) -> tuple[float, Floats]:
        logits = np.outer(z[rows], theta[: names.size]) + theta[names.size :]
        logits -= logits.max(axis=1, keepdims=True)
        p = np.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        error = p - own[rows]
        # of the row's own class: log p would be lost where p is nearly 1
        wrong = -np.log1p(-np.minimum((p * (1 - own[rows])).sum(axis=1), 1 - 1e-16))
        right = -np.log(np.maximum((p * own[rows]).sum(axis=1), 1e-300))
        loss = np.where(wrong < 0.5, wrong, right).sum()
        return float(loss), np.concatenate([z[rows] @ error, error.sum(axis=0)])

    start = np.concatenate([np.zeros(names.size), np.log(counts)])
    train, others = slice(0, train_rows), slice(train_rows, None)
    found = minimize(
        lambda t: tuple(v / train_rows for v in losses(t, train)),
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 20000, "maxfun": 20000, "ftol": 1e-16, "gtol": 1e-12, "maxls": 100},
    )
    total = losses(found.x, train)[0] + (losses(found.x, others)[0] if train_rows < len(f) else 0.0)
    return (total + extra) / len(f)


def conditioning(f: Values, train_rows: int, first: int) -> float:
    """Σ(f − f[first])² over Σ(f − mean)² on the training rows: how many digits a sum about f[first]
    loses."""
    train = f[:train_rows].astype(np.float64)
    spread = float(np.sum((train - train.mean()) ** 2))
    return float(np.sum((train - float(f[first])) ** 2)) / spread if spread > 0 else 1.0


@dataclass
class Layer:
    """What one layer of the search knows."""

    shape: Shape
    constants: list[float]
    parent: Chromosome
    target: Values  # rows × units, training rows first


@dataclass
class Search:
    """MNNCGP-ES, one generation at a time.

    ``choose(layer, losses)`` names the offspring that is kept: the least loss, the first of equals,
    where it is not given. ``accept(total)`` says whether the composite replaces the parent: if its
    fitness is lower, where it is not given.
    """

    layers: list[Layer]
    x: Values
    train_rows: int
    seed: int
    population: int
    mutation: float
    loss: str = "mse"
    generation: int = 0
    fitness: float = math.inf
    chosen: list[int] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        train: Sequence[Values],
        valid: Sequence[Values],
        seed: int,
        population: int,
        n_eph: int,
        mutation: float,
        loss: str = "mse",
        **grid: Any,
    ) -> "Search":
        """``train`` and ``valid``: [x, h1, …, y]; ``grid``: rows, cols and functions where they are
        not the shape's own."""
        layers = []
        for i, (below, above) in enumerate(zip(train, train[1:], strict=False)):
            shape = Shape(below.shape[1], n_eph, **grid)
            constants = normals(n_eph, stream(seed, 0, i, CONSTANTS_STREAM))
            parent = shape.random(stream(seed, 0, i, START_STREAM))
            layers.append(Layer(shape, constants, parent, np.vstack([above, valid[i + 1]])))
        return cls(
            layers,
            np.vstack([train[0], valid[0]]),
            train[0].shape[0],
            seed,
            population,
            mutation,
            loss,
        )

    def step(
        self,
        choose: Callable[[int, list[float]], int] | None = None,
        accept: Callable[[float], bool] | None = None,
    ) -> None:
        self.generation += 1
        # a random first generation: every gene is drawn
        probability = 1.0 if self.generation == 1 else self.mutation
        x, losses, genes, self.chosen = self.x, [], [], []
        for i, layer in enumerate(self.layers):
            keys = [
                stream(self.seed, self.generation, i, number) for number in range(self.population)
            ]
            offspring = [layer.shape.mutate(layer.parent, key, probability) for key in keys]
            outputs = [layer.shape.evaluate(child, x, layer.constants).f for child in offspring]
            is_classifier = self.loss == "cross_entropy" and layer is self.layers[-1]
            score = cross_entropy if is_classifier else mse
            scores = [score(f, layer.target, self.train_rows) for f in outputs]
            best = choose(i, scores) if choose else int(np.argmin(scores))
            if best < 0 or not math.isfinite(scores[best]):
                return
            self.chosen.append(best)
            losses.append(scores[best])
            genes.append(offspring[best])
            if is_classifier:
                break
            f = outputs[best].astype(np.float64)
            w, b = least_squares(f, layer.target.astype(np.float64), self.train_rows)
            x = (np.outer(f, w) + b).astype(np.float32)
        total = losses[-1] + (float(np.mean(losses[:-1])) if len(losses) > 1 else 0.0)
        if accept(total) if accept else total < self.fitness:
            self.fitness = total
            for layer, chromosome in zip(self.layers, genes, strict=True):
                layer.parent = chromosome
