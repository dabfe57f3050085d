"""Paired differences between methods: their intervals, signs and verdicts."""

import numpy as np
import pandas as pd
import pytest
from helpers import made_images
from hypothesis import given
from hypothesis import strategies as st

from srnet.images.comparison.differences import LEAST_IMAGES, differences_table, interval

SPLIT = np.resize([0.1, -0.1], LEAST_IMAGES)  # of mean 0: better on one image, worse on the next


def frame(values, networks=("tiny",), trainings=2, images=LEAST_IMAGES):
    """Runs whose measures all have the value of their method, a number or one per image."""
    rows = []
    for network in networks:
        for training in range(1, trainings + 1):
            for name, levels in values.items():
                for image, level in enumerate(np.broadcast_to(levels, images)):
                    row = made_images.run(network, f"{image:02d}-cat", name, 1, training)
                    measures = dict.fromkeys(("insertion", "deletion", "iou", "iou_1"), level)
                    rows.append(row | {f"iou_{k}": 0.0 for k in range(2, 11)} | measures)
    return pd.DataFrame(rows).assign(images="test")


def judged(runs, **chosen):
    table = differences_table(runs)
    for key, value in chosen.items():
        table = table[table[key] == value]
    return table.set_index("measure")


def pigeonhole(grids, resamples, seed):
    """The bootstrap as Owen describes it: rows and columns drawn with replacement, one by one."""
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(resamples):
        columns = rng.integers(0, grids[0].shape[1], grids[0].shape[1])
        means.append(
            np.mean(
                [grid[rng.integers(0, len(grid), len(grid))][:, columns].mean() for grid in grids]
            )
        )
    return np.quantile(means, [0.025, 0.975])


def grids_of(seed, networks=2, trainings=3, images=40, training=0.0):
    """Differences that depend on the image, on the training, and on chance."""
    rng = np.random.default_rng(seed)
    image = rng.normal(0.1, 1, images)
    return [
        image
        + training * rng.standard_normal((trainings, 1))
        + 0.3 * rng.standard_normal((trainings, images))
        for _ in range(networks)
    ]


@pytest.mark.parametrize("training", [0.0, 0.5])
def test_the_interval_is_that_of_the_pigeonhole_bootstrap(training):
    grids = grids_of(1, training=training)
    mean, low, high = interval(grids)
    assert mean == pytest.approx(np.mean(grids))
    assert (low, high) == pytest.approx(tuple(pigeonhole(grids, 4000, 2)), abs=0.04)


def test_the_order_of_the_runs_changes_nothing():
    rng = np.random.default_rng(0)
    values = {name: rng.random(LEAST_IMAGES) for name in ("sparse", "lime-1000", "random")}
    runs = frame(values, networks=("vit", "tiny"))
    backwards = frame(dict(reversed(values.items())), networks=("tiny", "vit"))
    keys = ["network", "method", "measure"]
    first, second = (
        differences_table(each.sample(frac=1, random_state=0)).sort_values(keys, ignore_index=True)
        for each in (runs, backwards)
    )
    pd.testing.assert_frame_equal(first, second)


def test_images_that_trainings_share_are_counted_once():
    """Three trainings that agree on every image know no more than one of them."""
    (grid,) = grids_of(3, networks=1, trainings=1)
    once, thrice = interval([grid]), interval([np.repeat(grid, 3, axis=0)])
    assert thrice == pytest.approx(once, abs=0.02)
    assert interval([grid, grid]) == pytest.approx(once, abs=0.02)


def test_trainings_that_differ_widen_the_interval():
    near, far = grids_of(4, training=0.0), grids_of(4, training=2.0)
    widths = [high - low for _, low, high in map(interval, (near, far))]
    assert widths[1] > 1.5 * widths[0]


@given(value=st.floats(-1, 1), trainings=st.integers(1, 4), images=st.integers(1, 30))
def test_equal_differences_have_an_interval_without_width(value, trainings, images):
    assert interval([np.full((trainings, images), value)]) == pytest.approx([value] * 3)


def test_a_low_deletion_and_a_high_insertion_and_overlap_are_better():
    runs = frame({"sparse": 0.6, "lime-200": 0.5, "rise-1000": 0.6 + SPLIT})
    found = judged(runs, method="lime-200")
    assert dict(found["difference"]) == pytest.approx(dict.fromkeys(found.index, 0.1))
    assert dict(found["verdict"]) == {
        "insertion": "better",
        "deletion": "worse",
        "best_iou": "better",
    }
    level = judged(runs, method="rise-1000")
    assert set(level["verdict"]) == {"level"}
    assert (level["low"] < 0).all()
    assert (level["high"] > 0).all()
    assert list(level["width"]) == pytest.approx(list(level["high"] - level["low"]))


def test_few_images_give_no_verdict():
    found = judged(frame({"sparse": 0.6, "lime-200": 0.5}, images=LEAST_IMAGES - 1))
    assert set(found["verdict"]) == {"too few images"}


def test_a_ranking_is_judged_by_its_best_number_of_superpixels_and_elime_by_its_own():
    runs = frame({"sparse": 0.3, "lime-200": 0.2}).assign(iou_4=0.45)
    found = judged(runs)
    assert found.loc["best_iou", "difference"] == pytest.approx(0.3 - 0.45)


def test_only_trainings_that_both_methods_explain_are_compared():
    runs = frame({"sparse": 0.6, "lime-200": 0.5, "random": 0.1}, trainings=3)
    runs.loc[(runs["method"] == "sparse") & (runs["training"] > 1), "insertion"] = 0.9
    runs = runs[(runs["method"] != "lime-200") | (runs["training"] == 1)]
    lime, chance = (judged(runs, method=name).loc["insertion"] for name in ("lime-200", "random"))
    assert (lime["trainings"], chance["trainings"]) == (1, 3)
    assert lime["difference"] == pytest.approx(0.1)
    assert chance["difference"] == pytest.approx(0.7)


def test_all_networks_together_are_the_mean_of_those_that_have_the_method():
    networks = ("tiny", "vit", "resnet18")
    runs = frame({"sparse": 0.6, "lime-200": 0.5, "random": 0.1}, networks=networks)
    runs.loc[(runs["network"] == "vit") & (runs["method"] == "lime-200"), "insertion"] = 0.3
    lacking = (runs["network"] != "tiny") & (runs["method"] == "random")
    lacking |= (runs["network"] == "resnet18") & (runs["method"] == "lime-200")
    together = judged(runs[~lacking], network="all")
    assert set(together["method"]) == {"lime-200"}  # one network has the random ranking
    assert set(together["networks"]) == {2}
    assert together.loc["insertion", "difference"] == pytest.approx((0.1 + 0.3) / 2)
    assert "all" not in set(differences_table(runs[runs["network"] == "tiny"])["network"])


def test_only_images_that_all_trainings_of_all_networks_explain_are_compared():
    runs = frame({"sparse": 0.6, "lime-200": 0.5}, networks=("tiny", "vit"))
    first = runs["image"].str[:2].astype(int) < 5
    lacking = (runs["network"] == "vit") & (runs["training"] == 2) & first
    runs.loc[first, "insertion"] = 0.0
    runs.loc[first & (runs["method"] == "sparse"), "insertion"] = 1.0
    table = differences_table(runs[~lacking])
    insertion = table[table["measure"] == "insertion"].set_index("network")
    assert dict(insertion["images"]) == {"tiny": 20, "vit": 15, "all": 15}
    assert insertion.loc["all", "difference"] == pytest.approx(0.1)  # and not 1 on the first five
    halves = (runs["network"] == "tiny") == first
    assert "all" not in set(differences_table(runs[halves])["network"])


def test_named_images_and_wrong_predictions_are_left_out():
    runs = frame({"sparse": 0.6, "lime-200": 0.5})
    others = runs.assign(insertion=5.0)
    both = pd.concat([runs, others.assign(images="named"), others.assign(images="wrong")])
    pd.testing.assert_frame_equal(differences_table(both), differences_table(runs))
