"""The classifier as a function of the superpixels shown."""

import numpy as np
import pytest
import torch
from helpers.known_models import Known, genomes, grid, white

from srnet.errors import UserError
from srnet.images import Evaluator, Preprocessing
from srnet.images.search.archive import Archive
from srnet.images.search.model import PRECISIONS

RNG = np.random.default_rng(0)
SEGMENTS = grid(2, 4)
WEIGHTS, PAIRS = RNG.normal(0, 2, 8), np.triu(RNG.normal(0, 1, (8, 8)), 1)


def made(model=None, **options):
    options = {"fill": "black", "label": 1, "outputs": "logits"} | options
    return Evaluator(model or Known(WEIGHTS, PAIRS), white(SEGMENTS), SEGMENTS, **options)


def test_probabilities_are_those_of_the_model() -> None:
    model, shown = Known(WEIGHTS, PAIRS), genomes(8)
    evaluator = made(model)
    assert evaluator.probabilities(shown) == pytest.approx(model.truth(shown), abs=1e-5)
    answers = evaluator.predict(shown)
    assert answers.log_odds == pytest.approx(
        np.log(answers.probability / (1 - answers.probability)), abs=1e-3
    )
    both = evaluator.all_probabilities(shown)
    assert both.sum(axis=1) == pytest.approx(1)
    assert both[:, 1] == pytest.approx(answers.probability)


def test_passes_are_the_images_the_model_saw_and_batches_are_kept() -> None:
    model = Known(WEIGHTS)
    evaluator = made(model, batch=5)
    evaluator.probabilities(genomes(8)[:12])
    assert model.seen == [1, 5, 5, 2]
    assert evaluator.passes == 13


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_batch_does_not_matter(batch: int) -> None:
    shown = genomes(8)[::7]
    assert made(batch=batch).probabilities(shown) == pytest.approx(
        made().probabilities(shown), abs=1e-6
    )


def test_the_model_is_left_as_it_was() -> None:
    model = Known(WEIGHTS)
    model.train()
    model.norm.eval()
    model.bias.grad = torch.tensor(3.0)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    for precision in PRECISIONS:
        made(model, precision=precision).probabilities(genomes(8)[:9])
    assert model.training
    assert not model.norm.training
    assert model.bias.requires_grad
    assert model.bias.grad == 3.0
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_the_mode_is_restored_when_the_model_fails() -> None:
    class Failing(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ArithmeticError("no")

    model = Failing().train()
    with pytest.raises(UserError, match="ArithmeticError: no") as caught:
        made(model)
    assert isinstance(caught.value.__cause__, ArithmeticError)
    assert model.training


def test_logits_and_probabilities_are_told_apart() -> None:
    model, shown = Known(np.arange(8.0)).eval(), genomes(8)
    expected = model.truth(shown)
    for function in (
        model,
        lambda x: model(x).softmax(dim=1),
        lambda x: model(x).softmax(dim=1).detach().numpy(),
    ):
        assert made(function, outputs="detect").probabilities(shown) == pytest.approx(
            expected, abs=1e-5
        )
    one_by_one = made(
        lambda x: torch.sigmoid(model(x)), outputs="probabilities"
    )  # of several labels: no sum of 1
    assert one_by_one.probabilities(shown) == pytest.approx(expected, abs=1e-5)


def test_the_whole_image_chooses_the_label() -> None:
    assert made(Known(np.full(8, 1.0)), label=None).label == 1
    assert made(Known(np.full(8, -1.0)), label=None).label == 0


@pytest.mark.parametrize("precision", ["fused", "bfloat16"])
def test_a_fused_network_computes_the_same(precision: str) -> None:
    torch.manual_seed(0)
    conv, norm = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False), torch.nn.BatchNorm2d(4)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    model = torch.nn.Sequential(
        conv,
        norm,
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 3),
    )
    image = RNG.random((16, 32, 3), dtype=np.float32)
    plain, other = (
        Evaluator(model, image, SEGMENTS, precision=name).all_probabilities(genomes(8))
        for name in ("float32", precision)
    )
    assert other == pytest.approx(plain, abs=1e-5 if precision == "fused" else 0.02)


class Viewing(torch.nn.Module):
    """Its view takes the channels to come first in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.linear = (
            torch.nn.Conv2d(3, 4, 3, stride=4),
            torch.nn.Linear(4 * 4 * 8, 3),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.convolution(x).view(-1, 4 * 4 * 8))


@pytest.mark.parametrize("precision", ["fused", "bfloat16"])
@pytest.mark.parametrize("axes", [4, 2])
def test_any_module_has_a_copy_of_lower_precision(precision: str, axes: int) -> None:
    torch.manual_seed(0)
    model = Viewing() if axes == 4 else torch.nn.Linear(3 * 16 * 32, 3)
    known = Preprocessing(size=16)
    options = {
        "preprocessing": lambda images: known(images).flatten(1) if axes == 2 else known(images)
    }
    image, shown = RNG.random((16, 32, 3), dtype=np.float32), genomes(8)[::5]
    plain, other, again = (
        Evaluator(model, image, SEGMENTS, precision=name, **options).all_probabilities(shown)
        for name in ("float32", precision, precision)
    )
    assert other == pytest.approx(plain, abs=1e-5 if precision == "fused" else 0.05)
    assert (again == other).all()


def test_any_callable_preprocessing_sees_images() -> None:
    image, shown = RNG.random((16, 32, 3), dtype=np.float32), genomes(8)[::5]
    known = Preprocessing(size=16, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    options = {"label": 1, "fill": "blur"}
    one = Evaluator(Known(WEIGHTS), image, SEGMENTS, preprocessing=known, **options)
    other = Evaluator(
        Known(WEIGHTS), image, SEGMENTS, preprocessing=lambda images: known(images), **options
    )
    assert one.probabilities(shown) == pytest.approx(other.probabilities(shown), abs=1e-6)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda x: torch.full((len(x), 3), torch.nan), "NaN"),
        (lambda x: torch.full((len(x), 3), torch.inf), "NaN or infinity"),
        (lambda x: torch.full((len(x), 3), 0.7), "choose outputs="),
        (lambda x: (x, x), "a tuple of 2 items for 1 row; choose one by output="),
        ("resnet", "a callable is needed"),
    ],
)
def test_an_unusable_model_is_one_sentence(model, words: str) -> None:
    with pytest.raises(UserError, match=words):
        made(model, label=None, outputs="detect")


def test_declared_probabilities_are_checked() -> None:
    with pytest.raises(UserError, match="outputs='logits'"):
        made(Known(np.arange(8.0)), outputs="probabilities")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label": 2}, "0 to 1"),
        ({"label": -1}, "0 to 1"),
        ({"label": 0.5}, "0 to 1"),
        ({"fill": "pink"}, "grey, mean, black, blur"),
        ({"precision": "float16"}, "float32, fused, bfloat16"),
        ({"outputs": "odds"}, "detect, logits, probabilities"),
        ({"batch": 0}, "at least 1"),
    ],
)
def test_an_unusable_setting_is_one_sentence(options, words: str) -> None:
    with pytest.raises(UserError, match=words):
        made(**options)


def test_low_precision_needs_a_module() -> None:
    with pytest.raises(UserError, match="torch module"):
        made(lambda x: torch.zeros(len(x), 2), precision="bfloat16")


def test_the_archive_asks_once_and_ends_at_its_limit() -> None:
    model = Known(WEIGHTS, PAIRS)
    evaluator = made(model)
    archive, shown = Archive(evaluator, limit=10), genomes(8)[1:]
    assert archive.evaluate(shown[-1:]) == [0]  # the whole image is known
    places = archive.evaluate(np.concatenate([shown[:3], shown[:3]]))
    assert places.tolist() == [1, 2, 3, 1, 2, 3]
    assert evaluator.passes == archive.passes == 4
    assert archive.probability[1:] == pytest.approx(model.truth(shown[:3]), abs=1e-5)
    assert archive.evaluate(shown[:12]).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, -1]
    assert evaluator.passes == 10
    assert archive.passes_left == 0
    assert archive.contains(shown[8:10]).tolist() == [True, False]
