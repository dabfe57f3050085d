"""SRNetRegressor as an SRBench method on a few formulas of its kind; prints a table.

``python tests/benchmarks/srbench.py [--max-time SECONDS] [--seeds N]``. SRBench takes ``est`` and
``model`` of this file. *Recovered* is strict: R² above 0.999 against the law itself also in a box
twice as wide, where a fit that only looks right falls apart.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
import sympy
from helpers import formula_text

from srnet.explanation.estimators import SRNetRegressor, model
from srnet.typing import Floats

est = SRNetRegressor(random_state=1)
__all__ = ["est", "model"]

# name, formula, function, the inputs' names, the box
LAWS: tuple[tuple[str, str, Callable[..., Floats], tuple[str, ...], tuple[float, float]], ...] = (
    ("I.12.1", "mu N", lambda a, b: a * b, ("mu", "Nn"), (1, 5)),
    ("I.14.4", "k x^2 / 2", lambda a, b: a * b * b / 2, ("k", "x"), (1, 5)),
    ("I.25.13", "q / C", lambda a, b: a / b, ("q", "C"), (1, 5)),
    (
        "I.12.2",
        "q1 q2 / (4 pi e r^2)",
        lambda a, b, e, r: a * b / (4 * np.pi * e * r * r),
        ("q1", "q2", "e", "r"),
        (1, 5),
    ),
    ("II.8.31", "e E^2 / 2", lambda a, b: a * b * b / 2, ("e", "Ef"), (1, 5)),
    ("Nguyen-1", "x^3 + x^2 + x", lambda x: x**3 + x**2 + x, ("x",), (-1, 1)),
    ("Nguyen-5", "sin(x^2) cos(x) - 1", lambda x: np.sin(x * x) * np.cos(x) - 1, ("x",), (-1, 1)),
    ("Nguyen-8", "sqrt(x)", np.sqrt, ("x",), (0, 4)),
)


def r2(expected: Floats, found: Floats) -> float:
    """Minus infinity where there is a row without a value."""
    return (
        float(1 - np.mean((found - expected) ** 2) / expected.var())
        if np.isfinite(found).all()
        else -np.inf
    )


def main() -> None:
    """Fit every law and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-time", type=float, default=4.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--laws", nargs="*", default=[law[0] for law in LAWS])
    options = parser.parse_args()
    SRNetRegressor(budget=1000).fit(
        np.random.default_rng(0).normal(size=(20, 1)), np.arange(20.0)
    )  # loads the compiled search
    rows = []
    for name, text, law, inputs, (low, high) in LAWS:
        if name not in options.laws:
            continue
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            x = rng.uniform(low, high, (1000, len(inputs)))
            far = rng.uniform(
                max(low - (high - low) / 2, 0.05 if low >= 0 else -np.inf),
                high + (high - low) / 2,
                x.shape,
            )
            held_out = rng.uniform(low, high, x.shape)
            frame = pd.DataFrame(x, columns=list(inputs))
            begin = time.monotonic()
            one = SRNetRegressor(max_time=options.max_time, random_state=seed).fit(frame, law(*x.T))
            seconds = time.monotonic() - begin
            expression = model(one, frame)
            assert set(map(str, sympy.sympify(expression).free_symbols)) <= set(inputs)

            def value(
                at: Floats, expression: str = expression, inputs: tuple[str, ...] = inputs
            ) -> Floats:
                return formula_text.evaluate(expression, dict(zip(inputs, at.T, strict=True)))

            near, wide = r2(law(*held_out.T), value(held_out)), r2(law(*far.T), value(far))
            rows.append(
                {
                    "law": name,
                    "formula": text,
                    "seed": seed,
                    "R2 test": round(near, 6),
                    "R2 wide": round(wide, 4),
                    "recovered": near > 0.999 and wide > 0.999,
                    "nodes": one.explanation_.complexity,
                    "seconds": round(seconds, 2),
                    "over max_time": f"{seconds / options.max_time - 1:+.1%}",
                    "found": expression if len(expression) <= 70 else expression[:69] + "…",
                }
            )
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    print(
        f"recovered {table.recovered.sum()} of {len(table)}; R² on test rows above 0.999: "
        f"{(table['R2 test'] > 0.999).sum()}"
    )


if __name__ == "__main__":
    main()
