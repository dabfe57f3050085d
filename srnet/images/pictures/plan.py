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


def network_names(images: Mapping[str, Any]) -> list[str]:
    """Names of all trained networks, from the key ``images`` of a configuration.

    The first training of an architecture has its name, ``resnet18``, and a further one its number
    too, ``resnet18-2``.
    """
    trainings = range(1, images.get("trainings", 1) + 1)
    return [
        name if number == 1 else f"{name}-{number}"
        for name in images["networks"]
        for number in trainings
    ]


def split_name(network: str) -> tuple[str, int]:
    """The architecture of a trained network, and the number of its training, from 1."""
    architecture, _, number = network.partition("-")
    return architecture, int(number or 1)


def list_methods(images: Mapping[str, Any], network: str) -> list[str]:
    """The methods that explain the test set for a trained network.

    The configuration has one list, or lists by architecture, for its first training, and a
    ``default`` for all other trainings.
    """
    methods: list[str] | Mapping[str, list[str]] = images["test_set"]["methods"]
    return methods if isinstance(methods, list) else methods.get(network, methods["default"])


def training_options(images: Mapping[str, Any], network: str) -> dict[str, Any]:
    """The options of ``srnet train-classifier`` for a trained network.

    They include its epochs only if the configuration gives them. The second training takes the
    next seed, hence other first weights and other training images.
    """
    architecture, training = split_name(network)
    options = {
        "images": images["train"],
        "tests": images["test"],
        "size": images["size"],
        "seed": images["seed"] + training - 1,
    }
    epochs = images["epochs"]
    return options | ({"epochs": epochs[architecture]} if architecture in epochs else {})
