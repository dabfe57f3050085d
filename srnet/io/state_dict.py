"""Files of torch: dicts of tensors, text and numbers, read without running anything they hold."""

import pickletools
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

from srnet.errors import UserError
from srnet.io.files import check_readable
from srnet.io.npz import check_unpacked
from srnet.typing import StrPath

if TYPE_CHECKING:
    from torch import Tensor


def read_torch_file(path: StrPath) -> Any:
    """What ``torch.save`` wrote, with its tensors on the CPU.

    Raises
    ------
    UserError
        If the file is missing, would fill the memory, or holds anything but tensors, text, numbers
        and containers of them; a whole module, a Lightning checkpoint, a program of TorchScript or
        torch.export and a pickle of a library are named.
    """
    import torch

    check_readable(path)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_unpacked(archive, path)
        with warnings.catch_warnings(action="ignore"):  # of what is refused in our words
            return torch.load(path, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # torch raises much, also to refuse a pickle of anything else
        try:
            known = _kind(path)
        except Exception:  # a damaged archive can raise anything
            known = None
        raise UserError(
            f"{path}: is {known}"
            if known
            else f"{path}: is no file of tensors that torch.load reads with weights_only=True "
            f"({type(error).__name__})"
        ) from None


_SAVE_WEIGHTS = "save the state dict alone: torch.save(model.state_dict(), FILE)"


def _kind(path: StrPath) -> str | None:
    """What a file is that holds more than tensors, and what to do; nothing of it is run."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = {name.partition("/")[2]: name for name in archive.namelist()}
            if "constants.pkl" in members:
                return (
                    "a TorchScript archive, and reading it would run its code; load it yourself: "
                    "srnet.explain(torch.jit.load(FILE), X)"
                )
            if "archive_format" in members or "serialized_exported_program.json" in members:
                return (
                    "a program of torch.export; load it yourself: "
                    "srnet.explain(torch.export.load(FILE), X)"
                )
            if "data.pkl" not in members:
                return None
            pickled = archive.read(members["data.pkl"])
    else:
        with open(path, "rb") as file:
            pickled = file.read(_BEGINNING)
    words = _words(pickled)
    if "pytorch-lightning_version" in words:
        return f"a Lightning checkpoint with objects beside its state dict; {_SAVE_WEIGHTS}"
    if {"_modules", "_parameters"} <= set(words):
        return f"a whole module, and reading it would run code; {_SAVE_WEIGHTS}"
    library = next((word for word in words if word.partition(".")[0] in _LIBRARIES), None)
    if library is not None:
        return (
            f"a pickle of {library.partition('.')[0]}, and reading it would run code; load it "
            f"yourself and call srnet.explain(model, X)"
        )
    return None


_BEGINNING = 2**24  # bytes of a pickle that tell what it is
_LIBRARIES = {"sklearn", "xgboost", "lightgbm", "catboost", "skorch", "keras", "joblib"}


def _words(pickled: bytes) -> list[str]:
    """The texts and the names of objects in a pickle, which is not loaded."""
    words: list[str] = []
    try:
        for _, argument, _ in pickletools.genops(pickled):
            if isinstance(argument, str):
                words.append(argument)
    except Exception:  # no pickle, or one that ends early
        pass
    return words


def as_state_dict(content: Any, path: StrPath) -> dict[str, "Tensor"]:
    """Content of a file as a state dict: names with tensors of real numbers. That of a checkpoint
    is the one of its entries that is a dict of tensors.

    Raises
    ------
    UserError
        If it is no dict, or an entry is no tensor, no plain one, or larger than the file; or there
        are several state dicts.
    """
    import torch

    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}; a state dict is needed")
    inner = [
        key
        for key, value in content.items()
        if isinstance(value, dict)
        and value
        and all(isinstance(each, torch.Tensor) for each in value.values())
    ]
    if len(inner) > 1:
        raise UserError(
            f"{path}: is a checkpoint with the state dicts {', '.join(map(str, inner))}; save one "
            f"alone: torch.save(torch.load(FILE)[{inner[0]!r}], OTHER)"
        )
    if inner:
        content = content[inner[0]]
    plain = {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool}
    plain |= {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8}
    for name, value in content.items():
        if not isinstance(value, torch.Tensor):
            raise UserError(
                f"{path}: '{name}' is a {type(value).__name__}; every entry must be a tensor"
            )
        if (
            value.layout != torch.strided
            or value.is_nested
            or value.device.type != "cpu"
            or value.dtype not in plain
        ):
            raise UserError(
                f"{path}: '{name}' is no plain tensor of real numbers; every one must be"
            )
        # a tensor may repeat one number as often as it says
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(
                f"{path}: '{name}' has {value.numel()} elements, more than the file holds"
            )
    return {str(name): value.detach() for name, value in content.items()}
