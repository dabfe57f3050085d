"""Any model as a function of a batch of images: torch modules, ONNX sessions, functions."""

import contextlib
import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.networks.modules import (
    check_values,
    evaluation_mode,
    own_device,
    own_type,
    torch_module,
)
from srnet.networks.onnx_session import Session, is_session
from srnet.networks.outputs import Selector, as_array, as_matrix, check_choice, choose, first_line
from srnet.typing import Floats
from srnet.validation import Choice
from srnet.wording import count_text

PRECISIONS = ("float32", "fused", "bfloat16")

Form = Callable[[torch.Tensor], Any]


class ImageModel:
    """A model as a function from images (m, C, H, W) to outputs (m, k) in float64.

    A module gets tensors of its own type on its own device, in evaluation mode and without
    gradients, and is left as it was. A function gets float32 tensors or, if it cannot read them,
    NumPy arrays.

    Parameters
    ----------
    model
        A torch module, an ONNX Runtime session, or a function.
    output
        Which of its outputs is explained, see :func:`srnet.networks.outputs.choose`.
    precision
        ``float32``: the model itself, in its own type. ``fused``: a faster copy in float32 with
        batch normalisation folded into the convolutions and channels last. ``bfloat16``: such a
        copy in bfloat16. The last two need a torch module.
    device
        Where a function's images are; the module's own device, or else the processor if left out.

    Raises
    ------
    UserError
        If it is no model, or cannot be used in this precision or on this device.
    """

    def __init__(
        self,
        model: Any,
        *,
        output: Selector = None,
        precision: str = "float32",
        device: str | torch.device | None = None,
    ) -> None:
        self._output = check_choice(output)
        Choice(PRECISIONS).check("precision", precision)
        module = torch_module(model)
        if module is not None:
            check_values(module)
        elif precision != "float32":
            raise UserError(
                f"precision: '{precision}' needs a torch module; a {type(model).__name__} is used "
                f"in float32"
            )
        own = None if module is None else own_device(module)
        self.device = own if own is not None and device is None else _find_device(device, own)
        self._has_read_one = False
        self._columns: int | None = None
        self._module: torch.nn.Module | None = module
        self._function: Callable[[Any], Any]
        self._forms: list[Form]
        if module is None:
            self._function = _check_function(model)
            self._forms = [lambda images: images, lambda images: images.cpu().numpy()]
        elif precision == "float32":
            dtype = own_type(module) or torch.float32
            # as it is compiled, if it is; torch.export's program is no module itself
            self._function = model if isinstance(model, torch.nn.Module) else module
            self._forms = [lambda images: images.to(dtype)]
        else:
            fused: Any = _fuse(module)  # Any: torch's type hints of `to` lack the layout
            dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
            self._function = self._module = fused.to(dtype, memory_format=torch.channels_last)
            self._forms = _layouts(fused, dtype)

    def __call__(self, images: torch.Tensor) -> Floats:
        """Its outputs, (m, k), for images (m, C, H, W).

        Raises
        ------
        UserError
            If it cannot be called with them, or gives no finite numbers for each of them.
        """
        mode = evaluation_mode(self._module) if self._module is not None else None
        with mode or contextlib.nullcontext(), torch.inference_mode():
            given = self._call(images)
            array = as_array(choose(given, self._output, len(images)))
        _check_rows(array, len(images))
        outputs = as_matrix(array, len(images))
        if not np.isfinite(outputs).all():
            raise UserError(
                "model: gives NaN or infinity for this image; finite logits, probabilities or "
                "values are needed"
            )
        if self._columns not in (None, outputs.shape[1]):
            raise UserError(
                f"model: gives {outputs.shape[1]} outputs for each of "
                f"{count_text(len(images), 'image')} and {self._columns} for one before; as many "
                f"for every image are needed"
            )
        self._columns = outputs.shape[1]
        self._has_read_one |= len(images) == 1
        return outputs

    def _call(self, images: torch.Tensor) -> Any:
        """What it gives for images in the first form that it can read, which is then the only
        one."""
        errors = []
        for form in self._forms:
            try:
                given = self._function(form(images))
            except (UserError, MemoryError):
                raise
            except Exception as error:
                errors.append(error)
            else:
                self._forms = [form]
                return given
        raise self._call_error(errors, images) from errors[0]

    def _call_error(self, errors: list[Exception], images: torch.Tensor) -> UserError:
        """Why it cannot be called, with what to pass where that is known."""
        reasons = dict.fromkeys(f"{type(each).__name__}: {first_line(each)}" for each in errors)
        if len(images) > 1 and self._has_read_one:
            hint = "it reads one image at a time: pass batch=1"
        else:
            hint = _hint("\n".join(map(str, errors)), images.shape[1])
        if isinstance(errors[0], torch.OutOfMemoryError):
            hint = f"pass fewer images at a time, as batch={max(len(images) // 4, 1)}"
        return UserError(
            f"model: cannot be called with images of shape {tuple(images.shape)} "
            f"({'; '.join(reasons)}); {hint}"
        )


def _check_function(model: Any) -> Callable[[Any], Any]:
    if is_session(model):
        return Session(model)
    if callable(model) and not isinstance(model, type):
        return model
    found = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
    hint = "as lambda images: …"
    if isinstance(model, Mapping):
        hint = "into which a state dict is loaded by module.load_state_dict(…)"
    elif hasattr(model, "predict_proba"):
        hint = "as lambda images: model.predict_proba(images.flatten(1).numpy())"
    elif isinstance(model, str):
        hint = "as srnet.images.read_classifier reads it from a file"
    raise UserError(f"model: {found} found; a torch module or a callable is needed, {hint}")


def _layouts(model: Any, dtype: torch.dtype) -> list[Form]:
    """Images with the channels last, or first for a model that contains a view that needs this."""

    def channels_first(images: torch.Tensor) -> torch.Tensor:
        model.to(memory_format=torch.contiguous_format)
        return images.to(dtype)

    return [lambda images: images.to(dtype, memory_format=torch.channels_last), channels_first]


def _find_device(device: Any, own: torch.device | None) -> torch.device:
    """The device of an argument; UserError if it is not there, or a module is elsewhere."""
    if device is None:
        return torch.device("cpu")
    try:
        wanted = torch.device(device)
        if wanted.type != "meta":
            torch.empty(1, device=wanted)
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        raise UserError(
            f"device: {device!r} found, which torch cannot use here ({first_line(error)}); "
            f"device='cpu' works everywhere"
        ) from error
    if own is None:
        return wanted
    if own.type != wanted.type or wanted.index not in (None, own.index):
        raise UserError(
            f"device: '{wanted}' found, and the module is on '{own}'; move it by "
            f"model.to('{wanted}'), or leave device out"
        )
    return own


def _check_rows(array: NDArray[Any], count: int) -> None:
    """UserError unless an output has a row for each image, with what to pass where it is known."""
    found = (
        f"model: gives an array of shape {array.shape} for {count_text(count, 'image')}; a row of "
        f"outputs per image is needed"
    )
    rows = len(array) if array.ndim else 0
    if rows == count and array.ndim > 2:
        reduced = "y.mean((2, 3))" if array.ndim == 4 else "y[:, 0]"
        if array.size == count * array.shape[1]:
            reduced = "y.reshape(len(y), -1)"
        raise UserError(f"{found}, as by output=lambda y: {reduced}")
    if array.size and (array.size == count if array.ndim < 2 else rows == count):
        return
    if count == 1 and array.ndim == 1 and rows:
        raise UserError(
            f"{found}; for a function of one image pass lambda images: "
            f"torch.stack([model(image) for image in images])"
        )
    if count == 1 and array.ndim == 2 and rows:
        raise UserError(
            f"{found}; for a model of batches of {rows} pass batch=1 and "
            f"lambda images: model(images.expand({rows}, -1, -1, -1))[:1]"
        )
    if count > 1 and (rows == 1 or array.ndim < 2):
        raise UserError(f"{found}; for a model that reads one image at a time pass batch=1")
    raise UserError(found)


def _hint(reason: str, given: int) -> str:
    """What to pass in place of images of ``given`` channels that a model cannot read, by what it
    says of them."""
    words = reason.lower()
    channels = re.search(r"to have (\d+) channels", reason)
    if channels and int(channels[1]) == given:
        return "if its channels are last, pass lambda images: model(images.permute(0, 2, 3, 1))"
    if channels:
        others = "or" if channels[1] in ("1", "3") else "and"  # which are made of any picture
        return f"pass channels={channels[1]}, {others} the image with these bands"
    if "same device" in words or ("weight type" in words and "cuda" in words):
        return "pass the device of the model, as device='cuda'"
    if re.search(r"same dtype|double|half|bfloat16", words):
        return "pass the model in its type, as lambda images: model(images.double())"
    if "cannot be multiplied" in words or "kernel size" in words or "output size" in words:
        return "pass the size that it reads, as preprocessing=Preprocessing(224)"
    return (
        "it gets a float32 tensor or array (m, C, H, W); for anything else pass a function, as "
        "lambda images: model(…), and for batches of n images batch=1 and "
        "lambda images: model(images.expand(n, -1, -1, -1))[:1]"
    )


def _fuse(model: torch.nn.Module) -> torch.nn.Module:
    """A copy in evaluation mode with batch normalisation folded into the convolutions.

    If torch cannot trace the model, the copy is unfused.
    """
    from torch.fx.experimental.optimization import fuse

    unfused = copy.deepcopy(model).eval()
    try:
        return fuse(unfused)
    except Exception:  # tracing can fail in many ways; the unfused copy computes the same
        return unfused
