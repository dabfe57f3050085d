"""The explained networks: size, training, accuracy."""

import pandas as pd

from srnet.drawing.images_style import network


def draw(images_networks: pd.DataFrame) -> pd.DataFrame:
    """One row per network: parameters, training images, epochs, accuracy on the test images, whole and partly hidden (0–1), minutes of
    training (processor time)."""
    return pd.DataFrame(
        {
            "network": images_networks["network"].map(network),
            "parameters": images_networks["parameters"],
            "images": images_networks["images"],
            "epochs": images_networks["epochs"],
            "test_images": images_networks["tests"],
            "accuracy": images_networks["accuracy_test"],
            "accuracy_partly_hidden": images_networks["accuracy_hidden"],
            "minutes": images_networks["seconds"] / 60,
        }
    )
