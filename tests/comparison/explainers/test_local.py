"""The linear formula of SRNet near a point."""

import numpy as np
import pytest
from helpers import ranked

from srnet.cgp.program import Program
from srnet.comparison.explainers.local import Local
from srnet.comparison.explainers.srnet import Symbolic
from srnet.explanation.result import Explanation
from srnet.model.srnet import LOSSES, READS, SRNet

POINTS = np.random.default_rng(0).uniform(-1, 1, (7, 2))


def test_by_hand() -> None:
    """x0² x1 near (2, 5): 20 + 20 (x0 - 2) + 4 (x1 - 5)."""
    program = Program(2, (), (("square", (0,)), ("mul", (2, 1))), 3)
    model = SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))
    near = Local(model).explain(np.array([[2.0, 5.0], [0.0, 1.0]]))
    assert near.outputs.tolist() == [[20.0], [0.0]]
    assert near.predict(np.array([[2.5, 4.0], [3.0, 3.0]])).tolist() == [[26.0], [0.0]]
    assert near.terms == 3
    assert near.support is None


@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("loss", LOSSES)
def test_it_is_what_an_explanation_tells(reads: str, loss: str) -> None:
    model = ranked.model(2, reads, loss=loss)
    near = Local(model).explain(POINTS)
    np.testing.assert_allclose(near.outputs, Symbolic(model).explain(POINTS).outputs, rtol=1e-12)
    slopes = near.slopes(np.full(2, 0.1))
    explanation = Explanation(model.to_run())
    for i, point in enumerate(POINTS):
        for output in range(2):
            told = explanation.explain_at(point, output).gradient
            np.testing.assert_allclose(slopes[i, output], told, rtol=1e-9, atol=1e-12)


def test_a_point_without_a_value_spoils_no_other() -> None:
    program = Program(2, (), (("ln", (0,)),), 2)
    model = SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))
    near = Local(model).explain(np.array([[-1.0, 0.0], [2.0, 0.0]]))
    assert np.isnan(near.outputs[0, 0])
    found = near.predict(np.array([[2.0, 0.0], [3.0, 9.0]]))
    assert found[1, 0] == pytest.approx(np.log(2) + 0.5)


def test_a_constant_formula_has_no_slope() -> None:
    model = SRNet(((Program(2, (3.0,), (), 2),),), (np.array([[2.0]]),), (np.array([1.0]),))
    near = Local(model).explain(POINTS)
    assert near.predict(POINTS + 1).tolist() == [[7.0]] * len(POINTS)
