"""The logistic fit of one formula: against SciPy and scikit-learn, the kernel against float64, each
shortcut against the long way."""

import math

import numpy as np
import pytest
from helpers import made_up, oracle
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from srnet.cgp.genome import Genes, Grid, threshold
from srnet.cgp.primitives import CLASSIFICATION
from srnet.model.logistic import SHADOW, TOLERANCE, classes_of, fit_logits, row_losses, softmax
from srnet.networks.layers import Layers
from srnet.search.kernels import class_kernel
from srnet.search.kernels.class_kernel import Classes, LogisticWork, Points
from srnet.search.kernels.population import Share
from srnet.search.layerwise import ClassSearch
from srnet.typing import Floats


def rows_of(
    k: int, rows: int = 300, seed: int = 0, sharpness: float = 1.0
) -> tuple[Floats, NDArray[np.int64]]:
    """f and classes that overlap: drawn from a logistic model."""
    rng = np.random.default_rng([k, rows, seed])
    f = rng.normal(0, 1, rows)
    logits = sharpness * np.outer(f, rng.normal(0, 2, k)) + rng.normal(0, 0.5, k)
    classes = (logits + rng.gumbel(0, 1, (rows, k))).argmax(axis=1)
    classes[:k] = np.arange(k)  # every class at least once
    return f, classes


def mean_loss(f: Floats, classes: NDArray[np.int64], count: int) -> float:
    w, b = fit_logits([f], classes, count)
    return float(row_losses(np.outer(f, w) + b, classes).mean())


def one_hot(classes: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    return np.eye(count, dtype=np.float32)[classes]


def kernel_loss(
    f: NDArray[np.float32],
    y: NDArray[np.float32],
    train: int,
    together: bool = False,
    limit: float = math.inf,
) -> float:
    """What the search's kernel gives to f: the mean cross-entropy of training and validation
    rows."""
    classes = Classes.build(y[:train], y[train:])
    points = Points.single(classes)
    if together:
        points, f = Points.shared(classes, f)
    work = LogisticWork.empty(len(y), classes.present)
    loss, _, _ = class_kernel.cross_entropy(f, points, limit * len(y), work)
    return float(loss) / len(y)


# --- the fit in float64 ---------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 4, 5])
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-6, 3.0), (1e6, -1e7)])
def test_the_fit_is_scikit_learns_without_penalty(k: int, scale: float, offset: float) -> None:
    f, classes = rows_of(k)
    expected = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cg").fit(
        f[:, None], classes
    )
    w, b = fit_logits([scale * f + offset], classes, k)
    assert w.sum() == pytest.approx(0, abs=1e-9 * np.abs(w).max())
    np.testing.assert_allclose(
        softmax(np.outer(scale * f + offset, w) + b), expected.predict_proba(f[:, None]), atol=1e-6
    )


@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(10, 200))
def test_no_other_weights_are_better(seed: int, k: int, rows: int) -> None:
    f, classes = rows_of(k, rows, seed)
    w, b = fit_logits([f], classes, k)
    least = row_losses(np.outer(f, w) + b, classes).mean()
    rng = np.random.default_rng(seed)
    for size in (1.0, 1e-2, 1e-4):
        for _ in range(5):
            other = row_losses(
                np.outer(f, w + size * rng.normal(0, 1, k)) + b + size * rng.normal(0, 1, k),
                classes,
            ).mean()
            assert least <= other + 10 * TOLERANCE


@pytest.mark.parametrize("k", [2, 3, 5])
def test_classes_that_f_separates_cost_nearly_nothing_and_the_weights_stay_finite(k: int) -> None:
    f = np.linspace(-1, 1, 101)
    classes = np.minimum((f + 1) / 2 * k, k - 1).astype(np.int64)
    w, b = fit_logits([f], classes, k)
    assert np.isfinite(w).all()
    assert np.isfinite(b).all()
    logits = np.outer(f, w) + b
    # with one feature only the first and the last of several classes can be cut off cleanly from
    # both sides
    if k <= 3:
        assert row_losses(logits, classes).mean() < 1e-8
        np.testing.assert_array_equal(logits.argmax(axis=1), classes)
    assert row_losses(logits, classes).mean() == pytest.approx(
        oracle.cross_entropy(f, one_hot(classes, k), 101), abs=1e-6
    )


def test_one_class_of_several_can_be_cut_off_and_the_others_are_still_fitted() -> None:
    f, classes = rows_of(2, 400)
    f, classes = np.concatenate([f, np.full(50, 20.0)]), np.concatenate([classes, np.full(50, 2)])
    alone = 400 * mean_loss(f[:400], classes[:400], 2)
    assert 450 * mean_loss(f, classes, 3) == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -3e30])
def test_a_constant_formula_gives_the_frequencies(value: float) -> None:
    classes = np.array([0] * 5 + [1] * 3 + [3] * 2)
    w, b = fit_logits([np.full(10, value)], classes, 4)
    np.testing.assert_array_equal(w, 0)
    np.testing.assert_allclose(
        softmax(np.outer(np.full(2, value), w) + b), [[0.5, 0.3, 0, 0.2]] * 2, atol=1e-15
    )


def test_one_class_costs_nothing() -> None:
    f = np.arange(7.0)
    w, b = fit_logits([f], np.full(7, 1), 3)
    assert row_losses(np.outer(f, w) + b, np.full(7, 1)).sum() == 0.0


def test_a_class_without_rows_is_never_predicted() -> None:
    f, classes = rows_of(2)
    w, b = fit_logits([f], 2 * classes, 3)
    far = np.array([-1e6, 0.0, 1e6])
    assert (softmax(np.outer(far, w) + b)[:, 1] < 1e-17).all()
    assert mean_loss(f, 2 * classes, 3) == pytest.approx(mean_loss(f, classes, 2), rel=1e-12)
    assert row_losses(np.outer(f, w) + b, np.full(300, 1)).min() >= SHADOW


def test_the_class_of_a_row_is_its_largest_output_the_first_of_equals() -> None:
    np.testing.assert_array_equal(
        classes_of(np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])), [1, 0, 0]
    )


def test_probabilities_of_huge_logits_are_finite() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e300, 0.0], [-1e5, 1e5]])), [[1, 0], [0, 1]])


# --- the kernel -----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 4, 5])
@pytest.mark.parametrize("rows", [30, 700, 3000])
@pytest.mark.parametrize("sharpness", [0.0, 1.0, 10.0])
def test_the_kernel_finds_the_least_loss(k: int, rows: int, sharpness: float) -> None:
    f, classes = rows_of(k, rows, sharpness=sharpness)
    narrow, y = f.astype(np.float32), one_hot(classes, k)
    expected = mean_loss(narrow.astype(np.float64), classes, k)
    for together in (False, True):
        assert kernel_loss(narrow, y, rows, together) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert oracle.cross_entropy(narrow, y, rows) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("k", [2, 4])
def test_validation_rows_are_scored_and_not_fitted(k: int) -> None:
    f, classes = rows_of(k, 900)
    narrow, y = f.astype(np.float32), one_hot(classes, k)
    expected = oracle.cross_entropy(narrow, y, 600)
    assert kernel_loss(narrow, y, 600) == pytest.approx(expected, rel=1e-6)
    assert kernel_loss(narrow, y, 600, together=True) == pytest.approx(expected, rel=1e-6)


def test_a_class_that_only_validation_rows_have_costs_its_shadow() -> None:
    f, classes = rows_of(2, 200)
    classes[150:153] = 2
    classes[:150] %= 2
    y = one_hot(classes, 3)
    found = kernel_loss(f.astype(np.float32), y, 150)
    assert found > 3 * SHADOW / 200
    assert found == pytest.approx(oracle.cross_entropy(f.astype(np.float32), y, 150), rel=1e-6)


def test_equal_values_are_one_point() -> None:
    f, classes = rows_of(3, 500)
    f = np.round(2 * f).astype(np.float32)
    points, values = Points.shared(Classes.build(one_hot(classes, 3), one_hot(classes[:0], 3)), f)
    np.testing.assert_array_equal(values, np.unique(f))
    np.testing.assert_array_equal(points.rows[0], np.unique(f, return_counts=True)[1])
    assert points.members.sum() == 500
    assert kernel_loss(f, one_hot(classes, 3), 500, together=True) == pytest.approx(
        kernel_loss(f, one_hot(classes, 3), 500), rel=1e-12
    )


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("together", [False, True])
def test_a_loss_beyond_the_limit_is_none_and_one_at_it_stays(k: int, together: bool) -> None:
    f, classes = rows_of(k, 2000)
    narrow, y = f.astype(np.float32), one_hot(classes, k)
    loss = kernel_loss(narrow, y, 2000, together)
    assert kernel_loss(narrow, y, 2000, together, limit=loss * (1 + 1e-12)) == loss
    assert kernel_loss(narrow, y, 2000, together, limit=loss * (1 - 1e-12)) == math.inf


@given(
    st.integers(0, 10**6),
    st.integers(2, 4),
    st.sampled_from(["smooth", "wild", "heavy tails", "few values", "huge", "tiny"]),
)
def test_few_points_bound_the_loss_of_all(seed: int, k: int, kind: str) -> None:
    """The shortcut: the least loss over few points grouped is no larger than that over
    all."""
    f, classes = rows_of(k, 1300, seed)
    order = np.argsort(f)
    f, classes = f[order], classes[order]
    shape = {
        "smooth": np.sin(f),
        "wild": np.sin(1e4 * f),
        "heavy tails": f / np.abs(f) ** 3,
        "few values": np.round(f),
        "huge": 1e30 * f,
        "tiny": 1e-30 * f,
    }
    z = np.ascontiguousarray(shape[kind] - shape[kind].mean()) / shape[kind].std()
    class_sums = np.array(
        [[np.sum(classes == c), z[classes == c].sum()] for c in range(k - 1)]
    ).ravel()
    size = 13
    few = z.reshape(-1, size).mean(axis=1)
    least = [
        class_kernel.minimise(
            points,
            np.full(points.size, n),
            class_sums,
            1300.0,
            np.zeros(2 * (k - 1)),
            math.inf,
            np.zeros(2 * (k - 1)),
        )
        for points, n in ((few, float(size)), (z, 1.0))
    ]
    assert least[0] <= least[1] + 1300 * 10 * TOLERANCE


# --- the layer ------------------------------------------------------------------------------------


def output_layer(layers: Layers, threads: int = 1, block_rows: int = 256) -> ClassSearch:
    """The output layer of a network, fed with the network's own last hidden values as if they were
    no formula's."""
    train, valid = layers.splits["train"], layers.splits["valid"]
    grid = Grid(layers.widths[-2], 1, 5, 5, CLASSIFICATION)
    layer = ClassSearch(2, grid, Classes.build(train[-1], valid[-1]), 3, threads, block_rows)
    layer.receive_data(np.vstack([train[-2], valid[-2]]))
    return layer


def search(
    layer: ClassSearch,
    parent: Genes,
    first: int = 0,
    last: int = 40,
    shortcuts: bool = True,
    thread: int = 0,
) -> tuple[float, int]:
    share = Share(parent, 5, first, last, np.uint64(threshold(0.4)), math.inf)
    return layer.search(share, thread, shortcuts)


@pytest.mark.parametrize(
    ("widths", "rows", "valid"),
    [
        ((2, 3, 2), 60, 0),
        ((2, 3, 2), 700, 300),
        ((2, 4, 3), 60, 0),
        ((2, 4, 3), 700, 300),
        ((2, 3, 5), 60, 0),
        ((2, 3, 5), 1200, 0),
    ],
    ids=str,
)
def test_losses_of_a_population_agree_with_the_oracle(
    widths: tuple[int, ...], rows: int, valid: int
) -> None:
    layers = made_up.classifier(widths, rows, valid)
    layer, shape = output_layer(layers), oracle.Shape(widths[1], 1, functions=CLASSIFICATION)
    parent = layer.start()
    x, y = (np.vstack([layers.splits[s][i] for s in ("train", "valid")]) for i in (-2, -1))
    single = [search(layer, parent, i, i + 1, shortcuts=False)[0] for i in range(40)]
    for number, loss in enumerate(single):
        genes = shape.mutate(parent.tolist(), oracle.stream(3, 5, 2, number), 0.4)
        f = shape.evaluate(
            genes, x, oracle.normals(1, oracle.stream(3, 0, 2, oracle.CONSTANTS_STREAM))
        ).f
        expected = oracle.cross_entropy(f, y, rows)
        assert loss / len(y) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    best = int(np.argmin(single))
    for shortcuts in (True, False):
        assert search(layer, parent, shortcuts=shortcuts) == (single[best], best)


def test_sharing_among_threads_and_block_size_do_not_change_a_bit() -> None:
    layers = made_up.classifier((2, 3, 3), 900, 100)
    layer = output_layer(layers, threads=3)
    parent = layer.start()
    whole = search(layer, parent)
    parts = [search(layer, parent, a, a + 10, thread=i % 3) for i, a in enumerate(range(0, 40, 10))]
    assert min(part for part in parts if part[1] >= 0) == whole
    assert search(output_layer(layers, block_rows=1024), parent) == whole
