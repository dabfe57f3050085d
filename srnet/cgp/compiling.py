"""Numba's compiler, with a cache that is ours: found by what it was compiled from, never shared
between users, never needed.

Numba knows a cached function by its own file alone, so a change of ``genome.py`` would leave a
stale kernel; the folder's name therefore carries a digest of all compiled sources, of Numba's
options and of the versions that compile. Where the home is read-only the cache lies in the
temporary folder, and where that cannot be trusted either, in a private one that lasts as long as
the process.
"""

import hashlib
import importlib.metadata
import os
import stat
import sys
import tempfile
from functools import partial
from pathlib import Path

from platformdirs import user_cache_path

# What is compiled, or compiled in as a constant, relative to the package. A test holds it against
# the imports.
COMPILED = ("cgp/*.py", "search/kernels/*.py", "model/logistic.py")


def _digest() -> str:
    """What compiled code depends on: sources, options of Numba, and the versions that compile
    them."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for source in sorted(path for pattern in COMPILED for path in package.glob(pattern)):
        digest.update(source.read_bytes())
    options = {key: value for key, value in os.environ.items() if key.startswith("NUMBA_")} | {
        "NUMBA_CACHE_DIR": ""
    }
    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    digest.update(repr((sorted(options.items()), versions)).encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """The folder that this process uses; made here."""
    name = f"kernels-{_digest()}"
    uid = os.getuid() if hasattr(os, "getuid") else 0
    asked = os.environ.get("NUMBA_CACHE_DIR")
    for root in (
        Path(asked) if asked else user_cache_path("srnet"),
        Path(tempfile.gettempdir()) / f"srnet-{uid}",
    ):
        folder = root / name
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            status = folder.stat()
            # the cache is executable: take none that someone else could have written
            foreign = hasattr(os, "getuid") and (
                status.st_uid != uid or status.st_mode & stat.S_IWOTH
            )
            with tempfile.TemporaryFile(dir=folder):
                pass
            if not foreign:
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="srnet-"))


if "numba" in sys.modules:
    sys.modules["numba"].config.CACHE_DIR = str(cache_folder())
else:
    os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())

from numba import njit  # noqa: E402  (after its cache folder is known)

# Compiled code that borrows its arrays from its caller and makes none need not count references to
# them. Counting is atomic, and a call with tuples of dozens of arrays counts each: it took three
# quarters of the joint search's time.
borrowing = partial(njit, cache=True, nogil=True, _nrt=False)
# Compiled code that is called by such code, but makes arrays: it would inherit its caller's option.
owning = partial(njit, cache=True, nogil=True, _nrt=True)


@borrowing()
def copy(source, target):  # type: ignore[no-untyped-def]
    """Copy an array; ``target[:] = source`` would do, but compiling its error message takes longer
    than all copies of a run."""
    flat, to = source.reshape(source.size), target.reshape(target.size)
    for i in range(flat.size):
        to[i] = flat[i]


__all__ = ["COMPILED", "borrowing", "cache_folder", "copy", "njit", "owning"]
