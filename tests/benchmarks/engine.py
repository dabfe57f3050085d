"""Time the search engine: ``make bench``. Prints tables; every comparison is made in this one run,
side by side.

Each rate is the best of a few repetitions, for a shared machine only ever adds time; whole runs
give the CPU's seconds beside the clock's. Uses the published networks where they lie beside the
checkout, and made-up layers of the same shapes where they do not.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from helpers import made_up, oracle
from numba import njit, uint64
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from srnet.cgp import evaluation
from srnet.cgp.genome import Grid, threshold
from srnet.cgp.primitives import OPCODES, PRIMITIVES, REGRESSION
from srnet.model.logistic import fit_logits
from srnet.networks.layers import Layers
from srnet.search.kernels.class_kernel import Classes, LogisticWork, Points, cross_entropy
from srnet.search.kernels.layer_kernel import sum_of_squares
from srnet.search.kernels.population import Share, decode_offspring, evaluate
from srnet.search.kernels.sums import START, STOP
from srnet.search.kernels.target import Target
from srnet.search.layerwise import LayerSearch, LayerwiseSearch
from srnet.search.settings import preset
from srnet.typing import Floats

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "networks"
SHAPES = {
    "K0": ((1, 3, 3, 1), 200, 60),
    "K2": ((1, 5, 5, 1), 200, 60),
    "F1": ((4, 3, 3, 1), 9000, 2700),
    "F3": ((2, 3, 3, 1), 9000, 2700),
}
F5 = ((5, 5, 5, 5, 1), 10000, 3000)
# Seconds per generation of the published code on one core of the machine of the first measurements,
# 5,000 generations a run.
PUBLISHED = {"K0": 0.9, "F5 (made up)": 2.0}
ROWS = 13_000
BLOCK = 512


def networks() -> dict[str, Layers]:
    found = {}
    for name, (widths, rows, valid) in SHAPES.items():
        if (REFERENCE / f"{name}.npz").exists():
            found[name] = Layers.load(REFERENCE / f"{name}.npz")
        else:
            found[f"{name} (made up)"] = made_up.layers(widths, rows, valid)
    return found | {"F5 (made up)": made_up.layers(*F5)}


def best_of(function: Callable[[], Any], seconds: float = 0.5, least: int = 3) -> float:
    """The shortest of as many calls as fit into the seconds."""
    function()  # compiled, and in the cache
    best, spent, calls = float("inf"), 0.0, 0
    while calls < least or spent < seconds:
        begin = time.perf_counter()
        function()
        last = time.perf_counter() - begin
        best, spent, calls = min(best, last), spent + last, calls + 1
    return best


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    print(f"\n## {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    for row in rows:
        print(
            "| "
            + " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row)
            + " |",
            flush=True,
        )


def generations(
    layers: Layers, count: int, clock: Callable[[], float] = time.perf_counter, **changes: Any
) -> float:
    """Seconds of the first ``count`` generations of one run."""
    options = {key: changes.pop(key) for key in ("threads", "shortcuts") if key in changes}
    search = LayerwiseSearch(
        layers, preset("paper", generations=count, stop=0.0, **changes), 1, **options
    )
    begin = clock()
    while not search.finished:
        search.step()
    return clock() - begin


# --- whole runs -----------------------------------------------------------------------------------


def whole_runs(count: int) -> None:
    def rows() -> Iterable[Sequence[Any]]:
        for name, layers in networks().items():
            generations(layers, 2)
            begin = time.perf_counter()
            seconds = generations(layers, count, time.process_time)
            clock = time.perf_counter() - begin
            budget = 200 * 5000 * layers.depth
            full = seconds * 5000 / count
            ratio = f"{PUBLISHED[name] * 5000 / full:.0f}" if name in PUBLISHED else ""
            yield (
                name,
                sum(layers.rows(s) for s in ("train", "valid")),
                layers.depth,
                clock,
                seconds,
                full,
                budget / full / 1e6,
                ratio,
            )

    stated = "measured" if count == 5000 else f"extrapolated from the first {count}"
    table(
        f"Whole runs: preset paper, seed 1, one thread, no stop; 5,000 generations are {stated}",
        [
            "network",
            "rows",
            "layers",
            f"s for {count}",
            f"CPU s for {count}",
            "CPU s for 5,000",
            "M chromosome evaluations/s",
            "× published code",
        ],
        rows(),
    )


# --- the kernel -----------------------------------------------------------------------------------


class Chromosomes:
    """Random chromosomes of one layer that are finite on every row, and as trees no longer than 50
    nodes."""

    def __init__(self, rows: int, width: int = 3, count: int = 200) -> None:
        rng = np.random.default_rng(0)
        self.x = rng.uniform(0.5, 2, (rows, 3)).astype(np.float32)
        h = np.sin(self.x @ rng.normal(0, 1, (3, width)))
        self.train = rows * 10 // 13
        self.h = h.astype(np.float32)
        self.shape = oracle.Shape(3, 1)
        grid = Grid(3, 1, 5, 5, REGRESSION)
        self.layer = LayerSearch(
            0, grid, Target.build(self.h[: self.train], self.h[self.train :], BLOCK), 1, 1, BLOCK
        )
        self.layer.values[: self.x.size] = self.x.T.ravel()
        self.constants = [float(c) for c in self.layer.constants]
        self.genes: list[list[int]] = []
        self.trees: list[list[Any]] = []
        key = 0
        while len(self.genes) < count:
            genes, key = self.shape.random(key), key + 1
            tree = self.tree(genes, genes[-1])
            if (
                3 <= len(tree) <= 50
                and np.isfinite(self.shape.evaluate(genes, self.x, self.constants).f).all()
            ):
                self.genes.append(genes)
                self.trees.append(tree)
        self.population, self.work = self.layer.scratch(0, count)
        for i, chromosome in enumerate(self.genes):
            program, output = self.layer.decode(np.array(chromosome, np.int32))
            self.population.programs[i, : len(program)] = program
            self.population.counts[i], self.population.outputs[i] = len(program), output

    def tree(self, genes: list[int], address: int) -> list[Any]:
        """The formula as a tree in postfix order, the last operand first: inputs as numbers, the
        rest by name."""
        if address < 3:
            return [address]
        if address < 4:
            return ["constant"]
        node = 3 * (address - 4)
        name = self.shape.functions[genes[node]]
        operands = genes[node + 1 : node + 1 + oracle.ARITY.get(name, 1)]
        return [item for operand in reversed(operands) for item in self.tree(genes, operand)][
            :200
        ] + [name]

    @property
    def nodes(self) -> int:
        """Active function nodes of all chromosomes together."""
        return int(self.population.counts.sum())

    @property
    def tree_nodes(self) -> int:
        """Nodes of all trees together, leaves counted."""
        return sum(len(tree) for tree in self.trees)

    def evaluate(self) -> float:
        """Seconds to evaluate every formula on every row."""
        layer, target = self.layer.kernels[0], self.layer.target
        return best_of(lambda: evaluate_all(layer, target, self.population))

    def evaluate_and_sum(self) -> float:
        """The same with the sums of the fit."""
        layer, target = self.layer.kernels[0], self.layer.target
        return best_of(lambda: sum_all(layer, target, self.population, self.work))


@njit(nogil=True)
def evaluate_all(layer, target, population):  # type: ignore[no-untyped-def]
    blocks = target.blocks
    for i in range(population.counts.size):
        for block in range(blocks.shape[0]):
            evaluate(layer, population, i, blocks[block, START], blocks[block, STOP])


@njit(nogil=True)
def sum_all(layer, target, population, work):  # type: ignore[no-untyped-def]
    for i in range(population.counts.size):
        sum_of_squares(layer, target, population, i, work)


def pyoperon_seconds(chromosomes: Chromosomes) -> float | None:
    """pyoperon's evaluator on the same formulas as trees, one thread."""
    try:
        import pyoperon
    except ImportError:
        return None
    columns = np.asfortranarray(
        chromosomes.x
    )  # the data set only looks at it, so it must live as long
    dataset = pyoperon.Dataset(columns)
    hashes = [variable.Hash for variable in dataset.Variables]
    names = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "ln": "Log"}

    def node(item: Any) -> Any:
        if isinstance(item, int):
            variable = pyoperon.Node(pyoperon.NodeType.Variable, hashes[item])
            variable.Value = 1.0
            return variable
        if item == "constant":
            return pyoperon.Node.Constant(chromosomes.constants[0])
        return getattr(pyoperon.Node, names.get(item, item.capitalize()))()

    trees = [pyoperon.Tree([node(item) for item in tree]) for tree in chromosomes.trees]
    for tree in trees:
        tree.UpdateNodes()
    rows = chromosomes.x.shape[0]
    whole, result = pyoperon.Range(0, rows), np.zeros((len(trees), rows), np.float32)
    seconds = best_of(lambda: pyoperon.EvaluateTrees(trees, dataset, whole, result, 1))
    same = [
        np.allclose(
            values,
            chromosomes.shape.evaluate(genes, chromosomes.x, chromosomes.constants).f,
            rtol=1e-2,
            atol=1e-3,
        )
        for values, genes in zip(result, chromosomes.genes, strict=True)
    ]
    if np.mean(same) < 0.95:
        raise RuntimeError(
            f"pyoperon computes other values for {1 - np.mean(same):.0%} of the formulas"
        )
    return seconds


def oracle_seconds(chromosomes: Chromosomes, count: int = 20) -> float:
    """The plain NumPy oracle: decode, evaluate, fit; seconds for all from the first ``count``."""

    def run() -> None:
        for genes in chromosomes.genes[:count]:
            evaluation = chromosomes.shape.evaluate(genes, chromosomes.x, chromosomes.constants)
            oracle.mse(evaluation.f, chromosomes.h, chromosomes.train)

    return best_of(run, least=2) * len(chromosomes.genes) / count


def kernel() -> None:
    def rates() -> Iterable[Sequence[Any]]:
        for rows in (260, ROWS):
            c = Chromosomes(rows)
            n = len(c.genes)
            per = 1e6 / n
            shown: list[tuple[str, float | None, int]] = [
                ("kernel: evaluate", c.evaluate(), c.nodes),
                ("kernel: evaluate and fit", c.evaluate_and_sum(), c.nodes),
                ("NumPy oracle: decode, evaluate and fit", oracle_seconds(c), c.nodes),
                (
                    "pyoperon: evaluate, the same formulas as trees",
                    pyoperon_seconds(c),
                    c.tree_nodes,
                ),
            ]
            reference = {"kernel": shown[0][1], "NumPy": shown[1][1], "pyoperon": shown[0][1]}
            for name, seconds, nodes in shown:
                if seconds is None:
                    yield rows, name, "not installed: pip install -e '.[bench]'", "", "", ""
                    continue
                ratio = seconds / (reference[name.split(":")[0].split(" ")[0]] or seconds)
                yield (
                    rows,
                    name,
                    seconds * per,
                    nodes / n,
                    nodes * rows / seconds / 1e9,
                    "" if name.startswith("kernel") else ratio,
                )

    table(
        "Kernel without shortcuts, one thread: 200 random chromosomes finite on every row "
        "(kernel: active function nodes; pyoperon: nodes of the tree, leaves counted)",
        ["rows", "what", "µs/chromosome", "nodes", "G nodes·rows/s", "× kernel's time"],
        rates(),
    )


def primitives() -> None:
    """Nanoseconds per value of each primitive on a block that stays in the first cache."""
    count = BLOCK

    def rows() -> Iterable[Sequence[Any]]:
        values = np.random.default_rng(0).uniform(0.5, 2, 3 * count).astype(np.float32)
        for primitive in PRIMITIVES:
            seconds = best_of(
                lambda op=OPCODES[primitive.name]: repeat_primitive(op, values, count, 2000),
                seconds=0.05,
            ) / (2000 * count)
            yield primitive.name, seconds * 1e9, 1e-9 / seconds
        wide = values[:count].astype(np.float64)
        for name, function in (("np.sin", np.sin), ("np.log", np.log)):
            single = best_of(
                lambda function=function: [function(values[:count]) for _ in range(200)],
                seconds=0.05,
            ) / (200 * count)
            double = best_of(
                lambda function=function: [function(wide) for _ in range(200)], seconds=0.05
            ) / (200 * count)
            yield f"{name}, float32 (float64: {double * 1e9:.2g} ns)", single * 1e9, 1e-9 / single

    table(f"Primitives on {count} values", ["primitive", "ns/value", "G values/s"], rows())


@njit(nogil=True)
def repeat_primitive(opcode, values, count, times):  # type: ignore[no-untyped-def]
    for _ in range(times):
        evaluation.apply_primitive(
            opcode, count, values, uint64(0), uint64(count), uint64(2 * count)
        )


def profile() -> None:
    """Where a generation goes, shortcuts off and on."""

    def rows() -> Iterable[Sequence[Any]]:
        for name, layers in networks().items():
            search = LayerwiseSearch(layers, preset("paper", generations=10**6, stop=0.0), 1)
            for _ in range(200):
                search.step()
            layer = search._layers[-1]
            share = Share(search.parent[-1], 7, 0, 200, np.uint64(threshold(0.4)), np.inf)
            population, _ = layer.scratch(0, 200)
            decoding = best_of(
                lambda layer=layer, share=share, population=population: decode_offspring(
                    layer.kernels[0], share, population
                ),
                0.1,
            )
            long = best_of(lambda layer=layer, share=share: layer.search(share, 0, False), 0.1)
            short = best_of(lambda layer=layer, share=share: layer.search(share, 0, True), 0.1)
            yield name, decoding * 5e3, long * 5e3, short * 5e3, long / short

    table(
        "Output layer, 200 offspring of generation 7 after 200 generations, µs/chromosome",
        ["network", "draw and decode", "all, no shortcuts", "all, shortcuts", "gain"],
        rows(),
    )


# --- classification -------------------------------------------------------------------------------


def classification() -> None:
    """A classifier's output layer: one fit, and whole generations of the shapes of the paper's
    tasks."""

    def fits() -> Iterable[Sequence[Any]]:
        rng = np.random.default_rng(0)
        for rows in (1000, 37_600):
            for k in (2, 4):
                f = rng.normal(0, 1, rows).astype(np.float32)
                numbers = (np.outer(f, rng.normal(0, 2, k)) + rng.gumbel(0, 1, (rows, k))).argmax(
                    axis=1
                )
                classes = Classes.build(np.eye(k)[numbers], np.zeros((0, k)))
                points, values = Points.shared(classes, f)
                work = LogisticWork.empty(rows, classes.present)

                def kernel(limit: float, values=values, points=points, work=work) -> Any:  # type: ignore[no-untyped-def]
                    return cross_entropy(values, points, limit, work)

                least = kernel(np.inf)[0]
                whole, beaten = (
                    best_of(lambda kernel=kernel: kernel(np.inf), 0.2),
                    best_of(lambda kernel=kernel, least=least: kernel(0.9 * least), 0.2),
                )
                plain = best_of(
                    lambda f=f, numbers=numbers, k=k: fit_logits(
                        [f.astype(np.float64)], numbers, k
                    ),
                    0.2,
                )
                model = LogisticRegression(C=np.inf, tol=1e-9, max_iter=1000)
                reference = best_of(
                    lambda model=model, f=f, numbers=numbers: model.fit(f[:, None], numbers), 0.2
                )
                yield rows, k, whole * 1e6, beaten * 1e6, plain / whole, reference / whole

    table(
        "One logistic fit of one formula",
        [
            "rows",
            "classes",
            "kernel, µs",
            "kernel, beaten by a tenth, µs",
            "× NumPy's float64 fit",
            "× scikit-learn",
        ],
        fits(),
    )

    def shapes() -> Iterable[Sequence[Any]]:
        for name, widths, rows in (
            ("aids", (4, 200, 100, 100, 2), 1050),
            ("breast", (10, 100, 100, 2), 1524),
            ("car", (6, 100, 100, 100, 4), 2296),
            ("agaricus", (22, 100, 100, 2), 7100),
            ("adult", (14, 100, 100, 2), 37_600),
        ):
            layers, count = made_up.classifier(widths, rows), 20
            options = {"loss": "cross_entropy"}
            generations(layers, 2, **options)
            seconds = generations(layers, count, time.process_time, **options)
            yield (
                name,
                "-".join(map(str, widths)),
                rows,
                seconds / count * 1e3,
                seconds / count * 5000,
            )

    table(
        "Classification, made-up layers of the shapes of the paper's tasks: first 20 generations, "
        "one thread",
        ["shape of", "layers", "rows", "CPU ms/generation", "CPU s for 5,000 (extrapolated)"],
        shapes(),
    )


# --- growth ---------------------------------------------------------------------------------------


def growth() -> None:
    count = 30

    def milliseconds(layers: Layers, **changes: Any) -> float:
        generations(layers, 2, **changes)
        return min(generations(layers, count, **changes) for _ in range(2)) / count * 1e3

    def by_rows() -> Iterable[Sequence[Any]]:
        for rows in (250, 1000, 4000, 13_000, 32_000, 100_000):
            layers = made_up.layers((3, 3, 3, 1), rows * 10 // 13, rows - rows * 10 // 13)
            time_ = milliseconds(layers)
            yield rows, time_, time_ / 600 * 1e3, time_ / 600 / rows * 1e6

    def by_layers() -> Iterable[Sequence[Any]]:
        for depth in (1, 2, 4, 8):
            time_ = milliseconds(made_up.layers((3, *[3] * (depth - 1), 1), 3000, 1000))
            yield depth, time_, time_ / depth / 200 * 1e3

    def by_population() -> Iterable[Sequence[Any]]:
        layers = made_up.layers((3, 3, 3, 1), 3000, 1000)
        for population in (50, 200, 800, 3200):
            time_ = milliseconds(layers, population=population)
            yield population, time_, time_ / population / 3 * 1e3

    def by_threads() -> Iterable[Sequence[Any]]:
        layers = made_up.layers((3, 3, 3, 1), 10_000, 3_000)
        for threads in (1, 2):
            yield threads, milliseconds(layers, threads=threads)

    first = f"first {count} generations, made-up 3-3-3-1 layers"
    table(
        f"Growth with rows ({first})",
        ["rows", "ms/generation", "µs/chromosome", "ns/chromosome·row"],
        by_rows(),
    )
    table(
        "Growth with layers (4,000 rows)", ["layers", "ms/generation", "µs/chromosome"], by_layers()
    )
    table(
        "Growth with population (4,000 rows)",
        ["population", "ms/generation", "µs/chromosome"],
        by_population(),
    )
    table("Threads (13,000 rows)", ["threads", "ms/generation"], by_threads())


# --- start-up and memory --------------------------------------------------------------------------


def child(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak megabytes of a process."""
    script = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run(sys.argv[1:]).returncode\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)\n"
        "sys.exit(code)\n"
    )
    begin = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments], check=True, capture_output=True, text=True
    )
    return time.perf_counter() - begin, float(result.stdout)


def evolve(layers: Path, count: int, *options: str) -> tuple[float, float]:
    words = [
        sys.executable,
        "-m",
        "srnet.cli",
        "evolve",
        str(layers),
        "--seed",
        "1",
        "--generations",
        str(count),
        "--quiet",
    ]
    return child([*words, "--out", str(layers.with_suffix(".json")), *options])


def start_up_and_memory() -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            "K0 shape": (made_up.layers((1, 3, 3, 1), 200, 60), 1),
            "F5 shape: 13,000 rows, 5-5-5-5-1": (made_up.layers(*F5), 50),
            "adult shape: 50,000 rows, 14-100-100-2": (adult(), 2),
        }

        def rows() -> Iterable[Sequence[Any]]:
            for name, (layers, count) in paths.items():
                path = Path(folder) / "layers.npz"
                layers.save(path)
                for threads in ("1", "2"):
                    times, peaks = zip(
                        *(
                            evolve(path, count, "--threads", threads)
                            for _ in range(3 if count == 1 else 1)
                        ),
                        strict=True,
                    )
                    yield name, threads, count, min(times), max(peaks)

        table(
            "Processes: srnet evolve, compile cache warm",
            ["layers", "threads", "generations", "s", "peak MB"],
            rows(),
        )
        path = Path(folder) / "layers.npz"
        paths["K0 shape"][0].save(path)
        python = min(child([sys.executable, "-c", "pass"])[0] for _ in range(3))
        light = min(child([sys.executable, "-c", "import srnet.cli"])[0] for _ in range(3))
        whole = min(evolve(path, 1)[0] for _ in range(3))
        table(
            "Start-up, s (less the bare interpreter that measures)",
            ["python", "import srnet.cli", "srnet evolve, one generation"],
            [(python / 2, light - python / 2, whole - python / 2)],
        )


def adult() -> Layers:
    """50,000 rows × 14-100-100-2, smooth and so of low numerical rank, as trained networks' layers
    are."""
    rng = np.random.default_rng(0)

    def values(x: Floats) -> list[NDArray[np.float32]]:
        h1 = 1 / (1 + np.exp(-(x @ first)))
        h2 = 1 / (1 + np.exp(-(h1 @ second)))
        return [v.astype(np.float32) for v in (x, h1, h2, h2 @ third)]

    first, second, third = (
        rng.normal(0, 0.3, (14, 100)),
        rng.normal(0, 0.3, (100, 100)),
        rng.normal(0, 0.3, (100, 2)),
    )
    return Layers(
        {
            "train": values(rng.normal(0, 1, (38_500, 14))),
            "valid": values(rng.normal(0, 1.5, (11_500, 14))),
        },
        name="adult",
    )


def machine() -> None:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "",
    )
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(
        f"# Search engine\n\n{platform.platform()}, Python {platform.python_version()}, {model}, "
        f"{os.cpu_count()} cores, load {load}"
    )
    values = np.ones(50_000_000, np.float32)
    seconds = best_of(lambda: values.sum(), 0.3)
    print(f"memory read at {values.nbytes / seconds / 1e9:.1f} GB/s (float32 sum of 200 MB)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--generations", type=int, default=500, help="of the whole runs; 5000 is the full budget"
    )
    count = parser.parse_args().generations
    begin = time.perf_counter()
    machine()
    whole_runs(count)
    kernel()
    primitives()
    profile()
    classification()
    growth()
    start_up_and_memory()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\nAll of this took {time.perf_counter() - begin:.0f} s and {peak:.0f} MB; load now "
        f"{os.getloadavg()[0]:.2f}."
    )


if __name__ == "__main__":
    main()
