"""The values of a network's layers on the rows of its task."""

import numpy as np
from threadpoolctl import threadpool_limits

from srnet.data.dataset import Data, load_data
from srnet.data.tasks import load_task
from srnet.networks.boundary import boundary_points
from srnet.networks.layers import Layers
from srnet.networks.mlp import Network, load_network
from srnet.typing import StrPath


def extract(network: Network, data: Data, name: str, seed: int = 0) -> Layers:
    """The values of every layer on the rows that SRNet is fitted to and judged by.

    A regression has all rows (train), the validation points and the test points. A classification
    has the training rows followed by about 1000 points near the network's decision boundary, drawn
    in the box of the training rows (train); no validation rows; and the rows held out (test). The x
    of a classification is always standardised, so that formulas need not bridge orders of
    magnitude; ``data.standardised`` does the same to other rows.

    Parameters
    ----------
    seed
        Of the points near the decision boundary.
    """
    with threadpool_limits(1), np.errstate(over="ignore"):
        if network.kind == "regression":
            points = {"train": data.x, "valid": data.valid_x, "test": data.test_x}
            return Layers({split: network.layers(x) for split, x in points.items()}, name=name)
        box = list(
            zip(data.train_x.min(axis=0).tolist(), data.train_x.max(axis=0).tolist(), strict=True)
        )
        stream = np.random.default_rng(seed).spawn(4)[3]  # after the three that made the data
        near = boundary_points(network.predict, box, stream)
        points = {
            "train": np.concatenate([data.train_x, near]),
            "valid": data.valid_x,
            "test": data.holdout_x,
        }
        splits = {
            split: [data.standardised(x).astype(np.float32), *network.layers(x)[1:]]
            for split, x in points.items()
        }
        return Layers(splits, name=name)


def write_layers(
    network_file: StrPath,
    data_file: StrPath,
    task_name: str,
    tasks_file: StrPath,
    out: StrPath,
) -> None:
    """Write ``layers.npz``, the hidden layers of a network on the rows of a task (the command
    ``srnet layers``)."""
    task = load_task(task_name, tasks_file)
    extract(load_network(network_file), load_data(data_file, task), task.name, task.seed).save(out)
