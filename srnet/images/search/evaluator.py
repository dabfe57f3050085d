"""The classifier as a function of the superpixels that are shown: every explainer asks it, and its
questions are counted."""

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

# Network evaluations at a time. Small batches stay in a processor's cache; a graphics card wants
# more.
BATCH_CPU, BATCH_GPU = 8, 128

# A probability in float32 is known to about this much; log-odds made from it end there.
RESOLUTION = 1e-7


class Answers(NamedTuple):
    """What the classifier says of m images.

    Attributes
    ----------
    probability
        (m,) of the explained class.
    log_odds
        (m,) ln p/(1 - p), from the logits where the classifier gives them.
    """

    probability: Floats
    log_odds: Floats


class Evaluator:
    """A classifier's answers when only some superpixels of one image are shown.

    Parameters
    ----------
    model
        A torch module or another callable that takes a float32 tensor (N, 3, H, W) and gives logits
        or probabilities (N, classes). It is used in evaluation mode and without gradients, and left
        as it was.
    image
        (H, W, 3), values in [0, 1], in the network's frame.
    segments
        (H, W), the superpixels 0 … n-1.
    label
        The class explained; that of the whole image where not given (one pass).
    fill
        What hides a superpixel, see :func:`srnet.images.pictures.fills.fill_image`.
    preprocessing
        :class:`Preprocessing`, or any callable from images (N, H, W, 3) float32 in [0, 1] to the
        model's input; None where the model takes values in [0, 1].
    batch
        Images at a time; 8 on a processor and 128 on a graphics card where not given.
    precision
        ``float32``: the model itself. ``fused``: a copy with its batch normalisation folded into
        the convolutions and its channels last, which a processor computes faster. ``bfloat16``:
        such a copy in bfloat16. A module is needed for the last two.
    outputs
        ``logits``, ``probabilities``, or ``detect``: rows that are not negative and sum to 1 are
        probabilities.

    Attributes
    ----------
    passes
        Images that the network has seen.
    superpixels, classes
        Their numbers.
    label
        The class explained.
    whole
        The answer to the whole image, asked at the beginning.

    Raises
    ------
    UserError
        If a setting is unknown, the label is out of range, or the model's output cannot be used
        (shape, NaN, ambiguous).
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
        self._model = _with_precision(model, precision)
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._layout = torch.contiguous_format if precision == "float32" else torch.channels_last
        self._outputs = outputs
        self._device = _device(self._model)
        self._batch = batch if batch else BATCH_CPU if self._device.type == "cpu" else BATCH_GPU
        self._hidden = fill_image(image, segments, fill)
        # A pixel's normalisation does not look at its neighbours, so it is done once; of another
        # callable nothing is known.
        self._pixelwise = preprocessing is None or isinstance(preprocessing, Preprocessing)
        self._tensor = preprocessing if preprocessing is not None else Preprocessing(size=1).tensor
        if self._pixelwise:
            self._shown_tensor, self._hidden_tensor = self._tensor(
                np.stack([image, self._hidden])
            ).to(self._device)
            self._segments_tensor = torch.from_numpy(segments.astype(np.int64)).to(self._device)
        whole = np.ones((1, self.superpixels), dtype=bool)
        try:
            output = self._output(whole)
        except RuntimeError:  # a model that views its channels as if they came first
            if self._layout is torch.contiguous_format:
                raise
            self._layout = torch.contiguous_format
            self._model = self._model.to(memory_format=self._layout)
            output = self._output(whole)
        self.classes = output.shape[1]
        self.label = _label(label, output[0])
        self.whole = self._answers(output)

    def probabilities(self, genomes: Genomes) -> Floats:
        """Probability of the explained class, (m,), for superpixels shown (m, n)."""
        return self.answers(genomes).probability

    def all_probabilities(self, genomes: Genomes) -> Floats:
        """Probabilities of all classes, (m, classes), for superpixels shown (m, n)."""
        output = self._output(genomes)
        return output if self._outputs == "probabilities" else np.exp(_log_softmax(output))

    def answers(self, genomes: Genomes) -> Answers:
        """Probability and log-odds of the explained class for superpixels shown (m, n)."""
        return self._answers(self._output(genomes))

    def composed(self, genomes: Genomes) -> NDArray[np.float32]:
        """The images (m, H, W, 3) of superpixels shown (m, n): the original pixels where True, the
        fill where False."""
        return np.where(
            np.asarray(genomes, dtype=bool)[:, self.segments][..., None], self.image, self._hidden
        )

    def _answers(self, output: Floats) -> Answers:
        if self._outputs == "probabilities":
            probability = output[:, self.label]
            bounded = np.clip(probability, RESOLUTION, 1 - RESOLUTION)
            return Answers(probability, np.log(bounded) - np.log1p(-bounded))
        others = np.logaddexp.reduce(np.delete(output, self.label, axis=1), axis=1)
        log_odds = output[:, self.label] - others
        return Answers(
            np.exp(output[:, self.label] - np.logaddexp(output[:, self.label], others)), log_odds
        )

    def _output(self, genomes: Genomes) -> Floats:
        """Logits or probabilities, (m, classes)."""
        genomes = np.asarray(genomes, dtype=bool)
        if genomes.ndim != 2 or genomes.shape[1] != self.superpixels:
            raise UserError(
                f"genomes: an array of shape {genomes.shape} found; (m, {self.superpixels}) is "
                f"needed"
            )
        rows: list[Floats] = []
        with _evaluating(self._model):
            for start in range(0, len(genomes), self._batch):
                chunk = genomes[start : start + self._batch]
                rows.append(self._checked(self._model(self._input(chunk)), len(chunk)))
                self.passes += len(chunk)
        found = np.concatenate(rows) if rows else np.zeros((0, 2))
        if self._outputs == "detect" and rows:
            self._outputs = _kind(found)
        if self._outputs == "probabilities" and (
            found.min(initial=0) < -1e-3 or found.max(initial=0) > 1 + 1e-3
        ):
            raise UserError(
                "model: gives values outside [0, 1] where probabilities are declared; say "
                "outputs='logits'"
            )
        return found

    def _input(self, genomes: Genomes) -> torch.Tensor:
        if self._pixelwise:
            shown = torch.from_numpy(genomes).to(self._device)[:, self._segments_tensor][:, None]
            images = torch.where(shown, self._shown_tensor, self._hidden_tensor)
        else:
            images = torch.as_tensor(self._tensor(self.composed(genomes))).to(self._device)
        return (
            images
            if self.precision == "float32"
            else images.to(self._dtype, memory_format=self._layout)
        )

    def _checked(self, output: Any, count: int) -> Floats:
        if isinstance(output, torch.Tensor):
            output = output.float().cpu().numpy()
        elif not isinstance(output, np.ndarray):
            raise UserError(
                f"model: gives a {type(output).__name__}; a tensor (N, classes) is needed, as of "
                f"a function that picks it out"
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


def _label(label: int | None, whole: Floats) -> int:
    if label is None:
        return int(whole.argmax())
    return Integer(0, len(whole) - 1).check("label", label)


def _kind(found: Floats) -> str:
    """Whether a model's first outputs are logits or probabilities."""
    if found.min() < 0 or found.max() > 1 + 1e-3:
        return "logits"
    if np.abs(found.sum(axis=1) - 1).max() < 1e-3:
        return "probabilities"
    raise UserError(
        "model: gives values in [0, 1] that do not sum to 1; say outputs='logits' or "
        "outputs='probabilities' to tell what they are"
    )


def _log_softmax(logits: Floats) -> Floats:
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def _device(model: Any) -> torch.device:
    if isinstance(model, torch.nn.Module):
        for tensor in (*model.parameters(), *model.buffers()):
            return tensor.device
    return torch.device("cpu")


@contextlib.contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module is in the mode it was in."""
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


def _with_precision(model: Any, precision: str) -> Any:
    Choice(PRECISIONS).check("precision", precision)
    if precision == "float32":
        return model
    if not isinstance(model, torch.nn.Module):
        raise UserError(
            f"precision: '{precision}' needs a torch module; a {type(model).__name__} is used in "
            f"float32"
        )
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    fused: Any = _fused(model)  # torch's types of a module's `to` leave out the layout
    return fused.to(dtype=dtype, memory_format=torch.channels_last)


def _fused(model: torch.nn.Module) -> torch.nn.Module:
    """A copy in evaluation mode whose batch normalisation is part of the convolutions before it,
    where torch can trace it."""
    from torch.fx.experimental.optimization import fuse

    plain = copy.deepcopy(model).eval()
    try:
        fused = fuse(plain)
    except Exception:  # whatever tracing stumbles over: the copy as it is computes the same
        fused = plain
    return fused
