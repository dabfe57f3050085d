"""float32 sin, cos, tan, ln: at most 2 ulp for |x| ≤ 1e4, sane beyond."""

from collections.abc import Callable

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from srnet.cgp import vector_math
from srnet.typing import Floats

Values = NDArray[np.float32]


def vectorised(function: Callable[[float], float]) -> Callable[[Values], Values]:
    @njit
    def loop(x: Values) -> Values:
        out = np.empty_like(x)
        for i in range(x.size):
            out[i] = function(x[i])
        return out

    return loop


FUNCTIONS = {
    "sin": vector_math.sin,
    "cos": vector_math.cos,
    "tan": vector_math.tan,
    "ln": vector_math.log,
}
COMPILED = {name: vectorised(function) for name, function in FUNCTIONS.items()}
EXACT = {"sin": np.sin, "cos": np.cos, "tan": np.tan, "ln": np.log}
TRIGONOMETRIC = ["sin", "cos", "tan"]


def worst(name: str, x: Values) -> tuple[float, float]:
    """The largest error in ulp, and where."""
    got = COMPILED[name](x).astype(np.float64)
    exact = EXACT[name](x.astype(np.float64))
    error = np.abs(got - exact) / np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    at = int(np.argmax(error))
    return float(error[at]), float(x[at])


def every(step: int, low: float, high: float) -> Values:
    """Every ``step``-th float32 between two positive numbers: dense at every magnitude."""
    first, last = np.array([low, high], np.float32).view(np.uint32)
    return np.arange(first, last + 1, step, dtype=np.uint32).view(np.float32)


def neighbours(centres: Floats, reach: int = 4) -> Values:
    """The float32 values around each centre."""
    bits = centres.astype(np.float32).view(np.int32)
    return (
        (bits[:, None] + np.arange(-reach, reach + 1, dtype=np.int32))
        .astype(np.int32)
        .view(np.float32)
        .ravel()
    )


@pytest.mark.parametrize("name", TRIGONOMETRIC)
@pytest.mark.parametrize("sign", [1, -1])
def test_two_ulp_on_a_dense_sample(name: str, sign: int) -> None:
    error, at = worst(name, np.float32(sign) * every(1009, 1e-45, 1e4))
    assert error <= 2, f"{name}({at!r}) is {error:.2f} ulp off"


@pytest.mark.parametrize("name", TRIGONOMETRIC)
def test_two_ulp_around_the_multiples_of_half_pi(name: str) -> None:
    x = neighbours(np.arange(1, int(1e4 / (np.pi / 2))) * (np.pi / 2))
    for signed in (x, -x):
        error, at = worst(name, signed)
        assert error <= 2, f"{name}({at!r}) is {error:.2f} ulp off"


@pytest.mark.parametrize("name", TRIGONOMETRIC)
def test_two_ulp_around_the_ends_of_the_reduced_interval(name: str) -> None:
    error, at = worst(name, neighbours((np.arange(1, int(1e4 / (np.pi / 2))) - 0.5) * (np.pi / 2)))
    assert error <= 2, f"{name}({at!r}) is {error:.2f} ulp off"


def test_logarithm_two_ulp_everywhere() -> None:
    for x in (
        every(1009, 1e-45, 3.4e38),
        neighbours(np.array([1.0]), 20000),
        neighbours(2.0 ** np.arange(-126, 128)),
    ):
        error, at = worst("ln", x)
        assert error <= 2, f"ln({at!r}) is {error:.2f} ulp off"
    assert COMPILED["ln"](np.ones(1, np.float32))[0] == 0


def test_special_values_as_in_ieee() -> None:
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    with np.errstate(all="ignore"):
        for name, compiled in COMPILED.items():
            got, expected = compiled(special), EXACT[name](special)
            np.testing.assert_array_equal(got, expected, err_msg=name)
            np.testing.assert_array_equal(
                np.signbit(got[3:]), np.signbit(expected[3:]), err_msg=name
            )
    negative = np.array([-1e-45, -1.0, -3e38, -np.nan], np.float32)
    assert np.isnan(COMPILED["ln"](negative)).all()


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_far_out_the_value_stays_in_range(name: str) -> None:
    x = every(9973, 1e4, 3.4e38)
    for signed in (x, -x):
        got = COMPILED[name](signed)
        assert np.isfinite(got).all()
        assert (np.abs(got) <= 1).all()


def test_far_out_the_tangent_is_finite() -> None:
    assert np.isfinite(COMPILED["tan"](every(9973, 1e4, 3.4e38))).all()


@pytest.mark.parametrize("name", TRIGONOMETRIC)
def test_the_phase_lasts_to_a_million(name: str) -> None:
    error, at = worst(name, every(101, 1e4, 1e6))
    assert error <= 2, f"{name}({at!r}) is {error:.2f} ulp off"


@pytest.mark.parametrize(("name", "parity"), [("sin", -1), ("cos", 1), ("tan", -1)])
def test_parity_is_exact(name: str, parity: int) -> None:
    x = every(99991, 1e-30, 1e4)
    np.testing.assert_array_equal(COMPILED[name](-x), np.float32(parity) * COMPILED[name](x))


@njit
def exp_and_ln(x: Floats) -> tuple[Floats, Floats]:
    powers, logarithms = np.empty_like(x), np.empty_like(x)
    for i in range(x.size):
        powers[i] = vector_math.exp64(-x[i])
        logarithms[i] = vector_math.ln64(1.0 + x[i])
    return powers, logarithms


def test_float64_exp_and_ln_are_good_to_the_last_digits() -> None:
    x = np.concatenate(
        [
            [0.0],
            np.geomspace(1e-300, 690, 20_001),
            np.arange(0, 690, 0.01),
            np.arange(1, 900) * np.log(2) / 2,
        ]
    )
    powers, logarithms = exp_and_ln(x[x <= 690])
    x = x[x <= 690]
    np.testing.assert_allclose(powers, np.exp(-x), rtol=2e-15)
    np.testing.assert_allclose(logarithms, np.log(1.0 + x), rtol=1e-15, atol=1e-16)
    far = exp_and_ln(np.array([701.0, 1e300, np.inf]))[0]
    assert ((far >= 0) & (far < 1e-300)).all()


@njit(fastmath={"reassoc", "contract", "nsz"})
def sum_of_powers(x: Floats) -> float:
    total = 0.0
    for i in range(x.size):
        total += vector_math.exp64(x[i])
    return total


def test_float64_exp_is_itself_inside_of_a_sum_that_may_be_reordered() -> None:
    x = -np.linspace(0, 30, 10_001)
    assert sum_of_powers(x) == pytest.approx(np.exp(x).sum(), rel=1e-14)
