"""Packages that only a comparison needs."""

import importlib
from typing import Any

from srnet.errors import UserError


def import_package(name: str, method: str) -> Any:
    """Import a package that a method needs.

    Raises
    ------
    UserError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"the method '{method}' needs the package {name}; install it with pip install "
            f"'srnet[compare]'"
        ) from error
