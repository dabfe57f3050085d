"""E-LIME against every other method on the test set: paired differences with their intervals."""

import pandas as pd

from srnet.drawing.images.style import method_label, network_label
from srnet.drawing.latex_table import Number, Paper, Text

MEASURES = {"insertion": "Insertion", "deletion": "Deletion", "best_iou": "IoU"}
KEYS = ["network", "reference", "method", "networks", "images", "trainings"]

PAPER = Paper(
    "E-LIME minus each other method on the test set, in hundredths, paired by image and training, "
    "with 95 % intervals over images and trainings. A high insertion and IoU and a low deletion "
    "are good. A verdict is on E-LIME; it is level where the interval holds 0.",
    (
        Text("Method", "method", width=0.2),
        *(
            Number(heading, name, decimals=1, times=100, brackets=(f"{name}_low", f"{name}_high"))
            for name, heading in MEASURES.items()
        ),
        Text("Verdicts", lambda frame: verdicts(frame), width=0.18),
    ),
    groups=lambda frame: frame["network"] + ": " + frame["reference"] + ", minus",
    # the first reference; the frame has the others too
    select=lambda frame: frame[frame["reference"].isin(frame["reference"].head(1))],
)


def draw(images_paired: pd.DataFrame) -> pd.DataFrame:
    """One row per network, reference and method.

    Parameters
    ----------
    images_paired
        One row per network, reference, method and measure, as
        :func:`srnet.images.comparison.differences.differences_table` returns them.

    Returns
    -------
    network (``all``: the mean over the networks that both methods explain), reference, method,
    networks, images, trainings; and of every measure (insertion, deletion, best_iou) the difference
    reference − method, the ends of its 95 % interval (_low, _high), its _width, and the _verdict on
    the reference.
    """
    rows = []
    for values, group in images_paired.groupby(KEYS, sort=False):
        row = dict(zip(KEYS, values, strict=True))
        for each in group.to_dict("records"):
            name = each["measure"]
            row[name] = each["difference"]
            row |= {f"{name}_{key}": each[key] for key in ("low", "high", "width", "verdict")}
        rows.append(row)
    ends = ("", "_low", "_high", "_width", "_verdict")
    columns = [*KEYS, *(name + end for name in MEASURES for end in ends)]
    return pd.DataFrame(rows, columns=columns).assign(
        network=lambda table: table["network"].map(network_label),
        **{
            key: lambda table, key=key: table[key].map(method_label)
            for key in ("reference", "method")
        },
    )


def verdicts(frame: pd.DataFrame) -> list[str]:
    """The three verdicts of every row in the order of the measures, once where they agree."""
    rows = frame[[f"{name}_verdict" for name in MEASURES]].itertuples(index=False, name=None)
    return [row[0] if len(set(row)) == 1 else ", ".join(row) for row in rows]
