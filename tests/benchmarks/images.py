"""E-LIME beside other methods: intersection over union, insertion, deletion, passes and seconds, on
images that no setting was chosen on.

    python tests/benchmarks/images.py NETWORK.pt … [--images 20] [--methods sparse lime-1000
    lime-200 rise-1000 random]
                                      [--precision bfloat16] [--seed 0] [--first 0] [--threads 1]
                                      [--rows FILE]
    python tests/benchmarks/images.py NETWORK.pt … --passes

NETWORK.pt is what `srnet train-classifier` writes. The images are the first of the workflow's test
set; settings are chosen on other seeds. Of the other methods the table gives the intersection over
union for the best number of superpixels k in hindsight, one per network, and probability and
share for the first three. The differences are paired by image, the first method less the other,
with the standard error of their mean.

With --passes the table is of the processor's milliseconds per pass and of the largest error of a
probability, by precision.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from srnet.images.comparison.methods import ELIME, method
from srnet.images.comparison.scores import MOST, compare
from srnet.images.networks.architectures import Classifier, read_classifier
from srnet.images.pictures.dataset import make_test_set
from srnet.images.pictures.segments import superpixels
from srnet.images.search.evaluator import PRECISIONS, Evaluator

SHOWN = (
    "passes",
    "seconds",
    "probability",
    "complement",
    "share",
    "best iou",
    "insertion",
    "deletion",
)
JUDGED = ("best iou", "insertion", "deletion")


def judged(rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, str]:
    """The rows of a method by image, and the k of their best intersection over union."""
    own = rows[rows["method"] == name].set_index("image")
    if method(name).kind in ELIME:
        return own.assign(**{"best iou": own["iou"]}), ""
    means = own[[f"iou_{k}" for k in range(1, MOST + 1)]].mean()
    return own.assign(**{"best iou": own[means.idxmax()]}), str(means.idxmax()).removeprefix("iou_")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first image")
    parser.add_argument(
        "--methods", nargs="+", default=["sparse", "lime-1000", "lime-200", "rise-1000", "random"]
    )
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--seed", type=int, default=0, help="of the images")
    parser.add_argument("--passes", action="store_true", help="time passes by precision instead")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--rows", type=Path, default=None, help="CSV of all rows, written after every image"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures = make_test_set(options.first + options.images, options.seed)
    for path in options.networks:
        classifier = read_classifier(path)
        if options.passes:
            report_passes(classifier, pictures.images[options.first] / np.float32(255))
            continue
        rows = pd.DataFrame()
        for number in range(options.first, options.first + options.images):
            image, truth = pictures.images[number] / np.float32(255), pictures.masks[number]
            here, _ = compare(
                classifier, image, truth, options.methods, [1], precision=options.precision
            )
            rows = pd.concat([rows, here.assign(network=classifier.architecture, image=number)])
            if options.rows is not None:
                rows.to_csv(options.rows, index=False)
        report(rows, options.methods)


def report(rows: pd.DataFrame, methods: list[str]) -> None:
    """Print the table of one network."""
    print(f"\n{rows['network'].iloc[0]}, {rows['image'].nunique()} images")
    found = {name: judged(rows, name) for name in methods}
    lines = [
        {"method": name, "k": k} | own[list(SHOWN)].mean().to_dict()
        for name, (own, k) in found.items()
    ]
    print(pd.DataFrame(lines).round(3).to_string(index=False))
    first = found[methods[0]][0]
    for name in methods[1:]:
        difference = first[list(JUDGED)] - found[name][0][list(JUDGED)]
        means, errors = difference.mean(), difference.std() / len(difference) ** 0.5
        print(
            f"{methods[0]} less {name}: "
            + ", ".join(f"{key} {means[key]:+.3f} ± {errors[key]:.3f}" for key in JUDGED),
            flush=True,
        )


def report_passes(
    classifier: Classifier, image: np.ndarray, count: int = 96, repeats: int = 3
) -> None:
    """Print the time and the error of a pass in every precision, for one network."""
    segments = superpixels(image)
    shown = np.random.default_rng(0).random((count, segments.max() + 1)) < 0.5
    lines, exact = [], None
    for precision in PRECISIONS:
        asked = Evaluator(
            classifier.model,
            image,
            segments,
            preprocessing=classifier.preprocessing,
            precision=precision,
        )
        found, seconds = asked.probabilities(shown), []
        exact = found if exact is None else exact
        for _ in range(repeats):
            started = time.process_time()
            asked.probabilities(shown)
            seconds.append(time.process_time() - started)
        lines.append(
            {
                "precision": precision,
                "ms": 1000 * min(seconds) / count,
                "error": np.abs(found - exact).max(),
            }
        )
    print(
        f"\n{classifier.architecture}\n{pd.DataFrame(lines).round(4).to_string(index=False)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
