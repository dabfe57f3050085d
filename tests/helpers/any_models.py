"""Models that stand for the libraries they come from, known by their methods alone."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Keras:
    """Predicts with a bar unless it is told to be quiet; has layers by name."""

    def __init__(self, outputs: int = 1) -> None:
        self.outputs = outputs

    def predict(self, x: Any, batch_size: int | None = None, verbose: str | int = "auto") -> Any:
        assert verbose == 0
        first = x[0] if isinstance(x, list) else x["a"] if isinstance(x, dict) else x
        assert isinstance(first, np.ndarray)
        values = first[:, :1] ** 2
        return values if self.outputs == 1 else [values + i for i in range(self.outputs)]

    def get_layer(self, name: str) -> Any:
        return name


class Skorch:
    """Reads float32 alone, as the torch module inside does."""

    def __init__(self, module: Any) -> None:
        self.module_ = module

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        import torch

        return np.asarray(self.module_(torch.tensor(X)).detach().numpy())

    predict_proba = predict


class OnnxSession:
    """An ONNX Runtime session; ``rows`` is the number of rows that the model is made for."""

    def __init__(
        self, outputs: dict[str, Any], inputs: dict[str, str], rows: int | str = "batch"
    ) -> None:
        self.outputs, self.inputs, self.rows = outputs, inputs, rows

    def get_inputs(self) -> list[Any]:
        return [
            SimpleNamespace(name=name, type=f"tensor({kind})", shape=[self.rows, "d"])
            for name, kind in self.inputs.items()
        ]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name=name) for name in self.outputs]

    def run(self, names: None, feed: dict[str, NDArray[Any]]) -> list[Any]:
        types = {"float": np.float32, "int64": np.int64, "string": object}
        for name, kind in self.inputs.items():
            assert feed[name].dtype == types[kind]
            assert self.rows in ("batch", len(feed[name]))
        return [function(feed) for function in self.outputs.values()]
