"""MAPLE literally as published, one point, one tree and one row at a time: slow, and what the fast
version must equal."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import Ridge

Floats = NDArray[np.float64]


class LiteralMaple:
    """The same forest from the same seed; everything else by loops."""

    def __init__(
        self,
        rows,
        outputs,
        classifies,
        seed,
        valid,
        trees=200,
        min_leaf=10,
        max_features=0.5,
        ridge=0.001,
    ):
        self.rows, self.classifies, self.ridge, self.trees, self.count = (
            rows,
            classifies,
            ridge,
            trees,
            outputs.shape[1],
        )
        self.targets = outputs.argmax(axis=1) if classifies else outputs[:, 0]
        kind = RandomForestClassifier if classifies else RandomForestRegressor
        options = {
            "n_estimators": trees,
            "min_samples_leaf": min_leaf,
            "max_features": max_features,
            "random_state": seed,
        }
        self.forest = kind(**options).fit(rows, self.targets)
        self.leaves = self.forest.apply(rows)
        self.ranked = np.argsort(-self._importance(), kind="stable")
        errors = []
        for kept in range(1, rows.shape[1] + 1):
            self.features = np.sort(self.ranked[:kept])
            found = np.array([self.explain_one(point) for point in valid[0]])
            if classifies:
                chosen = found[np.arange(len(found)), valid[1].argmax(axis=1)]
                errors.append(-np.log(np.maximum(chosen, np.finfo(float).tiny)).mean())
            else:
                errors.append(np.mean((found - valid[1]) ** 2))
        self.features = np.sort(self.ranked[: int(np.argmin(errors)) + 1])

    def _importance(self):
        scores = np.zeros(self.rows.shape[1])
        for estimator in self.forest.estimators_:
            tree = estimator.tree_
            if tree.feature[0] < 0:
                continue
            left, right = tree.children_left[0], tree.children_right[0]
            n = tree.weighted_n_node_samples
            after = (n[left] * tree.impurity[left] + n[right] * tree.impurity[right]) / n[0]
            scores[tree.feature[0]] += tree.impurity[0] - after
        return scores

    def weights(self, point):
        """The published sum over the trees."""
        weights = np.zeros(len(self.rows))
        for tree, leaf in enumerate(self.forest.apply(point[None])[0]):
            near = np.where(self.leaves[:, tree] == leaf)[0]
            weights[near] += 1 / len(near)
        return weights

    def explain_one(self, point):
        weights = self.weights(point)
        if self.classifies:
            return self._logistic(weights, point)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = Ridge(alpha=self.ridge).fit(self.rows[:, self.features], self.targets, weights)
        self.coefficients = model.coef_
        return model.predict(point[None, self.features])

    def _logistic(self, weights, point):
        """Probabilities at the point; the first class is the reference, every coefficient is
        penalised."""
        x = np.column_stack([np.ones(len(self.rows)), self.rows[:, self.features]])
        x, w, c = x[weights > 0], weights[weights > 0], self.targets[weights > 0]
        shape = (self.count - 1, x.shape[1])

        def logits(beta, at):
            return np.column_stack([np.zeros(len(at)), at @ beta.reshape(shape).T])

        def loss(beta):
            return (
                -w @ log_softmax(logits(beta, x), axis=1)[np.arange(len(x)), c]
                + self.ridge / 2 * beta @ beta
            )

        def gradient(beta):
            p = softmax(logits(beta, x), axis=1) - np.eye(self.count)[c]
            return ((w[:, None] * p)[:, 1:].T @ x).ravel() + self.ridge * beta

        def hessian(beta):
            p = softmax(logits(beta, x), axis=1)[:, 1:]
            parts = np.zeros((*shape, *shape))
            for i in range(shape[0]):
                for j in range(shape[0]):
                    parts[i, :, j] = (x * (w * p[:, i] * ((i == j) - p[:, j]))[:, None]).T @ x
            return parts.reshape(np.prod(shape), -1) + self.ridge * np.eye(np.prod(shape))

        start = np.zeros(np.prod(shape))
        found = minimize(
            loss,
            start,
            jac=gradient,
            hess=hessian,
            method="trust-exact",
            options={"gtol": 1e-11, "maxiter": 2000},
        )
        beta = found.x
        for _ in range(3):  # the last digits, which the loss cannot see
            beta = beta - np.linalg.solve(hessian(beta), gradient(beta))
        self.coefficients = beta
        return softmax(logits(beta, np.concatenate([[1.0], point[self.features]])[None]), axis=1)[0]
