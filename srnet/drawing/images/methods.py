"""Every method on the test set, by network: what it shows, how good it is and what it costs."""

import pandas as pd

from srnet.drawing.images.style import method_label, network_label, select_images

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
    """One row per network and method; values are means over images and seeds.

    Parameters
    ----------
    images_runs
        One row per explanation.
    images_agreement
        One row per network, image and method: agreement.

    Returns
    -------
    network, method; images and seeds, their numbers; whole, probability, empty and complement, the
    probability of the class when the whole image, the explanation, nothing, or all but the
    explanation is shown; superpixels and share shown; iou with the object; best_k, the number of
    leading superpixels with the highest mean IoU, and iou_best_k; insertion and deletion AUC;
    passes; seconds; agreement, the mean IoU between two seeds. A column without values is left out.
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
                "seeds": group["seed"].nunique(),
                "whole": group["whole"].mean(),
            }
            | {key: group[key].mean() for key in SELECTED[:3]}
            | {"superpixels": group["superpixels"].mean()}
            | {key: group[key].mean() for key in SELECTED[3:5]}
            | {"best_k": int(str(best).removeprefix("iou_")), "iou_best_k": leading.get(best)}
            | {key: group[key].mean() for key in SELECTED[5:]}
            | {"agreement": agreement.get((name, method), float("nan"))}
        )
    return pd.DataFrame(rows).dropna(axis="columns", how="all")
