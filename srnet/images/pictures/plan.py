"""What the workflow makes of the key ``images`` of a configuration: names of images, options of
trainings. The standard library only: Snakemake reads this whenever it starts."""

from collections.abc import Mapping
from typing import Any

from srnet.images.pictures.names import CLASSES


def set_images(count: int) -> list[str]:
    """Names of the images of a test set: a number and the class of the object, ``00-astronaut`` …;
    the classes take turns."""
    return [f"{i:02d}-{CLASSES[i % len(CLASSES)]}" for i in range(count)]


def all_images(images: Mapping[str, Any]) -> list[str]:
    """Names of all images that a configuration explains."""
    return [*images["named"], *set_images(images["test_set"]["images"])]


def training_options(images: Mapping[str, Any], network: str) -> dict[str, Any]:
    """The options of ``srnet train-classifier`` for a network; its epochs only where the
    configuration gives them."""
    options = {
        "images": images["train"],
        "tests": images["test"],
        "size": images["size"],
        "seed": images["seed"],
    }
    return options | ({"epochs": images["epochs"][network]} if network in images["epochs"] else {})
