"""One layer of a search, on ordinary and on hard inputs and targets."""

import math
from dataclasses import dataclass

import numpy as np
from helpers import oracle
from numpy.typing import NDArray

from srnet.cgp.genome import Genes, Grid, threshold
from srnet.cgp.primitives import CLASSIFICATION, REGRESSION
from srnet.search.kernels.population import Share, evaluate
from srnet.search.kernels.target import Target
from srnet.search.layerwise import LayerSearch

POPULATION = 60
SEED, GENERATION = 3, 5


@dataclass
class Case:
    """One layer of a search: inputs x and target h, both rows × columns, the first ``train`` rows
    for training."""

    x: NDArray[np.float32]
    h: NDArray[np.float32]
    train: int
    functions: tuple[str, ...] = REGRESSION
    n_eph: int = 2

    @property
    def shape(self) -> oracle.Shape:
        return oracle.Shape(self.x.shape[1], self.n_eph, functions=self.functions)

    def layer(
        self, block_rows: int = 512, projection: bool = False, threads: int = 1
    ) -> LayerSearch:
        grid = Grid(self.x.shape[1], self.n_eph, 5, 5, self.functions)
        target = Target.build(
            self.h[: self.train], self.h[self.train :], block_rows, projection=projection
        )
        layer = LayerSearch(0, grid, target, SEED, threads, block_rows)
        layer.values[: self.x.size] = self.x.T.ravel()
        return layer

    def offspring(self, parent: Genes, number: int, rate: float = 0.4) -> list[int]:
        return self.shape.mutate(parent.tolist(), oracle.stream(SEED, GENERATION, 0, number), rate)

    def evaluation(self, genes: list[int]) -> oracle.Evaluation:
        return self.shape.evaluate(
            genes,
            self.x,
            oracle.normals(self.n_eph, oracle.stream(SEED, 0, 0, oracle.CONSTANTS_STREAM)),
        )


def search(
    layer: LayerSearch,
    parent: Genes,
    first: int = 0,
    last: int = POPULATION,
    limit: float = math.inf,
    shortcuts: bool = True,
    rate: float = 0.4,
    thread: int = 0,
) -> tuple[float, int]:
    share = Share(parent, GENERATION, first, last, np.uint64(threshold(rate)), limit)
    return layer.search(share, thread, shortcuts)


def losses(layer: LayerSearch, parent: Genes, rate: float = 0.4) -> list[float]:
    """The sum of squares of every offspring by itself, infinite where it is not finite."""
    return [
        search(layer, parent, i, i + 1, shortcuts=False, rate=rate)[0] for i in range(POPULATION)
    ]


def values(layer: LayerSearch, genes: Genes) -> NDArray[np.float32]:
    """f on every row, as the kernel computes it block by block."""
    population, _ = layer.scratch(0, 1)
    program, output = layer.decode(genes)
    population.programs[0, : len(program)] = program
    population.counts[0], population.outputs[0] = len(program), output
    f = np.empty(layer.target.rows, np.float32)
    for start, stop, _ in layer.target.blocks.tolist():
        at = int(evaluate(layer.kernels[0], population, 0, start, stop))
        f[start:stop] = layer.values[at : at + stop - start]
    return f


def made_up(
    rows: int = 300,
    valid: int = 77,
    inputs: int = 3,
    width: int = 3,
    seed: int = 1,
    functions: tuple[str, ...] = REGRESSION,
) -> Case:
    rng = np.random.default_rng(seed)
    x = np.vstack([rng.uniform(-1, 1, (rows, inputs)), rng.uniform(-2, 2, (valid, inputs))])
    h = 1 / (
        1
        + np.exp(-np.tanh(x @ rng.normal(0, 2, (inputs, width))) @ rng.normal(0, 1, (width, width)))
    )
    return Case(x.astype(np.float32), h.astype(np.float32), rows, functions)


def hard_cases() -> dict[str, Case]:
    ordinary = made_up()
    cases = {
        "ordinary": ordinary,
        "protected primitives": made_up(functions=CLASSIFICATION),
        "one validation row": made_up(rows=300, valid=1),
        "two training rows": made_up(rows=2, valid=1),
        "less than a chunk": made_up(rows=25, valid=10),
        "many blocks, none full": made_up(rows=1900, valid=570),
        "exactly a chunk": made_up(rows=256, valid=256),
        "one unit": made_up(width=1),
        "even width": made_up(width=4),
        "too wide for floors": made_up(rows=300, valid=300, width=520),
    }
    zeros = made_up()
    zeros.x[::7, 0] = 0
    zeros.x[:, 1] = 0
    cases["zeros among the inputs"] = zeros
    same = made_up()
    same.x[:] = same.x[0]
    cases["every f is constant"] = same
    constant = made_up()
    constant.h[:] = 0.25
    cases["constant layer"] = constant
    only_training = made_up()
    only_training.h[: only_training.train] = 0.25
    cases["layer constant on the training rows"] = only_training
    huge = made_up()
    huge.x *= np.float32(1e30)
    cases["huge inputs"] = huge
    tiny = made_up()
    tiny.x *= np.float32(1e-38)
    cases["subnormal inputs"] = tiny
    offset = made_up()
    offset.h += np.float32(1e6)
    cases["target far from zero"] = offset
    large = made_up()
    large.h *= np.float32(1e15)
    cases["huge target"] = large
    return cases


HARD = hard_cases()
