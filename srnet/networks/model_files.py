"""Files of models that the command line reads: nothing in them is run as code."""

import importlib
from pathlib import Path
from typing import Any

from srnet.errors import UserError
from srnet.io.files import check_readable
from srnet.networks.mlp import Network, load_network
from srnet.networks.outputs import first_line
from srnet.typing import StrPath


def load_model(path: StrPath, activation: str | None) -> Any:
    """A :class:`~srnet.networks.mlp.Network` of a state dict, or an ONNX Runtime session of a file
    that ends with ``.onnx``.

    Raises
    ------
    UserError
        If the file is none of them, or onnxruntime is not installed.
    """
    if Path(path).suffix.lower() != ".onnx":
        return load_network(path, activation)
    check_readable(path)
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise UserError(
            f"{path}: onnxruntime is needed to read an ONNX file; install it with pip install "
            f"onnxruntime"
        ) from error
    try:
        return runtime.InferenceSession(Path(path).read_bytes(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UserError(f"{path}: is no readable ONNX file ({first_line(error)})") from error


def width(model: Any) -> int | None:
    """The number of columns that a model of a file reads; None where the file does not tell."""
    if isinstance(model, Network):
        return model.sizes[0]
    inputs = model.get_inputs()
    sizes = [each.shape[1] if len(each.shape) > 1 else 1 for each in inputs]
    return sum(sizes) if all(isinstance(size, int) for size in sizes) else None
