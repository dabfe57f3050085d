"""The classifier as a function of the superpixels shown; it counts the network evaluations."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.pictures.fills import fill_image
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.typing import Floats
from srnet.validation import Choice, Integer

Genomes = NDArray[np.bool_]

OUTPUTS = ("detect", "logits", "probabilities")
PRECISIONS = ("float32", "fused", "bfloat16")

# Images per batch. Small batches stay in a processor's cache; a graphics card needs large ones.
BATCH_CPU, BATCH_GPU = 8, 128

# Resolution of a probability in float32, which bounds the log-odds computed from it.
RESOLUTION = 1e-7


class Predictions(NamedTuple):
    """Predictions of the explained class for m images.

    Attributes
    ----------
    probability
        (m,) probability p.
    log_odds
        (m,) ln p/(1 - p), computed from the logits if the classifier returns them.
    """

    probability: Floats
    log_odds: Floats


class Evaluator:
    """A classifier on one image of which only some superpixels are shown.

    Parameters
    ----------
    model
        A torch module or another callable from a float32 tensor (N, 3, H, W) to logits or
        probabilities (N, classes). It runs in evaluation mode without gradients and is left as it
        was.
    image
        (H, W, 3), values in [0, 1], as the network sees it.
    segments
        (H, W), the superpixels 0 … n-1.
    label
        Number of the class to explain; by default the class of the whole image.
    fill
        Fill of hidden superpixels, see :func:`srnet.images.pictures.fills.fill_image`.
    preprocessing
        :class:`Preprocessing`, or any callable from float32 images (N, H, W, 3) in [0, 1] to the
        model's input; None if the model takes values in [0, 1].
    batch
        Images per batch; by default 8 on a processor and 128 on a graphics card.
    precision
        ``float32``: the model itself. ``fused``: a faster copy with batch normalisation folded into
        the convolutions and channels last. ``bfloat16``: such a copy in bfloat16. The last two need
        a torch module.
    outputs
        ``logits``, ``probabilities``, or ``detect``: logits if a value lies outside [0, 1],
        probabilities if every row sums to 1, else an error.

    Attributes
    ----------
    passes
        Number of images that the network has evaluated.
    superpixels, classes
        Numbers of superpixels and classes.
    label
        Number of the explained class.
    whole_image
        Predictions for the whole image, which the constructor evaluates (one pass).

    Raises
    ------
    UserError
        If a setting is unknown, the label is out of range, or the model's output cannot be used
        (wrong shape, not finite, or ambiguous).
    """

    def __init__(
        self,
        model: Any,
        image: NDArray[np.float32],
        segments: NDArray[np.int32],
        *,
        label: int | None = None,
        fill: str = "grey",
        preprocessing: Preprocessing | Callable[[NDArray[np.float32]], torch.Tensor] | None = None,
        batch: int | None = None,
        precision: str = "float32",
        outputs: str = "detect",
    ) -> None:
        if not callable(model):
            raise UserError(
                f"model: a {type(model).__name__} found; a torch module or a callable is needed"
            )
        Choice(OUTPUTS).check("outputs", outputs)
        if batch is not None:
            batch = Integer(1).check("batch", batch)
        self.image, self.segments = image, segments
        self.superpixels = int(segments.max()) + 1
        self.passes = 0
        self.precision = precision
        self._model = _convert(model, precision)
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._layout = torch.contiguous_format if precision == "float32" else torch.channels_last
        self._outputs = outputs
        self._device = _find_device(self._model)
        self._batch = batch if batch else BATCH_CPU if self._device.type == "cpu" else BATCH_GPU
        self._hidden = fill_image(image, segments, fill)
        # Preprocessing normalises each pixel on its own, so it is applied only once. Any other
        # callable may mix pixels.
        self._pixelwise = preprocessing is None or isinstance(preprocessing, Preprocessing)
        self._tensor = preprocessing if preprocessing is not None else Preprocessing(size=1).tensor
        if self._pixelwise:
            self._shown_tensor, self._hidden_tensor = self._tensor(
                np.stack([image, self._hidden])
            ).to(self._device)
            self._segments_tensor = torch.from_numpy(segments.astype(np.int64)).to(self._device)
        whole = np.ones((1, self.superpixels), dtype=bool)
        try:
            output = self._evaluate(whole)
        except RuntimeError:  # the model contains a view that needs channels first
            if self._layout is torch.contiguous_format:
                raise
            self._layout = torch.contiguous_format
            self._model = self._model.to(memory_format=self._layout)
            output = self._evaluate(whole)
        self.classes = output.shape[1]
        self.label = _check_label(label, output[0])
        self.whole_image = self._to_predictions(output)

    def probabilities(self, genomes: Genomes) -> Floats:
        """Probability of the explained class, (m,), when superpixels (m, n) are shown."""
        return self.predict(genomes).probability

    def all_probabilities(self, genomes: Genomes) -> Floats:
        """Probabilities of all classes, (m, classes), when superpixels (m, n) are shown."""
        output = self._evaluate(genomes)
        return output if self._outputs == "probabilities" else np.exp(_log_softmax(output))

    def predict(self, genomes: Genomes) -> Predictions:
        """Predictions of the explained class, (m,), when superpixels (m, n) are shown."""
        return self._to_predictions(self._evaluate(genomes))

    def compose_images(self, genomes: Genomes) -> NDArray[np.float32]:
        """Compose the images (m, H, W, 3) that show superpixels (m, n) and hide the others."""
        return np.where(
            np.asarray(genomes, dtype=bool)[:, self.segments][..., None], self.image, self._hidden
        )

    def _to_predictions(self, output: Floats) -> Predictions:
        if self._outputs == "probabilities":
            probability = output[:, self.label]
            bounded = np.clip(probability, RESOLUTION, 1 - RESOLUTION)
            return Predictions(probability, np.log(bounded) - np.log1p(-bounded))
        others = np.logaddexp.reduce(np.delete(output, self.label, axis=1), axis=1)
        log_odds = output[:, self.label] - others
        return Predictions(
            np.exp(output[:, self.label] - np.logaddexp(output[:, self.label], others)), log_odds
        )

    def _evaluate(self, genomes: Genomes) -> Floats:
        """Run the model: logits or probabilities, (m, classes), for superpixels shown (m, n)."""
        genomes = np.asarray(genomes, dtype=bool)
        if genomes.ndim != 2 or genomes.shape[1] != self.superpixels:
            raise UserError(
                f"genomes: an array of shape {genomes.shape} found; (m, {self.superpixels}) is "
                f"needed"
            )
        rows: list[Floats] = []
        with _evaluation_mode(self._model):
            for start in range(0, len(genomes), self._batch):
                chunk = genomes[start : start + self._batch]
                rows.append(self._check_output(self._model(self._make_input(chunk)), len(chunk)))
                self.passes += len(chunk)
        output = np.concatenate(rows) if rows else np.zeros((0, 2))
        if self._outputs == "detect" and rows:
            self._outputs = _detect_outputs(output)
        if self._outputs == "probabilities" and (
            output.min(initial=0) < -1e-3 or output.max(initial=0) > 1 + 1e-3
        ):
            raise UserError(
                "model: gives values outside [0, 1] although outputs='probabilities'; use "
                "outputs='logits'"
            )
        return output

    def _make_input(self, genomes: Genomes) -> torch.Tensor:
        if self._pixelwise:
            shown = torch.from_numpy(genomes).to(self._device)[:, self._segments_tensor][:, None]
            images = torch.where(shown, self._shown_tensor, self._hidden_tensor)
        else:
            images = torch.as_tensor(self._tensor(self.compose_images(genomes))).to(self._device)
        return (
            images
            if self.precision == "float32"
            else images.to(self._dtype, memory_format=self._layout)
        )

    def _check_output(self, output: Any, count: int) -> Floats:
        if isinstance(output, torch.Tensor):
            output = output.float().cpu().numpy()
        elif not isinstance(output, np.ndarray):
            raise UserError(
                f"model: gives a {type(output).__name__}; a tensor (N, classes) is needed, for "
                f"example from a function that selects it"
            )
        if output.ndim != 2 or len(output) != count or output.shape[1] < 2:
            raise UserError(
                f"model: gives an array of shape {output.shape} for {count} images; ({count}, "
                f"classes) with at least 2 classes is needed"
            )
        if not np.isfinite(output).all():
            raise UserError(
                "model: gives NaN or infinity for this image; finite logits or probabilities are "
                "needed"
            )
        return output.astype(np.float64)


def _check_label(label: int | None, whole: Floats) -> int:
    if label is None:
        return int(whole.argmax())
    return Integer(0, len(whole) - 1).check("label", label)


def _detect_outputs(output: Floats) -> str:
    """Whether a model's first outputs are logits or probabilities."""
    if output.min() < 0 or output.max() > 1 + 1e-3:
        return "logits"
    if np.abs(output.sum(axis=1) - 1).max() < 1e-3:
        return "probabilities"
    raise UserError(
        "model: gives values in [0, 1] that do not sum to 1; choose outputs='logits' or "
        "outputs='probabilities'"
    )


def _log_softmax(logits: Floats) -> Floats:
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def _find_device(model: Any) -> torch.device:
    if isinstance(model, torch.nn.Module):
        for tensor in (*model.parameters(), *model.buffers()):
            return tensor.device
    return torch.device("cpu")


@contextlib.contextmanager
def _evaluation_mode(model: Any) -> Iterator[None]:
    """Evaluate without gradients, and restore the mode of every module afterwards."""
    if not isinstance(model, torch.nn.Module):
        with torch.inference_mode():
            yield
        return
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.inference_mode():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _convert(model: Any, precision: str) -> Any:
    Choice(PRECISIONS).check("precision", precision)
    if precision == "float32":
        return model
    if not isinstance(model, torch.nn.Module):
        raise UserError(
            f"precision: '{precision}' needs a torch module; a {type(model).__name__} is used in "
            f"float32"
        )
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    fused: Any = _fuse(model)  # Any: torch's type hints of `to` lack the layout
    return fused.to(dtype=dtype, memory_format=torch.channels_last)


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
