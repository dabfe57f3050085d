"""Functions of tensors with NumPy's names: this module stands for NumPy where operands are tensors.
Unlike torch's own, ``minimum`` and ``maximum`` take numbers too."""

from numbers import Real
from typing import Any

import torch


def __getattr__(name: str) -> Any:
    return getattr(torch, name)


def minimum(a: Any, b: Any) -> Any:
    """The lesser operand; NaN where one is."""
    if isinstance(a, Real):
        a, b = b, a
    return torch.clamp(a, max=float(b)) if isinstance(b, Real) else torch.minimum(a, b)


def maximum(a: Any, b: Any) -> Any:
    """The greater operand; NaN where one is."""
    if isinstance(a, Real):
        a, b = b, a
    return torch.clamp(a, min=float(b)) if isinstance(b, Real) else torch.maximum(a, b)
