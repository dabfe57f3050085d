"""Functions of float64 with NumPy's names: this module stands for NumPy where primitives are
compiled that the searches call (:mod:`srnet.cgp.function_table`). The result is rounded once."""

import math
from typing import Any

from numba import boolean, float64
from numba.extending import intrinsic

from srnet.cgp.compiling import njit
from srnet.cgp.vector_math import exp64

sqrt, log, sin, cos, tan = math.sqrt, math.log, math.sin, math.cos, math.tan
_INFINITY = math.inf


@intrinsic
def where(typingctx: Any, condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return float64(boolean, float64, float64), codegen


@njit(inline="always")
def exp(x):  # type: ignore[no-untyped-def]
    """Exponential, to about 1e-15 of its value; 0 and infinite where float32 has long been so."""
    value = exp64(-abs(x))
    value = 1.0 / value if x > 0.0 else value
    value = _INFINITY if x > 700.0 else value
    value = 0.0 if x < -700.0 else value
    return value if x == x else x


@njit(inline="always")
def tanh(x):  # type: ignore[no-untyped-def]
    """Hyperbolic tangent, as exact as float32 needs."""
    size = abs(x)
    small = exp64(-2.0 * size)
    value = (1.0 - small) / (1.0 + small)
    value = -value if x < 0.0 else value
    return value if size >= 1e-4 else x  # NaN too


@njit(inline="always")
def minimum(a, b):  # type: ignore[no-untyped-def]
    """The lesser operand; NaN where one is."""
    return a if a < b or a != a else b


@njit(inline="always")
def maximum(a, b):  # type: ignore[no-untyped-def]
    """The greater operand; NaN where one is."""
    return a if a > b or a != a else b
