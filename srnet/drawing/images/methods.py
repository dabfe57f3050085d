"""Every method on the test set, by network: what it shows, how good it is and what it costs."""

import pandas as pd

from srnet.drawing.images.style import method_label, network_label, select_images
from srnet.drawing.latex_table import Number, Paper, Text

PAPER = Paper(
    "Explanations of the test set: mean ± standard deviation over images, trainings and seeds. "
    "Probability of the class when only the explanation is shown; intersection over union (IoU) "
    "with the object; area under the probability by insertion (high is good) and deletion (low is "
    "good).",
    (
        Text("Method", "method", width=0.21),
        Number("Probability", "probability", decimals=2),
        Number("IoU", "iou", decimals=2, spread="iou_std"),
        Number("Insertion", "insertion", decimals=2, spread="insertion_std"),
        Number("Deletion", "deletion", decimals=2, spread="deletion_std"),
        Number("Passes", "passes", decimals=0),
        Number("Seconds", "seconds", decimals=1),
    ),
    groups="network",
)

SPREAD = ("iou", "insertion", "deletion")
SELECTED = (
    "probability",
    "empty",
    "complement",
    "share",
    "iou",
    "insertion",
    "deletion",
    "passes",
    "seconds",
)


def draw(images_runs: pd.DataFrame, images_agreement: pd.DataFrame) -> pd.DataFrame:
    """One row per network and method; values are means over images, trainings and seeds.

    Parameters
    ----------
    images_runs
        One row per explanation.
    images_agreement
        One row per network, training, image and method: agreement.

    Returns
    -------
    network, method; images, trainings and seeds, their numbers; whole, probability, empty and
    complement, the probability of the class when the whole image, the explanation, nothing, or all
    but the explanation is shown; superpixels and share shown; iou with the object; best_k, the
    number of leading superpixels with the highest mean IoU, and iou_best_k; insertion and deletion
    AUC; passes; seconds; the standard deviations iou_std, insertion_std and deletion_std;
    agreement, the mean IoU between two seeds. A column without values is left out.
    """
    runs = select_images(images_runs, "test")
    agreement = (
        select_images(images_agreement, "test").groupby(["network", "method"])["agreement"].mean()
    )
    rows = []
    for (name, method), group in runs.groupby(["network", "method"], sort=False):
        leading = group.filter(regex=r"^iou_\d+$").mean()
        best = leading.idxmax() if leading.notna().any() else "iou_0"
        rows.append(
            {"network": network_label(str(name)), "method": method_label(str(method))}
            | {
                "images": group["image"].nunique(),
                "trainings": group["training"].nunique(),
                "seeds": group["seed"].nunique(),
                "whole": group["whole"].mean(),
            }
            | {key: group[key].mean() for key in SELECTED[:3]}
            | {f"{key}_std": group[key].std(ddof=0) for key in SPREAD}
            | {"superpixels": group["superpixels"].mean()}
            | {key: group[key].mean() for key in SELECTED[3:5]}
            | {"best_k": int(str(best).removeprefix("iou_")), "iou_best_k": leading.get(best)}
            | {key: group[key].mean() for key in SELECTED[5:]}
            | {"agreement": agreement.get((name, method), float("nan"))}
        )
    return pd.DataFrame(rows).dropna(axis="columns", how="all")
