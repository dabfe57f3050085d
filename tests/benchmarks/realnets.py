"""How much of networks as people bring them the formulas carry, beside a linear regression.

    python tests/benchmarks/realnets.py [FOLDER] [--seconds 60] [--seeds 1] [--only NAME …]
    [--options '{"formulas": 4}']

FOLDER (by default ../shared/realnets/suite beside the checkout) holds NAME.pt, the state dict of
Linear layers with one activation between them, and NAME.npz: x_train, x_test, y_test (what the
network says there), activation, sizes, classifier. The training rows are explained by the defaults
of srnet.explain. Scored are the test rows, which no search sees: R² over all outputs together and
the share of rows with the same class. A line per network: linear regression, then the median over
the seeds (lowest … highest). One thread.
"""

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import srnet

ROOT = Path(__file__).resolve().parents[2]
ACTIVATIONS = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "silu": torch.nn.SiLU,
    "gelu": torch.nn.GELU,
    "sigmoid": torch.nn.Sigmoid,
    "softplus": torch.nn.Softplus,
}


def load(folder: Path, name: str) -> tuple[torch.nn.Module, dict[str, Any]]:
    """A network and its rows."""
    data = dict(np.load(folder / f"{name}.npz"))
    widths = data["sizes"].tolist()
    parts: list[torch.nn.Module] = []
    for before, after in zip(widths[:-1], widths[1:], strict=True):
        parts += [torch.nn.Linear(before, after), ACTIVATIONS[str(data["activation"])]()]
    model = torch.nn.Sequential(*parts[:-1])
    model.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))
    return model.eval(), data


def outputs(model: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    """What the network says on rows."""
    with torch.no_grad():
        return model(torch.tensor(x)).numpy()


def linear_r2(model: torch.nn.Module, data: dict[str, Any]) -> float:
    """R² on the test rows of a linear regression fitted to the network on the training rows."""
    design, x = (
        np.hstack([rows, np.ones((len(rows), 1))]).astype(np.float64)
        for rows in (data["x_train"], data["x_test"])
    )
    weights = np.linalg.lstsq(design, outputs(model, data["x_train"]), rcond=None)[0]
    return score(data["y_test"], x @ weights)[0]


def score(expected: np.ndarray, given: np.ndarray) -> tuple[float, float]:
    """R² over all outputs, and the share of rows with the same largest output."""
    error = np.mean(np.square(expected - given))
    same = given.argmax(axis=1) == expected.argmax(axis=1)
    return float(1 - error / np.mean(np.square(expected - expected.mean(axis=0)))), same.mean()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    suite = ROOT.parent / "shared" / "realnets" / "suite"
    parser.add_argument("folder", nargs="?", type=Path, default=suite)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--options", type=json.loads, default={})
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'network':<10} linear    srnet (lowest … highest)   agreement  nodes  seconds")
    for name in options.only or sorted(file.stem for file in options.folder.glob("*.npz")):
        model, data = load(options.folder, name)
        x, expected = data["x_test"], data["y_test"]
        linear = linear_r2(model, data)
        found = []
        for seed in range(options.seeds):
            explanation = srnet.explain(
                model,
                data["x_train"],
                seed=seed,
                budget=f"{options.seconds}s",
                progress=False,
                **options.options,
            )
            r2, agreement = score(expected, explanation.predict(x))
            found.append((r2, agreement, explanation.complexity, explanation.run["seconds"]))
        r2s, agreements, nodes, seconds = zip(*found, strict=True)
        shown = f"{statistics.median(agreements):.3f}" if data["classifier"] else "-"
        print(
            f"{name:<10} {linear:.4f}   {statistics.median(r2s):.4f} ({min(r2s):.4f} … "
            f"{max(r2s):.4f})   {shown:<9}  {statistics.median(nodes):<5.0f}  "
            f"{statistics.median(seconds):.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
