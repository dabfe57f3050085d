"""LIME for rows of numbers (Ribeiro, Singh and Guestrin 2016).

The settings are those of Luo et al. 2022 (section 4): continuous features without discretisation,
all features in the explanation, 5000 samples, and the defaults of the package ``lime`` for the
ridge, the kernel and the sampling, which is around the mean of the rows and not around the point.
The numbers are the package's, sample by sample, and the tests compare them; only its checks and
summaries of every point are left out, which take most of its time. The package seeds an explainer,
not an explanation, so a second call would differ. Here each point has its own samples, seeded by
the seed and the point alone: its explanation does not depend on points explained before it.
"""

import numpy as np

from srnet.comparison.explainers.interface import Explanations, Function, local_linear
from srnet.typing import Floats

SAMPLES = 5000
WIDTH = 0.75  # of the kernel, times the square root of the number of inputs
PENALTY = 1.0  # of the ridge; the intercept has none


class Lime:
    """LIME of one network.

    Parameters
    ----------
    predict
        The network: from rows n × d to outputs n × k; probabilities of a classifier, else k = 1.
    rows
        Rows of its inputs, n × d, for their means and standard deviations.
    seed
        Seed of the samples.
    samples
        Number of rows at which LIME evaluates the network for each point, including the point.
    """

    def __init__(self, predict: Function, rows: Floats, seed: int, samples: int = SAMPLES) -> None:
        self.predict = predict
        self.seed = seed
        self.samples = samples
        self.mean, scale = rows.mean(axis=0), rows.std(axis=0)
        self.scale = np.where(scale > 0, scale, 1.0)

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
        random = np.random.RandomState(point_seed(self.seed, point))
        standardised = random.normal(size=(self.samples, len(point)))
        standardised[0] = (point - self.mean) / self.scale
        sample = standardised * self.scale + self.mean
        sample[0] = point
        squares = np.square(standardised - standardised[0]).sum(axis=1)
        weights = np.exp(squares / (-2 * WIDTH**2 * len(point)))  # the root of the kernel's value
        intercepts, slopes = fit_ridge(standardised, self.predict(sample), weights)
        support = float(weights.sum() ** 2 / np.square(weights).sum())
        return intercepts + slopes @ standardised[0], slopes / self.scale, support


def point_seed(seed: int, point: Floats) -> int:
    """A seed of 32 bits derived from the seed of the comparison and the bits of the point."""
    bits = np.ascontiguousarray(point, np.float64).view(np.uint32)
    return int(np.random.SeedSequence([seed, *bits.tolist()]).generate_state(1)[0])


def fit_ridge(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted ridge regressions of every column of y, without a penalty on the intercept.

    They equal scikit-learn's ``Ridge(alpha=1)``, LIME's default, by the normal equations.

    Parameters
    ----------
    x, y, weights
        Rows, n × d; targets, n × k; n values.

    Returns
    -------
    Intercepts, k values, and slopes, k × d.
    """
    shares = weights / weights.sum()
    mean_x, mean_y = shares @ x, shares @ y
    centred = x - mean_x
    weighted = centred.T * weights
    matrix = weighted @ centred
    matrix[np.diag_indices_from(matrix)] += PENALTY
    slopes = np.linalg.solve(matrix, weighted @ (y - mean_y)).T
    return mean_y - slopes @ mean_x, slopes
