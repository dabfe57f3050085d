"""MAPLE (Plumb, Molitor and Talwalkar 2018, NeurIPS): a forest chooses the rows that matter for a
point, a linear model explains it.

The weight of a training row for a point is the mean, over the trees, of 1/|leaf| where both lie in
one leaf, and 0 where not (equation 3 there). Features are ranked by how much the roots of the trees
decrease the impurity by splitting on them (section 4); as many of the best as give the lowest error
on the validation rows take part in the local models.

The local model of a regression needs of its weighted rows their first and second moments alone, and
those are means over leaves: the moments of every leaf are computed once, by a sparse product, and a
point adds up those of its leaves. It costs as much as there are trees, not as there are rows. Where
the network classifies, the local model is a logistic regression, fitted by Newton's method to many
points at once.

The ridge is that of the published implementation, where the weights of the trees are added and not
averaged: 0.001 there is 0.001/trees here.
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
VALIDATION_ROWS = 100  # of the rows, where there are none of their own
CHUNK = (
    1 << 18
)  # values that a batch of local logistic regressions may hold: they stay in the processor's cache
NEWTON_STEPS, HALVINGS, TOLERANCE = 60, 30, 1e-12


@dataclass(frozen=True)
class Settings:
    """Of the forest and of the local models."""

    trees: int = TREES
    min_leaf: int = MIN_LEAF
    max_features: float = MAX_FEATURES
    ridge: float = RIDGE

    @property
    def penalty(self) -> float:
        """The ridge against weights that add up to 1."""
        return self.ridge / self.trees


class Maple:
    """MAPLE of one network.

    Parameters
    ----------
    rows, outputs
        n × d, and the network's outputs n × k; probabilities where it classifies, else k = 1.
    valid
        Validation rows and the network's outputs there. Where there are none, a fifth of the rows,
        at most 100, is drawn for it and kept from the forest.

    Attributes
    ----------
    features
        The inputs of the local models, most important first.

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
        self.features = ranked[: self._local.count(ranked, *valid)]

    def explain(self, points: Floats) -> Explanations:
        """A local model per point."""
        points = np.asarray(points, np.float64)
        return self._local.explain(points, np.sort(self.features))


class Forest:
    """A forest, and which leaves rows lie in.

    Attributes
    ----------
    members
        n × leaves, 1 where a row lies in a leaf.
    sizes
        Rows of every leaf.
    importance
        Of every input: how much the roots that split on it decrease the impurity, summed over the
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
        """n × leaves of all trees, 1 where a row lies in a leaf: as many ones a row as there are
        trees."""
        found = self._forest.apply(x) + self._first
        counts = np.arange(len(x) + 1) * found.shape[1]
        return sparse.csr_matrix(
            (np.ones(found.size), found.ravel(), counts), shape=(len(x), self._nodes)
        )

    def weights(self, x: Floats) -> sparse.csr_matrix:
        """Weights of the rows for points: points × rows, every row of it adds up to 1."""
        shares = self.leaves(x) @ sparse.diags(1 / (self.sizes * len(self._first)))
        return (shares @ self.members.T).tocsr()


# --- Regression -----------------------------------------------------------------------------------


class _Regression:
    """Local ridge regressions from the moments of leaves."""

    def __init__(self, forest: Forest, rows: Floats, outputs: Floats, settings: Settings) -> None:
        self._forest, self._trees = forest, settings.trees
        # In standard units the moments lose least by rounding; the penalty follows, so that the
        # model is the same.
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

    def count(self, ranked: NDArray[np.intp], x: Floats, y: Floats) -> int:
        """How many of the ranked features give the lowest squared error at validation rows; the
        fewest of equals."""
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
        """Weighted means (m × d + 1) and covariances (m × d + 1 × d + 1) of inputs and output
        around points."""
        columns = len(self._mean) + 1
        found = self._forest.leaves(points) @ self._moments / self._trees
        mean = found[:, :columns]
        second = np.empty((len(points), columns, columns))
        second[:, self._upper[0], self._upper[1]] = found[:, columns:]
        second[:, self._upper[1], self._upper[0]] = found[:, columns:]
        return mean, second - mean[:, :, None] * mean[:, None, :]

    def _solve(
        self, moments: tuple[Floats, Floats], points: Floats, features: NDArray[np.intp]
    ) -> tuple[Floats, Floats]:
        """Values at the points (m) and coefficients (m × features)."""
        mean, covariance = moments
        matrix = covariance[:, features[:, None], features] + np.diag(self._penalty[features])
        slopes = np.linalg.solve(matrix, covariance[:, features, -1:])[:, :, 0]
        z = (points[:, features] - self._mean[features]) / self._scale[features]
        value = mean[:, -1] + np.einsum("mf,mf->m", slopes, z - mean[:, features])
        return value * self._scale_y + self._mean_y, slopes * self._scale_y / self._scale[features]


# --- Classification -------------------------------------------------------------------------------


class _Classification:
    """Local logistic regressions of the network's class, the first class as reference; all
    coefficients are penalised."""

    def __init__(self, forest: Forest, rows: Floats, outputs: Floats, settings: Settings) -> None:
        self._forest, self._rows, self._penalty = forest, rows, settings.penalty
        self._classes, self._count = outputs.argmax(axis=1), outputs.shape[1]

    def count(self, ranked: NDArray[np.intp], x: Floats, y: Floats) -> int:
        """How many of the ranked features give the lowest cross-entropy at validation rows; the
        fewest of equals."""
        if len(np.unique(self._classes)) == 1:
            return 1
        expected = y.argmax(axis=1)[:, None]
        weights = self._forest.weights(x)
        losses = []
        found = np.zeros((len(x), self._count - 1, 1))
        for kept in range(1, len(ranked) + 1):
            # the model with one feature less is near
            found = self._fit(weights, ranked[:kept], np.pad(found, ((0, 0), (0, 0), (0, 1))))
            chosen = np.take_along_axis(self._function(found, ranked[:kept])(x), expected, axis=1)
            losses.append(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())
        return int(np.argmin(losses)) + 1

    def explain(self, points: Floats, features: NDArray[np.intp]) -> Explanations:
        weights = self._forest.weights(points)
        found = self._fit(
            weights, features, np.zeros((len(points), self._count - 1, len(features) + 1))
        )
        squares = np.asarray(weights.multiply(weights).sum(axis=1)).ravel()
        return Explanations(
            points, self._function(found, features), float(found[0].size), 1 / squares
        )

    def _fit(self, weights: sparse.csr_matrix, features: NDArray[np.intp], start: Floats) -> Floats:
        """Coefficients of points by the weights of their rows (points × rows), m × classes − 1 × 1
        + features, as is ``start``."""
        design = np.column_stack([np.ones(len(self._rows)), self._rows[:, features]])
        coefficients = np.empty_like(start)
        for part in _parts(np.diff(weights.indptr), CHUNK // (design.shape[1] * self._count)):
            x, w, classes = _neighbours(weights, part, design, self._classes)
            coefficients[part] = logistic(x, w, classes, self._penalty, start[part])
        return coefficients

    def _function(self, coefficients: Floats, features: NDArray[np.intp]) -> Function:
        def at(x: Floats) -> Floats:
            read = np.column_stack([np.ones(len(x)), x[:, features]])
            return _softmax(np.einsum("mcf,mf->mc", coefficients, read))

        return at


def _parts(lengths: NDArray[np.integer], most: int) -> list[NDArray[np.intp]]:
    """Points in groups of similar numbers of rows, which are padded to the largest: at most so many
    rows a group, or one point."""
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
    """Rows (m × r × f), weights (m × r, 0 where padded) and classes (m × r) of some points."""
    counts = np.diff(weights.indptr)[part]
    w = np.zeros((len(part), counts.max()))
    index = np.zeros(w.shape, np.intp)
    for i, point in enumerate(part):
        span = slice(weights.indptr[point], weights.indptr[point + 1])
        w[i, : counts[i]] = weights.data[span]
        index[i, : counts[i]] = weights.indices[span]
    return design[index], w, classes[index]


def logistic(
    x: Floats, weights: Floats, classes: NDArray[np.intp], penalty: float, start: Floats
) -> Floats:
    """Weighted multinomial logistic regressions of m points at once, by Newton's method with halved
    steps.

    Minimises Σ wᵢ·(−ln p(classᵢ)) + penalty/2·|β|² per point; class 0 is the reference, whose
    coefficients are 0.

    Parameters
    ----------
    x, weights, classes
        m × r × f, m × r and m × r.
    start
        The first guess of the coefficients, m × number of classes − 1 × f; it has no part in the
        result.

    Returns
    -------
    Coefficients as ``start``.
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
        decrease = np.einsum(
            "mcf,mcf->m", gradient, step
        )  # the square of Newton's decrement: twice what is left of the loss
        scale = np.ones(len(active))
        for _ in range(HALVINGS):
            moved = beta[active] - scale[:, None, None] * step
            p, after = _evaluate(x, weights, target, moved, penalty)
            worse = after > loss - 1e-4 * scale * decrease + 1e-15
            if not worse.any():
                break
            scale[worse] /= 2
        beta[active], loss = moved, after
        going = decrease > TOLERANCE * penalty
        if not going.any():
            break
        if not going.all():
            active, x, weights, target, p, loss = (
                part[going] for part in (active, x, weights, target, p, loss)
            )
    return beta


def _evaluate(
    x: Floats, weights: Floats, target: NDArray[np.bool_], beta: Floats, penalty: float
) -> tuple[Floats, Floats]:
    """Probabilities of all classes but the reference (m × count − 1 × r), and the penalised loss
    (m)."""
    logits = beta @ np.swapaxes(x, 1, 2)
    top = np.maximum(logits.max(axis=1), 0)
    p = np.exp(logits - top[:, None])
    total = p.sum(axis=1) + np.exp(-top)
    loss = ((np.log(total) + top - (logits * target).sum(axis=1)) * weights).sum(axis=1)
    p /= total[:, None]
    return p, loss + penalty / 2 * np.square(beta).sum(axis=(1, 2))


def _softmax(logits: Floats) -> Floats:
    """Probabilities of all classes from the logits of all but the reference, m × count."""
    full = np.column_stack([np.zeros(len(logits)), logits])
    shifted = np.exp(full - full.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
