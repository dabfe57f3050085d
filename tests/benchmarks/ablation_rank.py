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
from realnets import ROOT, load, score

import srnet
from srnet.explanation import layers as rows
from srnet.search import elimination, pursuit, rank
from srnet.search.pursuit import LayerPursuit

Patches = list[Any]


def _no_elimination(start: Any, *_: Any, **__: Any) -> Any:
    return iter(())


def _no_linear_start(self: LayerPursuit) -> None:
    """Begin from the constant, without linear candidates."""
    self.linear = []
    self.begin(0)
    self._start_formulas = self.current


def _begin_constant(*args: Any, **kwargs: Any) -> LayerPursuit:
    started = LayerPursuit(*args, **kwargs)
    started.found = {0: started.found[0]}
    _no_linear_start(started)
    return started


def _keep_constants(programs: Any, *_: Any) -> Any:
    return tuple(programs)


def _all_inputs(x: Any, _: Any) -> list[int]:
    return list(range(x.shape[1]))


def _own_units(self: LayerPursuit) -> Any:
    self._mean, self._std = np.zeros_like(self._mean), np.ones_like(self._std)
    return START(self)


START = LayerPursuit._start

WITHOUT: dict[str, tuple[dict[str, Any], Callable[[], Patches]]] = {
    "nothing": ({}, list),
    "further pursuits": ({"round_generations": 10**6}, list),
    "rounds from shortened": ({}, lambda: [patch.object(rank, "_CUTS", ())]),
    "linear start": ({}, lambda: [patch.object(rank, "LayerPursuit", _begin_constant)]),
    "common fit of constants": (
        {},
        lambda: [
            patch.object(pursuit, "fit_constants", _keep_constants),
            patch.object(elimination, "fit_constants", _keep_constants),
        ],
    ),
    "elimination in rounds": ({}, lambda: [patch.object(LayerPursuit, "_include", _include)]),
    "standardised inputs": ({}, lambda: [patch.object(LayerPursuit, "_start", _own_units)]),
    "choice of inputs": ({}, lambda: [patch.object(pursuit, "_best_inputs", _all_inputs)]),
    "interval arithmetic": ({}, lambda: [patch.object(pursuit, "is_regular", lambda *_: True)]),
    "recombined rows": ({}, lambda: [patch.object(rows, "_FEW_ROWS", 0)]),
    "steps on constants": ({"constant_steps": 0}, list),
}

INCLUDE = LayerPursuit._include


def _include(self: LayerPursuit, term: Any) -> None:
    with patch.object(pursuit, "eliminate", _no_elimination):
        INCLUDE(self, term)


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


def linear(folder: Path, name: str) -> float:
    """R² of the linear regression."""
    model, data = load(folder, name)
    with torch.no_grad():
        y = model(torch.tensor(data["x_train"])).numpy()
    columns = np.hstack([data["x_train"], np.ones((len(y), 1))]).astype(np.float64)
    weights = np.linalg.lstsq(columns, y, rcond=None)[0]
    x = data["x_test"]
    return score(data["y_test"], np.hstack([x, np.ones((len(x), 1))]) @ weights)[0]


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
    plain = {name: linear(folder, name) for name in names}
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
