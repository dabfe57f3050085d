"""E-LIME beside LIME: intersection over union, insertion, deletion, passes and seconds, on images that no setting was chosen on.

    python tests/benchmarks/images.py NETWORK.pt … [--images 20] [--methods sparse lime-1000 lime-200 rise-1000 random]
                                      [--precision bfloat16] [--first 0] [--threads 1]

NETWORK.pt is what `srnet train-classifier` writes. The images are those of the workflow's test set. For LIME and RISE the table gives
the best number of superpixels k in hindsight, one per network; the differences are paired by image, E-LIME's preset less the other,
with the standard error of their mean. Seconds are of the process (all its cores together), so that other work does not count.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from srnet.images import baselines
from srnet.images.dataset import unseen
from srnet.images.evaluator import Evaluator
from srnet.images.experiment import MOST, method
from srnet.images.explaining import explain
from srnet.images.measures import measures
from srnet.images.networks import Classifier, read_classifier
from srnet.images.segments import superpixels

MEASURES = ("probability", "complement", "superpixels", "share", "iou", "insertion", "deletion")
SEED = 0


def rows(classifier: Classifier, image: np.ndarray, truth: np.ndarray, methods: list[str], precision: str) -> list[dict[str, float]]:
    """What every method finds in one image; a ranking once for every number of superpixels up to MOST."""
    frame = classifier.preprocessing.frame(image)
    segments = superpixels(frame)
    judge = Evaluator(classifier.model, frame, segments, preprocessing=classifier.preprocessing)
    asked = {"label": judge.label, "precision": precision}
    found = []
    for name in methods:
        one = method(name)
        started = time.process_time()
        if one.kind in ("sparse", "published"):
            result = explain(classifier, frame, segments=segments, preset=one.kind, max_passes=one.passes, seed=SEED, **asked)
            choices, ranking, passes = {0: result.selected}, result.ranking, result.passes
        else:
            evaluator = Evaluator(classifier.model, frame, segments, preprocessing=classifier.preprocessing, **asked)
            samples = {} if one.passes is None else {"samples": one.passes}
            ranked = getattr(baselines, one.kind)(evaluator, seed=SEED, **samples)
            choices = {k: baselines.top(ranked, k) for k in range(1, MOST + 1)}
            ranking, passes = ranked.ranking, ranked.passes
        seconds = time.process_time() - started
        for k, selected in choices.items():
            found.append({"method": name, "k": k, "passes": passes, "seconds": seconds} | measures(judge, selected, ranking, truth))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first image")
    parser.add_argument("--methods", nargs="+", default=["sparse", "lime-1000", "lime-200", "rise-1000", "random"])
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures = unseen(options.first + options.images, seed=0)
    for path in options.networks:
        classifier = read_classifier(path)
        table = pd.DataFrame()
        for number in range(options.first, options.first + options.images):
            image, truth = pictures.images[number] / np.float32(255), pictures.masks[number]
            here = pd.DataFrame(rows(classifier, image, truth, options.methods, options.precision))
            table = pd.concat([table, here.assign(image=number)])
        print(f"\n{classifier.architecture}, {options.images} images, {options.precision}")
        means = table.groupby(["method", "k"], sort=False)[["passes", "seconds", *MEASURES]].mean()
        best = {name: means.loc[name, "iou"].idxmax() for name in options.methods}
        shown = means.loc[[(name, best[name]) for name in options.methods]].reset_index()
        print(shown.round(3).to_string(index=False))
        chosen = {name: table[(table["method"] == name) & (table["k"] == best[name])].set_index("image") for name in options.methods}
        first = options.methods[0]
        for name in options.methods[1:]:
            difference = chosen[first][["iou", "insertion", "deletion"]] - chosen[name][["iou", "insertion", "deletion"]]
            means_of, errors = difference.mean(), difference.std() / len(difference) ** 0.5
            said = ", ".join(f"{key} {means_of[key]:+.3f} ± {errors[key]:.3f}" for key in difference)
            print(f"{first} less {name}: {said}", flush=True)


if __name__ == "__main__":
    main()
