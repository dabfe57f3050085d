"""Fingerprints of the code behind a result, for Snakemake's rerun triggers.

Snakemake watches a rule and its script, not the package that they call. A rule with the fingerprint
of its modules as a parameter runs again if and only if their code has changed.
"""

import ast
import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

# Modules that read, write and report but compute nothing: changing them changes no result.
PLUMBING = frozenset(
    {
        *("__init__.py", "_version.py", "errors.py", "typing.py", "validation.py"),
        *(
            "io/files.py",
            "io/fingerprint.py",
            "io/frames.py",
            "io/schema.py",
            "io/software.py",
            "search/checkpoints.py",
        ),
    }
)


def fingerprint(*modules: str, without: Collection[str] = (), package: Path = PACKAGE) -> str:
    """SHA-256 (first 16 digits) of modules and of all modules of the package that they import.

    Comments, docstrings, layout and module names do not count in Python files, so moving a module
    changes nothing. Other files count byte by byte.

    Parameters
    ----------
    modules
        Paths relative to the package, such as ``"search/run.py"`` or ``"drawing/srnet.mplstyle"``.
    without
        Paths of modules to leave out because they are imported but not used.
    package
        Folder of the package.

    Raises
    ------
    FileNotFoundError
        If a module does not exist.
    """
    tree = _Tree(package, PLUMBING.union(without))
    digests = sorted(tree.digest(package / module) for module in modules)
    return hashlib.sha256("\0".join(digests).encode()).hexdigest()[:16]


class _Tree:
    """Digests of a package's files, each made from its code and the digests of its imports."""

    def __init__(self, package: Path, left_out: Collection[str]) -> None:
        self._package, self._left_out = package, left_out
        self._digests: dict[Path, str] = {}

    def digest(self, path: Path) -> str:
        """The digest of one file."""
        if path not in self._digests:
            source = path.read_bytes()
            parts = [hashlib.sha256(source).hexdigest()]
            if path.suffix == ".py":
                self._digests[path] = ""  # ends a circle of imports
                parents = (self._package.name, *path.relative_to(self._package).parent.parts)
                code, names = _read(source, parents)
                parts = [code, *(self.digest(file) for name in names for file in self._files(name))]
            self._digests[path] = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return self._digests[path]

    def _files(self, name: str) -> Iterator[Path]:
        """The files of an imported dotted name, except those left out."""
        head, *parts = name.split(".")
        if head != self._package.name or not parts:
            return
        for file in (
            self._package.joinpath(*parts).with_suffix(".py"),
            self._package.joinpath(*parts, "__init__.py"),
        ):
            if file.is_file() and file.relative_to(self._package).as_posix() not in self._left_out:
                yield file


@cache
def _read(source: bytes, parents: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The code of a file and the dotted names that it imports anywhere, in order.

    The code lacks comments, docstrings, layout and the module names of the file's own package.

    Parameters
    ----------
    source
        Contents of the file.
    parents
        Names of the packages that contain the file, outermost first.
    """
    tree = ast.parse(source)
    names: list[str] = []
    documented = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = parents[: len(parents) - node.level + 1] if node.level else ()
            module = ".".join([*dots, *([node.module] if node.module else [])])
            names.extend([module, *(f"{module}.{alias.name}" for alias in node.names)])
            if module.split(".")[0] == parents[0]:
                node.module, node.level = parents[0], 0
    return ast.unparse(tree), tuple(names)
