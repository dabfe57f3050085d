"""The classifier as a function of the superpixels shown; it counts the network evaluations."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.pictures.fills import fill_hidden, fill_image, reads_mask
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.images.search.model import ImageModel
from srnet.images.search.outputs import (
    OUTPUTS,
    Predictions,
    check_change,
    choose_label,
    class_columns,
    detect,
    predict_class,
    predict_value,
    probabilities_by_class,
)
from srnet.networks.outputs import Selector
from srnet.typing import Floats
from srnet.validation import Choice, Integer

Genomes = NDArray[np.bool_]

# Images per batch. Small batches stay in a processor's cache; a graphics card needs large ones.
BATCH_CPU, BATCH_GPU = 8, 128
LARGEST = 1e250  # log-odds; sums of larger ones may overflow in the surrogate


class Evaluator:
    """A model on one image of which only some superpixels are shown.

    Parameters
    ----------
    model
        A torch module, an ONNX Runtime session, or a function from tensors or arrays (N, C, H, W)
        to outputs (N, k), see :class:`srnet.images.search.model.ImageModel`. A module runs in
        evaluation mode without gradients and is left as it was.
    image
        (H, W, C), values in [0, 1], as the network sees it.
    segments
        (H, W), the superpixels 0 … n-1.
    label
        Number of the class or value to explain; by default the class of the whole image.
    fill
        Fill of hidden superpixels, see :func:`srnet.images.pictures.fills.fill_image`.
    preprocessing
        :class:`Preprocessing`, or any callable from float32 images (N, H, W, C) in [0, 1] to the
        model's input; None if the model takes values in [0, 1].
    batch
        Images per batch; by default 8 on a processor and 128 on a graphics card.
    precision
        ``float32``: the model itself, in its own type. ``fused``: a faster copy with batch
        normalisation folded into the convolutions and channels last. ``bfloat16``: such a copy in
        bfloat16. The last two need a torch module.
    outputs
        ``logits``: their softmax is the probabilities. ``probabilities``, also of one sigmoid per
        class. ``multilabel``: logits of one sigmoid per class. ``values``: of a regression, see
        :class:`srnet.images.search.outputs.Predictions`. ``detect``: logits if a value lies outside
        [0, 1], probabilities if every row sums to 1, else an error. A single column of logits or
        probabilities is that of class 1 of two.
    output
        Which of the model's outputs it is, see :func:`srnet.networks.outputs.choose`.
    device
        Where a function's images are; by default that of the module, or the processor.
    memory
        Outputs that evaluators of the same model and image share, so that each batch is evaluated
        once. Results are the same with and without it, bit for bit.

    Attributes
    ----------
    passes
        Number of images evaluated.
    passes_shared
        How many of them are from the memory.
    superpixels, classes
        Numbers of superpixels and of classes or values.
    outputs
        What the outputs are: as given or detected.
    label
        Number of the explained class.
    whole_image
        Predictions for the whole image, which the constructor evaluates (one pass; of values two,
        for the fill counts too).

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
        fill: Any = "grey",
        preprocessing: Preprocessing | Callable[[NDArray[np.float32]], Any] | None = None,
        batch: int | None = None,
        precision: str = "float32",
        outputs: str = "detect",
        output: Selector = None,
        device: str | torch.device | None = None,
        memory: dict[Any, Any] | None = None,
    ) -> None:
        self.outputs = Choice(OUTPUTS).check("outputs", outputs)
        if batch is not None:
            batch = Integer(1).check("batch", batch)
        self.image, self.segments = image, segments
        self.superpixels = int(segments.max()) + 1
        self.passes = self.passes_shared = 0
        self.precision = precision
        self._model = ImageModel(model, output=output, precision=precision, device=device)
        self._device = self._model.device
        self.batch = batch if batch else BATCH_CPU if self._device.type == "cpu" else BATCH_GPU
        self._hidden = fill_image(image, segments, fill)
        self._inpaint = fill if reads_mask(fill) else None
        # Preprocessing normalises each pixel on its own, so it is applied only once. Any other
        # callable may mix pixels.
        self._tensor = preprocessing if preprocessing is not None else Preprocessing().tensor
        self._pixelwise = self._inpaint is None and (
            preprocessing is None or isinstance(preprocessing, Preprocessing)
        )
        if self._pixelwise:
            self._shown_tensor, self._hidden_tensor = self._preprocess(
                np.stack([image, self._hidden])
            )
            self._segments_tensor = torch.from_numpy(segments.astype(np.int64)).to(self._device)
        self._memory = memory
        self._key: tuple[Any, ...] = ()
        if memory is not None:
            # all that the outputs of a batch depend on; kept, so that no other gets their numbers
            parts = (model, output, preprocessing, self._inpaint)
            arrays = (image, segments, self._hidden)
            names = (precision, str(device), *map(id, parts))
            self._key = (*names, *(array.tobytes() for array in arrays))
            memory.setdefault(names, parts)
        whole = self._evaluate(np.ones((1, self.superpixels), dtype=bool))
        self.classes = whole.shape[1]
        self.label = choose_label(label, whole[0], self.outputs)
        self._range = (0.0, 1.0)
        if self.outputs == "values":
            empty = self._evaluate(np.zeros((1, self.superpixels), dtype=bool))
            self._range = float(empty[0, self.label]), float(whole[0, self.label])
            check_change(*self._range)
        self.whole_image = self._predict(whole)

    def probabilities(self, genomes: Genomes) -> Floats:
        """Probability of the explained class, (m,), when superpixels (m, n) are shown."""
        return self.predict(genomes).probability

    def all_probabilities(self, genomes: Genomes) -> Floats:
        """Probabilities of all classes, (m, classes), when superpixels (m, n) are shown; of a
        regression its values."""
        return probabilities_by_class(self._evaluate(genomes), self.outputs)

    def predict(self, genomes: Genomes) -> Predictions:
        """Predictions of the explained class, (m,), when superpixels (m, n) are shown."""
        return self._predict(self._evaluate(genomes))

    def compose_images(self, genomes: Genomes) -> NDArray[np.float32]:
        """Compose the images (m, H, W, C) that show superpixels (m, n) and hide the others."""
        shown = np.asarray(genomes, dtype=bool)[:, self.segments]
        if self._inpaint is None:
            return np.where(shown[..., None], self.image, self._hidden)
        return np.stack([self._inpaint_hidden(each) for each in shown])

    def to_units(self, probability: float) -> float:
        """A probability of predictions as a value in the model's own units; of a classifier as it
        is."""
        empty, whole = self._range
        return empty + probability * (whole - empty)

    def _inpaint_hidden(self, shown: NDArray[np.bool_]) -> NDArray[np.float32]:
        if shown.all() or not shown.any():
            return self.image if shown.all() else self._hidden
        assert self._inpaint is not None
        return np.where(
            shown[..., None], self.image, fill_hidden(self.image, ~shown, self._inpaint)
        )

    def _predict(self, output: Floats) -> Predictions:
        with np.errstate(over="ignore", invalid="ignore"):
            if self.outputs == "values":
                predictions = predict_value(output[:, self.label], *self._range)
            else:
                predictions = predict_class(output, self.outputs, self.label)
        if not (np.abs(predictions) < LARGEST).all():
            raise UserError(
                f"model: gives numbers from {output.min():.3g} to {output.max():.3g}, with whose "
                f"differences one cannot compute; smaller ones are needed, as by output=lambda y: "
                f"y / {LARGEST:g}"
            )
        return predictions

    def _evaluate(self, genomes: Genomes) -> Floats:
        """The model's outputs by class, (m, classes), for superpixels shown (m, n)."""
        genomes = np.asarray(genomes, dtype=bool)
        if genomes.ndim != 2 or genomes.shape[1] != self.superpixels:
            raise UserError(
                f"genomes: an array of shape {genomes.shape} found; (m, {self.superpixels}) is "
                f"needed"
            )
        if not len(genomes):
            return np.zeros((0, self.classes))
        batches = [
            genomes[start : start + self.batch] for start in range(0, len(genomes), self.batch)
        ]
        output = np.concatenate([self._evaluate_batch(batch) for batch in batches])
        if self.outputs == "detect":
            self.outputs = detect(output)
        return class_columns(output, self.outputs)

    def _evaluate_batch(self, genomes: Genomes) -> Floats:
        self.passes += len(genomes)
        if self._memory is None:
            return self._model(self._make_input(genomes))
        key = (*self._key, genomes.tobytes())
        if key in self._memory:
            self.passes_shared += len(genomes)
        else:
            self._memory[key] = self._model(self._make_input(genomes))
        return self._memory[key]

    def _make_input(self, genomes: Genomes) -> torch.Tensor:
        if self._pixelwise:
            shown = torch.from_numpy(genomes).to(self._device)[:, self._segments_tensor][:, None]
            return torch.where(shown, self._shown_tensor, self._hidden_tensor)
        return self._preprocess(self.compose_images(genomes))

    def _preprocess(self, images: NDArray[np.float32]) -> torch.Tensor:
        try:
            return torch.as_tensor(self._tensor(images)).to(self._device)
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"preprocessing: cannot be called with images of shape {images.shape} "
                f"({type(error).__name__}: {error}); a function from images (N, H, W, C) to the "
                f"model's input is needed"
            ) from error
