"""Fitness on the published networks, beside the published runs.

    python tests/benchmarks/published.py [--presets paper joint] [--seeds 5] [--networks K0 K2 F1 F3] [--jobs 2]

The networks are looked for in ../shared/reference beside the checkout, or in --reference. One run per process and thread.
"""

import argparse
import csv
import itertools
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from srnet.evolution import evolve
from srnet.layers import Layers
from srnet.settings import preset

ROOT = Path(__file__).resolve().parents[2]


def run(file: Path, name: str, seed: int) -> tuple[float, int, float]:
    """Fitness, complexity and seconds of one run at the preset's full budget."""
    result = evolve(Layers.load(file), preset(name), seed)
    return result["fitness"], result["complexity"], result["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, default=ROOT.parent / "shared" / "reference")
    parser.add_argument("--networks", nargs="+", default=["K0", "K2", "F1", "F3"])
    parser.add_argument("--presets", nargs="+", default=["paper", "joint"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with open(ROOT / "config" / "published_regression.csv", encoding="utf-8") as file:
        published = {row["task"]: row for row in csv.DictReader(file)}
    seeds = range(1, options.seeds + 1)
    print(
        "task  preset  seeds  min        median     max        complexity  seconds | published min, median, max    median ratio"
    )
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, preset_name in itertools.product(options.networks, options.presets):
            file = options.reference / "networks" / f"{name}.npz"
            jobs = [pool.submit(run, file, preset_name, seed) for seed in seeds]
            fitness, complexity, seconds = zip(*(job.result() for job in jobs), strict=True)
            low, middle, high = (float(published[name][f"fitness_{key}"]) for key in ("min", "median", "max"))
            median = statistics.median(fitness)
            print(
                f"{name:5} {preset_name:7} {len(fitness):5}  {min(fitness):<9.4g}  {median:<9.4g}  {max(fitness):<9.4g}  "
                f"{statistics.median(complexity):<10}  {statistics.median(seconds):7.2f} | {low:<9.4g}  {middle:<9.4g}  {high:<9.4g}  "
                f"{median / middle:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
