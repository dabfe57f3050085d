"""What each part of the joint search is worth: the search without it, on the same networks, seeds
and budget.

    python tests/benchmarks/ablation.py LAYERS.npz … [--seeds 3] [--generations 5000] [--jobs 2]

Prints, by part left out, the geometric mean over the networks of median fitness / median fitness
of the full search (above 1, the part pays), the median complexity and the processor seconds of all
runs.
"""

import argparse
import math
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from srnet.networks.layers import Layers
from srnet.search.run import evolve
from srnet.search.settings import preset

WITHOUT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "layerwise start": {"layerwise_share": 0.0},
    "annealing": {"temperature": 0.0},
    "fitting of constants": {"constant_steps": 0},
    "more than one constant": {"n_eph": 1},
    "restarts": {"restarts": 1},
    "rows beyond 512": {"sample_rows": 512},
    "a limit of length": {"nodes_per_layer": 25.0},
    "nesting constraints": {"nested_constraints": {}},
}


def run(
    file: Path, generations: int, changes: dict[str, Any], seed: int
) -> tuple[float, int, float]:
    """Fitness, complexity and processor seconds of one run."""
    layers, settings = Layers.load(file), preset("joint", generations=generations, **changes)
    begin = time.process_time()
    result = evolve(layers, settings, seed)
    return result["fitness"], result["complexity"], time.process_time() - begin


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
    print("without                    ratio of medians  complexity  processor seconds")
    with ProcessPoolExecutor(options.jobs) as pool:
        # compiled, or loaded, before the first run is measured
        for job in [pool.submit(run, options.layers[0], 1, {}, 1) for _ in range(options.jobs)]:
            job.result()
        for part, changes in WITHOUT.items():
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
            logs = [math.log(medians[file] / full[file]) for file in options.layers]
            _, complexities, seconds = zip(
                *(result for file in options.layers for result in results[file]), strict=True
            )
            print(
                f"{part:26} {math.exp(statistics.fmean(logs)):<17.3f} "
                f"{statistics.median(complexities):<11} {sum(seconds):.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
