"""The methods E-LIME is compared with, and the measures, on models whose truth is known."""

import itertools

import numpy as np
import pytest
from helpers.known_models import Known, grid, white
from helpers.waiting import HANG

from srnet.errors import UserError
from srnet.images import Evaluator, lime, random, rise, top
from srnet.images.measures import agreement, measure_explanation
from srnet.images.search.archive import Archive
from srnet.metrics import intersection_over_union

SEGMENTS = grid(2, 4)
WEIGHTS = np.array([3.0, 2.0, 1.0, 0.5, 0.0, -0.5, -1.0, -2.0])


def evaluator() -> Evaluator:
    return Evaluator(
        Known(WEIGHTS, bias=-1.0),
        white(SEGMENTS),
        SEGMENTS,
        label=1,
        fill="black",
        outputs="logits",
        batch=256,
    )


@pytest.mark.parametrize("method", [lime, rise])
def test_a_sum_is_ranked_by_its_weights(method) -> None:
    asked = evaluator()
    before = asked.passes
    found = method(asked, samples=1000, seed=1)
    assert found.passes == asked.passes - before == 1000
    assert found.ranking[:2].tolist() == [0, 1]
    assert found.ranking[-1] == 7
    assert np.corrcoef(found.scores, WEIGHTS)[0, 1] > 0.95
    again, other = (
        method(evaluator(), samples=1000, seed=1),
        method(evaluator(), samples=1000, seed=2),
    )
    assert (again.scores == found.scores).all()
    assert (other.scores != found.scores).any()


def test_lime_is_the_packages_own_on_real_pixels() -> None:
    from lime.lime_image import LimeImageExplainer

    asked = evaluator()
    found = lime(asked, samples=200, seed=5)

    def classify(images):
        probability = Known(WEIGHTS, bias=-1.0).truth(
            images[:, ::8, ::8, 0].reshape(len(images), -1)
        )
        return np.stack([1 - probability, probability], axis=1)

    own = LimeImageExplainer(random_state=5).explain_instance(
        white(SEGMENTS).astype(float),
        classify,
        labels=(1,),
        top_labels=None,
        hide_color=0,
        num_samples=200,
        segmentation_fn=lambda _: SEGMENTS,
    )
    assert found.scores == pytest.approx(
        np.array([weight for _, weight in sorted(own.local_exp[1])]), abs=1e-5
    )
    _, mask = own.get_image_and_mask(1, positive_only=True, num_features=3)
    assert (top(found, 3)[SEGMENTS] == (mask > 0)).all()


def test_top_takes_only_what_speaks_for_the_class() -> None:
    found = lime(evaluator(), samples=2000, seed=0)
    assert np.flatnonzero(top(found, 2)).tolist() == [0, 1]
    assert top(found, 8).sum() == (found.scores > 0).sum() < 8


def test_random_spends_nothing_and_is_seeded() -> None:
    asked = evaluator()
    one, two = random(asked, seed=1), random(asked, seed=2)
    assert one.passes == 0
    assert sorted(one.ranking.tolist()) == list(range(8))
    assert (one.ranking != two.ranking).any()


@pytest.mark.parametrize("method", [lime, rise])
def test_too_few_samples_are_one_sentence(method) -> None:
    with pytest.raises(UserError, match="at least 2"):
        method(evaluator(), samples=1)


def test_measures_by_hand() -> None:
    model = Known(WEIGHTS, bias=-1.0)
    selected = np.isin(np.arange(8), [0, 1, 3])
    truth = np.isin(SEGMENTS, [0, 1, 2])
    ranking = np.argsort(-WEIGHTS)
    judge = Archive(evaluator())
    found = measure_explanation(judge, selected, ranking, truth)
    shown = np.array([np.isin(np.arange(8), ranking[:k]) for k in range(9)])
    inserted, deleted = model.truth(shown), model.truth(~shown)
    assert found["whole"] == pytest.approx(inserted[-1], abs=1e-5)
    assert found["empty"] == pytest.approx(inserted[0], abs=1e-5)
    assert found["probability"] == pytest.approx(model.truth(selected[None])[0], abs=1e-5)
    assert found["complement"] == pytest.approx(model.truth(~selected[None])[0], abs=1e-5)
    assert (found["superpixels"], found["share"], found["iou"]) == (3, 3 / 8, 0.5)
    assert found["insertion"] == pytest.approx((inserted[1:] + inserted[:-1]).sum() / 16, abs=1e-5)
    assert found["deletion"] == pytest.approx((deleted[1:] + deleted[:-1]).sum() / 16, abs=1e-5)
    passes = judge.passes
    assert measure_explanation(judge, selected, ranking, truth) == found
    assert judge.passes == passes  # a question is asked once
    backwards = measure_explanation(judge, selected, ranking[::-1], truth)
    assert backwards["insertion"] < found["insertion"]
    assert backwards["deletion"] > found["deletion"]


def test_the_area_counts_pixels_not_superpixels() -> None:
    segments = np.where(np.arange(32) < 24, 0, 1)[None] * np.ones((8, 1), np.int32)

    class Model:
        def __call__(self, x):
            import torch

            left = x[:, 0, :, 0].mean(dim=1)  # all that counts is the large one
            return torch.stack([1 - left, left], dim=1)

    asked = Evaluator(
        Model(),
        white(segments),
        segments.astype(np.int32),
        label=1,
        fill="black",
        outputs="probabilities",
    )
    found = measure_explanation(Archive(asked), np.array([True, False]), np.array([0, 1]))
    assert found["insertion"] == pytest.approx(0.75 * 0.5 + 0.25)
    assert found["deletion"] == pytest.approx(0.75 * 0.5)
    assert np.isnan(found["iou"])


def test_agreement_is_the_mean_over_pairs() -> None:
    masks = np.random.default_rng(0).random((5, 6, 7)) < 0.5
    expected = np.mean(
        [intersection_over_union(one, other) for one, other in itertools.combinations(masks, 2)]
    )
    assert agreement(masks) == pytest.approx(expected)
    assert agreement(masks[:1]) == 1
    assert agreement(np.zeros((3, 4), dtype=bool)) == 1
    assert intersection_over_union(np.zeros(3, bool), np.zeros(3, bool)) == 1


def test_importing_the_package_imports_neither_torch_nor_scikit_image() -> None:
    import subprocess
    import sys

    words = (
        "import sys, srnet.images; sys.exit(any(name in sys.modules for name in ('torch', "
        "'skimage', 'lime', 'PIL', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", words], check=False, timeout=HANG).returncode == 0
