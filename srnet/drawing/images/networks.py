"""The explained networks: size, training and accuracy."""

import pandas as pd

from srnet.drawing.images.style import network_label


def draw(images_networks_trained: pd.DataFrame) -> pd.DataFrame:
    """One row per network.

    Parameters
    ----------
    images_networks_trained
        One row per network: network, parameters, images, epochs, tests, accuracy_test,
        accuracy_hidden, seconds.

    Returns
    -------
    network; parameters; images (for training); epochs; test_images; accuracy and
    accuracy_partly_hidden on whole and partly hidden test images (0–1); minutes (processor time).
    """
    trained = images_networks_trained
    return pd.DataFrame(
        {
            "network": trained["network"].map(network_label),
            "parameters": trained["parameters"],
            "images": trained["images"],
            "epochs": trained["epochs"],
            "test_images": trained["tests"],
            "accuracy": trained["accuracy_test"],
            "accuracy_partly_hidden": trained["accuracy_hidden"],
            "minutes": trained["seconds"] / 60,
        }
    )
