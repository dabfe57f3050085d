"""Every method on the named images, network by network, over the seeds."""

import pandas as pd

from srnet.drawing.images.style import label, network, of


def draw(images_runs: pd.DataFrame, images_agreement: pd.DataFrame) -> pd.DataFrame:
    """One row per network, image and method, over the seeds.

    Columns explained, the network's class; whole, probability of the class for the whole image;
    probability of the explanation: mean, std, minimum; raised, the share of the seeds whose
    explanation has a higher probability than the whole image; share of the pixels, IoU, insertion
    and deletion AUC, passes and seconds, means; agreement, mean IoU between two seeds.
    """
    runs = of(images_runs, "named")
    agreement = images_agreement.set_index(["network", "image", "method"])["agreement"]
    rows = []
    for (name, image, method), group in runs.groupby(["network", "image", "method"], sort=False):
        probability = group["probability"]
        rows.append(
            {
                "network": network(str(name)),
                "image": image,
                "explained": group["explained"].iloc[0],
                "method": label(str(method)),
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
