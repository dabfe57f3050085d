"""The scikit-learn estimators: scikit-learn's own checks, recovery of simple laws, SRBench's
hooks."""

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
from scipy.sparse import csr_array
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.utils.estimator_checks import check_estimator

from srnet import SRNetClassifier, SRNetRegressor
from srnet.errors import UserError
from srnet.explanation.estimators import model

TINY: dict[str, Any] = {
    "hidden_layer_sizes": (4,),
    "budget": 4000,
    "max_iter": 200,
    "random_state": 0,
}
RNG = np.random.default_rng(0)
X = RNG.uniform(1, 5, (100, 2))
Y = X[:, 0] * X[:, 1]


# What scikit-learn asks of weights to the last digit. The loss and every fit have it
# (tests/model/test_losses.py), and so has a search of given rows
# (tests/explanation/test_weights.py). A whole fit draws random numbers by the number of rows: rows
# for the choice and recombined ones.
DRAWN = {
    "check_sample_weight_equivalence_on_dense_data": "which rows are drawn depends on their number"
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SRNetRegressor, SRNetClassifier])
def test_scikit_learns_own_checks(kind: type) -> None:
    with warnings.catch_warnings(action="ignore"):
        # short searches, for these are many fits
        results = check_estimator(
            kind(**TINY | {"budget": 100, "max_iter": 50}),
            on_fail=None,
            expected_failed_checks=DRAWN,
        )
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in results) >= 45


@pytest.fixture(scope="module")
def product() -> SRNetRegressor:
    return SRNetRegressor(budget=30_000, random_state=1).fit(
        pd.DataFrame(X, columns=["mass", "a"]), Y
    )


def test_a_product_is_recovered(product: SRNetRegressor) -> None:
    far = pd.DataFrame(RNG.uniform(0, 20, (50, 2)), columns=["mass", "a"])
    np.testing.assert_allclose(product.predict(far), far.mass * far.a, atol=0.5)
    assert product.score(pd.DataFrame(X, columns=["mass", "a"]), Y) > 0.9999
    assert product.explanation_.layers[-1].name == "output"


def test_feature_names_and_expression(product: SRNetRegressor) -> None:
    assert product.feature_names_in_.tolist() == ["mass", "a"]
    expression = sympy.sympify(product.expression_)
    assert set(map(str, expression.free_symbols)) == {"mass", "a"}
    values = sympy.lambdify(sympy.symbols("mass a"), expression)(*X.T)
    np.testing.assert_allclose(values, product.predict(pd.DataFrame(X, columns=["mass", "a"])))


def test_srbench_names_the_columns() -> None:
    est = SRNetRegressor(**TINY).fit(X, Y)
    assert set(map(str, sympy.sympify(model(est)).free_symbols)) <= {"x0", "x1"}
    named = sympy.sympify(model(est, pd.DataFrame(X, columns=["m", "x"])))
    assert set(map(str, named.free_symbols)) <= {"m", "x"}
    values = np.broadcast_to(sympy.lambdify(sympy.symbols("m x"), named)(*X.T), len(X))
    np.testing.assert_allclose(values, est.predict(X), rtol=1e-9)


def test_random_state_clone_and_pickle() -> None:
    first = SRNetRegressor(**TINY).fit(X, Y)
    again = clone(first).fit(X, Y)
    other = clone(first).set_params(random_state=5).fit(X, Y)
    assert first.expression_ == again.expression_ != other.expression_
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict(X), first.predict(X))
    again = pickle.loads(pickle.dumps(first))
    assert again.explanation_.fidelity(X) == first.explanation_.fidelity(X)


def test_every_layer_is_explained_where_asked() -> None:
    est = SRNetRegressor(**TINY | {"hidden_layer_sizes": (3, 3)}, layers="all").fit(X, Y)
    assert [layer.name for layer in est.explanation_.layers] == ["hidden1", "hidden2", "output"]


class FakeClock:
    """A clock that goes on by a step whenever it is asked, and by as much as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: float) -> None:
        self.now, self.step = 1000.0, step
        monkeypatch.setattr("time.monotonic", self)

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.mark.parametrize("max_time", [2.0, 50.0])
def test_the_whole_fit_takes_the_time_that_it_may(
    monkeypatch: pytest.MonkeyPatch, max_time: float
) -> None:
    """Network, search and the conclusion of the search together; of time, not of work."""
    clock = FakeClock(monkeypatch, step=max_time / 400)
    begin = clock.now
    est = SRNetRegressor(
        hidden_layer_sizes=(4,), preset="joint", max_time=max_time, max_iter=100, random_state=0
    ).fit(X[:, :1], np.sin(X[:, 0]))
    assert 0.8 * max_time < clock.now - begin <= 1.03 * max_time
    assert est.score(X[:, :1], np.sin(X[:, 0])) > 0


def test_a_slow_network_leaves_time_for_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets a quarter of the time, and is asked after every part of its training."""
    clock = FakeClock(monkeypatch, step=0.05)
    fit = MLPRegressor.fit

    def slow(network: MLPRegressor, *rows: Any) -> MLPRegressor:
        clock.now += 3.0
        return fit(network, *rows)

    monkeypatch.setattr(MLPRegressor, "fit", slow)
    begin = clock.now
    est = SRNetRegressor(
        hidden_layer_sizes=(4,), preset="joint", max_time=20.0, max_iter=10**6, random_state=0
    ).fit(X, Y)
    assert est.n_iter_ <= 100  # two parts of 50, 6 s of the 20
    assert est.explanation_.run["generations"] > 0
    assert clock.now - begin <= 20.0 * 1.03


def test_where_a_formula_has_no_value_the_mean_is_predicted() -> None:
    est = SRNetRegressor(**TINY).fit(X, Y)
    program = {"inputs": 2, "constants": [], "nodes": [["ln", [0]]], "output": 2}
    run = est.explanation_.run | {"programs": [program], "weights": [[1.0]], "biases": [[0.0]]}
    est.explanation_ = type(est.explanation_)(run)
    np.testing.assert_allclose(est.predict([[1.0, 1.0], [-1.0, 1.0]]), [0.0, Y.mean()])


def test_a_constant_target_is_the_constant() -> None:
    """Of which neither the sum nor the network's noise is explained, nor a column that is
    constant."""
    x = np.column_stack([X, np.full(len(X), 7e9 + 0.3)])
    with warnings.catch_warnings(action="ignore"):
        est = SRNetRegressor(**TINY).fit(x, np.full(len(X), 0.1))
        both = SRNetRegressor(**TINY).fit(x, np.column_stack([np.full(len(X), 0.1), X[:, 0]]))
    assert float(est.expression_) == pytest.approx(0.1, rel=1e-7)
    np.testing.assert_allclose(est.predict(x + 1e4), 0.1)
    np.testing.assert_allclose(
        both.predict(x), np.column_stack([np.full(len(X), 0.1), X[:, 0]]), atol=0.05
    )


def test_several_targets_share_their_formulas() -> None:
    targets = np.column_stack([X[:, 0] * X[:, 1], X[:, 0] - 2 * X[:, 0] * X[:, 1]])
    est = SRNetRegressor(**TINY | {"budget": 20_000}).fit(X, targets)
    assert est.predict(X).shape == targets.shape
    assert est.score(X, targets) > 0.99
    assert len(est.expressions_) == 2
    for j, text in enumerate(est.expressions_):
        values = sympy.lambdify(sympy.symbols("x0 x1"), sympy.sympify(text))(*X.T)
        np.testing.assert_allclose(values, est.predict(X)[:, j], rtol=1e-9)
    assert est.expression_ == est.expressions_[0]


def test_classes_have_a_logit_each() -> None:
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    est = SRNetClassifier(**TINY).fit(x, names)
    assert len(est.expressions_) == 3
    assert est.score(x, names) > 0.9
    proba = est.predict_proba(x)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (proba > 0).all()
    columns = [
        sympy.lambdify(sympy.symbols("x0 x1 x2 x3"), sympy.sympify(text))(*x.T)
        for text in est.expressions_
    ]
    np.testing.assert_allclose(softmax(np.column_stack(columns), axis=1), proba, rtol=1e-6)
    assert (est.classes_[proba.argmax(axis=1)] == est.predict(x)).all()
    np.testing.assert_allclose(softmax(est.decision_function(x), axis=1), proba, rtol=1e-6)
    two = SRNetClassifier(**TINY).fit(x[:100], names[:100])
    assert len(two.expressions_) == 2
    np.testing.assert_allclose(expit(two.decision_function(x)), two.predict_proba(x)[:, 1])
    assert two.score(x[:100], names[:100]) > 0.95


def test_where_a_logit_has_no_value_classes_are_equally_probable() -> None:
    est = SRNetClassifier(**TINY).fit(X, X[:, 0] > X[:, 1])
    program = {"inputs": 2, "constants": [], "nodes": [["ln", [0]]], "output": 2}
    model = {"programs": [program], "weights": [[1.0, -1.0]], "biases": [[0.0, 0.0]]}
    est.explanation_ = type(est.explanation_)(est.explanation_.run | model)
    np.testing.assert_allclose(est.predict_proba([[np.e, 1.0], [-1.0, 1.0]])[1], 0.5)
    np.testing.assert_allclose(est.decision_function([[np.e, 1.0], [-1.0, 1.0]]), [-2, 0])
    assert est.predict_proba([[np.e, 1.0]])[0, 0] == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_classifier_of_one_formula_has_probabilities_too() -> None:
    est = SRNetClassifier(**TINY, preset="joint").fit(X, X[:, 0] > X[:, 1])
    np.testing.assert_allclose(est.predict_proba(X).sum(axis=1), 1)
    assert est.score(X, X[:, 0] > X[:, 1]) > 0.8


def test_heavy_rows_decide() -> None:
    """The light half of the rows follows another law."""
    light = np.arange(len(X)) % 2 == 0
    y = np.where(light, 5 - X[:, 0], Y)
    weights = np.where(light, 1e-6, 2.0)
    est = SRNetRegressor(**TINY | {"budget": 20_000}).fit(X, y, sample_weight=weights)
    assert est.score(X[~light], Y[~light]) > 0.995
    assert est.score(X, y, weights) > 0.995
    labels = np.where(light, X[:, 0] < X[:, 1], X[:, 0] > X[:, 1])
    classes = SRNetClassifier(**TINY).fit(X, labels, sample_weight=weights)
    assert classes.score(X[~light], labels[~light]) > 0.9


def test_equal_weights_and_rows_without_weight_change_nothing() -> None:
    plain = SRNetRegressor(**TINY).fit(X, Y)
    alike = SRNetRegressor(**TINY).fit(X, Y, sample_weight=np.full(len(X), 0.3))
    more = np.vstack([X, 2 * X[:5]]), np.concatenate([Y, np.full(5, 1e6)])
    zero = SRNetRegressor(**TINY).fit(*more, sample_weight=[1] * len(X) + [0] * 5)
    assert plain.expression_ == alike.expression_ == zero.expression_


def test_weights_that_are_none_are_a_sentence() -> None:
    with pytest.raises(UserError, match="'sample_weight' is above 0 in one row alone"):
        SRNetRegressor(**TINY).fit(X, Y, sample_weight=[1] + [0] * (len(X) - 1))
    weights = np.arange(1, len(X) + 1)
    with pytest.raises(UserError, match="'sample_weight' is of the preset rank"):
        SRNetRegressor(**TINY | {"preset": "joint"}).fit(X, Y, sample_weight=weights)


@pytest.mark.parametrize("estimator", [SRNetRegressor, SRNetClassifier])
def test_masked_values_are_refused(estimator: type) -> None:
    """scikit-learn would read what lies behind the mask."""
    masked, y = np.ma.masked_equal(X, X[4, 1]), (np.median(Y) < Y).astype(int)
    with pytest.raises(UserError, match=r"X has a masked value at \[4, 1\]"):
        estimator(**TINY).fit(masked, y)
    with pytest.raises(UserError, match=r"y has a masked value at \[0\]"):
        estimator(**TINY).fit(X, np.ma.masked_equal(y, y[0]))
    fitted = estimator(**TINY).fit(X, y)
    with pytest.raises(UserError, match=r"X has a masked value at \[4, 1\]"):
        fitted.predict(masked)


@pytest.mark.parametrize("loss", ["l1", "huber"])
def test_targets_far_off_do_not_decide(loss: str) -> None:
    y = Y.copy()
    y[[3, 50]] = 1e4, -1e5
    est = SRNetRegressor(**TINY | {"budget": 20_000}, loss=loss).fit(X, y)
    others = np.delete(np.arange(len(X)), [3, 50])
    assert est.score(X[others], Y[others]) > 0.98
    spoiled = SRNetRegressor(**TINY).fit(X, y)
    assert spoiled.score(X[others], Y[others]) < 0


def test_a_regression_has_no_cross_entropy() -> None:
    with pytest.raises(UserError, match="'loss' is 'cross_entropy'; allowed are mse, huber, l1"):
        SRNetRegressor(**TINY, loss="cross_entropy").fit(X, Y)


def test_maxsize_bounds_the_formula() -> None:
    est = SRNetRegressor(**TINY, maxsize=12).fit(X, Y)
    assert 5 <= est.explanation_.model.size <= 12


@pytest.mark.parametrize("kind", [SRNetRegressor, SRNetClassifier])
def test_an_offset_of_the_features_changes_little(kind: type) -> None:
    """As of times in seconds since 1970, which float32 would merge."""
    rng = np.random.default_rng(3)
    x, new = rng.uniform(1, 3, (150, 2)), rng.uniform(1, 3, (100, 2))
    law = [rows[:, 0] ** 2 + 3 * rows[:, 1] for rows in (x, new)]
    y, known = law if kind is SRNetRegressor else [values > 10 for values in law]
    enough = 0.999 if kind is SRNetRegressor else 0.97
    for offset in ([0, 0], [1e6, -1e6], [-1e8, 1e8]):
        est = kind(**TINY).fit(x + offset, y)
        assert est.score(new + offset, known) >= enough, (offset, est.expression_)
        values = sympy.lambdify(sympy.symbols("x0 x1"), sympy.sympify(est.expression_))
        found = est.predict(new + offset)
        if kind is SRNetClassifier:
            found = est.explanation_.model.layers(new + offset)[-1][:, 0]
        np.testing.assert_allclose(values(*(new + offset).T), found, rtol=1e-4, atol=1e-3)


def test_in_cross_validation() -> None:
    assert cross_val_score(SRNetRegressor(**TINY), X, Y, cv=3).min() > 0.8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": "hidden"}, "'layers' is 'hidden'; allowed are output, all"),
        ({"preset": "papre"}, "'preset' is"),
        ({"budget": "soon"}, "the budget is 'soon'"),
        ({"max_time": -1}, "'max_time' is -1; a finite number of seconds above 0"),
        ({"max_time": 0}, "'max_time' is 0; a finite"),
        ({"max_time": "2s"}, "'max_time' is '2s'; a finite"),
        ({"select": "worst"}, "'select' is 'worst'"),
        ({"select": 0}, "'select' is 0; allowed are accuracy, best, knee"),
        ({"max_iter": "many"}, "'max_iter' is 'many'; a whole number of at least 1"),
    ],
)
def test_bad_parameters_are_a_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        SRNetRegressor(**TINY | changes).fit(X, Y)


@pytest.mark.parametrize("targets", [["a"] * 100, [["a", "b"]] * 100])
def test_targets_that_are_no_numbers_are_a_sentence(targets: Any) -> None:
    with pytest.raises(UserError, match="^y holds <U1; real numbers are needed$"):
        SRNetRegressor(**TINY).fit(X, targets)


def test_truth_values_are_targets_of_0_and_1() -> None:
    found, expected = (SRNetRegressor(**TINY).fit(X, y) for y in (X[:, 0] > 5, (X[:, 0] > 5) * 1.0))
    assert found.expression_ == expected.expression_


def test_one_class_is_named() -> None:
    with pytest.raises(ValueError, match="^y holds one class, yes; a classifier needs at least 2"):
        SRNetClassifier().fit([[0.0], [1.0]], ["yes", "yes"])


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, csr_array, np.ndarray.tolist])
def test_several_labels_of_a_row_need_a_classifier_each(form: Any) -> None:
    labels = np.column_stack([X[:, 0] > X[:, 1], X[:, 0] + X[:, 1] > 6]).astype(int)
    with pytest.raises(UserError, match=r"^y has the shape \(100, 2\); .*MultiOutputClassifier\(S"):
        SRNetClassifier(**TINY).fit(X, form(labels))


def test_the_calls_for_several_columns_work() -> None:
    labels = np.column_stack([X[:, 0] > X[:, 1], X[:, 0] + X[:, 1] > 6]).astype(int)
    several = MultiOutputClassifier(SRNetClassifier(**TINY)).fit(X, labels)
    assert (several.predict(X) == labels).mean(axis=0).min() > 0.9
    one_hot = np.column_stack([labels[:, 0], 1 - labels[:, 0]])
    with pytest.raises(UserError, match=r"of one-hot classes y\.argmax\(axis=1\), "):
        SRNetClassifier(**TINY).fit(X, one_hot)
    alone = SRNetClassifier(**TINY).fit(X, one_hot.argmax(axis=1))
    assert alone.score(X, 1 - labels[:, 0]) > 0.9


def test_not_fitted() -> None:
    for ask in (
        lambda: SRNetRegressor().predict(X),
        lambda: SRNetClassifier().predict_proba(X),
        lambda: SRNetRegressor().expression_,
    ):
        with pytest.raises(NotFittedError):
            ask()
