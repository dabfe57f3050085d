"""LIME for rows of numbers (Ribeiro, Singh and Guestrin 2016), by the package ``lime``.

As in the experiments of Luo et al. 2022 (section 4): continuous features that are not discretised,
all of them in the explanation, 5000 samples, and the package's own ridge (1), kernel and way of
sampling: around the mean of the rows, not around the point. The package seeds an explainer and not
an explanation, so that a second call would differ: every point gets an explainer of its own, whose
seed depends on (seed, point) alone. The same point is then explained in the same way whatever was
explained before it, in whatever process.
"""

from typing import Any

import numpy as np
from lime.lime_tabular import LimeTabularExplainer
from numpy.typing import NDArray

from srnet.comparison.explainers.interface import Explanations, Function, local_linear
from srnet.typing import Floats

SAMPLES = 5000


class Lime:
    """LIME of one network.

    Parameters
    ----------
    predict
        The network: rows n × d to outputs n × k; probabilities where it classifies, else k = 1.
    rows
        Where its inputs come from, n × d: LIME needs their means and standard deviations.
    samples
        Rows at which LIME asks the network to explain one point, the point itself included.
    """

    def __init__(
        self, predict: Function, rows: Floats, classifies: bool, seed: int, samples: int = SAMPLES
    ) -> None:
        self.predict = predict if classifies else lambda x: predict(x)[:, 0]
        self.classifies = classifies
        self.seed = seed
        self.samples = samples
        self.mean, scale = rows.mean(axis=0), rows.std(axis=0)
        self.scale = np.where(scale > 0, scale, 1.0)
        # Without discretisation LIME takes from the rows the mean and the standard deviation of
        # every column. Two rows that have the same spare it a pass over thousands of rows per
        # point.
        self._rows = np.stack([self.mean - scale, self.mean + scale])

    def explain(self, points: Floats) -> Explanations:
        """A linear model per point and output."""
        points = np.asarray(points, np.float64)
        found = [self._explain_one(point) for point in points]
        outputs, slopes, support = (
            np.array(values, np.float64) for values in zip(*found, strict=True)
        )
        terms = (points.shape[1] + 1) * outputs.shape[1]
        return Explanations(points, local_linear(points, outputs, slopes), float(terms), support)

    def _explain_one(self, point: Floats) -> tuple[Floats, Floats, float]:
        """Outputs (k) at the point, slopes (k × d), and the effective number of samples."""
        explainer = LimeTabularExplainer(
            self._rows,
            mode="classification" if self.classifies else "regression",
            discretize_continuous=False,
            feature_selection="none",
            random_state=np.random.RandomState(point_seed(self.seed, point)),
        )
        regressor = Ridge()
        labels = range(self.predict(point[None]).shape[1]) if self.classifies else (1,)
        found = explainer.explain_instance(
            point,
            self.predict,
            labels=labels,
            num_features=len(point),
            num_samples=self.samples,
            model_regressor=regressor,
        )
        slopes = np.zeros((len(labels), len(point)))
        intercepts = np.empty(len(labels))
        for i, label in enumerate(labels):
            intercepts[i] = found.intercept[label]
            for feature, slope in found.local_exp[label]:
                slopes[i, feature] = slope
        # LIME's model reads standardised inputs
        slopes /= self.scale
        return intercepts + slopes @ (point - self.mean), slopes, regressor.support


def point_seed(seed: int, point: Floats) -> int:
    """A seed of 32 bits from the seed of the comparison and the bits of the point."""
    bits = np.ascontiguousarray(point, np.float64).view(np.uint32)
    return int(np.random.SeedSequence([seed, *bits.tolist()]).generate_state(1)[0])


class Ridge:
    """Weighted ridge regression with an intercept that is not penalised, as scikit-learn's
    ``Ridge(alpha=1)``, LIME's own choice.

    ``lime`` calls a regressor once per point and output; this one solves the normal equations and
    checks nothing.
    """

    alpha = 1.0

    def fit(self, x: Floats, y: NDArray[Any], sample_weight: Floats) -> "Ridge":
        """x n × d, y and weights n values."""
        total = sample_weight.sum()
        self.support = float(total**2 / np.square(sample_weight).sum())
        mean, self._mean_y = sample_weight @ x / total, float(sample_weight @ y / total)
        centred, deviation = x - mean, y - self._mean_y
        weighted = centred * sample_weight[:, None]
        matrix = weighted.T @ centred
        matrix[np.diag_indices_from(matrix)] += self.alpha
        self.coef_ = np.linalg.solve(matrix, weighted.T @ deviation)
        self.intercept_ = self._mean_y - float(mean @ self.coef_)
        return self

    def predict(self, x: Floats) -> Floats:
        """n values."""
        return x @ self.coef_ + self.intercept_

    def score(self, x: Floats, y: NDArray[Any], sample_weight: Floats) -> float:
        """R² on the rows of the fit, weighted."""
        left = sample_weight @ np.square(y - self.predict(x))
        spread = sample_weight @ np.square(y - self._mean_y)
        return float(1 - left / spread) if spread > 0 else 0.0
