"""The comparisons gathered into tidy tables, for the figures and tables of the image branch."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.io.files import read_json
from srnet.typing import StrPath

CURVE_POINTS = 60

NETWORK_COLUMNS = (
    *("architecture", "parameters", "images", "tests", "epochs", "size", "seed"),
    *("accuracy_test", "accuracy_hidden", "seconds"),
)


def networks_table(reports: Iterable[StrPath]) -> pd.DataFrame:
    """One row per trained network, from its report: network, parameters, …, accuracies (0–1),
    seconds of processor time."""
    rows = []
    for path in reports:
        report = read_json(path)
        for key in NETWORK_COLUMNS:
            if key not in report:
                raise UserError(f"{path}: lacks the key '{key}'")
        rows.append({key: report[key] for key in NETWORK_COLUMNS})
    return pd.DataFrame(rows).rename(columns={"architecture": "network"})


def runs_table(named: Iterable[StrPath], tests: Iterable[StrPath]) -> pd.DataFrame:
    """All explanations, one row each; the column ``images`` says ``named`` or ``test``."""
    from srnet.io.frames import read_table

    parts = [
        read_table(path).assign(images=kind)
        for kind, paths in (("named", named), ("test", tests))
        for path in paths
    ]
    return pd.concat(parts, ignore_index=True)


def agreement_table(runs: pd.DataFrame) -> pd.DataFrame:
    """How far the seeds agree: per network, image and method the mean intersection over union of
    the pairs of selections, counted in superpixels; NaN where there is one seed."""
    from srnet.images.comparison.measures import agreement

    rows = []
    for (network, images, image, method), group in runs.groupby(
        ["network", "images", "image", "method"], sort=False
    ):
        selections = np.stack([_digits(text) for text in group["selected"]])
        row = {
            "network": network,
            "images": images,
            "image": image,
            "method": method,
            "seeds": len(group),
        }
        rows.append(row | {"agreement": agreement(selections) if len(group) > 1 else np.nan})
    return pd.DataFrame(
        rows, columns=["network", "images", "image", "method", "seeds", "agreement"]
    )


# How the rules of config/verdict.yaml call the methods: E-LIME is our preset unless the rule says
# "published".
CLAIMED = {
    "sparse": "elime",
    "published": "elime-published",
    "lime-1000": "lime",
    "lime-200": "lime-200",
}


def claims_table(runs: pd.DataFrame, rules_file: StrPath) -> pd.DataFrame:
    """The paper's claims on the named images, judged by the rules about the table ``images`` in
    config/verdict.yaml.

    That table has a row per network (column task), image, method and seed: seconds, passes, and
    probability_lost, that of the whole image minus that of the explanation.
    """
    from srnet.results.verdict import load_rules, verdict

    named = runs[(runs["images"] == "named") & runs["method"].isin(CLAIMED)]
    images = named.assign(
        task=named["network"],
        method=named["method"].map(CLAIMED),
        preset="",
        probability_lost=named["whole"] - named["probability"],
    )
    rules = load_rules(rules_file)
    known = {
        None,
        *images["network"],
    }  # a rule about a network that is not explained says nothing here
    rules["rules"] = [
        rule
        for rule in rules["rules"]
        if rule["ours"]["frame"] == "images"
        and rule["ours"].get("where", {}).get("network") in known
    ]
    return verdict(
        rules, {"images": images, "networks": pd.DataFrame({"task": images["task"].unique()})}, [""]
    )


def history_table(histories: Iterable[StrPath]) -> pd.DataFrame:
    """Convergence over the seeds: per network, image, method and number of passes, the number of
    runs and minimum, median and maximum of the best explanation's probability so far, and the
    median of its share of the pixels.

    A run keeps its last value when it has ended.
    """
    steps = pd.concat([pd.read_csv(path) for path in histories], ignore_index=True)
    rows = []
    for (network, image, method), group in steps.groupby(
        ["network", "image", "method"], sort=False
    ):
        runs = [run.sort_values("passes") for _, run in group.groupby("seed")]
        first, last = (
            max(run["passes"].iloc[0] for run in runs),
            max(run["passes"].iloc[-1] for run in runs),
        )
        for passes in np.unique(np.geomspace(first, last, CURVE_POINTS).round().astype(int)):
            at = [run[run["passes"] <= passes].iloc[-1] for run in runs]
            probability, share = (
                np.array([step[key] for step in at]) for key in ("probability", "share")
            )
            rows.append(
                {
                    "network": network,
                    "image": image,
                    "method": method,
                    "passes": passes,
                    "runs": len(runs),
                }
                | {
                    "min": probability.min(),
                    "median": np.median(probability),
                    "max": probability.max(),
                }
                | {"share": np.median(share)}
            )
    return pd.DataFrame(
        rows,
        columns=["network", "image", "method", "passes", "runs", "min", "median", "max", "share"],
    )


def pixels_table(
    runs: pd.DataFrame,
    network: str,
    folder: StrPath,
    images: Sequence[str],
    segmentation: str,
) -> pd.DataFrame:
    """The pixels of the named images for one network, one row each: image, row, column, red, green,
    blue (0–255), superpixel, truth, and per method whether the explanation of its first seed shows
    the pixel."""
    from srnet.images.comparison.scores import read_mask
    from srnet.images.pictures.reading import read_image
    from srnet.images.pictures.segments import superpixels

    frames = []
    for image in images:
        pixels = read_image(Path(folder) / f"{image}.png")
        segments = superpixels(pixels, segmentation)
        rows, columns = np.indices(segments.shape)
        values: dict[str, Any] = {"image": image, "row": rows.ravel(), "column": columns.ravel()}
        values |= {
            name: (pixels[..., i] * 255).round().astype(int).ravel()
            for i, name in enumerate(("red", "green", "blue"))
        }
        values |= {
            "superpixel": segments.ravel(),
            "truth": read_mask(Path(folder) / f"{image}_mask.png").astype(int).ravel(),
        }
        here = runs[(runs["network"] == network) & (runs["image"] == image)]
        first = here.sort_values("seed", kind="stable").drop_duplicates("method")
        for method, selected in zip(first["method"], first["selected"], strict=True):
            shown = _digits(selected)
            if len(shown) != segments.max() + 1:
                raise UserError(
                    f"the explanations of {image} have {len(shown)} superpixels, the image has "
                    f"{segments.max() + 1}"
                )
            values[str(method)] = shown[segments].astype(int).ravel()
        frames.append(pd.DataFrame(values))
    return pd.concat(frames, ignore_index=True)


def _digits(selected: str) -> NDArray[np.bool_]:
    """A selection as a comparison writes it, ``x--x``, by superpixel."""
    return np.array([digit == "x" for digit in selected])
