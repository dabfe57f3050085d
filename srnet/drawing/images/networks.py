"""The explained networks: size, training, accuracy."""

import pandas as pd

from srnet.drawing.images.style import network


def draw(images_networks_trained: pd.DataFrame) -> pd.DataFrame:
    """One row per network: parameters, training images, epochs, accuracy on the test images, whole
    and partly hidden (0–1), minutes of training (processor time)."""
    trained = images_networks_trained
    return pd.DataFrame(
        {
            "network": trained["network"].map(network),
            "parameters": trained["parameters"],
            "images": trained["images"],
            "epochs": trained["epochs"],
            "test_images": trained["tests"],
            "accuracy": trained["accuracy_test"],
            "accuracy_partly_hidden": trained["accuracy_hidden"],
            "minutes": trained["seconds"] / 60,
        }
    )
