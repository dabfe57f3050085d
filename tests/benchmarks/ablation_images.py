"""What each part of E-LIME's preset `sparse` is worth: the search without it, on the same images
and with the same limit of passes.

    python tests/benchmarks/ablation_images.py NETWORK.pt … [--images 40] [--seed 0]
                                               [--precision float32]

Prints, by part left out, the means of intersection over union, insertion and deletion, and their
differences, the search without the part minus the whole search, paired by image, with 95 %
intervals over the images. The part pays where the intersection or the insertion falls or the
deletion rises. NETWORK.pt is what `srnet train-classifier` writes. The images are the first of the
workflow's test set; settings are chosen on other seeds.
"""

import argparse
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch

from srnet.images import explain
from srnet.images.comparison.differences import interval
from srnet.images.measures import measure_explanation
from srnet.images.networks.architectures import read_classifier
from srnet.images.pictures.dataset import ImageSet, make_test_set
from srnet.images.pictures.segments import superpixels
from srnet.images.search import surrogate
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Evaluator

# The settings that the search has without a part. `interactions` is a constant of the surrogate.
WITHOUT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "interactions in the surrogate (a ridge regression)": {"interactions": 0.0},
    "the surrogate's choice of offspring": {"candidates": 1},
    "offspring (their passes go to the ranking)": {"generations": 0, "refinement": 0.22},
    "passes for the ranking": {"refinement": 0.0},
    "temperature": {"temperature": 1.0},
    "every superpixel alone": {"start": "sparse"},
    "all but S in the fitness": {"fitness": "probability"},
    "penalty": {"penalty": 0.0},
}
MEASURES = ("iou", "insertion", "deletion")


def measure(
    path: Path, pictures: ImageSet, settings: dict[str, Any], precision: str
) -> pd.DataFrame:
    """The measures and passes of every image, explained with these settings."""
    classifier, rows = read_classifier(path), []
    changed = {key: value for key, value in settings.items() if key != "interactions"}
    weight = settings.get("interactions", surrogate.INTERACTIONS)
    for number, mask in enumerate(pictures.masks):
        image = pictures.images[number] / np.float32(255)
        segments = superpixels(image)
        with mock.patch.object(surrogate, "INTERACTIONS", weight):
            found = explain(
                classifier, image, segments=segments, seed=1, precision=precision, **changed
            )
        exact = Evaluator(classifier.model, image, segments, preprocessing=classifier.preprocessing)
        measured = measure_explanation(Archive(exact), found.selected, found.ranking, mask)
        rows.append({key: measured[key] for key in MEASURES} | {"passes": found.passes})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0, help="of the images")
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures = make_test_set(options.images, options.seed)
    for path in options.networks:
        print(f"\n{path}, {options.images} images\n")
        print("| without | IoU | insertion | deletion | passes |\n|---|---|---|---|---|")
        whole = measure(path, pictures, {}, options.precision)
        for name, settings in WITHOUT.items():
            found = measure(path, pictures, settings, options.precision) if settings else whole
            cells = []
            for key in MEASURES:
                _, low, high = interval([(found[key] - whole[key]).to_numpy()[None]])
                change = f" [{low:+.3f}, {high:+.3f}]" if settings else ""
                cells.append(f"{found[key].mean():.3f}{change}")
            print(f"| {name} | {' | '.join(cells)} | {found['passes'].mean():.0f} |", flush=True)


if __name__ == "__main__":
    main()
