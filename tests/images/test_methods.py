"""The methods of the comparison by name."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.known_models import Known, grid, white

from srnet.errors import UserError
from srnet.images import Evaluator, Preprocessing
from srnet.images.comparison.methods import BASELINES, ELIME, SAMPLING, attribute, method

WEIGHTS = np.array([3.0, 2.0, 1.2, 0.6, 0.1, -0.5, -1.0, -2.0])
SEGMENTS = grid(2, 4)


def explain(name: str, batch: int = 64):
    model = Known(WEIGHTS, bias=-1.0).eval()
    classifier = SimpleNamespace(model=model, preprocessing=Preprocessing(size=1))
    asked = Evaluator(
        model,
        white(SEGMENTS),
        SEGMENTS,
        label=1,
        fill="black",
        outputs="logits",
        batch=batch,
        preprocessing=classifier.preprocessing,
    )
    return attribute(method(name), asked, classifier, seed=1)


def full_name(kind: str) -> str:
    return f"{kind}-120" if kind in SAMPLING else kind


# Known has no map, so no Grad-CAM; shap compiles in every process.
RANKING = [
    pytest.param(kind, marks=pytest.mark.slow) if kind == "partitionshap" else kind
    for kind in BASELINES
    if kind not in ("random", "gradcam")
]


# SMDL also rewards superpixels that are unlike those before.
@pytest.mark.parametrize("kind", [kind for kind in RANKING if kind != "smdl"])
def test_a_sum_is_ranked_by_its_weights(kind: str) -> None:
    found = explain(full_name(kind))
    assert found.ranking[0] == 0
    assert found.ranking[-1] == 7
    assert found.passes > 0


@pytest.mark.parametrize("kind", RANKING)
@pytest.mark.parametrize("batch", [1, 3])
def test_the_batch_does_not_matter(kind: str, batch: int) -> None:
    one, other = explain(full_name(kind)), explain(full_name(kind), batch)
    assert one.ranking.tolist() == other.ranking.tolist()
    assert one.scores == pytest.approx(other.scores, abs=1e-5)
    assert one.passes == other.passes


def test_a_number_is_the_most_passes() -> None:
    for name in ("greedy-12", "greedy-contrast-20", "smdl-30", "lima-25", "phasewin-18", "lime-7"):
        assert 0 < explain(name).passes <= method(name).passes
    with pytest.raises(UserError, match="needs at least 24 for the 8"):
        explain("smdl-20")


@pytest.mark.parametrize(
    ("name", "kind", "passes"),
    [
        ("greedy-contrast", "greedy-contrast", None),
        ("greedy-contrast-200", "greedy-contrast", 200),
        ("greedy-200", "greedy", 200),
        ("integrated-gradients", "integrated-gradients", None),
        ("partitionshap-200", "partitionshap", 200),
        ("sparse-50", "sparse", 50),
    ],
)
def test_a_name_has_a_kind_and_passes(name: str, kind: str, passes: int | None) -> None:
    assert (method(name).name, method(name).kind, method(name).passes) == (name, kind, passes)


@pytest.mark.parametrize("name", ["gradcam-5", "kernelshap", "glime", "greedy-", "greedy--1", "-5"])
def test_an_unknown_name_is_one_sentence(name: str) -> None:
    with pytest.raises(UserError, match="there is no method") as caught:
        method(name)
    assert all(kind in str(caught.value) for kind in (*BASELINES, *ELIME))
