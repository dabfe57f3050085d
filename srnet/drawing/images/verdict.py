"""The paper's claims about E-LIME beside our measurements, judged by config/verdict.yaml."""

import pandas as pd

from srnet.drawing.images.style import network_label
from srnet.drawing.latex_table import Number, Paper, Text
from srnet.drawing.methods import judgements

PAPER = Paper(
    "The claims about E-LIME beside ours: a median, or a ratio of two medians, with its interval "
    "over the runs. What was not run is left out.",
    (
        Text("Network", "network"),
        Text("Method", "method", width=0.17),
        Number("Limit", "limit"),
        Number("Ours", "ours", brackets=("from", "to")),
        Text("Verdict", judgements, width=0.22),
    ),
    groups=lambda frame: [
        f"{claim} ({unit})" if unit else claim
        for claim, unit in zip(frame["claim"], frame["unit"], strict=True)
    ],
    select=lambda frame: frame[frame["verdict"] != "not run"],
)

LABELS = {
    "elime": "E-LIME, sparse",
    "elime-published": "E-LIME, published",
    "lime": "LIME, 1000 passes",
    "lime-200": "LIME, 200 passes",
    "all": "all",
}


def draw(images_claims: pd.DataFrame) -> pd.DataFrame:
    """One row per claim, network and pair of methods.

    Parameters
    ----------
    images_claims
        One row per claim, network and pair of methods, as
        ``srnet verdict --only images`` writes them.

    Returns
    -------
    claim, network, method, limit, ours with its 95 % interval over the runs (from, to), runs, unit,
    verdict, reason. A claim of kind ``order`` is about the ratio of
    two medians.
    """
    methods = images_claims["method"].map(
        lambda text: " against ".join(LABELS.get(part, part) for part in text.split(" against "))
    )
    return pd.DataFrame(
        {
            "claim": images_claims["claim"],
            "network": images_claims["task"].map(network_label),
            "method": methods,
            "limit": images_claims["published_high"],
            "ours": images_claims["ours"],
            "from": images_claims["ours_low"],
            "to": images_claims["ours_high"],
            "runs": images_claims["runs"],
            "unit": images_claims["unit"].fillna(""),
            "verdict": images_claims["verdict"],
            "reason": images_claims["reason"].fillna(""),
        }
    )
