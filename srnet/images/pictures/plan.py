"""Names of the images and training options that a configuration's key ``images`` asks for.

This module imports the standard library only, because Snakemake reads it at every start.
"""

from collections.abc import Mapping
from typing import Any

# The classes of the generated images.
CLASSES = ("astronaut", "cat", "coffee", "coin", "flower", "motorcycle", "pagoda", "shuttle")


def name_test_images(count: int) -> list[str]:
    """Names of the ``count`` images of a test set, ``00-astronaut``, ``01-cat`` …

    The classes take turns.
    """
    return [f"{i:02d}-{CLASSES[i % len(CLASSES)]}" for i in range(count)]


def image_names(images: Mapping[str, Any]) -> list[str]:
    """Names of all images to explain, from the key ``images`` of a configuration."""
    return [*images["named"], *name_test_images(images["test_set"]["images"])]


def training_options(images: Mapping[str, Any], network: str) -> dict[str, Any]:
    """The options of ``srnet train-classifier`` for a network.

    They include its epochs only if the configuration gives them.
    """
    options = {
        "images": images["train"],
        "tests": images["test"],
        "size": images["size"],
        "seed": images["seed"],
    }
    return options | ({"epochs": images["epochs"][network]} if network in images["epochs"] else {})
