"""SRNet: turn a trained neural network into formulas.

``srnet.explain(model, X)`` finds a formula for every layer and gives an :class:`Explanation`; :class:`SRNetRegressor` and
:class:`SRNetClassifier` train a small network and explain it.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from srnet.errors import UserError
    from srnet.estimators import SRNetClassifier, SRNetRegressor
    from srnet.explaining import explain
    from srnet.explanation import Explanation

__all__ = ["Explanation", "SRNetClassifier", "SRNetRegressor", "UserError", "__version__", "explain"]

# Loaded when first asked for: importing srnet, as the command line does, costs nothing.
_HOMES = {
    "Explanation": "srnet.explanation",
    "SRNetClassifier": "srnet.estimators",
    "SRNetRegressor": "srnet.estimators",
    "UserError": "srnet.errors",
    "explain": "srnet.explaining",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'srnet' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
