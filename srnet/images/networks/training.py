"""Train an image classifier on generated images of which parts are hidden.

Half of the images of a batch have a random block hidden, or everything but a block: an explanation
hides superpixels, and a network that never saw such images would be explained on inputs that mean
nothing to it. Most of the training uses the images at half their size, which costs a quarter; the
last part uses their full size.

Everything is drawn from one seed and computed in float32 by a given number of threads: on one
machine, the same options give the same network.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from srnet.errors import UserError
from srnet.images.networks.architectures import (
    ARCHITECTURES,
    MEAN,
    STD,
    Classifier,
    write_classifier,
)
from srnet.images.pictures.dataset import CLASSES, SIZE, ImageSet, make_image_set, make_test_set
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.io.files import write_json
from srnet.io.software import software
from srnet.networks.training import torch_threads
from srnet.typing import StrPath
from srnet.validation import Choice, Integer, Number, check_threads

EPOCHS = {
    "resnet18": 2.0,
    "resnet50": 2.0,
    "densenet121": 1.5,
    "mobilenet_v2": 3.0,
    "vit": 2.0,
    "tiny": 6.0,
}
HALF_SIZE_SHARE = 0.8  # of the training, at half the images' size
BATCH = 32
RATE = 2e-3  # the peak of the one-cycle schedule
WEIGHT_DECAY = 0.05
HIDDEN_SHARE = 0.5  # of a batch's images: those with a part hidden
GREY = 0.5  # what a hidden pixel shows, as the fill "grey" of an explanation


def train(
    architecture: str,
    *,
    images: int = 8000,
    tests: int = 800,
    epochs: float | None = None,
    size: int = SIZE,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[Classifier, dict[str, Any]]:
    """Train a network on ``images`` generated images.

    Parameters
    ----------
    architecture
        A name in ``ARCHITECTURES``.
    images, tests
        Number of training and of test images.
    epochs
        Passes over the training images, not necessarily whole; the architecture's own where not
        given.
    size
        Pixels of a side; even, at least 64.

    Returns
    -------
    The classifier, and its report: options, parameters, ``loss`` (mean of every hundredth part of
    the training), ``accuracy_test``, ``accuracy_hidden`` (test images of which a part is hidden),
    both 0–1, ``software``, ``seconds`` (of processor time).

    Raises
    ------
    UserError
        If an option is out of range.
    """
    Choice(tuple(ARCHITECTURES)).check("architecture", architecture)
    epochs = EPOCHS[architecture] if epochs is None else epochs
    epochs = Number(above=0).check("epochs", epochs)
    if Integer(64).check("size", size) % 2:
        raise UserError(f"'size' is {size}; an even number is needed")
    with torch_threads(check_threads(threads)):
        return _train(architecture, images, tests, epochs, size, seed, progress)


def _train(
    architecture: str,
    images: int,
    tests: int,
    epochs: float,
    size: int,
    seed: int,
    progress: Callable[[str], None],
) -> tuple[Classifier, dict[str, Any]]:
    start = time.process_time()
    known = make_image_set(images, seed, size)
    progress(f"{images} images made in {time.process_time() - start:.0f} s")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _to_memory_format(ARCHITECTURES[architecture](len(CLASSES)), torch.channels_last)
        losses = _fit(model, known, epochs, np.random.default_rng([seed, 1]), progress)
    model.eval().requires_grad_(False)
    unknown = make_test_set(tests, seed, size)
    report = {
        "architecture": architecture,
        "images": images,
        "tests": tests,
        "epochs": epochs,
        "size": size,
        "seed": seed,
        "classes": list(CLASSES),
        "parameters": sum(value.numel() for value in model.parameters()),
        "accuracy_test": _accuracy(model, unknown, None),
        "accuracy_hidden": _accuracy(model, unknown, np.random.default_rng([seed, 2])),
        "loss": losses,
        "software": software("numpy", "scipy", "scikit-image", "torch"),
        "seconds": time.process_time() - start,
    }
    return Classifier(
        _to_memory_format(model, torch.contiguous_format),
        architecture,
        CLASSES,
        Preprocessing(size=size, mean=MEAN, std=STD),
    ), report


def _fit(
    model: nn.Module,
    training_set: ImageSet,
    epochs: float,
    rng: np.random.Generator,
    progress: Callable[[str], None],
) -> list[float]:
    """Train the model; return the mean loss of every hundredth part of the training."""
    steps = max(1, round(epochs * len(training_set.labels) / BATCH))
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=max(steps + 1, 20), pct_start=0.25
    )
    order = np.concatenate(
        [rng.permutation(len(training_set.labels)) for _ in range(int(np.ceil(epochs)) + 1)]
    )
    losses = []
    model.train()
    start = time.process_time()
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        x = network_input(hide_parts(training_set.images[rows], rng))
        if step < HALF_SIZE_SHARE * steps:
            x = nn.functional.avg_pool2d(x, 2)
        loss = nn.functional.cross_entropy(model(x), torch.from_numpy(training_set.labels[rows]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if (step + 1) % max(1, steps // 20) == 0:
            progress(
                f"step {step + 1} of {steps}: loss {np.mean(losses[-50:]):.4f}, "
                f"{time.process_time() - start:.0f} s"
            )
    return [float(part.mean()) for part in np.array_split(losses, min(100, steps))]


def _to_memory_format(model: nn.Module, memory_format: torch.memory_format) -> nn.Module:
    """The same network with its weights in this order; channels last trains faster."""
    return model.to(memory_format=memory_format)  # type: ignore[call-overload]


def network_input(images: np.ndarray) -> Tensor:
    """What the network reads of images, uint8 (n, size, size, 3): float32 (n, 3, size, size),
    normalised."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def hide_parts(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy in which half of the images lack a block of 10–70 % of each side, or all but a block
    of 40–90 % of each side."""
    images = images.copy()
    size = images.shape[1]
    for image in images:
        if rng.random() < HIDDEN_SHARE:
            inside = rng.random() < 0.5
            sides = (size * rng.uniform(*((0.1, 0.7) if inside else (0.4, 0.9)), 2)).astype(int)
            top, left = (int(rng.integers(0, size - side + 1)) for side in sides)
            block = np.zeros((size, size), bool)
            block[top : top + sides[0], left : left + sides[1]] = True
            image[block if inside else ~block] = round(255 * GREY)
    return images


def _accuracy(model: nn.Module, test_set: ImageSet, rng: np.random.Generator | None) -> float:
    """Share of the images that are classified right; with a generator, parts of them are hidden."""
    correct = 0
    for start in range(0, len(test_set.labels), BATCH):
        rows = slice(start, start + BATCH)
        images = test_set.images[rows] if rng is None else hide_parts(test_set.images[rows], rng)
        with torch.inference_mode():
            classes = model(network_input(images)).argmax(1).numpy()
        correct += int((classes == test_set.labels[rows]).sum())
    return correct / len(test_set.labels)


def write_trained(
    architecture: str,
    out: StrPath,
    report_file: StrPath,
    **options: Any,
) -> dict[str, Any]:
    """Train and write the network and its report; options as of :func:`train`."""
    classifier, report = train(architecture, **options)
    write_classifier(out, classifier)
    write_json(report_file, report)
    return report
