"""Outputs of a classifier as probabilities, whatever the network gives."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from srnet.errors import UserError
from srnet.explanation.classifier import Classifier, class_probabilities

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (50, 3))
P = softmax(LOGITS, axis=1)


@dataclass
class Lines:
    """A box that gives rows of a table, by their number."""

    table: np.ndarray
    scaler: Any = None

    def layers(self, x: np.ndarray) -> tuple[list[str], list[np.ndarray]]:
        return ["hidden1", "output"], [x, self.table[x[:, 0].astype(int)]]


NUMBERS = np.arange(50.0)[:, None]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (LOGITS, P),
        (P, P),
        (np.log(P), P),
        (P.astype(np.float32), P),
        (LOGITS[:, :1], np.hstack([1 - expit(LOGITS[:, :1]), expit(LOGITS[:, :1])])),
        (P[:, :1], np.hstack([1 - P[:, :1], P[:, :1]])),
        (P * 1.1, softmax(P * 1.1, axis=1)),
    ],
    ids=["logits", "probabilities", "logarithms", "float32", "a logit", "a probability", "others"],
)
def test_what_the_outputs_are_is_seen(outputs: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(class_probabilities(outputs), expected, atol=1e-6)
    box = Classifier.from_rows(Lines(outputs), NUMBERS)
    names, (below, values) = box.layers(NUMBERS)
    assert names == ["hidden1", "output"]
    np.testing.assert_array_equal(below, NUMBERS)
    np.testing.assert_allclose(values, expected, atol=1e-6)


def test_a_single_row_is_read_as_all_were() -> None:
    """A logit of 0.5 is no probability though it could be one."""
    table = np.vstack([LOGITS[:, :1], [[0.5]]])
    box = Classifier.from_rows(Lines(table), np.arange(51.0)[:, None])
    np.testing.assert_allclose(box.layers(np.array([[50.0]]))[1][-1][0, 1], expit(0.5))


def test_a_single_column_is_what_the_network_gives() -> None:
    """Logits of 0 … 1 are no probabilities where the network gives logits."""
    column = np.array([[0.1], [0.9]])
    second = class_probabilities(column, "logits")[:, 1:]
    np.testing.assert_allclose(second, expit(column))
    for kind in (None, "probabilities"):
        np.testing.assert_array_equal(class_probabilities(column, kind)[:, 1:], column)
    np.testing.assert_array_equal(class_probabilities(P, "logits"), P)  # of these it is seen


def test_labels_that_do_not_exclude_one_another_are_no_logits() -> None:
    """A softmax of their probabilities is nothing that the network gives."""
    labels = expit(LOGITS)
    told = "gives 3 outputs of 0 … 1 with sums of .* to .*; of labels .* output=0, and of logits"
    with pytest.raises(UserError, match=f"^the model {told}"):
        Classifier.from_rows(Lines(labels), NUMBERS)
    for kind in (None, "probabilities"):
        with pytest.raises(UserError, match=f"^y {told}"):
            class_probabilities(labels, kind)
    # of a few rows logits may be in 0 … 1
    np.testing.assert_allclose(class_probabilities(labels, "logits"), softmax(labels, axis=1))
    assert Classifier.from_rows(Lines(labels - 1), NUMBERS).logits
    assert not Classifier.from_rows(Lines(labels[:, :1]), NUMBERS).logits


def test_the_scaler_is_the_networks() -> None:
    scaler = (np.zeros(1), np.ones(1))
    assert Classifier.from_rows(Lines(P, scaler), NUMBERS).scaler is scaler
