"""Made-up comparisons of image explanations in the form of the real ones, for tests that need
neither network nor search."""

import numpy as np
import pandas as pd

METHODS = ("sparse", "published", "lime-1000", "lime-200", "rise-1000", "random")
LEVEL = {"sparse": 0.5, "published": 0.2, "lime": 0.45, "rise": 0.3, "random": 0.1}


def run(
    network: str, image: str, method: str, seed: int, training: int = 1, superpixels: int = 9
) -> dict[str, object]:
    """A row of a comparison, as ``srnet compare-explanations`` writes it."""
    rng = np.random.default_rng([seed, training, *map(ord, network + image + method)])
    kind, _, number = method.partition("-")
    quality = LEVEL[kind] + 0.05 * rng.random()
    selected = rng.random(superpixels) < 0.4
    return (
        {
            "network": network,
            "training": training,
            "image": image,
            "explained": image.split("-")[-1],
            "predicted": image.split("-")[-1],
            "method": method,
            "seed": seed,
            "label": 1,
        }
        | {
            "superpixels_of": superpixels,
            "whole": 0.97,
            "probability": min(1.0, quality + 0.4),
            "empty": 0.12,
            "complement": 0.3,
        }
        | {"superpixels": int(selected.sum()), "share": float(selected.mean()), "iou": quality}
        | {f"iou_{k}": quality - 0.01 * abs(k - 4) for k in range(1, 11)}
        | {
            "insertion": quality + 0.4,
            "deletion": 0.6 - quality,
            "highest": 0.98,
            "highest_share": 0.3,
            "passes": int(number or 100 * (kind != "random")),
        }
        | {
            "seconds": 0.01 * int(number or 100),
            "selected": "".join("x" if one else "-" for one in selected),
        }
    )


def runs(
    networks: list[str],
    named: list[str],
    tests: list[str],
    seeds: int,
    methods: tuple[str, ...] = METHODS,
    trainings: int = 1,
) -> pd.DataFrame:
    """The tidy table of all comparisons: ``seeds`` of each named image and, for every training, one
    of each test image."""
    rows = [
        run(network, image, method, seed, training) | {"images": kind}
        for kind, images, count, repeats in (
            ("named", named, seeds, 1),
            ("test", tests, 1, trainings),
        )
        for network in networks
        for training in range(1, repeats + 1)
        for image in images
        for method in methods
        for seed in range(1, count + 1)
    ]
    return pd.DataFrame(rows)


def history(networks: list[str], images: list[str], seeds: int) -> pd.DataFrame:
    """The generations of E-LIME's runs, as ``srnet compare-explanations`` writes them."""
    rows = []
    for network in networks:
        for image in images:
            for method, last in (("sparse", 100), ("published", 900)):
                for seed in range(1, seeds + 1):
                    passes = np.unique(np.geomspace(10 + seed, last, 8).astype(int))
                    for p in passes:
                        p_found = 1 - 0.8 / (1 + p / (20 + seed))
                        rows.append(
                            (
                                network,
                                image,
                                method,
                                seed,
                                int(p),
                                p_found,
                                p_found,
                                0.5 if method == "published" else 0.1,
                            )
                        )
    return pd.DataFrame(
        rows,
        columns=["network", "image", "method", "seed", "passes", "best", "probability", "share"],
    )


def pixels(images: list[str], side: int = 24) -> pd.DataFrame:
    """Pixels of images with nine square superpixels, the object in the middle one."""
    rows, columns = np.indices((side, side))
    superpixel = (rows * 3 // side) * 3 + columns * 3 // side
    frames = []
    for image in images:
        frames.append(
            pd.DataFrame(
                {
                    "image": image,
                    "row": rows.ravel(),
                    "column": columns.ravel(),
                    "red": 200,
                    "green": 120,
                    "blue": columns.ravel() * 10,
                }
                | {"superpixel": superpixel.ravel(), "truth": (superpixel == 4).ravel().astype(int)}
                | {
                    "sparse": (superpixel == 4).ravel().astype(int),
                    "lime-1000": (superpixel >= 4).ravel().astype(int),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
