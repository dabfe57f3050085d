"""What the searches of several seeds have in common: the inputs that they read, the formulas that
come back, the spread of their fidelity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from srnet.escaping import printable


@dataclass(frozen=True)
class Consensus:
    """The searches of several seeds.

    Attributes
    ----------
    runs
        A row for each search: ``seed``; ``r2`` of the output on the rows that tell a result's R²,
        and with the losses ``huber`` and ``l1`` ``robust_r2``; ``complexity``; ``formulas``, of
        the output.
    inputs
        A row for each input that any search reads: ``input``; ``share`` of the searches that read
        it.
    formulas
        A row for each formula that is a part of what two searches or more have found: ``formula``,
        in which every constant is c, whatever its value; ``share`` of the searches that have it. A
        factor and a summand of the whole part are left out, for weights and biases do the same.
    """

    runs: pd.DataFrame
    inputs: pd.DataFrame
    formulas: pd.DataFrame

    @classmethod
    def from_run(cls, content: Mapping[str, Any]) -> "Consensus":
        """That of RUN.json's key ``consensus``."""
        robust = ["robust_r2"] if "robust_r2" in content["runs"][0] else []
        columns = {
            "runs": ["seed", "r2", *robust, "complexity", "formulas"],
            "inputs": ["input", "share"],
            "formulas": ["formula", "share"],
        }
        return cls(**{key: pd.DataFrame(content[key], columns=columns[key]) for key in columns})

    def __str__(self) -> str:
        measure, name = ("robust_r2", "robust R²") if "robust_r2" in self.runs else ("r2", "R²")
        r2 = self.runs[measure].astype(float)
        low, middle, high = (f"{value:.4f}" for value in (r2.min(), r2.median(), r2.max()))
        lines = [f"{len(self.runs)} seeds: {name} {low} to {high}, in the median {middle}"]
        for title, table, column in (
            ("inputs", self.inputs, "input"),
            ("formulas", self.formulas, "formula"),
        ):
            if len(table):
                shown = [
                    f"{what} ({share:.0%})"
                    for what, share in zip(table[column], table["share"], strict=True)
                ]
                lines.append(f"  {title}: {', '.join(shown)}")
        return "\n".join(map(printable, lines))
