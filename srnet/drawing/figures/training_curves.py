"""Training loss of every network by epoch."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from srnet.drawing.style import (
    add_legend,
    annotate,
    mask_nonpositive,
    set_log_scale,
    styled,
    task_panels,
)

LOSSES = {"regression": "mean squared error", "classification": "cross-entropy"}


@styled
def draw(training: pd.DataFrame, networks: pd.DataFrame) -> Figure:
    """One panel per task: training loss by epoch, and the final loss on held-out rows.

    Parameters
    ----------
    training
        One row per task and epoch: task, epoch, loss (not finite where training failed).
    networks
        One row per task: task, kind, test_loss, warnings.
    """
    figure, panels = task_panels(training["task"])
    shown = training.assign(loss=mask_nonpositive(training["loss"]))
    for task, axes in panels.items():
        network = networks[networks["task"] == task].iloc[0]
        curve = shown[shown["task"] == task]
        sns.lineplot(curve, x="epoch", y="loss", estimator=None, color="C0", linewidth=0.8, ax=axes)
        axes.axhline(network["test_loss"], color="C1", linestyle="--", linewidth=0.8)
        set_log_scale(axes)
        axes.margins(x=0)
        axes.locator_params(axis="x", nbins=3)  # epochs have five digits
        axes.set(xlim=(0, None), xlabel="", ylabel="")
        _annotate_problems(axes, training[training["task"] == task], network)
    figure.supxlabel("epoch")
    losses = [LOSSES[kind] for kind in LOSSES if (networks["kind"] == kind).any()]
    figure.supylabel("\n".join(["loss of the network", ";\nof classifications ".join(losses)]))
    labels = ("training rows, mean over the batches of an epoch", "rows held out, at the end")
    add_legend(figure, dict(zip(labels, next(iter(panels.values())).lines, strict=True)))
    return figure


def _annotate_problems(axes: Axes, curve: pd.DataFrame, network: pd.Series) -> None:
    broken = curve[~np.isfinite(curve["loss"])]
    if len(broken):
        annotate(axes, [f"not finite from epoch {broken['epoch'].iloc[0]}"])
    elif network["warnings"] != "none":
        annotate(axes, [warning.split(":")[0] for warning in network["warnings"].split("; ")])
