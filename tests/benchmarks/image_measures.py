"""SRNet's measures of attributions beside those of Quantus, where both have the same one.

    pip install quantus==0.6.0
    python tests/benchmarks/image_measures.py [--images 20]

On a network with random weights and random images and attributions: the largest difference between
the curves of deletion and of Quantus' pixel flipping, and the number of images of which the two
pointing games differ.
"""

import argparse

import numpy as np
import quantus
import torch

from srnet.images import measures

SIDE, STEPS = 48, 192


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20)
    count = parser.parse_args().images
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, stride=2),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * 22**2, 8),
    )
    model.eval()
    with torch.no_grad():
        model[-1].weight *= 30  # so that the probabilities move
    rng = np.random.default_rng(0)
    images = rng.random((count, SIDE, SIDE, 3)).astype(np.float32)
    attributions = rng.normal(size=(count, SIDE, SIDE))  # of float32 some would be tied
    truths = rng.random((count, SIDE, SIDE)) < 0.5
    labels = rng.integers(0, 8, count)
    channels_first = images.transpose(0, 3, 1, 2).copy()

    flipping = quantus.PixelFlipping(
        features_in_step=3 * SIDE**2 // STEPS,  # a pixel is three features of Quantus'
        perturb_baseline=0.0,  # its "black" is the smallest value of the image
        normalise=False,
        return_auc_per_sample=False,
        disable_warnings=True,
    )
    game = quantus.PointingGame(normalise=False, disable_warnings=True)
    theirs = np.array(
        flipping(
            model=model,
            x_batch=channels_first,
            y_batch=labels,
            a_batch=attributions[:, None],
            softmax=True,
        )
    )
    hits = game(
        model=model,
        x_batch=channels_first,
        y_batch=labels,
        a_batch=attributions[:, None],
        s_batch=truths[:, None],
    )
    ours = np.array(
        [
            measures.deletion(
                model, image, attribution, int(label), steps=STEPS, fill="black", outputs="logits"
            ).probabilities
            for image, attribution, label in zip(images, attributions, labels, strict=True)
        ]
    )
    pointed = [
        measures.pointing_game(attribution, truth)
        for attribution, truth in zip(attributions, truths, strict=True)
    ]
    print(f"quantus {quantus.__version__}, {count} images of {SIDE}² pixels, {STEPS} steps")
    print(f"largest range of a curve: {np.ptp(ours, axis=1).max():.3g}")
    print(f"largest difference of a curve: {np.abs(theirs - ours[:, 1:]).max():.3g}")
    print(f"pointing games that differ: {int((np.ravel(hits) != pointed).sum())} of {count}")


if __name__ == "__main__":
    main()
