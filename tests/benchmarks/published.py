"""Fitness on the published networks, beside the published runs.

    python tests/benchmarks/published.py [--presets paper joint] [--seeds 5] [--networks K0 K2 F1
    F3] [--generations 5000] [--jobs 2]

The networks are looked for in ../shared/reference beside the checkout, or in --reference. One run
per process and thread. The last number of a line is the floor below which no formulas can come,
over the published median.
"""

import argparse
import csv
import itertools
import math
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from srnet.networks.layers import Layers
from srnet.search.run import evolve
from srnet.search.settings import preset

ROOT = Path(__file__).resolve().parents[2]


def run(file: Path, name: str, seed: int, generations: int) -> tuple[float, int, float]:
    """Fitness, complexity and seconds of one run."""
    settings = preset(name)
    # the same number of evaluations, however many a generation has
    generations = generations * preset("paper").population // settings.population
    result = evolve(Layers.load(file), preset(name, generations=generations), seed)
    return result["fitness"], result["complexity"], result["seconds"]


def floor(layers: Layers, rank: int) -> float:
    """Mean squared error of the hidden layers outside their first principal components, as many as
    a layer has formulas."""
    outside = []
    for train, valid in zip(
        layers.splits["train"][1:-1], layers.splits["valid"][1:-1], strict=True
    ):
        rows = np.vstack([train, valid]).astype(np.float64)
        lengths = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
        outside.append(float((lengths[rank:] ** 2).sum()) / rows.size)
    return statistics.fmean(outside)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, default=ROOT.parent / "shared" / "reference")
    parser.add_argument("--networks", nargs="+", default=["K0", "K2", "F1", "F3"])
    parser.add_argument("--presets", nargs="+", default=["paper", "joint"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--generations",
        type=int,
        default=5000,
        help="of 200 evaluations by layer; the published budget where not given",
    )
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with open(ROOT / "config" / "published_regression.csv", encoding="utf-8") as file:
        published = {row["task"]: row for row in csv.DictReader(file)}
    seeds = range(1, options.seeds + 1)
    ratios: dict[str, list[float]] = {name: [] for name in options.presets}
    print(
        "task  preset  seeds  min        median     max        complexity  seconds | published "
        "min, median, max    median ratio  floor"
    )
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, preset_name in itertools.product(options.networks, options.presets):
            file = options.reference / "networks" / f"{name}.npz"
            jobs = [
                pool.submit(run, file, preset_name, seed, options.generations) for seed in seeds
            ]
            fitness, complexity, seconds = zip(*(job.result() for job in jobs), strict=True)
            low, middle, high = (
                float(published[name][f"fitness_{key}"]) for key in ("min", "median", "max")
            )
            median, rank = statistics.median(fitness), getattr(preset(preset_name), "formulas", 1)
            ratios[preset_name].append(median / middle)
            print(
                f"{name:5} {preset_name:7} {len(fitness):5}  {min(fitness):<9.4g}  {median:<9.4g} "
                f" {max(fitness):<9.4g}  "
                f"{statistics.median(complexity):<10}  {statistics.median(seconds):7.2f} | "
                f"{low:<9.4g}  {middle:<9.4g}  {high:<9.4g}  "
                f"{median / middle:<12.3f}  {floor(Layers.load(file), rank) / middle:.4f}",
                flush=True,
            )
    for preset_name, found in ratios.items():
        print(
            f"{preset_name}: geometric mean of the median ratios "
            f"{math.exp(statistics.fmean(map(math.log, found))):.3f}"
        )


if __name__ == "__main__":
    main()
