"""Baselines that any useful explanation must beat: one linear model and one constant."""

import numpy as np

from srnet.comparison.explainers.interface import Explanations, Function
from srnet.typing import Floats


class Constant:
    """The mean of the network's outputs on the rows, or for a classifier its most frequent class.

    Parameters
    ----------
    outputs
        The network's outputs on the rows, n × k.
    classifies
        Whether the network is a classifier.
    """

    def __init__(self, outputs: Floats, classifies: bool) -> None:
        if classifies:
            counts = np.bincount(outputs.argmax(axis=1), minlength=outputs.shape[1])
            self.value = np.eye(len(counts))[counts.argmax()]
        else:
            self.value = outputs.mean(axis=0)

    def explain(self, points: Floats) -> Explanations:
        """The constant at every point."""
        return Explanations(points, lambda x: np.tile(self.value, (len(x), 1)), terms=1)


class Linear:
    """Least squares on the rows, or for a classifier a logistic regression of the network's class.

    The logistic regression is scikit-learn's with C = 1.

    Parameters
    ----------
    rows, outputs
        Rows, n × d, and the network's outputs, n × k.
    classifies
        Whether the network is a classifier.
    """

    def __init__(self, rows: Floats, outputs: Floats, classifies: bool) -> None:
        self.terms = float(rows.shape[1] + 1)
        fit = _fit_logistic if classifies else _fit_least_squares
        self._predict = fit(rows, outputs)
        if classifies:
            self.terms *= outputs.shape[1] - 1

    def explain(self, points: Floats) -> Explanations:
        """The linear model at every point."""
        return Explanations(points, self._predict, self.terms)


def _fit_least_squares(rows: Floats, outputs: Floats) -> Function:
    mean = rows.mean(axis=0)
    coefficients, *_ = np.linalg.lstsq(rows - mean, outputs - outputs.mean(axis=0), rcond=None)
    return lambda x: (x - mean) @ coefficients + outputs.mean(axis=0)


def _fit_logistic(rows: Floats, outputs: Floats) -> Function:
    from sklearn.linear_model import LogisticRegression

    classes = outputs.argmax(axis=1)
    present = np.unique(classes)
    if len(present) == 1:  # a constant network
        return Constant(outputs, classifies=True).explain(rows).predict
    model = LogisticRegression(max_iter=1000).fit(rows, classes)

    def predict(x: Floats) -> Floats:
        probabilities = np.zeros((len(x), outputs.shape[1]))
        probabilities[:, present] = model.predict_proba(x)
        return probabilities

    return predict
