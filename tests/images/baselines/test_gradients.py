"""Grad-CAM and Integrated Gradients on networks whose gradients are known."""

import sys

import numpy as np
import pytest
import torch
from helpers.known_models import SIDE, Known, grid, white

from srnet.errors import UserError
from srnet.images import Evaluator, Preprocessing
from srnet.images.comparison.baselines.gradcam import gradcam
from srnet.images.comparison.baselines.integrated_gradients import integrated_gradients
from srnet.images.networks.architectures import ARCHITECTURES

SEGMENTS = grid(2, 4)
WEIGHTS = np.array([3.0, 2.0, 1.0, 0.5, 0.0, -0.5, -1.0, -2.0])
TENSOR = Preprocessing(size=1).tensor
IMAGE = np.random.default_rng(0).random((*SEGMENTS.shape, 3), dtype=np.float32)


def evaluator(model, image=IMAGE) -> Evaluator:
    return Evaluator(model, image, SEGMENTS, label=1, fill="black", outputs="logits")


def test_integrated_gradients_of_a_sum_are_its_weights() -> None:
    model = Known(WEIGHTS)
    asked = evaluator(model, white(SEGMENTS))
    model.train()
    model.seen.clear()
    found = integrated_gradients(asked, model, TENSOR)
    assert found.scores * SIDE**2 == pytest.approx(WEIGHTS, abs=1e-5)
    assert found.passes == 2 * sum(model.seen) == 100  # a forward and a backward for each step
    assert model.training
    assert integrated_gradients(asked, model, TENSOR, steps=7).passes == 14


def test_integrated_gradients_add_up_to_the_difference_of_the_outputs() -> None:
    model = Known(WEIGHTS, np.triu(np.random.default_rng(1).normal(size=(8, 8)), 1)).eval()
    asked = evaluator(model)
    found = integrated_gradients(asked, model, TENSOR)
    with torch.no_grad():
        ends = model(TENSOR(asked.compose_images(np.array([[True] * 8, [False] * 8]))))[:, 1]
    assert found.scores.sum() * SIDE**2 == pytest.approx(float(ends[0] - ends[1]), abs=1e-4)


def test_gradcam_is_captums() -> None:
    from captum.attr import LayerAttribution, LayerGradCam

    torch.manual_seed(0)
    model = ARCHITECTURES["tiny"](3).eval()
    image = np.random.default_rng(2).random((64, 128, 3), dtype=np.float32)
    segments = SEGMENTS.repeat(4, axis=0).repeat(4, axis=1)
    asked = Evaluator(model, image, segments, label=2, outputs="logits")
    calls: list[int] = []
    handle = model.register_forward_hook(lambda module, inputs, output: calls.append(len(output)))
    found = gradcam(asked, model, TENSOR)
    handle.remove()
    assert (found.passes, calls) == (2, [1])  # a forward and a backward
    own = LayerGradCam(model, model.layer3).attribute(
        TENSOR(image[None]).requires_grad_(), target=2
    )
    pixels = LayerAttribution.interpolate(own, (64, 128), "bilinear")[0, 0].detach().numpy()
    expected = [pixels[segments == each].mean() for each in range(8)]
    assert found.scores == pytest.approx(expected, abs=1e-6)
    assert all(parameter.grad is None for parameter in model.parameters())


class Mapped(torch.nn.Module):
    """Classes from the mean of a map, or of the same map as tokens."""

    def __init__(self, tokens: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.patches = torch.nn.Conv2d(3, 6, 4, 4)
        self.norm = torch.nn.GELU()
        self.fc = torch.nn.Linear(6, 3)
        self.tokens = tokens

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x)
        if self.tokens:
            return self.fc(self.norm(x.flatten(2).transpose(1, 2)).square().mean(1))
        return self.fc(self.norm(x).square().mean((2, 3)))


def test_tokens_are_read_as_a_map() -> None:
    scores = [
        gradcam(evaluator(model), model, TENSOR).scores
        for model in (Mapped(tokens=True).eval(), Mapped(tokens=False).eval())
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert np.ptp(scores[0]) > 1e-4


class Transformer(torch.nn.Module):
    """Classes from a token of their own, the first."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.patches = torch.nn.Conv2d(3, 8, 4, 4)
        self.first = torch.nn.Parameter(torch.randn(1, 1, 8))
        self.block = torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.norm, self.fc = torch.nn.LayerNorm(8), torch.nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(len(x), -1, -1), x], dim=1)
        return self.fc(self.norm(self.block(x))[:, 0])


def test_the_map_is_one_that_the_class_depends_on() -> None:
    model = Transformer().eval()
    # After the block only the first token matters, so the last map is that of the patches.
    found = gradcam(evaluator(model), model, TENSOR)
    values, slopes = [], []

    def keep(module, inputs, output):
        values.append(output)
        output.register_hook(slopes.append)

    handle = model.patches.register_forward_hook(keep)
    model(TENSOR(IMAGE[None]))[0, 1].backward()
    handle.remove()
    own = (slopes[0].mean(dim=(2, 3), keepdim=True) * values[0]).sum(dim=1, keepdim=True)
    pixels = torch.nn.functional.interpolate(own, SEGMENTS.shape, mode="bilinear")[0, 0]
    expected = [pixels.detach().numpy()[each == SEGMENTS].mean() for each in range(8)]
    assert found.scores == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("method", [gradcam, integrated_gradients])
def test_a_function_has_no_gradients(method) -> None:
    model = Known(WEIGHTS).eval()
    with pytest.raises(UserError, match="needs gradients, so a torch module; a function is none"):
        method(evaluator(model), lambda images: model(images), TENSOR)


def test_a_network_without_a_map_is_one_sentence() -> None:
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SEGMENTS.size, 3)).eval()
    with pytest.raises(UserError, match="this network has none"):
        gradcam(evaluator(model), model, TENSOR)


def test_captum_is_asked_for(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(
        UserError, match=r"needs the package captum.*pip install 'srnet\[compare\]'"
    ):
        integrated_gradients(evaluator(Known(WEIGHTS)), Known(WEIGHTS), TENSOR)
