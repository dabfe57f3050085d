"""LIME for rows of numbers (Ribeiro, Singh and Guestrin 2016), by the package ``lime``.

The settings are those of Luo et al. 2022 (section 4): continuous features without discretisation,
all features in the explanation, 5000 samples, and the package's defaults for the ridge (1), the
kernel and the sampling, which is around the mean of the rows and not around the point. The package
seeds an explainer, not an explanation, so a second call would differ. Each point therefore gets its
own explainer, seeded by the seed and the point alone: its explanation does not depend on points
explained before it.
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
        The network: from rows n × d to outputs n × k; probabilities of a classifier, else k = 1.
    rows
        Rows of its inputs, n × d, for their means and standard deviations.
    classifies
        Whether the network is a classifier.
    seed
        Seed of the samples.
    samples
        Number of rows at which LIME evaluates the network for each point, including the point.
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
        # Without discretisation LIME uses only the mean and standard deviation of each column. Two
        # rows with the same moments save it a pass over thousands of rows per point.
        self._rows = np.stack([self.mean - scale, self.mean + scale])

    def explain(self, points: Floats) -> Explanations:
        """Explain points, m × d: a linear model for each point and output."""
        points = np.asarray(points, np.float64)
        explanations = [self._explain_point(point) for point in points]
        outputs, slopes, support = (
            np.array(values, np.float64) for values in zip(*explanations, strict=True)
        )
        terms = (points.shape[1] + 1) * outputs.shape[1]
        return Explanations(points, local_linear(points, outputs, slopes), float(terms), support)

    def _explain_point(self, point: Floats) -> tuple[Floats, Floats, float]:
        """Explain a point: outputs there (k), slopes (k × d) and effective number of samples."""
        explainer = LimeTabularExplainer(
            self._rows,
            mode="classification" if self.classifies else "regression",
            discretize_continuous=False,
            feature_selection="none",
            random_state=np.random.RandomState(point_seed(self.seed, point)),
        )
        regressor = Ridge()
        labels = range(self.predict(point[None]).shape[1]) if self.classifies else (1,)
        explanation = explainer.explain_instance(
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
            intercepts[i] = explanation.intercept[label]
            for feature, slope in explanation.local_exp[label]:
                slopes[i, feature] = slope
        # LIME's model is one of standardised inputs
        slopes /= self.scale
        return intercepts + slopes @ (point - self.mean), slopes, regressor.support


def point_seed(seed: int, point: Floats) -> int:
    """A seed of 32 bits derived from the seed of the comparison and the bits of the point."""
    bits = np.ascontiguousarray(point, np.float64).view(np.uint32)
    return int(np.random.SeedSequence([seed, *bits.tolist()]).generate_state(1)[0])


class Ridge:
    """Weighted ridge regression without a penalty on the intercept.

    It equals scikit-learn's ``Ridge(alpha=1)``, LIME's default. ``lime`` calls a regressor once per
    point and output; this one is faster because it only solves the normal equations and checks
    nothing.
    """

    alpha = 1.0

    def fit(self, x: Floats, y: NDArray[Any], sample_weight: Floats) -> "Ridge":
        """Fit rows x, n × d, to targets y with weights, n values each."""
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
        """Predictions for rows x, n × d: n values."""
        return x @ self.coef_ + self.intercept_

    def score(self, x: Floats, y: NDArray[Any], sample_weight: Floats) -> float:
        """Weighted R² on the rows of the fit."""
        residual = sample_weight @ np.square(y - self.predict(x))
        spread = sample_weight @ np.square(y - self._mean_y)
        return float(1 - residual / spread) if spread > 0 else 0.0
