"""Numba's compiler, with a cache that is ours: found by the sources' content, never shared between users, never needed.

Numba knows a cached function by its own file alone, so a change of ``genome.py`` would leave a stale ``kernels.py``; the folder's
name therefore carries a digest of the whole package. Where the home is read-only the cache lies in the temporary folder, and where
that cannot be trusted either, in a private one that lasts as long as the process.
"""

import hashlib
import os
import stat
import sys
import tempfile
from functools import partial
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """The folder that this process uses; made here."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    uid = os.getuid() if hasattr(os, "getuid") else 0
    asked = os.environ.get("NUMBA_CACHE_DIR")
    for root in (Path(asked) if asked else user_cache_path("srnet"), Path(tempfile.gettempdir()) / f"srnet-{uid}"):
        folder = root / name
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            status = folder.stat()
            # the cache is executable: take none that someone else could have written
            foreign = hasattr(os, "getuid") and (status.st_uid != uid or status.st_mode & stat.S_IWOTH)
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

# Compiled code that borrows its arrays from its caller and makes none need not count references to them. Counting is atomic, and a call
# with tuples of dozens of arrays counts each: it took three quarters of the joint search's time.
borrowing = partial(njit, cache=True, nogil=True, _nrt=False)
# Compiled code that is called by such code, but makes arrays: it would inherit its caller's option.
owning = partial(njit, cache=True, nogil=True, _nrt=True)

__all__ = ["borrowing", "cache_folder", "njit", "owning"]
