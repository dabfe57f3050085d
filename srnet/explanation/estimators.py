"""scikit-learn estimators that train a small network and explain it: symbolic regression by
SRNet."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from srnet.arrays import check_unmasked, real_array
from srnet.cgp.primitives import Primitive
from srnet.errors import UserError
from srnet.explanation.explain import explain_rows
from srnet.explanation.layers import MOST_ROWS
from srnet.explanation.result import Explanation
from srnet.explanation.weights import select_weighted
from srnet.metrics import column_deviations, column_means
from srnet.model.losses import ROBUST, SQUARED, robust_moments
from srnet.model.names import symbol_names
from srnet.networks.adapters import OUTPUT, SklearnBox, adapt
from srnet.search.budget import Budget
from srnet.search.compilation import load_kernels
from srnet.search.pareto import SELECTIONS
from srnet.search.settings import RankSettings, Settings
from srnet.search.settings import preset as preset_settings
from srnet.typing import Floats
from srnet.validation import SECONDS, Choice, Integer

# Iterations of L-BFGS between two looks at the clock.
_CHUNK = 50
# Share of max_time that the network may take, and what is kept for the rest of a fit.
_NETWORK, _REST = 0.25, 0.01


class _Estimator(BaseEstimator):
    """What regression and classification share."""

    _loss = "mse"

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (8,),
        activation: str = "tanh",
        alpha: float = 1e-6,
        max_iter: int = 2000,
        layers: str = "output",
        preset: str = "rank",
        budget: int | str | None = 300_000,
        max_time: float | None = None,
        select: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
        functions: Sequence[str | Primitive] | None = None,
        maxsize: int | None = None,
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
        self.functions = functions
        self.maxsize = maxsize

    def _settings(self) -> Settings:
        """Of the search."""
        return preset_settings(
            self.preset, loss=self._loss, functions=self.functions, maxsize=self.maxsize
        )

    def _fit(
        self, X: Floats, y: NDArray[Any], kind: type, sample_weight: Floats | None = None
    ) -> None:
        begin, search = time.monotonic(), self._settings()
        Choice(("output", "all")).check("layers", self.layers)
        if self.select is not None:
            Choice(SELECTIONS).check("select", self.select)
        max_iter = Integer(1).check("max_iter", self.max_iter)
        random = check_random_state(self.random_state)
        seeds = random.randint(0, 2**31 - 1, 3)
        budget = (
            Budget.parse(self.budget)
            if self.max_time is None
            else Budget(seconds=SECONDS.check("max_time", self.max_time))
        )
        mean, deviations = _moments(X, sample_weight)
        # 1 where a column is constant, as StandardScaler has it
        scaler = (mean, np.where(deviations > 0, deviations, 1.0))
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
            max_iter=min(_CHUNK, max_iter),
            random_state=int(seeds[1]),
            tol=1e-7,
        )
        self.n_iter_ = 0
        standardised = (X[rows] - scaler[0]) / scaler[1]
        weight = None if sample_weight is None else sample_weight[rows]
        robust = replace(
            search.robust if isinstance(search, RankSettings) else SQUARED, weights=weight
        )
        if robust.name != "mse":
            weight = robust.row_weights(y[rows].reshape(len(rows), -1))
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                # an argument that is not needed is not given: scikit-learn's own arithmetic stays
                mlp.fit(standardised, y[rows], *([] if weight is None else [weight]))
            if robust.name != "mse":  # the network is not to learn rows far off
                left = mlp.predict(standardised) - y[rows]
                weight = robust.row_weights(left.reshape(len(rows), -1))
            self.n_iter_ += max(1, int(mlp.n_iter_))
            late = self.max_time is not None and time.monotonic() - begin > _NETWORK * self.max_time
            if mlp.n_iter_ < mlp.max_iter or self.n_iter_ >= max_iter or late:
                break
        self.network_ = mlp
        box = self._box(adapt(mlp, [OUTPUT] if self.layers == "output" else None), scaler)  # type: ignore[arg-type]
        names = getattr(self, "feature_names_in_", None)
        columns = None if names is None else names.tolist()
        if budget.seconds is not None:
            # loading the search is not in its own time, but in that of the fit; compiling it, once
            # on a machine, is not
            load_kernels(search)
            left = (
                budget.seconds * (1 - _REST) - (time.monotonic() - begin)
                if self.max_time is not None
                else budget.seconds
            )
            budget = Budget(seconds=max(left, 0.5 * budget.seconds))
        with warnings.catch_warnings():
            # a rare class's probability may be
            warnings.filterwarnings("ignore", message="the network's output is nearly constant")
            # outside of the data a network knows nothing of the law; one that classifies is sure of
            # the rows that it was trained on, and says more of those between
            recombine = search.loss == "cross_entropy" and isinstance(search, RankSettings)
            some = np.random.default_rng(int(seeds[2])).choice(
                len(rows), max(2, min(len(rows) // 4, 1000)), replace=False
            )
            self.explanation_ = explain_rows(
                box,
                X,
                columns,
                task=type(self).__name__,
                search=search,
                seed=int(seeds[2]),
                budget=budget,
                validation=None if recombine else X[rows[some]],
                progress=self.verbose,
                sample_weight=sample_weight,
                validation_weight=(
                    None if recombine or sample_weight is None else sample_weight[rows[some]]
                ),
            )
            if self.select is not None:
                self.explanation_ = self.explanation_.select(self.select)

    def _box(self, box: SklearnBox, scaler: tuple[Floats, Floats]) -> "Standardised":
        raise NotImplementedError

    @property
    def expressions_(self) -> list[str]:
        """The formula of each output, of the features by their names, as text that sympy reads."""
        check_is_fitted(self)
        return [self.explanation_.expression(i) for i in range(self.explanation_.outputs)]

    @property
    def expression_(self) -> str:
        """The formula of the first output, often the only one."""
        check_is_fitted(self)
        return self.explanation_.expression()

    def _values(self, X: Any) -> Floats:
        """The outputs by the formulas, n × outputs."""
        rows = self._read_rows(X)
        return self.explanation_.model.predict(rows)

    def _read_rows(self, X: Any) -> Floats:
        """Rows of the features that were fitted, n × d."""
        check_is_fitted(self)
        check_unmasked(X, "X")
        return np.asarray(validate_data(self, X, reset=False, dtype=np.float64))

    def _read_targets(self, X: Any, y: Any, **options: Any) -> tuple[Floats, NDArray[Any]]:
        """Rows that are fitted, n × d, and their targets, as scikit-learn reads them."""
        check_unmasked(X, "X")
        check_unmasked(y, "y")
        options |= {"dtype": np.float64, "multi_output": True, "ensure_min_samples": 2}
        rows, targets = validate_data(self, X, y, **options)
        return rows, targets


def _moments(values: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Means and standard deviations of columns (n × k) or of one (n), by the weights of the rows;
    of a constant its value and 0, without the rounding of a sum."""
    is_constant = np.ptp(values, axis=0) == 0
    means, deviations = column_means(values, weights), column_deviations(values, weights)
    return (
        np.where(is_constant, values[0], means),
        np.where(is_constant, 0.0, deviations),
    )


def _select(
    sample_weight: Any, X: Floats, y: NDArray[Any]
) -> tuple[Floats, NDArray[Any], Floats | None]:
    """The rows, targets and weights of the rows whose weight is not 0; None for weights that are
    all equal."""
    if sample_weight is None:
        return X, y, None
    numbers, weights = select_weighted(np.arange(len(X)), sample_weight)
    return X[numbers], y[numbers], None if weights is None else weights.rows


@dataclass(frozen=True)
class Standardised:
    """A network behind a standardisation of its inputs and, in regression, of its output.

    It is searched in its inputs' own units: the formulas of most laws are simpler there.
    """

    box: SklearnBox
    inputs: tuple[Floats, Floats]
    output: tuple[Floats, Floats] | None = None
    scaler: None = None

    def layers(self, x: NDArray[Any]) -> tuple[list[str], list[NDArray[Any]]]:
        """Names and values of the layers."""
        names, values = self.box.layers(
            (np.asarray(x, dtype=np.float64) - self.inputs[0]) / self.inputs[1]
        )
        if self.output is not None:
            values = [*values[:-1], values[-1] * self.output[1] + self.output[0]]
        return names, values


class SRNetRegressor(RegressorMixin, _Estimator):
    """Symbolic regression: a small multilayer perceptron is trained, and what predicts are the
    formulas that explain it.

    Parameters
    ----------
    hidden_layer_sizes, activation, alpha, max_iter
        The network, as of scikit-learn's MLPRegressor, trained by L-BFGS on standardised values.
    layers
        ``output`` explains the network's output by formulas of the inputs, ``all`` every hidden
        layer too, each by formulas of those before: more insight into the network, longer formulas.
    preset, budget
        The search, as of :func:`srnet.explain`; the default budget takes a few seconds.
    max_time
        Seconds of the whole fit, network and search, in the place of ``budget``. The result then
        depends on the machine's speed. The first fit on a machine also compiles the
        search: about half a minute more, or minutes if the machine is busy.
    select
        Which model of the Pareto front predicts: ``accuracy``, ``best`` or ``knee``; by default the
        one that the search chose.
    random_state
        Of the network and the search.
    verbose
        Whether progress is shown.
    functions, maxsize
        The functions of the formulas, in the place of the preset's, and the largest size of one, as
        of :func:`srnet.explain`.
    loss, delta
        ``mse``, or with the preset ``rank`` ``huber`` or ``l1``, for targets of which some are far
        off; as of :func:`srnet.explain`. The network is then trained by reweighted squares too.

    Attributes
    ----------
    explanation_ : Explanation
        The formulas, and all that can be made of them.
    network_ : MLPRegressor
        The network, of standardised values.
    expression_ : str
        The formula of the first output, often the only one, as text that sympy reads.
    expressions_ : list of str
        That of each output.
    n_features_in_, feature_names_in_, n_iter_
        As everywhere in scikit-learn.
    """

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (8,),
        activation: str = "tanh",
        alpha: float = 1e-6,
        max_iter: int = 2000,
        layers: str = "output",
        preset: str = "rank",
        budget: int | str | None = 300_000,
        max_time: float | None = None,
        select: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
        functions: Sequence[str | Primitive] | None = None,
        maxsize: int | None = None,
        loss: str = "mse",
        delta: float | None = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            alpha,
            max_iter,
            layers,
            preset,
            budget,
            max_time,
            select,
            random_state,
            verbose,
            functions,
            maxsize,
        )
        self.loss = loss
        self.delta = delta

    def _settings(self) -> Settings:
        Choice(("mse", *ROBUST)).check("loss", self.loss)
        return preset_settings(
            self.preset,
            loss=self.loss,
            delta=self.delta,
            functions=self.functions,
            maxsize=self.maxsize,
        )

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SRNetRegressor":
        """Train and explain the network of rows X (n × d) and targets y (n, or n × outputs), with
        the weights of the rows (n), which count in both."""
        X, y = self._read_targets(X, y, y_numeric=True)
        y = real_array(y, "y", "a number for each row and target is needed")
        y = y.astype(np.float64) if y.dtype.kind == "b" else y
        X, y, weights = _select(sample_weight, X, y)
        moments = robust_moments if self.loss in ROBUST else _moments
        self.target_ = mean, deviations = moments(y, weights)
        standardised = (y - mean) / np.where(deviations > 0, deviations, 1.0)
        self._fit(X, standardised, MLPRegressor, weights)
        return self

    def _box(self, box: SklearnBox, scaler: tuple[Floats, Floats]) -> Standardised:
        return Standardised(box, scaler, self.target_)

    def predict(self, X: Any) -> Floats:
        """The formulas' values of every row, n or n × outputs as the targets were; the mean of the
        training targets where there is none."""
        values = self._values(X)
        values = np.where(np.isfinite(values), values, self.target_[0])
        return values if np.ndim(self.target_[0]) else values[:, 0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class SRNetClassifier(ClassifierMixin, _Estimator):
    """Classification: a small multilayer perceptron is trained, and what predicts is the softmax of
    formulas that explain it.

    The formulas are the logits of the classes, also of two; they are fitted to the network's
    probabilities, or with another preset than ``rank`` to the class that it predicts, by
    cross-entropy. Parameters and attributes are those of :class:`SRNetRegressor`, and ``classes_``;
    ``expressions_`` are the logits.
    """

    _loss = "cross_entropy"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SRNetClassifier":
        """Train and explain the network of rows X (n × d) and labels y (n), with the weights of the
        rows (n), which count in both."""
        X, y = self._read_targets(X, y)
        if y.ndim > 1 and y.shape[1] > 1:
            raise UserError(
                f"y has the shape {y.shape}; one label for each row is needed: of one-hot classes "
                f"y.argmax(axis=1), and for several labels of a row a classifier each, "
                f"sklearn.multioutput.MultiOutputClassifier(SRNetClassifier()).fit(X, y)"
            )
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        X, y, weights = _select(sample_weight, X, y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class, {self.classes_[0]}; a classifier needs at least 2 classes"
            )
        self._fit(X, labels, MLPClassifier, weights)
        return self

    def _box(self, box: SklearnBox, scaler: tuple[Floats, Floats]) -> Standardised:
        return Standardised(box, scaler)

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities by the formulas, n × classes; equal where a formula has no value."""
        values = self._values(X)
        finite = np.isfinite(values).all(axis=1, keepdims=True)
        return np.asarray(np.where(finite, values, 1 / values.shape[1]))

    def decision_function(self, X: Any) -> Floats:
        """The logits by the formulas, n × classes; of two classes the second's less the first's, n.
        0 where a formula has no value."""
        rows = self._read_rows(X)
        logits = self.explanation_.model.layers(rows)[-1]
        logits = np.where(np.isfinite(logits).all(axis=1, keepdims=True), logits, 0.0)
        return logits if logits.shape[1] > 2 else logits[:, 1] - logits[:, 0]

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
    return Explanation({**est.explanation_.run, "input_names": symbol_names(names)}).expression()
