"""What the derivatives of a composite by its constants cost, in evaluations, beside what they are
counted as.

    python tests/benchmarks/derivatives.py LAYERS.npz … [--composites 12] [--repeats 2000]

Prints, per network, the median over climbers of (time of the normal equations) / (time of
evaluating the composite), measured one after the other in one thread.
"""

import argparse
import dataclasses
import statistics
import time
from pathlib import Path

import numpy as np

from srnet.cgp.compiling import njit
from srnet.networks.layers import Layers
from srnet.search.joint import JointSearch
from srnet.search.kernels.climbing import improve
from srnet.search.kernels.composite_kernel import evaluate_from
from srnet.search.kernels.normal_equations import DERIVATIVES, list_constants, normal_equations
from srnet.search.settings import JointSettings, preset


@njit()
def evaluate(repeats, problem, composite, scratch):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        evaluate_from(0, composite.genes, composite.constants, problem, composite, np.inf, scratch)


@njit()
def derive(repeats, problem, composite, scratch, products, gradient):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        normal_equations(problem, composite, scratch, products, gradient)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("layers", nargs="+", type=Path)
    parser.add_argument("--composites", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=2000)
    options = parser.parse_args()
    settings = preset("joint")
    assert isinstance(settings, JointSettings)
    print(f"counted as {DERIVATIVES} evaluations of each layer")
    for file in options.layers:
        search = JointSearch(
            Layers.load(file),
            dataclasses.replace(settings, layerwise_share=0.0, restarts=options.composites),
            1,
        )
        problem, scratch = search._problem, search._scratch[0]
        ratios, counts = [], []
        for climber in search._climbers:
            improve(20_000, 0.02, 0, problem, climber, scratch)
            composite = climber.composite
            count = list_constants(problem.layout, composite.genes, scratch.graph, scratch.fit)
            if not count or scratch.fit.owners[0] > 0:
                continue
            arguments = problem, composite, scratch
            equations = np.empty((count, count)), np.empty(count)
            evaluate(1, *arguments)
            derive(1, *arguments, *equations)
            began = time.perf_counter()
            evaluate(options.repeats, *arguments)
            between = time.perf_counter()
            derive(options.repeats, *arguments, *equations)
            ended = time.perf_counter()
            ratios.append((ended - between) / (between - began))
            counts.append(count)
        print(
            f"{file}: {problem.rows} rows, {statistics.median(counts):g} constants, {len(ratios)} "
            f"composites: "
            f"{statistics.median(ratios):.1f} evaluations ({min(ratios):.1f} to {max(ratios):.1f})"
        )


if __name__ == "__main__":
    main()
