"""Numba's compiler with a cache of our own: complete keys, checked files, never shared.

Numba knows a cached function by its own file alone, so a change of ``genome.py`` would leave a
stale kernel. The name of our folder therefore carries a digest of all compiled sources, of Numba's
options and of the versions that compile. Where the package lies does not count: installed anew in
another place, it finds its code again. Each file begins with the digest of its content: one that a
power cut has damaged is set aside, and the function is compiled again.

Where the home is read-only the cache lies in the temporary folder; where that cannot be trusted
either, in a private folder that lasts as long as the process.
"""

import hashlib
import importlib.metadata
import os
import pickle
import stat
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,
)
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature
from platformdirs import user_cache_path

# What is compiled, or compiled in as a constant, relative to the package. A test compares it with
# the imports.
COMPILED = ("cgp/*.py", "search/kernels/*.py", "model/logistic.py")

# Options of Numba that do not change the code. joblib gives its processes a number of threads.
_HARMLESS = {"NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS"}

_DIGEST_SIZE = hashlib.sha256().digest_size


def cache_key() -> str:
    """What compiled code depends on: sources, Numba's options, versions of what compiles."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for source in sorted(path for pattern in COMPILED for path in package.glob(pattern)):
        digest.update(source.read_bytes())
    options = sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith("NUMBA_") and name not in _HARMLESS
    )
    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    digest.update(repr((options, versions)).encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """The folder that this process uses; it is made here.

    The candidates are ``NUMBA_CACHE_DIR`` or the user's cache, and the temporary folder. One is
    used if it and its parent belong to this user and nobody else can write into them: the cache
    holds code, which runs when it is loaded.
    """
    uid = os.getuid() if hasattr(os, "getuid") else 0
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    for parent in (
        Path(chosen) if chosen else user_cache_path("srnet"),
        Path(tempfile.gettempdir()) / f"srnet-{uid}",
    ):
        folder = parent / f"kernels-{cache_key()}"
        try:
            parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.mkdir(exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                pass
            if _is_private(parent) and _is_private(folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="srnet-"))


def _is_private(folder: Path) -> bool:
    """Whether a folder belongs to this user and is not writable for everybody."""
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    is_own = folder.lstat().st_uid == status.st_uid == os.getuid()  # a link and its target
    return is_own and not status.st_mode & stat.S_IWOTH


# Of this process. Not by way of the environment: child processes would look one folder deeper.
FOLDER = cache_folder()


def damaged_files(folder: Path | None = None) -> list[Path]:
    """The files of a cache whose content is not what was written; they are compiled again."""
    return [
        path
        for path in sorted((folder or FOLDER).rglob("*.nb[ic]"))
        if _checked_content(path) is None
    ]


def _checked_content(path: str | Path) -> bytes | None:
    """The content of a file behind its digest, None where the digest is another's."""
    with open(path, "rb") as file:
        digest, content = file.read(_DIGEST_SIZE), file.read()
    return content if hashlib.sha256(content).digest() == digest else None


class _CheckedFile(IndexDataCacheFile):
    """The index and the data files of one function, each behind the digest of its content."""

    def save(self, key: Any, data: Any) -> None:
        """Keep a compiled function; a disk that refuses it stops nobody.

        Numba counts the data files of a function: of two processes that compile it for different
        types at once, one would load the other's code. Here their names follow from the key.
        """
        try:
            overloads = self._load_index()
            digest = hashlib.sha256(repr(key).encode()).hexdigest()
            name = overloads.setdefault(key, self._data_name(int(digest[:12], 16)))
            self._save_data(name, data)
            self._save_index(overloads)
        except OSError as error:
            warnings.warn(
                f"{FOLDER}: cannot be written ({error.strerror or error}); what is compiled now "
                f"is compiled again next time",
                stacklevel=2,
            )

    def _load_index(self) -> dict[Any, str]:
        try:
            version, overloads = self._read(self._index_path)
        except OSError:
            return {}
        return overloads if version == self._version else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._version, overloads))

    def _load_data(self, name: str) -> Any:
        return self._read(self._data_path(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _read(self, path: str) -> Any:
        """The content of a file; FileNotFoundError where it is missing or damaged."""
        content = _checked_content(path)
        if content is None:
            os.replace(path, f"{path}.damaged")
            warnings.warn(
                f"{path}: was damaged and is set aside; the function is compiled again",
                stacklevel=2,
            )
            raise FileNotFoundError(path)
        return pickle.loads(content)

    def _write(self, path: str, value: Any) -> None:
        content = self._dump(value)
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(content).digest() + content)


class _Locator(_CacheLocator):
    """A function's place in our folder."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._py_file = file  # Numba names it in a warning
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> "_Locator":
        return cls(function, file)

    def get_cache_path(self) -> str:
        """By the name of the source's folder: its path would not be found again elsewhere."""
        return str(FOLDER / Path(self._py_file).parent.name)

    def get_source_stamp(self) -> None:
        """None: the name of our folder says more than a file's date."""

    def get_disambiguator(self) -> str:
        return str(self._line)


class _CompiledCode(CompileResultCacheImpl):
    """Numba's form of compiled code, in our place."""

    _locator_classes: Any = (_Locator,)


class _Cache(FunctionCache):
    """The compiled code of one function, in our folder."""

    _impl_class = _CompiledCode

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file.__class__ = _CheckedFile


def njit(*, cache: bool = True, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` without the global interpreter lock, with our cache."""

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(**{"nogil": True, **options})(function)
        if cache and compiled is not function:  # which it is under NUMBA_DISABLE_JIT
            compiled._cache = _Cache(function)
        return compiled

    return decorate


def compile_callback(function: Callable[..., Any], signature: Any, cache: bool) -> Any:
    """A function compiled for other code to call by its address, with Numba's ``address`` of a
    ``cfunc``."""
    options = {"error_model": "numpy", "fastmath": {"contract"}}
    compiled: Any = CFunc(function, normalize_signature(signature), {}, options)
    if cache:
        compiled._cache = _Cache(function)
    compiled.compile()
    return compiled


# Compiled code that borrows its arrays from its caller and makes none need not count references to
# them. Counting is atomic, and a call with tuples of dozens of arrays counts each: it took three
# quarters of the joint search's time.
borrowing = partial(njit, _nrt=False)
# Compiled code that is called by such code, but makes arrays: it would inherit its caller's option.
owning = partial(njit, _nrt=True)


@borrowing()
def copy(source, target):  # type: ignore[no-untyped-def]
    """Copy an array.

    ``target[:] = source`` would do, but compiling its error message takes longer than all copies of
    a run.
    """
    flat, to = source.reshape(source.size), target.reshape(target.size)
    for i in range(flat.size):
        to[i] = flat[i]
