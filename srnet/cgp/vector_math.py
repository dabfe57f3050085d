"""float32 sin, cos, tan and log, and float64 exp and ln, that LLVM vectorises.

Functions of float32 have NumPy's names: this module stands for NumPy where primitives are compiled.

Numba's wheels bring no vector math library, so these are branch-free polynomials: the argument is
reduced and the polynomial evaluated in float64 and rounded once, which keeps the error below 0.6
ulp of float32 for \\|x\\| ≤ 1e6 (tested up to 1e4 against the 2 ulp promised). The coefficients are
minimax fits (iteratively reweighted least squares) on the reduced interval. Beyond 1e6 the result
stays within the function's range but loses its phase; NaN and infinities give NaN as in IEEE.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import boolean, float32, float64, int64
from numba.extending import intrinsic

from srnet.cgp.compiling import njit

# 1.5 · 2^52: adding it rounds a double to an integer and leaves that integer in the low bits.
_MAGIC = 6755399441055744.0
_TWO_OVER_PI = 0.6366197723675814
# π/2 = HIGH + LOW, where HIGH has 33 bits: n · HIGH is exact for |n| < 2^20.
_HALF_PI_HIGH = 1.5707963267341256
_HALF_PI_LOW = 6.077100506506192e-11
_REDUCED = 0.7854
_LN2 = 0.6931471805599453
_LOG2_E = 1.4426950408889634
# ln 2 = HIGH + LOW, where HIGH has 33 bits
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_INFINITY_BITS = 0x7FF0000000000000


@intrinsic
def float_bits(typingctx: Any, x: Any) -> Any:
    """The 64 bits of a double as an integer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return int64(float64), codegen


@intrinsic
def _unbits(typingctx: Any, x: Any) -> Any:
    """The double of 64 bits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return float64(int64), codegen


sqrt = math.sqrt  # compiled: in the type of its argument


@intrinsic
def where(typingctx: Any, condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y, in the type of y."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return y(boolean, y, y), codegen


@njit(inline="always")
def _reduce(x):  # type: ignore[no-untyped-def]
    """x = n·π/2 + r with \\|r\\| ≤ π/4; returns r and an integer that equals n modulo 4."""
    shifted = x * _TWO_OVER_PI + _MAGIC
    n = shifted - _MAGIC
    r = (x - n * _HALF_PI_HIGH) - n * _HALF_PI_LOW
    # Written so that NaN stays NaN; the clamp only acts where the reduction has run out of bits.
    r = _REDUCED if r > _REDUCED else r
    r = -_REDUCED if r < -_REDUCED else r
    return r, float_bits(shifted)  # type: ignore[call-arg]


@njit(inline="always")
def _sin_reduced(r):  # type: ignore[no-untyped-def]
    s = r * r
    # a product to the end, so that the sine of -0 is -0
    return r * (
        1.0 + s * (-0.16666654936483513 + s * (0.008332177676532073 + s * -0.00019517233608807018))
    )


@njit(inline="always")
def _cos_reduced(r):  # type: ignore[no-untyped-def]
    s = r * r
    return (
        1.0
        - 0.5 * s
        + s * s * (0.04166664685414589 + s * (-0.0013887366890972478 + s * 2.443837756501106e-05))
    )


@njit(inline="always")
def sine(x):  # type: ignore[no-untyped-def]
    """Sine of a double, as exact as float32 needs."""
    r, n = _reduce(x)
    value = _cos_reduced(r) if n & 1 else _sin_reduced(r)
    return -value if n & 2 else value


@njit(inline="always")
def cosine(x):  # type: ignore[no-untyped-def]
    """Cosine of a double, as exact as float32 needs."""
    r, n = _reduce(x)
    value = _sin_reduced(r) if n & 1 else _cos_reduced(r)
    return -value if (n + 1) & 2 else value


@njit(inline="always")
def sin(x):  # type: ignore[no-untyped-def]
    """Sine of a float32."""
    return float32(sine(float64(x)))


@njit(inline="always")
def cos(x):  # type: ignore[no-untyped-def]
    """Cosine of a float32."""
    return float32(cosine(float64(x)))


@njit(inline="always")
def tan(x):  # type: ignore[no-untyped-def]
    """Tangent of a float32."""
    r, n = _reduce(float64(x))
    sine = _sin_reduced(r)
    cosine = _cos_reduced(r)
    numerator = -cosine if n & 1 else sine
    denominator = sine if n & 1 else cosine
    return float32(numerator / denominator)


@njit(inline="always")
def log(x):  # type: ignore[no-untyped-def]
    """Natural logarithm of a float32: -inf at 0, NaN below."""
    wide = float64(x)  # a subnormal float32 is a normal double
    bits = float_bits(wide)  # type: ignore[call-arg,var-annotated]
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    z = _unbits(bits - (exponent << 52)) - 1.0
    q = 0.11900967058593157 + z * (-0.11676006269357675 + z * 0.06724982441888125)
    q = -0.16667688436979278 + z * (0.14217680347177133 + z * (-0.12407346820568993 + z * q))
    q = 0.33333310811619055 + z * (-0.25000025715011964 + z * (0.20002220002743754 + z * q))
    value = z + z * z * (-0.4999999975346336 + z * q) + exponent * _LN2
    value = value if wide > 0.0 else (-np.inf if wide == 0.0 else np.nan)
    value = value if bits < _INFINITY_BITS else wide
    # a negative NaN has the sign bit set, so its bits are a negative integer: caught by `wide > 0`
    # above
    return float32(value)


# Compiled by themselves and inlined by LLVM, so that the sums around them may be reordered and they
# may not.
_BY_ITSELF = njit(forceinline=True, error_model="numpy", fastmath={"contract"})


@_BY_ITSELF
def exp64(x):  # type: ignore[no-untyped-def]
    """Exponential of a double that is not positive, to about 1e-15 of its value; 1e-304 below
    -700."""
    x = x if x > -700.0 else -700.0
    shifted = x * _LOG2_E + _MAGIC
    n = shifted - _MAGIC
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    # Taylor's series to r^12: |r| ≤ ln(2) / 2
    q = 1.0 / 3628800.0 + r * (1.0 / 39916800.0 + r * (1.0 / 479001600.0))
    q = 1.0 / 5040.0 + r * (1.0 / 40320.0 + r * (1.0 / 362880.0 + r * q))
    q = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * q))
    q = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * q)))
    return q * _unbits((float_bits(shifted) + 1023) << 52)  # type: ignore[call-arg]


@_BY_ITSELF
def ln64(x):  # type: ignore[no-untyped-def]
    """Natural logarithm of a normal positive double, to about 1e-15."""
    bits = float_bits(x)  # type: ignore[call-arg,var-annotated]
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    z = _unbits(bits - (exponent << 52))
    # ln z = 2 artanh s, |s| ≤ 0.1716
    s = (z - 1.0) / (z + 1.0)
    t = s * s
    q = 1.0 / 15.0 + t * (1.0 / 17.0 + t * (1.0 / 19.0 + t * (1.0 / 21.0)))
    q = 1.0 / 7.0 + t * (1.0 / 9.0 + t * (1.0 / 11.0 + t * (1.0 / 13.0 + t * q)))
    q = 1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * q))
    return 2.0 * s * q + exponent * _LN2
