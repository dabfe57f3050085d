"""What a result depends on in this package: a hash of the modules that make it, for Snakemake's
rerun triggers.

Snakemake sees a rule and its script, not the package they call. A rule that carries the fingerprint
of its modules as a parameter is run again when what they do has changed, and only then.
"""

import ast
import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

# Modules that read, write and report but compute nothing: to change them changes no result.
PLUMBING = frozenset(
    {
        *("__init__.py", "_version.py", "cli.py", "errors.py", "typing.py", "validation.py"),
        *(
            "io/files.py",
            "io/fingerprint.py",
            "io/frames.py",
            "io/schema.py",
            "search/checkpoints.py",
        ),
    }
)


def fingerprint(*modules: str, without: Collection[str] = (), package: Path = PACKAGE) -> str:
    """SHA-256 (first 16 digits) of the given modules and of every module of the package that they
    import.

    Comments, docstrings, layout and the names of modules do not count in Python files: a module
    that moves changes nothing. Other files count byte by byte.

    Parameters
    ----------
    modules
        Paths relative to the package, such as ``"search/run.py"`` or ``"drawing/srnet.mplstyle"``.
    without
        Modules that are imported but not used.

    Raises
    ------
    FileNotFoundError
        If a module does not exist.
    """
    tree = _Tree(package, PLUMBING.union(without))
    digests = sorted(tree.digest(package / module) for module in modules)
    return hashlib.sha256("\0".join(digests).encode()).hexdigest()[:16]


class _Tree:
    """The digests of a package's files, each of its own code and of the digests of what it
    imports."""

    def __init__(self, package: Path, left_out: Collection[str]) -> None:
        self._package, self._left_out = package, left_out
        self._digests: dict[Path, str] = {}

    def digest(self, path: Path) -> str:
        """The digest of one file."""
        if path not in self._digests:
            source = path.read_bytes()
            parts = [hashlib.sha256(source).hexdigest()]
            if path.suffix == ".py":
                self._digests[path] = ""  # a circle of imports ends here
                parents = (self._package.name, *path.relative_to(self._package).parent.parts)
                code, names = _read(source, parents)
                parts = [code, *(self.digest(file) for name in names for file in self._files(name))]
            self._digests[path] = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return self._digests[path]

    def _files(self, name: str) -> Iterator[Path]:
        """The files of an imported dotted name, but for those that are left out."""
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
    """A file's code, and the dotted names that it imports, in order and wherever in the file it
    does so.

    The code is without comments, docstrings, layout and the names of modules of the file's own
    package; ``parents`` are the packages in which the file lies.
    """
    tree = ast.parse(source)
    names: list[str] = []
    documented = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
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
