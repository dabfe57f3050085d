"""Wrong predictions: how far each method's explanation of the true class raises its probability."""

import pandas as pd

from srnet.drawing.images.style import method_label, network_label
from srnet.drawing.latex_table import Number, Paper, Text

PAPER = Paper(
    "Images of the test set that the network classifies wrongly, explained for their true class: "
    "mean probability of the true class for the whole image, and the highest that a leading part "
    "of the ranking reaches, with the share of the pixels that this part shows; how often that "
    "part is classified right.",
    (
        Text("Method", "method", width=0.27),
        Number("Wrong\npredictions", "predictions", decimals=0),
        Number("Whole", "whole", decimals=2),
        Number("Highest", "highest", decimals=2, spread="highest_std"),
        Number("Share shown\n(%)", "highest_share", decimals=0, times=100),
        Number("Over a half\n(%)", "corrected", decimals=0, times=100),
        Number("Passes", "passes", decimals=0),
    ),
    groups="network",
)

ALL = "all"
COLUMNS = (
    *("network", "method", "predictions", "images", "whole", "highest", "highest_std"),
    *("highest_share", "corrected", "passes", "seconds"),
)


def draw(images_runs: pd.DataFrame) -> pd.DataFrame:
    """One row per network and method, and of all networks together.

    Parameters
    ----------
    images_runs
        One row per explanation; those of a true class that is not predicted have ``wrong`` in the
        column images.

    Returns
    -------
    network (``all``: together), method, predictions (wrong ones, images × trainings), images;
    means of whole (probability of the true class for the whole image), highest (its highest
    probability over the leading parts of the ranking), highest_share (the share of the pixels shown
    then), passes and seconds; highest_std; corrected, the share of the predictions whose highest
    probability is over 0.5.
    """
    wrong = images_runs[images_runs["images"] == "wrong"]
    rows = []
    for network, runs in [*wrong.groupby("network", sort=False), (ALL, wrong)]:
        for method, group in runs.groupby("method", sort=False):
            rows.append(
                {"network": network_label(str(network)), "method": method_label(str(method))}
                | {
                    "predictions": len(group.groupby(["network", "training", "image"])),
                    "images": group["image"].nunique(),
                }
                | {key: group[key].mean() for key in ("whole", "highest", "highest_share")}
                | {
                    "highest_std": group["highest"].std(ddof=0),
                    "corrected": (group["highest"] > 0.5).mean(),
                }
                | {key: group[key].mean() for key in ("passes", "seconds")}
            )
    return pd.DataFrame(rows, columns=COLUMNS)
