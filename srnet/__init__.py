"""SRNet: turn a trained neural network into formulas.

``srnet.explain(model, X)`` finds formulas for its output or its layers: an :class:`Explanation`;
:class:`SRNetRegressor` and :class:`SRNetClassifier` train a small network and explain it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from srnet._version import __version__

if TYPE_CHECKING:
    from srnet.cgp.own_functions import make_function
    from srnet.errors import UserError
    from srnet.explanation.estimators import SRNetClassifier, SRNetRegressor
    from srnet.explanation.explain import explain
    from srnet.explanation.result import Explanation

__all__ = [
    "Explanation",
    "SRNetClassifier",
    "SRNetRegressor",
    "UserError",
    "__version__",
    "explain",
    "make_function",
]

# Loaded when first asked for: importing srnet, as the command line does, costs nothing.
_HOMES = {
    "Explanation": "srnet.explanation.result",
    "SRNetClassifier": "srnet.explanation.estimators",
    "SRNetRegressor": "srnet.explanation.estimators",
    "UserError": "srnet.errors",
    "explain": "srnet.explanation.explain",
    "make_function": "srnet.cgp.own_functions",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'srnet' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
