"""What each part of the search of rank r is worth: srnet.explain without it, on the same networks,
seeds and number of evaluations.

    python tests/benchmarks/ablation_rank.py [FOLDER] [--seeds 2] [--budget 4000000] [--jobs 2]
    [--only NAME …] [--without PART …]

FOLDER is that of realnets.py. Prints, by part left out, the geometric mean over the networks of
(1 − R²) / (1 − R² of the full search) on the test rows, medians over the seeds; the lowest
difference of R² from the full search, and of R² from the linear regression; the median complexity
and the processor seconds of all runs. Parts without a setting are replaced for the run.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from realnets import ROOT, linear_r2, load, score

import srnet
from srnet.explanation import layers as rows
from srnet.search import elimination, pursuit, rank
from srnet.search.pursuit import LayerPursuit

START, INCLUDE = LayerPursuit._start, LayerPursuit._include


def begin_with_constant(*args: Any, **kwargs: Any) -> LayerPursuit:
    """A pursuit without the linear start and linear candidates."""
    started = LayerPursuit(*args, **kwargs)
    started.found, started.linear = {0: started.found[0]}, []
    started.begin(-math.inf)
    started._start_formulas = started.current
    return started


def start_in_own_units(self: LayerPursuit) -> Any:
    """A round whose inputs are not standardised."""
    self._mean, self._std = np.zeros_like(self._mean), np.ones_like(self._std)
    return START(self)


def standardise(self: LayerPursuit) -> Any:
    """The scaling of a round from the constant, as of any other."""
    return self._mean, self._std


def include_whole(self: LayerPursuit, term: Any) -> None:
    """The end of a round without elimination."""
    with patch.object(pursuit, "eliminate", lambda *_, **__: iter(())):
        INCLUDE(self, term)


def keep_constants(programs: Any, *_: Any) -> Any:
    """In the place of the common fit."""
    return tuple(programs)


# By part: settings, and a function that makes the patches.
WITHOUT: dict[str, tuple[dict[str, Any], Callable[[], list[Any]]]] = {
    "nothing": ({}, list),
    "further pursuits": ({"round_generations": 10**6}, list),
    "whole law first": ({}, lambda: [patch.object(rank, "_BEGINNINGS", (None, 4, 7, 10))]),
    "constant again": ({}, lambda: [patch.object(rank, "_BEGINNINGS", (math.inf, None, 4, 7, 10))]),
    "zero of inputs": ({}, lambda: [patch.object(LayerPursuit, "_scaling", standardise)]),
    "rounds from shortened": (
        {},
        lambda: [patch.object(rank, "_BEGINNINGS", (math.inf, None, math.inf))],
    ),
    "linear start": ({}, lambda: [patch.object(rank, "LayerPursuit", begin_with_constant)]),
    "common fit of constants": (
        {},
        lambda: [
            patch.object(pursuit, "fit_constants", keep_constants),
            patch.object(elimination, "fit_constants", keep_constants),
        ],
    ),
    "elimination in rounds": ({}, lambda: [patch.object(LayerPursuit, "_include", include_whole)]),
    "standardised inputs": ({}, lambda: [patch.object(LayerPursuit, "_start", start_in_own_units)]),
    "choice of inputs": ({}, lambda: [patch.object(pursuit, "_INPUTS", 10**6)]),
    "interval arithmetic": ({}, lambda: [patch.object(pursuit, "is_regular", lambda *_: True)]),
    "recombined rows": ({}, lambda: [patch.object(rows, "_FEW_ROWS", 0)]),
    "steps on constants": ({"constant_steps": 0}, list),
}


def run(folder: Path, name: str, part: str, seed: int, budget: int) -> tuple[float, int, float]:
    """R² on the test rows, complexity and processor seconds of one explanation."""
    torch.set_num_threads(1)
    model, data = load(folder, name)
    settings, patches = WITHOUT[part]
    begin = time.process_time()
    active = patches()
    for each in active:
        each.start()
    try:
        explanation = srnet.explain(
            model, data["x_train"], seed=seed, budget=budget, progress=False, settings=settings
        )
    finally:
        for each in active:
            each.stop()
    seconds = time.process_time() - begin
    with np.errstate(all="ignore"):
        predicted = explanation.predict(data["x_test"])
    r2 = score(data["y_test"], predicted)[0]
    return (r2 if math.isfinite(r2) else -math.inf), explanation.complexity, seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    suite = ROOT.parent / "shared" / "realnets" / "suite"
    parser.add_argument("folder", nargs="?", type=Path, default=suite)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--budget", type=int, default=4_000_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--without", nargs="+", choices=WITHOUT)
    options = parser.parse_args()
    folder, names = options.folder, options.only
    names = names or sorted(file.stem for file in folder.glob("*.npz"))
    plain = {name: linear_r2(*load(folder, name)) for name in names}
    full: dict[str, float] = {}
    print(
        "without                  error ratio  lowest − full  lowest − linear  complexity  seconds"
    )
    with ProcessPoolExecutor(options.jobs) as pool:
        for part in options.without or WITHOUT:
            jobs = {
                name: [
                    pool.submit(run, folder, name, part, seed, options.budget)
                    for seed in range(options.seeds)
                ]
                for name in names
            }
            results = {name: [job.result() for job in jobs[name]] for name in names}
            r2 = {name: statistics.median(r for r, _, _ in results[name]) for name in names}
            full = full or r2
            ratios = [math.log(max(1 - r2[name], 1e-9) / max(1 - full[name], 1e-9)) for name in r2]
            complexities = [
                statistics.median(nodes for _, nodes, _ in results[name]) for name in names
            ]
            print(
                f"{part:24} {math.exp(statistics.fmean(ratios)):<12.3f} "
                f"{min(r2[name] - full[name] for name in names):<14.4f} "
                f"{min(r2[name] - plain[name] for name in names):<16.4f} "
                f"{statistics.fmean(complexities):<11.1f} "
                f"{sum(seconds for name in names for _, _, seconds in results[name]):.0f}",
                flush=True,
            )
            print("  " + " ".join(f"{name} {r2[name]:.4f}" for name in names), flush=True)


if __name__ == "__main__":
    main()
