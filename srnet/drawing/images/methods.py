"""Every method on the test set, network by network: what it shows, how good it is, what it
costs."""

import pandas as pd

from srnet.drawing.images.style import label, network, of

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
    """One row per network and method, means over images and seeds.

    Columns images and seeds, numbers; whole, probability, empty and complement, probability of the
    class when the whole image, the explanation, nothing and all but the explanation is shown;
    superpixels and share shown; iou with the object; best_k, the number of the ranking's first
    superpixels with the highest mean IoU, and iou_best_k; insertion and deletion AUC; passes,
    seconds; agreement, mean IoU between two seeds (where there are two).
    """
    runs = of(images_runs, "test")
    agreement = of(images_agreement, "test").groupby(["network", "method"])["agreement"].mean()
    rows = []
    for (name, method), group in runs.groupby(["network", "method"], sort=False):
        firsts = group.filter(regex=r"^iou_\d+$").mean()
        best = firsts.idxmax() if firsts.notna().any() else "iou_0"
        rows.append(
            {"network": network(str(name)), "method": label(str(method))}
            | {
                "images": group["image"].nunique(),
                "seeds": group["seed"].nunique(),
                "whole": group["whole"].mean(),
            }
            | {key: group[key].mean() for key in SELECTED[:3]}
            | {"superpixels": group["superpixels"].mean()}
            | {key: group[key].mean() for key in SELECTED[3:5]}
            | {"best_k": int(str(best).removeprefix("iou_")), "iou_best_k": firsts.get(best)}
            | {key: group[key].mean() for key in SELECTED[5:]}
            | {"agreement": agreement.get((name, method), float("nan"))}
        )
    return pd.DataFrame(rows).dropna(axis="columns", how="all")
