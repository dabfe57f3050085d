"""Training loss of every network by epoch."""

import numpy as np
import pandas as pd
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
    for task, axes in panels.items():
        curve = training[training["task"] == task]
        (line,) = axes.plot(
            curve["epoch"], mask_nonpositive(curve["loss"]), color="C0", linewidth=0.8
        )
        network = networks[networks["task"] == task].iloc[0]
        test = axes.axhline(network["test_loss"], color="C1", linestyle="--", linewidth=0.8)
        set_log_scale(axes)
        axes.margins(x=0)
        axes.set_xlim(left=0)
        _annotate_problems(axes, curve, network)
    figure.supxlabel("epoch")
    losses = [LOSSES[kind] for kind in LOSSES if (networks["kind"] == kind).any()]
    figure.supylabel("\n".join(["loss of the network", ";\nof classifications ".join(losses)]))
    entries = {
        "training rows, mean over the batches of an epoch": line,
        "rows held out, at the end": test,
    }
    add_legend(figure, entries)
    return figure


def _annotate_problems(axes: Axes, curve: pd.DataFrame, network: pd.Series) -> None:
    broken = curve[~np.isfinite(curve["loss"])]
    if len(broken):
        annotate(axes, [f"not finite from epoch {broken['epoch'].iloc[0]}"])
    elif network["warnings"] != "none":
        annotate(axes, [warning.split(":")[0] for warning in network["warnings"].split("; ")])
