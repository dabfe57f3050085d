"""Tensors read from a file of torch's; nothing in it is executed."""

import os
import zipfile

from srnet.errors import UserError
from srnet.io.npz import check_unpacked
from srnet.typing import Floats


def _read_tensors(path: str | os.PathLike[str]) -> dict[str, Floats]:
    import torch

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_unpacked(archive, path)
        state = torch.load(path, map_location="cpu", weights_only=True)
        for key, value in state.items():
            # a tensor may repeat one number as often as it says
            if value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise UserError(
                    f"{path}: '{key}' has {value.numel()} elements, more than the file holds"
                )
        return {str(key): value.detach().to(torch.float64).numpy() for key, value in state.items()}
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # torch raises much, also to refuse a pickle of anything but tensors
        raise UserError(
            f"{path}: is not a dict of tensors that torch.load reads with weights_only=True "
            f"({type(error).__name__})"
        ) from error
