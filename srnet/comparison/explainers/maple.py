"""MAPLE (Plumb, Molitor and Talwalkar 2018, NeurIPS): local linear models weighted by a forest.

The weight of a training row for a point is the mean over the trees of 1/|leaf| if both are in the
same leaf, else 0 (their equation 3). Features are ranked by the decrease of impurity at the roots
of the trees (section 4); the local models use as many of the best as give the lowest error on the
validation rows.

The local model of a regression depends only on the first and second moments of the weighted rows,
which are means over leaves. The moments of every leaf are computed once, by a sparse product, and a
point averages those of its leaves; the cost grows with the number of trees, not of rows. For a
classifier the local model is a logistic regression, fitted to many points at once by Newton's
method.

The ridge is that of the published implementation, which adds the weights of the trees instead of
averaging them: 0.001 there is 0.001/trees here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from srnet.comparison.explainers.interface import Explanations, Function, local_linear
from srnet.errors import UserError
from srnet.typing import Floats

TREES, MIN_LEAF, MAX_FEATURES, RIDGE = 200, 10, 0.5, 0.001
VALIDATION_ROWS = 100  # the most rows set aside for validation if no validation rows are given
CHUNK = 1 << 18  # values in a batch of logistic regressions, which then fit into the cache
NEWTON_STEPS, HALVINGS, TOLERANCE = 60, 30, 1e-12


@dataclass(frozen=True)
class Settings:
    """Settings of the forest and of the local models.

    Attributes
    ----------
    trees
        Number of trees.
    min_leaf
        The fewest rows in a leaf.
    max_features
        Share of the features tried at a split.
    ridge
        Penalty of the published implementation.
    """

    trees: int = TREES
    min_leaf: int = MIN_LEAF
    max_features: float = MAX_FEATURES
    ridge: float = RIDGE

    @property
    def penalty(self) -> float:
        """The ridge penalty for weights that sum to 1."""
        return self.ridge / self.trees


class Maple:
    """MAPLE of one network.

    Parameters
    ----------
    rows, outputs
        Rows, n × d, and the network's outputs, n × k; probabilities of a classifier, else k = 1.
    classifies
        Whether the network is a classifier.
    seed
        Seed of the forest and of the validation rows.
    valid
        Validation rows and the network's outputs there. If there are none, a fifth of the rows, at
        most 100, is drawn for validation and not used by the forest.
    settings
        Settings of the forest and of the local models.

    Attributes
    ----------
    features
        Indices of the inputs of the local models, most important first.

    Raises
    ------
    UserError
        If there are fewer than 2 rows.
    """

    def __init__(
        self,
        rows: Floats,
        outputs: Floats,
        classifies: bool,
        seed: int,
        valid: tuple[Floats, Floats] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings()
        if len(rows) < 2:
            raise UserError(f"MAPLE needs at least 2 rows; there are {len(rows)}")
        if valid is None or not len(valid[0]):
            order = np.random.default_rng(seed).permutation(len(rows))
            kept = min(VALIDATION_ROWS, len(rows) // 5)
            valid = rows[order[:kept]], outputs[order[:kept]]
            rows, outputs = rows[np.sort(order[kept:])], outputs[np.sort(order[kept:])]
        model: type[_Classification] | type[_Regression] = (
            _Classification if classifies else _Regression
        )
        forest = Forest(
            rows,
            outputs.argmax(axis=1) if classifies else outputs[:, 0],
            classifies,
            seed,
            self.settings,
        )
        self._local = model(forest, rows, outputs, self.settings)
        ranked = np.argsort(-forest.importance, kind="stable")
        self.features = ranked[: self._local.count_features(ranked, *valid)]

    def explain(self, points: Floats) -> Explanations:
        """Explain points, m × d: a local model for each."""
        points = np.asarray(points, np.float64)
        return self._local.explain(points, np.sort(self.features))


class Forest:
    """A random forest and the leaves of its rows.

    Attributes
    ----------
    members
        n × leaves of all trees, sparse: 1 if a row is in a leaf.
    sizes
        Number of rows in each leaf.
    importance
        For each input, the decrease of impurity at the roots that split on it, summed over the
        trees.
    """

    def __init__(
        self,
        rows: Floats,
        targets: NDArray[np.generic],
        classifies: bool,
        seed: int,
        settings: Settings,
    ) -> None:
        kind = RandomForestClassifier if classifies else RandomForestRegressor
        self._forest = kind(
            n_estimators=settings.trees,
            min_samples_leaf=settings.min_leaf,
            max_features=settings.max_features,
            random_state=seed % 2**32,
            n_jobs=1,
        ).fit(rows, targets)
        trees = [estimator.tree_ for estimator in self._forest.estimators_]
        nodes = np.array([tree.node_count for tree in trees])
        self._first = np.concatenate([[0], np.cumsum(nodes)[:-1]])
        self._nodes = int(nodes.sum())
        self.members = self.leaves(rows)
        self.sizes = np.maximum(np.asarray(self.members.sum(axis=0)).ravel(), 1)
        self.importance = np.zeros(rows.shape[1])
        for tree in trees:
            if tree.node_count > 1:
                parts = [tree.children_left[0], tree.children_right[0]]
                share = tree.weighted_n_node_samples[parts] / tree.weighted_n_node_samples[0]
                self.importance[tree.feature[0]] += tree.impurity[0] - share @ tree.impurity[parts]

    def leaves(self, x: Floats) -> sparse.csr_matrix:
        """n × leaves of all trees, sparse: 1 if a row is in a leaf, once per tree."""
        leaves = self._forest.apply(x) + self._first
        ends = np.arange(len(x) + 1) * leaves.shape[1]
        return sparse.csr_matrix(
            (np.ones(leaves.size), leaves.ravel(), ends), shape=(len(x), self._nodes)
        )

    def weights(self, x: Floats) -> sparse.csr_matrix:
        """Weights of the rows for points x, points × rows, sparse; those of a point sum to 1."""
        shares = self.leaves(x) @ sparse.diags(1 / (self.sizes * len(self._first)))
        return (shares @ self.members.T).tocsr()


# --- Regression -----------------------------------------------------------------------------------


class _Regression:
    """Local ridge regressions, from the moments of the leaves."""

    def __init__(self, forest: Forest, rows: Floats, outputs: Floats, settings: Settings) -> None:
        self._forest, self._trees = forest, settings.trees
        # Standardising reduces rounding errors of the moments; the penalty is scaled to match, so
        # that the model does not change.
        self._mean, scale = rows.mean(axis=0), rows.std(axis=0)
        self._scale = np.where(scale > 0, scale, 1.0)
        self._mean_y, scale_y = outputs[:, 0].mean(), outputs[:, 0].std()
        self._scale_y = scale_y if scale_y > 0 else 1.0
        self._penalty = settings.penalty / self._scale**2
        z = np.column_stack(
            [(rows - self._mean) / self._scale, (outputs[:, 0] - self._mean_y) / self._scale_y]
        )
        self._upper = np.triu_indices(z.shape[1])
        moments = np.column_stack([z, z[:, self._upper[0]] * z[:, self._upper[1]]])
        self._moments = sparse.diags(1 / forest.sizes) @ (forest.members.T @ moments)

    def count_features(self, ranked: NDArray[np.intp], x: Floats, y: Floats) -> int:
        """The number of leading features with the lowest squared error on validation rows.

        The fewest of those with equal error.
        """
        moments = self._gather(x)
        errors = [
            np.mean(np.square(self._solve(moments, x, ranked[:kept])[0] - y[:, 0]))
            for kept in range(1, len(ranked) + 1)
        ]
        return int(np.argmin(errors)) + 1

    def explain(self, points: Floats, features: NDArray[np.intp]) -> Explanations:
        value, coefficients = self._solve(self._gather(points), points, features)
        slopes = np.zeros((len(points), 1, points.shape[1]))
        slopes[:, 0, features] = coefficients
        return Explanations(
            points, local_linear(points, value[:, None], slopes), float(len(features) + 1)
        )

    def _gather(self, points: Floats) -> tuple[Floats, Floats]:
        """Weighted means and covariances of inputs and output around points.

        Returns
        -------
        m × (d + 1) and m × (d + 1) × (d + 1), the output last.
        """
        columns = len(self._mean) + 1
        moments = self._forest.leaves(points) @ self._moments / self._trees
        mean = moments[:, :columns]
        second = np.empty((len(points), columns, columns))
        second[:, self._upper[0], self._upper[1]] = moments[:, columns:]
        second[:, self._upper[1], self._upper[0]] = moments[:, columns:]
        return mean, second - mean[:, :, None] * mean[:, None, :]

    def _solve(
        self, moments: tuple[Floats, Floats], points: Floats, features: NDArray[np.intp]
    ) -> tuple[Floats, Floats]:
        """Solve the local models: values at the points (m) and coefficients (m × features)."""
        mean, covariance = moments
        matrix = covariance[:, features[:, None], features] + np.diag(self._penalty[features])
        slopes = np.linalg.solve(matrix, covariance[:, features, -1:])[:, :, 0]
        z = (points[:, features] - self._mean[features]) / self._scale[features]
        value = mean[:, -1] + np.einsum("mf,mf->m", slopes, z - mean[:, features])
        return value * self._scale_y + self._mean_y, slopes * self._scale_y / self._scale[features]


# --- Classification -------------------------------------------------------------------------------


class _Classification:
    """Local logistic regressions of the network's class.

    The first class is the reference, and all coefficients are penalised.
    """

    def __init__(self, forest: Forest, rows: Floats, outputs: Floats, settings: Settings) -> None:
        self._forest, self._rows, self._penalty = forest, rows, settings.penalty
        self._classes, self._count = outputs.argmax(axis=1), outputs.shape[1]

    def count_features(self, ranked: NDArray[np.intp], x: Floats, y: Floats) -> int:
        """The number of leading features with the lowest cross-entropy on validation rows.

        The fewest of those with equal cross-entropy.
        """
        if len(np.unique(self._classes)) == 1:
            return 1
        expected = y.argmax(axis=1)[:, None]
        weights = self._forest.weights(x)
        losses = []
        coefficients = np.zeros((len(x), self._count - 1, 1))
        for kept in range(1, len(ranked) + 1):
            # start from the model with one feature less
            start = np.pad(coefficients, ((0, 0), (0, 0), (0, 1)))
            coefficients = self._fit(weights, ranked[:kept], start)
            probabilities = self._function(coefficients, ranked[:kept])(x)
            likelihoods = np.take_along_axis(probabilities, expected, axis=1)
            losses.append(-np.log(np.maximum(likelihoods, np.finfo(np.float64).tiny)).mean())
        return int(np.argmin(losses)) + 1

    def explain(self, points: Floats, features: NDArray[np.intp]) -> Explanations:
        weights = self._forest.weights(points)
        start = np.zeros((len(points), self._count - 1, len(features) + 1))
        coefficients = self._fit(weights, features, start)
        squares = np.asarray(weights.multiply(weights).sum(axis=1)).ravel()
        return Explanations(
            points, self._function(coefficients, features), float(coefficients[0].size), 1 / squares
        )

    def _fit(self, weights: sparse.csr_matrix, features: NDArray[np.intp], start: Floats) -> Floats:
        """Fit the local models of m points.

        Parameters
        ----------
        weights
            Weights of the rows, m × rows.
        start
            First guess, m × (classes − 1) × (1 + features).

        Returns
        -------
        Coefficients, in the shape of ``start``.
        """
        design = np.column_stack([np.ones(len(self._rows)), self._rows[:, features]])
        coefficients = np.empty_like(start)
        for part in _batches(np.diff(weights.indptr), CHUNK // (design.shape[1] * self._count)):
            x, w, classes = _neighbours(weights, part, design, self._classes)
            coefficients[part] = fit_logistic(x, w, classes, self._penalty, start[part])
        return coefficients

    def _function(self, coefficients: Floats, features: NDArray[np.intp]) -> Function:
        def predict(x: Floats) -> Floats:
            read = np.column_stack([np.ones(len(x)), x[:, features]])
            return _softmax(np.einsum("mcf,mf->mc", coefficients, read))

        return predict


def _batches(lengths: NDArray[np.integer], most: int) -> list[NDArray[np.intp]]:
    """Group points with similar numbers of rows, which are padded to the largest.

    A group has at most ``most`` rows with padding, or one point.
    """
    order = np.argsort(lengths, kind="stable")[::-1]
    groups, first = [], 0
    while first < len(order):
        size = max(1, most // max(int(lengths[order[first]]), 1))
        groups.append(order[first : first + size])
        first += size
    return groups


def _neighbours(
    weights: sparse.csr_matrix, part: NDArray[np.intp], design: Floats, classes: NDArray[np.intp]
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Rows (m × r × f), weights (m × r, 0 for padding) and classes (m × r) of some points."""
    counts = np.diff(weights.indptr)[part]
    w = np.zeros((len(part), counts.max()))
    index = np.zeros(w.shape, np.intp)
    for i, point in enumerate(part):
        span = slice(weights.indptr[point], weights.indptr[point + 1])
        w[i, : counts[i]] = weights.data[span]
        index[i, : counts[i]] = weights.indices[span]
    return design[index], w, classes[index]


def fit_logistic(
    x: Floats, weights: Floats, classes: NDArray[np.intp], penalty: float, start: Floats
) -> Floats:
    """Fit weighted multinomial logistic regressions of m points at once.

    Newton's method with step halving minimises Σ wᵢ·(−ln p(classᵢ)) + penalty/2·|β|² for each
    point; class 0 is the reference, with coefficients 0.

    Parameters
    ----------
    x, weights, classes
        Rows, m × r × f, their weights, m × r, and classes, m × r.
    penalty
        Ridge penalty.
    start
        First guess of the coefficients, m × (classes − 1) × f; the result does not depend on it.

    Returns
    -------
    Coefficients, in the shape of ``start``.
    """
    points, free, features = start.shape
    size = free * features
    beta = start.copy()
    target = classes[:, None, :] == np.arange(1, free + 1)[None, :, None]
    active = np.arange(points)
    p, loss = _evaluate(x, weights, target, beta, penalty)
    for _ in range(NEWTON_STEPS):
        gradient = ((p - target) * weights[:, None, :]) @ x + penalty * beta[active]
        hessian = np.empty((len(active), free, features, free, features))
        for i in range(free):
            for j in range(i, free):
                curvature = weights * p[:, i] * ((i == j) - p[:, j])
                hessian[:, i, :, j] = hessian[:, j, :, i] = np.swapaxes(x, 1, 2) @ (
                    x * curvature[:, :, None]
                )
        flat = hessian.reshape(len(active), size, size)
        flat[:, range(size), range(size)] += penalty
        step = np.linalg.solve(flat, gradient.reshape(len(active), size, 1)).reshape(gradient.shape)
        # squared Newton decrement: about twice the remaining decrease of the loss
        decrease = np.einsum("mcf,mcf->m", gradient, step)
        scale = np.ones(len(active))
        for _ in range(HALVINGS):
            moved = beta[active] - scale[:, None, None] * step
            p, after = _evaluate(x, weights, target, moved, penalty)
            worse = after > loss - 1e-4 * scale * decrease + 1e-15
            if not worse.any():
                break
            scale[worse] /= 2
        beta[active], loss = moved, after
        unfinished = decrease > TOLERANCE * penalty
        if not unfinished.any():
            break
        if not unfinished.all():
            active, x, weights, target, p, loss = (
                part[unfinished] for part in (active, x, weights, target, p, loss)
            )
    return beta


def _evaluate(
    x: Floats, weights: Floats, target: NDArray[np.bool_], beta: Floats, penalty: float
) -> tuple[Floats, Floats]:
    """Probabilities of all classes but the reference, m × (classes − 1) × r, and losses, m."""
    logits = beta @ np.swapaxes(x, 1, 2)
    top = np.maximum(logits.max(axis=1), 0)
    p = np.exp(logits - top[:, None])
    total = p.sum(axis=1) + np.exp(-top)
    loss = ((np.log(total) + top - (logits * target).sum(axis=1)) * weights).sum(axis=1)
    p /= total[:, None]
    return p, loss + penalty / 2 * np.square(beta).sum(axis=(1, 2))


def _softmax(logits: Floats) -> Floats:
    """Probabilities of all classes, m × classes, from the logits of all but the reference."""
    full = np.column_stack([np.zeros(len(logits)), logits])
    shifted = np.exp(full - full.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
