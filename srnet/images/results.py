"""The comparisons gathered into tidy tables, for the figures and tables of the image branch."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.comparison.differences import differences_table
from srnet.io.files import read_json
from srnet.io.frames import read_table, write_table
from srnet.io.software import describe_software, warn_of_mixture
from srnet.typing import StrPath

CURVE_POINTS = 60

NETWORK_COLUMNS = (
    *("architecture", "parameters", "images", "tests", "epochs", "size", "seed"),
    *("accuracy_test", "accuracy_hidden", "seconds"),
)
# What the tables are made of; comparisons have more columns.
RUN_COLUMNS = (
    *("network", "image", "method", "seed", "selected", "whole", "probability"),
    *("training", "explained", "predicted"),
)
STEP_COLUMNS = ("network", "image", "method", "seed", "passes", "probability", "share")


def networks_table(reports: Iterable[StrPath]) -> pd.DataFrame:
    """One row per trained network, from its report: network, training (counted from 1, in the order
    of the reports), parameters, …, accuracies (0–1), seconds of processor time, software."""
    rows = []
    for path in reports:
        report = read_json(path)
        for key in NETWORK_COLUMNS:
            if key not in report:
                raise UserError(f"{path}: lacks the key '{key}'")
        row = {key: report[key] for key in NETWORK_COLUMNS}
        rows.append(row | {"software": describe_software(report)})
    warn_of_mixture([row["software"] for row in rows], "networks")
    table = pd.DataFrame(rows).rename(columns={"architecture": "network"})
    table.insert(1, "training", table.groupby("network").cumcount() + 1)
    return table


def runs_table(named: Iterable[StrPath], tests: Iterable[StrPath]) -> pd.DataFrame:
    """All explanations, one row each; the column ``images`` says ``named`` or ``test``, or
    ``wrong`` of a true class that the network does not predict."""
    parts = [
        read_table(path, RUN_COLUMNS).assign(images=kind)
        for kind, paths in (("named", named), ("test", tests))
        for path in paths
    ]
    runs = pd.concat(parts, ignore_index=True)
    runs.loc[runs["explained"] != runs["predicted"], "images"] = "wrong"
    return runs


def agreement_table(runs: pd.DataFrame) -> pd.DataFrame:
    """How far the seeds agree: per network, training, image and method the mean intersection over
    union of the pairs of selections, counted in superpixels; NaN where there is one seed."""
    from srnet.images.measures import agreement

    rows = []
    keys = ["network", "training", "images", "image", "method"]
    for values, group in runs.groupby(keys, sort=False):
        selections = np.stack([_digits(text) for text in group["selected"]])
        row = dict(zip(keys, values, strict=True)) | {"seeds": len(group)}
        rows.append(row | {"agreement": agreement(selections) if len(group) > 1 else np.nan})
    return pd.DataFrame(rows, columns=[*keys, "seeds", "agreement"])


# What the rules of config/verdict.yaml call the methods: E-LIME is our preset unless the rule says
# "published".
JUDGED_METHODS = {
    "sparse": "elime",
    "published": "elime-published",
    "lime-1000": "lime",
    "lime-200": "lime-200",
}


def judged_frame(runs: pd.DataFrame) -> pd.DataFrame:
    """The table ``images`` that the rules of config/verdict.yaml are about.

    One row per explanation of a named image by one of ``JUDGED_METHODS``: the columns of
    ``runs_table``, the network as ``task``, an empty ``preset``, and ``probability_lost``, the
    probability of the whole image minus that of the explanation.

    Raises
    ------
    UserError
        If the runs lack a column.
    """
    for column in (*RUN_COLUMNS, "images"):
        if column not in runs:
            raise UserError(
                f"the table images_runs lacks the column '{column}'; it has "
                f"{', '.join(map(str, runs))}"
            )
    named = runs[(runs["images"] == "named") & runs["method"].isin(JUDGED_METHODS)]
    return named.assign(
        task=named["network"],
        method=named["method"].map(JUDGED_METHODS),
        preset="",
        probability_lost=named["whole"] - named["probability"],
    )


def history_table(histories: Iterable[StrPath]) -> pd.DataFrame:
    """Convergence over the seeds: per network, image, method and number of passes, the number of
    runs and minimum, median and maximum of the best explanation's probability so far, and the
    median of its share of the pixels.

    A run keeps its last value when it has ended.
    """
    steps = pd.concat(
        [read_table(path, STEP_COLUMNS, allow_empty=True) for path in histories], ignore_index=True
    )
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


# --- Files ----------------------------------------------------------------------------------------


def write_images(
    networks: Sequence[StrPath],
    named: Sequence[StrPath],
    tests: Sequence[StrPath],
    histories: Sequence[StrPath],
    out_networks: StrPath,
    out_runs: StrPath,
    out_agreement: StrPath,
    out_paired: StrPath,
    out_history: StrPath,
) -> None:
    """Write the tidy tables of the image branch (the command ``srnet gather images``).

    Parameters
    ----------
    networks
        The reports of the trainings.
    named, tests
        The comparisons on the named images and on the test set.
    histories
        The searches of those on the named images.
    """
    runs = runs_table(named, tests)
    write_table(networks_table(networks), out_networks)
    write_table(runs, out_runs)
    write_table(agreement_table(runs), out_agreement)
    write_table(differences_table(runs), out_paired)
    write_table(history_table(histories), out_history)


def write_pixels(
    runs: StrPath,
    network: str,
    folder: StrPath,
    images: Sequence[str],
    segmentation: str,
    out: StrPath,
) -> None:
    """Write the pixels of the named images (the command ``srnet gather pixels``)."""
    write_table(
        pixels_table(read_table(runs, RUN_COLUMNS), network, folder, images, segmentation), out
    )
