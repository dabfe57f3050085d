"""Files of torch: dicts of tensors, text and numbers, read without running anything they hold."""

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
        and containers of them.
    """
    import torch

    check_readable(path)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_unpacked(archive, path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # torch raises much, also to refuse a pickle of anything else
        raise UserError(
            f"{path}: is no file of tensors that torch.load reads with weights_only=True "
            f"({type(error).__name__})"
        ) from None


def as_state_dict(content: Any, path: StrPath) -> dict[str, "Tensor"]:
    """Content of a file as a state dict: names with tensors of real numbers.

    Raises
    ------
    UserError
        If it is no dict, or an entry is no tensor, no plain one, or larger than the file.
    """
    import torch

    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}; a state dict is needed")
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
