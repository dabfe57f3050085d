"""What a result depends on in this package: a hash of the modules that make it, for Snakemake's rerun triggers.

Snakemake sees a rule and its script, not the package they call. A rule that carries the fingerprint of its modules as a
parameter is run again when what they do has changed, and only then.
"""

import ast
import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

# Modules that read, write and report but compute nothing: to change them changes no result.
PLUMBING = frozenset({"__init__.py", "checkpoints.py", "cli.py", "config.py", "errors.py", "files.py", "fingerprint.py"})


def fingerprint(*modules: str, without: Collection[str] = (), package: Path = PACKAGE) -> str:
    """SHA-256 (first 16 digits) of the given modules and of every module of the package that they import.

    Comments, docstrings and layout do not count in Python files; other files count byte by byte.

    Parameters
    ----------
    modules
        Paths relative to the package, such as ``"evolution.py"`` or ``"drawing/srnet.mplstyle"``.
    without
        Modules that are imported but not used.

    Raises
    ------
    FileNotFoundError
        If a module does not exist.
    """
    digest = hashlib.sha256()
    for path in sorted(_closure([package / module for module in modules], PLUMBING.union(without), package)):
        digest.update(f"{path.relative_to(package).as_posix()}\0{_meaning(path)}\0".encode())
    return digest.hexdigest()[:16]


def _closure(paths: list[Path], left_out: Collection[str], package: Path) -> set[Path]:
    found: set[Path] = set()
    while paths:
        path = paths.pop()
        if path not in found:
            found.add(path)
            if path.suffix == ".py":
                names = _imports(path.read_bytes(), (package.name, *path.relative_to(package).parent.parts))
                files = (file for name in names for file in _files(name, package))
                paths.extend(file for file in files if file.relative_to(package).as_posix() not in left_out)
    return found


@cache
def _imports(source: bytes, parents: tuple[str, ...]) -> frozenset[str]:
    """The dotted names that a file imports, wherever in the file it does so; ``parents`` are the packages it lies in."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = parents[: len(parents) - node.level + 1] if node.level else ()
            module = ".".join([*dots, *([node.module] if node.module else [])])
            names.update([module, *(f"{module}.{alias.name}" for alias in node.names)])
    return frozenset(names)


def _files(name: str, package: Path) -> Iterator[Path]:
    head, *parts = name.split(".")
    if head != package.name or not parts:
        return
    for file in (package.joinpath(*parts).with_suffix(".py"), package.joinpath(*parts, "__init__.py")):
        if file.is_file():
            yield file


def _meaning(path: Path) -> str:
    source = path.read_bytes()
    return _code(source) if path.suffix == ".py" else hashlib.sha256(source).hexdigest()


@cache
def _code(source: bytes) -> str:
    """The source without comments, docstrings and layout."""
    tree = ast.parse(source)
    documented = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
