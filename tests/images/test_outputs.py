"""What outputs mean: probabilities and log-odds beside plain formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, log_softmax, softmax

from srnet.errors import UserError
from srnet.images.search.outputs import (
    check_change,
    choose_label,
    class_columns,
    detect,
    predict_class,
    predict_value,
    probabilities_by_class,
)

LOGITS = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(2, 5)), elements=st.floats(-9, 9)
)


@given(LOGITS)
def test_logits_their_logarithms_and_probabilities_say_the_same(logits: np.ndarray) -> None:
    p = softmax(logits, axis=1)
    for output, outputs in (
        (logits, "logits"),
        (log_softmax(logits, axis=1), "logits"),
        (p, "probabilities"),
        (logits - np.logaddexp.reduce(np.delete(logits, 0, axis=1), axis=1)[:, None], None),
    ):
        if outputs is None:  # of the first class against all others, by a sigmoid
            outputs, output = "multilabel", output[:, :1]
        found = predict_class(class_columns(output, outputs), outputs, 0)
        assert found.probability == pytest.approx(p[:, 0], abs=1e-12)
        assert found.log_odds == pytest.approx(np.log(p[:, 0] / (1 - p[:, 0])), abs=1e-6)
    assert probabilities_by_class(logits, "logits") == pytest.approx(p)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.just(1)), elements=st.floats(-9, 9)))
def test_one_output_is_that_of_the_second_of_two_classes(z: np.ndarray) -> None:
    for output, outputs in ((z, "logits"), (expit(z), "probabilities")):
        both = class_columns(output, outputs)
        assert probabilities_by_class(both, outputs) == pytest.approx(
            np.hstack([expit(-z), expit(z)])
        )
        for label, sign in ((0, -1), (1, 1)):
            found = predict_class(both, outputs, label)
            assert found.log_odds == pytest.approx(sign * z[:, 0], abs=1e-6)
    assert probabilities_by_class(z, "multilabel") == pytest.approx(expit(z))


@given(
    arrays(np.float64, 5, elements=st.floats(-1e6, 1e6)),
    st.floats(-1e6, 1e6),
    st.floats(1, 1e6),
    st.sampled_from([-1, 1]),
)
def test_a_value_goes_from_the_fill_to_the_whole_image(values, empty, change, sign) -> None:
    whole = empty + sign * change
    found = predict_value(np.array([empty, whole, *values]), empty, whole)
    assert found.probability[:2] == pytest.approx([0, 1], abs=1e-9)
    assert found.log_odds[:2] == pytest.approx([-4, 4], abs=1e-9)
    assert empty + found.probability[2:] * (whole - empty) == pytest.approx(values, abs=1e-3)
    assert (found.log_odds == 4 * (2 * found.probability - 1)).all()


def test_what_cannot_be_told_apart_is_one_sentence() -> None:
    assert detect(np.array([[0.2, 1.7]])) == detect(np.array([[-0.1, 0.5]])) == "logits"
    assert detect(np.array([[0.2, 0.8]])) == "probabilities"
    for output, words in (([[0.2, 0.7]], "do not sum to 1"), ([[0.3]], "of 0.3; choose outputs=")):
        with pytest.raises(UserError, match=words):
            detect(np.array(output))
    assert choose_label(None, np.array([0.1, 0.9]), "logits") == 1
    assert choose_label(None, np.array([7.0]), "values") == 0
    with pytest.raises(UserError, match="gives 2 values per image"):
        choose_label(None, np.array([7.0, 8.0]), "values")
    check_change(1.0, 1.1)
    for value in (0.0, 1e9):
        with pytest.raises(UserError, match="nothing to explain"):
            check_change(value, value * (1 + 1e-9))
