"""npz files read without running anything that they hold."""

import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.io.files import LARGEST, check_readable
from srnet.typing import StrPath

ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # how a zip file begins, and an empty one


def read_arrays(path: StrPath) -> dict[str, NDArray[np.generic]]:
    """All arrays of an npz file; object arrays (pickles) are refused.

    Raises
    ------
    UserError
        If the file is missing, is not an npz file, is too large, or holds what is no array of plain
        numbers or text.
    """
    check_readable(path)
    try:
        with open(path, "rb") as start:
            # np.load takes other files for pickles, and says how to run what they hold
            if start.read(4) not in ZIP:
                raise UserError(f"{path}: is not a readable .npz archive of arrays")
        with np.load(path, allow_pickle=False) as file:
            check_unpacked(file.zip, path)
            return {key: _plain(file[key], key, path) for key in file.files}
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (
        ValueError,
        EOFError,
        KeyError,
        zipfile.BadZipFile,
        NotImplementedError,
        MemoryError,
        SyntaxError,
    ) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{path}: is not a readable .npz archive of plain numbers ({error})"
        ) from error
    except Exception as error:  # zlib.error and what a damaged archive may still raise
        raise UserError(f"{path}: is damaged ({type(error).__name__}: {error})") from error


def check_unpacked(archive: zipfile.ZipFile, path: StrPath) -> None:
    """Refuse an archive that would fill the memory: a few megabytes can unpack to as many
    gigabytes.

    Raises
    ------
    UserError
        If its members are larger than ``LARGEST`` together. What they say of themselves is also
        what is read of them.
    """
    size = sum(member.file_size for member in archive.infolist())
    if size > LARGEST:
        raise UserError(f"{path}: unpacks to {size} bytes; at most {LARGEST} are read")


def _plain(values: Any, key: str, path: StrPath) -> NDArray[np.generic]:
    if not isinstance(values, np.ndarray):
        raise UserError(f"{path}: '{key}' is no array")
    if not values.itemsize:  # such an array has any number of elements and no bytes
        raise UserError(f"{path}: '{key}' holds {values.dtype}, elements without content")
    if values.dtype.kind == "U":
        codes = np.frombuffer(values.astype(values.dtype.newbyteorder("=")).tobytes(), np.uint32)
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise UserError(f"{path}: '{key}' holds text that is no Unicode")
    return values
