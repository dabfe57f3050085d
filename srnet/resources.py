"""The workflow and the configurations that come with the package.

In a checkout ``workflow/`` and ``config/`` stand beside the package, in a wheel inside it.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def resource(path: str) -> Path:
    """A file or folder of this installation, such as ``"workflow/Snakefile"``."""
    inside = PACKAGE / path
    return inside if inside.exists() else PACKAGE.parent / path


def find_config(path: str) -> str:
    """A file that a configuration names: the user's own, or else the one of that name, below
    ``config/``, that comes with the package.

    Returns
    -------
    str
        The path as it was given, if there is such a file or the package has none of that name; else
        a path relative to the working folder.
    """
    shipped = resource(path)
    if Path(path).exists() or Path(path).parts[:1] != ("config",) or not shipped.is_file():
        return path
    return os.path.relpath(shipped)
