"""What each ingredient of the joint search is worth: the search without it, on the same networks,
seeds and budget.

    python tests/benchmarks/ablation.py LAYERS.npz … [--seeds 3] [--generations 5000] [--jobs 2]

Prints, by ingredient left out, the geometric mean over the networks of median fitness / median
fitness of the full search: above 1, the ingredient pays.
"""

import argparse
import math
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from srnet.networks.layers import Layers
from srnet.search.run import evolve
from srnet.search.settings import preset

WITHOUT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "layerwise start": {"layerwise": 0.0},
    "annealing": {"temperature": 0.0},
    "memory": {"memory": False},
    "nodes put in and taken out": {"restructure": 0.0},
    "fitting of offspring": {"polish_offspring": 0},
    "a bound on what is fitted": {"promising": 1e6},
    "fitting of climbers": {"polish": 0},
    "both fittings": {"polish_offspring": 0, "polish": 0},
    "constant mutation": {"constant": 0.0},
    "more than one constant": {"n_eph": 1},
    "several changes": {"again": 0.0},
    "changes of two layers": {"two_layers": 0.0},
    "many starts": {"starts": 1},
    "rows beyond 512": {"screen_rows": 512},
    "a limit of length": {"nodes_per_layer": 25.0},
}


def run(
    file: Path, generations: int, changes: dict[str, Any], seed: int
) -> tuple[float, int, float]:
    """Fitness, complexity and seconds of one run."""
    result = evolve(Layers.load(file), preset("joint", generations=generations, **changes), seed)
    return result["fitness"], result["complexity"], result["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("layers", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--generations", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    full: dict[Path, float] = {}
    print("without                    ratio of medians  complexity  seconds")
    with ProcessPoolExecutor(options.jobs) as pool:
        for ingredient, changes in WITHOUT.items():
            jobs = {
                file: [
                    pool.submit(run, file, options.generations, changes, seed)
                    for seed in range(1, options.seeds + 1)
                ]
                for file in options.layers
            }
            results = {file: [job.result() for job in jobs[file]] for file in options.layers}
            medians = {
                file: statistics.median(fitness for fitness, _, _ in results[file])
                for file in options.layers
            }
            full = full or medians
            ratio = math.exp(
                statistics.fmean(math.log(medians[file] / full[file]) for file in options.layers)
            )
            every = [one for file in options.layers for one in results[file]]
            print(
                f"{ingredient:26} {ratio:<17.3f} {statistics.median(c for _, c, _ in every):<11} "
                f"{statistics.median(s for _, _, s in every):.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
