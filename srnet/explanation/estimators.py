"""scikit-learn estimators that train a small network and explain it: symbolic regression by
SRNet."""

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from srnet.explanation.explain import explain_rows
from srnet.explanation.layers import MOST_ROWS, sample_layers
from srnet.explanation.result import Explanation
from srnet.model.names import default_names, symbol_names
from srnet.networks.adapters import OUTPUT, SklearnBox, adapt
from srnet.search.budget import Budget
from srnet.search.run import warm_up
from srnet.search.settings import preset as preset_settings
from srnet.typing import Floats
from srnet.validation import SECONDS, Choice

# Iterations of L-BFGS between two looks at the clock.
_CHUNK = 50
# Share of max_time that the network may take, and what is kept for the rest of a fit.
_NETWORK, _REST = 0.25, 0.01


class _Estimator(BaseEstimator):
    """What regression and classification share."""

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (8,),
        activation: str = "tanh",
        alpha: float = 1e-6,
        max_iter: int = 2000,
        layers: str = "output",
        preset: str = "joint",
        budget: int | str | None = 300_000,
        max_time: float | None = None,
        select: str = "accuracy",
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.alpha = alpha
        self.max_iter = max_iter
        self.layers = layers
        self.preset = preset
        self.budget = budget
        self.max_time = max_time
        self.select = select
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: Floats, y: NDArray[Any], kind: type) -> None:
        begin = time.monotonic()
        Choice(("output", "all")).check("layers", self.layers)
        random = check_random_state(self.random_state)
        seeds = random.randint(0, 2**31 - 1, 3)
        budget = (
            Budget.parse(self.budget)
            if self.max_time is None
            else Budget(seconds=SECONDS.check("max_time", self.max_time))
        )
        # 1 where a column is constant, as StandardScaler has it
        scaler = (X.mean(axis=0), np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0))
        rows = np.arange(len(X))
        if len(X) > MOST_ROWS:
            rows = np.sort(
                np.random.default_rng(int(seeds[0])).choice(len(X), MOST_ROWS, replace=False)
            )
        mlp = kind(
            hidden_layer_sizes=self.hidden_layer_sizes,
            activation=self.activation,
            alpha=self.alpha,
            solver="lbfgs",
            warm_start=True,
            max_iter=min(_CHUNK, self.max_iter),
            random_state=int(seeds[1]),
            tol=1e-7,
        )
        self.n_iter_ = 0
        standardised = (X[rows] - scaler[0]) / scaler[1]
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                mlp.fit(standardised, y[rows])
            self.n_iter_ += max(1, int(mlp.n_iter_))
            late = self.max_time is not None and time.monotonic() - begin > _NETWORK * self.max_time
            if mlp.n_iter_ < mlp.max_iter or self.n_iter_ >= self.max_iter or late:
                break
        self.network_ = mlp
        boxes = self._boxes(adapt(mlp, [OUTPUT] if self.layers == "output" else None), scaler)  # type: ignore[arg-type]
        names = (
            symbol_names(self.feature_names_in_)
            if hasattr(self, "feature_names_in_")
            else default_names(X.shape[1])
        )
        if budget.seconds is not None:
            # loading the search is not in its own time, but in that of the fit; compiling it, once
            # on a machine, is not
            warm_up(
                sample_layers(boxes[0], X[rows][:20], validation=X[rows][:2]).layers,
                preset_settings(self.preset),
            )
            left = (
                budget.seconds * (1 - _REST) - (time.monotonic() - begin)
                if self.max_time is not None
                else budget.seconds
            )
            budget = Budget(seconds=max(left, 0.5 * budget.seconds) / len(boxes))
        with warnings.catch_warnings():
            # a rare class's probability may be
            warnings.filterwarnings("ignore", message="the network's output is nearly constant")
            # outside of the data the network knows nothing of the law
            some = np.random.default_rng(int(seeds[2])).choice(
                len(rows), max(2, min(len(rows) // 4, 1000)), replace=False
            )
            self.explanations_ = [
                explain_rows(
                    box,
                    X,
                    names,
                    task=type(self).__name__,
                    search=preset_settings(self.preset),
                    seed=int(seeds[2]),
                    budget=budget,
                    validation=X[rows[some]],
                    progress=self.verbose,
                ).select(self.select)
                for box in boxes
            ]

    def _boxes(self, box: SklearnBox, scaler: tuple[Floats, Floats]) -> "list[Standardised]":
        raise NotImplementedError

    def _values(self, X: Any) -> Floats:
        """The values of all formulas, n × formulas."""
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=np.float64)
        return np.hstack([explanation.model.predict(rows) for explanation in self.explanations_])


@dataclass(frozen=True)
class Standardised:
    """A network behind a standardisation of its inputs and, in regression, of its output.

    It is searched in its inputs' own units: the formulas of most laws are simpler there. ``column``
    is the one output that is explained.
    """

    box: SklearnBox
    inputs: tuple[Floats, Floats]
    output: tuple[float, float] = (0.0, 1.0)
    column: int = 0
    scaler: None = None

    def layers(self, x: NDArray[Any]) -> tuple[list[str], list[NDArray[Any]]]:
        """Names and values of the layers."""
        names, values = self.box.layers(
            (np.asarray(x, dtype=np.float64) - self.inputs[0]) / self.inputs[1]
        )
        return names, [*values[:-1], values[-1][:, [self.column]] * self.output[1] + self.output[0]]


class SRNetRegressor(RegressorMixin, _Estimator):
    """Symbolic regression: a small multilayer perceptron is trained, and what predicts is the
    formula that explains it.

    Parameters
    ----------
    hidden_layer_sizes, activation, alpha, max_iter
        The network, as of scikit-learn's MLPRegressor, trained by L-BFGS on standardised values.
    layers
        ``output`` explains the network's output in one formula of the inputs, ``all`` every hidden
        layer too: more insight into the network, less accuracy, for every layer is then one formula
        of those before.
    preset, budget
        The search, as of :func:`srnet.explain`; the default budget takes a few seconds.
    max_time
        Seconds of the whole fit, network and search, in the place of ``budget``. The result then
        depends on the machine's speed. The first fit ever on a machine takes a minute more, to
        compile the search.
    select
        Which model of the Pareto front predicts: ``accuracy``, ``best`` or ``knee``.
    random_state
        Of the network and the search.
    verbose
        Whether progress is shown.

    Attributes
    ----------
    explanations_ : list of Explanation
        The formulas, and all that can be made of them: one explanation.
    network_ : MLPRegressor
        The network, of standardised values.
    expression_ : str
        The formula as text that sympy reads.
    n_features_in_, feature_names_in_, n_iter_
        As everywhere in scikit-learn.
    """

    def fit(self, X: Any, y: Any) -> "SRNetRegressor":
        """Train and explain the network of rows X (n × d) and targets y (n)."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        self.target_ = (float(y.mean()), float(y.std()) or 1.0)
        self._fit(X, (y - self.target_[0]) / self.target_[1], MLPRegressor)
        return self

    @property
    def expression_(self) -> str:
        """The formula, of the features by their names, as text that sympy reads."""
        check_is_fitted(self)
        return self.explanations_[0].expression()

    def _boxes(self, box: SklearnBox, scaler: tuple[Floats, Floats]) -> list[Standardised]:
        return [Standardised(box, scaler, self.target_)]

    def predict(self, X: Any) -> Floats:
        """The formula's value of every row; the mean of the training targets where it has none."""
        values = self._values(X)[:, 0]
        return np.where(np.isfinite(values), values, self.target_[0])


class SRNetClassifier(ClassifierMixin, _Estimator):
    """Classification: a small multilayer perceptron is trained, and what predicts are formulas for
    its probabilities.

    One explanation per class, or one of the second class's probability where there are two; each
    takes the whole ``budget``, or its share of ``max_time``. The formulas are fitted to the
    probabilities by mean squared error. Parameters and attributes are those of
    :class:`SRNetRegressor`, and ``classes_``; in the place of ``expression_`` every explanation in
    ``explanations_`` has its own :meth:`~srnet.explanation.result.Explanation.expression`.
    """

    def fit(self, X: Any, y: Any) -> "SRNetClassifier":
        """Train and explain the network of rows X (n × d) and labels y (n)."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class, {self.classes_[0]!r}; a classifier needs at least 2 classes"
            )
        self._fit(X, labels, MLPClassifier)
        return self

    def _boxes(self, box: SklearnBox, scaler: tuple[Floats, Floats]) -> list[Standardised]:
        return [
            Standardised(box, scaler, column=i)
            for i in range(1 if len(self.classes_) == 2 else len(self.classes_))
        ]

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities by the formulas, n × classes: brought into 0 … 1 and to the sum 1; equal
        where a formula has no value."""
        values = self._values(X)
        values = np.hstack([1 - values, values]) if values.shape[1] == 1 else values
        values = np.where(
            np.isfinite(values).all(axis=1, keepdims=True), np.clip(values, 0, 1), 1.0
        )
        total = values.sum(axis=1, keepdims=True)
        return np.asarray(
            np.where(total > 0, values / np.where(total > 0, total, 1), 1 / values.shape[1])
        )

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of every row."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])


def model(est: SRNetRegressor, X: Any = None) -> str:
    """SRBench's hook: the fitted formula as text that sympy reads, with the names of the columns of
    X where it has any."""
    names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    expression = est.expression_
    if names is None:
        return expression
    return Explanation(
        {**est.explanations_[0].run, "input_names": symbol_names(names)}
    ).expression()
