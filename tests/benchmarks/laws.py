"""Laws that networks have learned: in how many searches srnet.explain prints them.

    python tests/benchmarks/laws.py [--budgets 300000 1200000] [--seeds 5] [--jobs 2]
    [--only NAME …] [--without PART]

Each law is learned by a network of two hidden layers with 64 tanh units from 700 rows of inputs in
their own units. It counts as printed where the formula has at most one operation more than the law
and, on 300 rows that the network has not seen, an R² of at least .999 with the law itself; as on
the front where such a formula is there. Prints, by law and budget, the searches of each kind, the
network's R² on the 300 rows and the first formula; the processor seconds are those of a search.
With --without the search lacks a part, one of those of ablation_rank.py.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from ablation_rank import WITHOUT
from realnets import score

import srnet
from srnet.model.srnet import SRNet
from srnet.typing import Floats

ROWS, NEW_ROWS = 700, 300


@dataclass(frozen=True)
class Law:
    """Ranges of the inputs, the output of these, and its operations, without a factor of all."""

    ranges: dict[str, tuple[float, float]]
    output: Callable[..., Floats]
    operations: int


LAWS = {
    "oscillation": Law(
        {"A": (0.5, 2), "w": (0.5, 2), "t": (0, 3)}, lambda A, w, t: A * np.cos(w * t), 3
    ),
    "phase": Law(
        {"A": (0.5, 2), "w": (0.5, 2), "t": (0, 3), "p": (0, 6)},
        lambda A, w, t, p: A * np.cos(w * t + p),
        4,
    ),
    "wave": Law({"L": (1, 3), "k": (0.5, 1.5), "z": (0, 3)}, lambda L, k, z: L * np.sin(k * z), 3),
    "ideal gas": Law(
        {"n": (0.5, 2), "T": (250, 400), "V": (1, 3)}, lambda n, T, V: 8.314 * n * T / V, 2
    ),
    "Coulomb": Law({"q": (1, 5), "Q": (1, 5), "r": (1, 5)}, lambda q, Q, r: 0.08 * q * Q / r**2, 3),
    "energy": Law(
        {"m": (1, 5), "v": (0, 10), "h": (0, 5)},
        lambda m, v, h: m * v**2 / 2 + 9.81 * m * h,
        4,
    ),
    "distance": Law(
        {"x": (-2, 2), "y": (-2, 2), "z": (-2, 2)},
        lambda x, y, z: np.sqrt(x**2 + y**2 + z**2),
        6,
    ),
}


@dataclass(frozen=True)
class Outcome:
    is_printed: bool
    is_on_front: bool
    formula: str
    operations: int
    network_r2: float
    seconds: float


def train(frame: pd.DataFrame, y: Floats) -> Callable[[pd.DataFrame], Floats]:
    """A network that has learned y; it standardises its inputs and its output."""
    mean, std = frame.mean().to_numpy(), frame.std().to_numpy()
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(len(mean), 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 1),
    )
    x = torch.tensor((frame.to_numpy() - mean) / std, dtype=torch.float32)
    target = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(1500):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(network(x), target).backward()
        optimiser.step()

    def predict(rows: pd.DataFrame) -> Floats:
        scaled = torch.tensor((np.asarray(rows) - mean) / std, dtype=torch.float32)
        with torch.no_grad():
            return network(scaled).numpy()[:, 0].astype(np.float64) * y.std() + y.mean()

    return predict


def search(name: str, seed: int, budget: int, part: str = "nothing") -> Outcome:
    """Train the network and explain it, without a part of the search."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    law, rng = LAWS[name], np.random.default_rng(1)
    frame = pd.DataFrame(
        {key: rng.uniform(low, high, ROWS + NEW_ROWS) for key, (low, high) in law.ranges.items()}
    )
    y = law.output(*(frame[key].to_numpy() for key in law.ranges))
    model, new = train(frame[:ROWS], y[:ROWS]), frame[ROWS:]
    settings, patches = WITHOUT[part]
    begin = time.process_time()
    with ExitStack() as stack:
        for each in patches():
            stack.enter_context(each)
        result = srnet.explain(
            model, frame[:ROWS], budget=budget, seed=seed, progress=False, settings=settings
        )
    seconds = time.process_time() - begin
    rows = new.to_numpy()

    def is_law(found: SRNet) -> bool:
        r2 = score(y[ROWS:, None], found.layers(rows)[-1])[0]
        return r2 >= 0.999 and found.complexity <= law.operations + 1

    return Outcome(
        is_law(result.model),
        any(is_law(SRNet.from_run(entry)) for entry in result.run["pareto"]),
        result.expression(),
        result.complexity,
        score(y[ROWS:, None], model(new)[:, None])[0],
        seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--budgets", nargs="+", type=int, default=[300_000, 1_200_000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=LAWS, default=list(LAWS))
    parser.add_argument("--without", choices=WITHOUT, default="nothing")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        jobs = {
            (name, budget): [
                pool.submit(search, name, seed, budget, options.without)
                for seed in range(options.seeds)
            ]
            for name in options.only
            for budget in options.budgets
        }
        for (name, budget), submitted in jobs.items():
            outcomes = [job.result() for job in submitted]
            first = outcomes[0]
            print(
                f"{name:12} {budget:9} evaluations: printed "
                f"{sum(each.is_printed for each in outcomes)}, on the front "
                f"{sum(each.is_on_front for each in outcomes)} of {len(outcomes)}, "
                f"{np.median([each.operations for each in outcomes]):.0f} operations, "
                f"{np.median([each.seconds for each in outcomes]):.1f} s, network "
                f"{first.network_r2:.4f}; {first.formula[:100]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
