"""Matching pursuit for one layer: its front, its targets and its inputs."""

from typing import Any

import numpy as np
import pytest
from helpers.nesting import keeps

from srnet.cgp.bounds import is_regular
from srnet.cgp.costs import layer_complexity
from srnet.cgp.program import Program
from srnet.data.dataset import widen_box
from srnet.search.elimination import measure
from srnet.search.pursuit import LayerPursuit, _best_inputs, _keep_sign, _lift, components
from srnet.search.settings import RankSettings, preset
from srnet.typing import Floats

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (150, 3))
H = np.column_stack([X[:, 0] * X[:, 1], np.sin(3 * X[:, 2]), X @ [1.0, -1.0, 0.5]])


def pursuit(x: Floats = X, h: Floats = H, rounds: int = 4, **changes: Any) -> LayerPursuit:
    """After some rounds."""
    settings = preset("rank", **{"population": 10, "generations": 240, "rounds": 4, **changes})
    assert isinstance(settings, RankSettings)
    found = LayerPursuit(x, h, settings, 3, 0)
    for _ in range(rounds):
        while not found.search.finished:
            found.search.step()
        found.end_round()
    return found


@pytest.mark.parametrize("formulas", [0, 2])
def test_the_front_is_what_its_formulas_compute(formulas: int) -> None:
    found = pursuit(formulas=formulas)
    found.shorten()
    front = found.front()
    complexities = [fitted.complexity for fitted in front]
    assert complexities[0] == 0
    assert complexities == sorted(set(complexities))
    errors = [fitted.error for fitted in front]
    assert errors == sorted(set(errors), reverse=True)
    for fitted in front:
        assert fitted.complexity == layer_complexity(fitted.programs)
        design = np.column_stack([np.ones(150), *(program(X) for program in fitted.programs)])
        left = H - design @ np.linalg.lstsq(design, H, rcond=None)[0]
        # the squared error of the components that are fitted, where they are all
        if not formulas:
            assert fitted.error * found._h.size == pytest.approx(np.sum(left**2), abs=1e-3)


@pytest.mark.parametrize("formulas", [0, 2])
def test_every_formula_keeps_the_nesting_constraints(formulas: int) -> None:
    """Also where folded constants add sums and products to what the search has found."""
    constraints = (("cos", (("mul", 0),)), ("square", (("add", 0), ("sub", 0))))
    for limits in (constraints, ()):
        found = pursuit(formulas=formulas, nested_constraints=limits)
        found.shorten()
        assert len(found.found) > 3
        programs = [p for fitted in (*found.found.values(), found.current) for p in fitted.programs]
        assert all(keeps(program, constraints) for program in programs) == bool(limits)


@pytest.mark.parametrize("formulas", [0, 2])
def test_every_formula_is_finite_in_the_wider_box(formulas: int) -> None:
    x = RNG.uniform(0.2, 1, (150, 2))
    found = pursuit(x, np.log(x) / x[:, ::-1], formulas=formulas)
    low, high = (bounds.tolist() for bounds in found._box)
    assert (np.array([low, high]) == _keep_sign(x, *widen_box(x, 1.5))).all()
    assert len(found.found) > 3
    for fitted in found.found.values():
        for program in fitted.programs:
            assert is_regular(program, low, high)


def test_inputs_of_one_sign_that_are_not_near_zero_keep_it_in_the_wider_box() -> None:
    x = np.array([[1.0, -5, 0.1, -1, 0], [5, -1, 2, 3, 4]])
    low, high = _keep_sign(x, *widen_box(x, 1.5))
    np.testing.assert_allclose(low, [0.5, -6, -0.375, -2, -1])
    np.testing.assert_allclose(high, [6, -0.5, 2.475, 4, 5])
    np.testing.assert_allclose(pursuit(x, x[:, :1], rounds=0)._box, (low, high))
    fixed = pursuit(x, x[:, :1], rounds=0, hold_out=False, formulas=1)
    np.testing.assert_allclose(fixed._box, widen_box(x, 1.5))


def test_a_formula_with_a_pole_in_the_box_does_not_compete() -> None:
    """1 / (x0 - 1.2) is finite on every row, and has its pole where the inputs may still be."""
    found = pursuit(rounds=0)
    outside, inside = (
        measure([Program(3, (1.0, c), (("sub", (0, 4)), ("div", (3, 5))), 6)], X, found._h)
        for c in (1.8, 1.2)
    )
    assert np.isfinite(inside.error)
    assert not found._note(inside)
    assert inside not in found.found.values()
    found.found.pop(2, None)
    assert found._note(outside)
    assert outside in found.found.values()


def test_with_any_number_the_linear_regression_is_a_candidate() -> None:
    found = pursuit(rounds=0)
    inputs = {Program(3, (), (), i) for i in range(3)}
    assert set(found.linear[0].programs) == inputs
    assert [len(fitted.programs) for fitted in found.linear] == [3, 2, 1]
    assert all(fitted in found.candidates() for fitted in found.linear)
    complexities = [fitted.complexity for fitted in pursuit().candidates()]
    assert complexities == sorted(complexities)


def test_a_given_number_has_the_components_as_targets() -> None:
    found = pursuit(formulas=2, rounds=0)
    assert len(found.current.programs) == 2
    targets = []
    for number in range(3):
        found.round = number
        targets.append(found._target())
    assert targets == [0, 1, 0]
    assert pursuit(rounds=0)._target() is None


def test_a_pursuit_from_shortened_formulas_has_a_given_number_of_them() -> None:
    """Below their complexity is the constant alone."""
    found = pursuit(formulas=2, rounds=1)
    found.begin(0)
    assert len(found.current.programs) == 2
    for _ in range(3):  # both components are targets
        while not found.search.finished:
            found.search.step()
        found.end_round()
        assert len(found.current.programs) == 2
    assert found.current.error < found._start_formulas.error


def test_a_pursuit_begins_from_the_constant_or_the_simplest_formulas() -> None:
    found = pursuit(rounds=0)
    linear = found.current
    assert len(linear.programs) == 3
    found.begin(-1)
    assert [len(program.used_inputs()) for program in found.current.programs] == [1]
    found.begin(-np.inf)
    assert [program.used_inputs() for program in found.current.programs] == [[]]
    found.begin()
    assert found.current == linear


def test_inputs_are_standardised_or_keep_their_zero() -> None:
    """From the constant they keep it, unless float32 would merge what tells them apart."""
    spread = RNG.uniform(-1, 1, (150, 6))
    x = spread * [1, 10, 300, 1e-4, 1, 0] + [1, 5, 200, 0, 1e6, 7]
    found = pursuit(x, spread[:, :2], rounds=0)
    shift, scale = found._scaling()
    np.testing.assert_allclose(shift, x.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(scale[:5], x.std(axis=0)[:5], rtol=1e-9)
    found.begin(0)
    shift, scale = found._scaling()
    np.testing.assert_allclose(shift, [0, 0, 0, 0, x[:, 4].mean(), 7], rtol=1e-9)
    np.testing.assert_allclose(scale, [1, 10, 100, 1e-4, x[:, 4].std(), 1], rtol=1e-9)
    found.begin()
    np.testing.assert_allclose(found._scaling()[0], x.mean(axis=0), atol=1e-9)
    found.begin(3)
    np.testing.assert_allclose(found._scaling()[0], x.mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_components_are_the_principal_ones(most: int) -> None:
    found = components(H, most)
    centred = H - H.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :most] * values[:most]
    assert found.shape == (150, most)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)


def test_components_hold_nearly_all_variance_but_are_few() -> None:
    wide = RNG.normal(size=(200, 3)) @ RNG.normal(size=(3, 40))
    assert components(wide, 0).shape == (200, 3)
    assert np.sum(components(wide, 0) ** 2) == pytest.approx(
        np.sum((wide - wide.mean(axis=0)) ** 2), rel=1e-3
    )
    assert components(RNG.normal(size=(200, 40)), 0).shape == (200, 10)
    assert components(np.full((200, 4), 0.1), 0).shape[1] >= 1


def test_a_formula_of_some_inputs_is_one_of_all() -> None:
    program = Program(2, (3.0,), (("mul", (0, 2)), ("add", (3, 1))), 4)
    lifted = _lift(program, [4, 1], 6)
    assert lifted.used_inputs() == [1, 4]
    x = RNG.normal(size=(20, 6))
    np.testing.assert_array_equal(lifted(x), program(x[:, [4, 1]]))
    assert _lift(Program(2, (), (), 1), [4, 1], 6) == Program(6, (), (), 1)


def test_inputs_that_say_most_are_read() -> None:
    """Also one that is not linear; few are all read."""
    x = RNG.uniform(-1, 1, (400, 30))
    residual = (x[:, [3]] ** 2) + 0.7 * x[:, [25]] + 0.1 * RNG.normal(size=(400, 1))
    kept = _best_inputs(x, residual)
    assert len(kept) == 12
    assert kept == sorted(set(kept))
    assert {3, 25} <= set(kept)
    assert _best_inputs(x[:, :12], residual) == list(range(12))


def test_what_explains_most_comes_first() -> None:
    inputs = [Program(3, (), (), i) for i in range(3)]
    h = X @ [[0.1], [2.0], [1.0]]
    weighted = LayerPursuit(X, h, found_settings(), 3, 0)
    assert [p.output for p in weighted.sort(inputs)] == [1, 2, 0]
    # nor do squares of large values overflow
    large = Program(3, (1e200,), (("mul", (1, 3)),), 4)
    with np.errstate(all="raise"):
        assert weighted.sort([inputs[2], large, inputs[0]])[0] is large
    # a copy adds nothing to what was first
    double = Program(3, (2.0,), (("mul", (1, 3)),), 4)
    assert [p.output for p in weighted.sort([inputs[0], double, inputs[1], inputs[2]])][1:3] == [
        2,
        0,
    ]


def found_settings() -> RankSettings:
    settings = preset("rank", population=10, generations=24)
    assert isinstance(settings, RankSettings)
    return settings


def test_a_sample_of_many_rows_is_searched() -> None:
    x = RNG.uniform(-1, 1, (3000, 2))
    found = pursuit(x, x[:, :1] * x[:, 1:], rounds=0)
    assert len(found._x) == 1024
    known = {row.tobytes() for row in x}
    assert all(row.tobytes() in known for row in found._x)
    again = pursuit(x, x[:, :1] * x[:, 1:], rounds=0)
    np.testing.assert_array_equal(found._x, again._x)
    assert measure([Program(2, (), (("mul", (0, 1)),), 2)], found._x, found._h).error < 1e-20
