"""Every method on the named images, by network, over the seeds."""

import pandas as pd

from srnet.drawing.images.style import method_label, network_label, select_images
from srnet.drawing.latex_table import Number, Paper, Text

PAPER = Paper(
    "Explanations of the named images over {seeds}: probability of the class when only the "
    "explanation is shown (mean ± standard deviation), and how often it is higher than that of "
    "the whole image; intersection over union (IoU) with the object, and between two seeds "
    "(agreement).",
    (
        Text("Image", "image"),
        Text("Method", "method", width=0.19),
        Number("Whole", "whole", decimals=2),
        Number("Explanation", "probability", decimals=2, spread="probability_std"),
        Number("Higher (%)", "raised", decimals=0, times=100),
        Number("IoU", "iou", decimals=2),
        Number("Agreement", "agreement", decimals=2),
        Number("Seconds", "seconds", decimals=1),
    ),
    groups="network",
)


def draw(images_runs: pd.DataFrame, images_agreement: pd.DataFrame) -> pd.DataFrame:
    """One row per network, image and method, over the seeds.

    Parameters
    ----------
    images_runs
        One row per explanation.
    images_agreement
        One row per network, image and method: agreement.

    Returns
    -------
    network, image, explained (the class that the network gives), method, seeds; whole, the
    probability of the class for the whole image; probability, probability_std and probability_min
    of the explanation; raised, the share of seeds whose explanation has a higher probability than
    the whole image; means of share (of the pixels), iou, insertion, deletion, passes and seconds;
    agreement, the mean IoU between two seeds. A column without values is left out.
    """
    runs = select_images(images_runs, "named")
    named = select_images(images_agreement, "named")
    agreement = named.set_index(["network", "image", "method"])["agreement"]
    rows = []
    for (name, image, method), group in runs.groupby(["network", "image", "method"], sort=False):
        probability = group["probability"]
        rows.append(
            {
                "network": network_label(str(name)),
                "image": image,
                "explained": group["explained"].iloc[0],
                "method": method_label(str(method)),
            }
            | {
                "seeds": len(group),
                "whole": group["whole"].iloc[0],
                "probability": probability.mean(),
            }
            | {"probability_std": probability.std(ddof=0), "probability_min": probability.min()}
            | {"raised": (probability > group["whole"]).mean()}
            | {
                key: group[key].mean()
                for key in ("share", "iou", "insertion", "deletion", "passes", "seconds")
            }
            | {"agreement": agreement.get((name, image, method), float("nan"))}
        )
    return pd.DataFrame(rows).dropna(axis="columns", how="all")
