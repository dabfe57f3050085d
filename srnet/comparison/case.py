"""What the explainers of one network are compared on: its rows, its outputs, and the points that
are explained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from srnet.comparison.explainers.interface import Function
from srnet.data.dataset import BOXES, Data, task_boxes
from srnet.data.tasks import Formula, Task, load_task
from srnet.errors import UserError
from srnet.networks.layers import Layers
from srnet.networks.mlp import Network, load_network
from srnet.typing import Floats, Kind, StrPath
from srnet.validation import Integer

REPEATED = 10  # points that every seed explains, to see how much the answers move


@dataclass(frozen=True)
class Case:
    """One network and the points that are explained, all in the units of ``layers.npz``.

    Attributes
    ----------
    predict
        The network: points n × d to outputs n × k, probabilities where it classifies.
    rows, outputs
        What explainers may learn from: n × d and n × k.
    valid
        Validation rows and outputs; none where the network classifies.
    points
        Those that are explained, by box (regression) or split (classification).
    repeated
        The points that every seed explains.
    scaled
        Whether the units of ``layers.npz`` are standard deviations, and not the inputs' own.
    classes
        The names of the classes; none of a regression.
    """

    task: str
    kind: Kind
    predict: Function
    rows: Floats
    outputs: Floats
    valid: tuple[Floats, Floats]
    points: Mapping[str, Floats]
    repeated: Floats
    seed: int
    scaled: bool
    classes: tuple[str, ...]

    @property
    def classifies(self) -> bool:
        """Whether it is a classification."""
        return self.kind == "classification"

    @property
    def spread(self) -> Floats:
        """Standard deviation of every input over the rows; 1 where it is constant."""
        std = self.rows.std(axis=0)
        return np.where(std > 0, std, 1.0)

    def sampled(self, seed: int, rows: int) -> "Case":
        """The case with at most so many points of every split, drawn by the seed: for the
        explainers that are slow.

        Raises
        ------
        UserError
            If ``rows`` is below 1.
        """
        Integer(1).check("rows", rows)
        points = {}
        for i, (split, values) in enumerate(self.points.items()):
            order = np.random.default_rng([self.seed, seed, i]).permutation(len(values))
            points[split] = values[np.sort(order[:rows])]
        return replace(self, points=points)


def make_case(
    task: Task, data: Data, network: Network, layers: Layers, points: int = 1000, line: bool = False
) -> Case:
    """What explainers of a task's network are compared on.

    Parameters
    ----------
    points
        Of every box, where it is a regression.
    line
        Whether these lie on the diagonal of the box, evenly spaced; else they are uniform in it.

    Raises
    ------
    UserError
        If data, network and layers are not the task's, or ``points`` is below 1.
    """
    Integer(1).check("points", points)
    inputs = task.source.inputs if isinstance(task.source, Formula) else data.inputs
    if data.inputs != inputs or not layers.widths[0] == network.sizes[0] == len(inputs):
        raise UserError(
            f"task '{task.name}' has the inputs {', '.join(inputs)}; its data "
            f"{', '.join(data.inputs)}, its network "
            f"{network.sizes[0]}, its layers {layers.widths[0]}; all must be of this task"
        )
    mean, std = data.scaler
    scaled = task.kind == "classification" or network.mean is not None

    def predict(x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return network.predict(x * std + mean if scaled else x).astype(np.float64)

    x, y = (layers.splits["train"][i].astype(np.float64) for i in (0, -1))
    valid = tuple(layers.splits["valid"][i].astype(np.float64) for i in (0, -1))
    if task.kind == "classification":
        # without the points near the decision boundary: those are a part of SRNet's method
        x, y = x[: len(data.train_x)], y[: len(data.train_x)]
        explained = {"train": x, "test": data.standardised(data.holdout_x)}
        candidates = explained["test"]
    else:
        explained = {
            box: data.standardised(rows) if scaled else rows
            for box, rows in box_points(task, data, points, line).items()
        }
        candidates = explained["train"]
    repeated = np.unique(np.linspace(0, len(candidates) - 1, REPEATED).round().astype(int))
    return Case(
        task.name,
        task.kind,
        predict,
        x,
        y,
        (valid[0], valid[1]),
        explained,
        candidates[repeated],
        task.seed,
        scaled,
        data.classes,
    )


def box_points(task: Task, data: Data, count: int, line: bool) -> dict[str, Floats]:
    """Points of the training, validation and test box of a regression, in their own units; a
    function of the task's seed."""
    # streams of their own: these are not the points that layers.npz has
    streams = np.random.default_rng([task.seed, count]).spawn(len(BOXES))
    boxes = task_boxes(task, data.x)
    return {
        box: np.linspace(low, high, count) if line else stream.uniform(low, high, (count, len(low)))
        for (box, (low, high)), stream in zip(boxes.items(), streams, strict=True)
    }


def load_case(
    files: Mapping[str, StrPath],
    task_name: str,
    points: int = 1000,
    line: bool = False,
) -> Case:
    """The case of a task from its files: ``tasks``, ``data``, ``network`` and ``layers``."""
    task = load_task(task_name, files["tasks"])
    layers = Layers.load(files["layers"], task_name)
    return make_case(
        task, Data.load(files["data"]), load_network(files["network"]), layers, points, line
    )
