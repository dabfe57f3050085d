"""A torch module as it stands: which models are one, its device and type, its mode."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from srnet.errors import UserError

if TYPE_CHECKING:
    import torch


def torch_module(model: Any) -> "torch.nn.Module | None":
    """The module whose layers can be seen, if the model is one of torch."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if isinstance(model, torch.export.ExportedProgram):
        return model.module()
    # a model of keras that runs on torch is one too, but has its own ways
    if not isinstance(model, torch.nn.Module) or any(
        each.__module__.split(".")[0] == "keras" for each in type(model).__mro__
    ):
        return None
    return getattr(model, "_orig_mod", model)  # what torch.compile has wrapped


def own_tensors(module: "torch.nn.Module") -> "list[torch.Tensor]":
    """Its parameters and buffers."""
    return [*module.parameters(), *module.buffers()]


def own_device(module: "torch.nn.Module") -> "torch.device":
    """Where its first tensor is; the processor if it has none."""
    import torch

    return next((value.device for value in own_tensors(module)), torch.device("cpu"))


def own_type(module: "torch.nn.Module") -> "torch.dtype | None":
    """The type of its first floating tensor, if it has one."""
    return next((value.dtype for value in own_tensors(module) if value.is_floating_point()), None)


def check_values(module: "torch.nn.Module") -> None:
    """UserError if its tensors hold no values yet."""
    from torch.nn.parameter import is_lazy

    if any(value.is_meta for value in own_tensors(module)):
        raise UserError(
            "the model is on the device meta and has no values; load its weights first, as by "
            "model.to_empty(device='cpu').load_state_dict(…)"
        )
    if any(is_lazy(value) for value in own_tensors(module)):
        raise UserError(
            "the model has a lazy module that was never called and has no values; train the "
            "model, or load its weights first"
        )


@contextlib.contextmanager
def evaluation_mode(module: "torch.nn.Module") -> Iterator[None]:
    """In eval mode, and afterwards each module in its own again, with its buffers as they were."""
    modes = [(part, part.training) for part in module.modules() if hasattr(part, "training")]
    try:
        with contextlib.suppress(NotImplementedError):  # one of torch.export has one mode alone
            module.eval()
        with keep_buffers(module):
            yield
    finally:
        for part, training in modes:
            part.training = training


@contextlib.contextmanager
def keep_buffers(module: "torch.nn.Module") -> Iterator[None]:
    """Buffers are afterwards as they were, those that were filled and those that were replaced."""
    import torch

    buffers = [
        (part, name, buffer, None if buffer is None else buffer.clone())
        for part in module.modules()
        for name, buffer in part._buffers.items()
    ]
    try:
        yield
    finally:
        for part, name, buffer, value in buffers:
            if getattr(part, name) is not buffer:
                setattr(part, name, buffer)
            if buffer is None or value is None:
                continue
            with contextlib.suppress(NotImplementedError):  # sparse ones cannot be compared
                # what is the same is not touched: a gradient may wait for it
                if not torch.equal(buffer, value):
                    buffer.copy_(value)
