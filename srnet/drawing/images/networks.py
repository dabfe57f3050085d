"""The explained networks: size, training and accuracy."""

import pandas as pd

from srnet.drawing.images.style import network_label
from srnet.drawing.latex_table import Number, Paper, Text

PAPER = Paper(
    "The classifiers that are explained, and their accuracy on whole and on partly hidden test "
    "images. Processor time on one core.",
    (
        Text("Network", "network"),
        Number("Training", "training", decimals=0),
        Number("Parameters\n(millions)", "parameters", decimals=2, times=1e-6),
        Number("Training\nimages", "images", decimals=0),
        Number("Epochs", "epochs", decimals=1),
        Number("Accuracy\n(%)", "accuracy", decimals=1, times=100),
        Number("partly\nhidden (%)", "accuracy_partly_hidden", decimals=1, times=100),
        Number("Minutes", "minutes", decimals=1),
    ),
)


def draw(images_networks_trained: pd.DataFrame) -> pd.DataFrame:
    """One row per training of a network.

    Parameters
    ----------
    images_networks_trained
        One row per training: network, training, parameters, images, epochs, tests, accuracy_test,
        accuracy_hidden, seed, seconds.

    Returns
    -------
    network; training, from 1; seed; parameters; images (for training); epochs; test_images;
    accuracy and accuracy_partly_hidden on whole and partly hidden test images (0–1); minutes
    (processor time).
    """
    trained = images_networks_trained
    return pd.DataFrame(
        {
            "network": trained["network"].map(network_label),
            "training": trained["training"],
            "seed": trained["seed"],
            "parameters": trained["parameters"],
            "images": trained["images"],
            "epochs": trained["epochs"],
            "test_images": trained["tests"],
            "accuracy": trained["accuracy_test"],
            "accuracy_partly_hidden": trained["accuracy_hidden"],
            "minutes": trained["seconds"] / 60,
        }
    )
