"""Every kind of model and image that can be explained, by models that look at one superpixel, which
must then be the explanation; and what is refused, with what to pass instead."""

import doctest
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.known_models import Known, grid, white
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srnet.errors import UserError
from srnet.images import (
    Evaluator,
    ImageExplanation,
    Preprocessing,
    explain,
    explain_many,
    measures,
)

SEGMENTS = grid(3, 5)  # 24 × 40 pixels
TARGET, OTHER = 7, 3
RNG = np.random.default_rng(0)


def picture(channels: int = 3, segments: np.ndarray = SEGMENTS) -> np.ndarray:
    """Bright pixels; with the fill black, the target's mean tells whether it is shown."""
    values = np.random.default_rng(0).uniform(0.8, 1, (*segments.shape, channels))
    return values.astype(np.float32)


class Patch(torch.nn.Module):
    """Twelve times the mean of the target, minus six; its head makes outputs of that."""

    def __init__(self, head, channels: int = 3, segments: np.ndarray = SEGMENTS) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(channels, 1, 1, bias=False)
        torch.nn.init.constant_(self.convolution.weight, 1 / channels)
        self.norm = torch.nn.BatchNorm2d(1)
        self.register_buffer("target", torch.tensor(segments == TARGET))
        self.head = head

    def forward(self, x: torch.Tensor):
        return self.head(12 * self.norm(self.convolution(x))[:, 0, self.target].mean(1) - 6)


def logits(z: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.zeros_like(z), z, z - 9], dim=1)


def several(z: torch.Tensor) -> torch.Tensor:
    """Logits of three classes that do not exclude each other."""
    return torch.stack([torch.ones_like(z), -z, z], dim=1)


PLAIN = Patch(logits).eval()
DOUBLE = Patch(logits).eval().double()
BLACK = np.zeros((24, 40, 3))


def explained(model, image=None, **options) -> ImageExplanation:
    options = {"segments": SEGMENTS, "fill": "black"} | options
    return explain(model, picture() if image is None else image, **options)


def assert_target(found: ImageExplanation) -> None:
    assert np.flatnonzero(found.selected).tolist() == [TARGET]
    assert found.ranking[0] == TARGET


@pytest.mark.parametrize(
    ("head", "options"),
    [
        (logits, {}),
        (logits, {"label": 1, "outputs": "logits"}),
        (lambda z: logits(z).log_softmax(1), {}),
        (lambda z: logits(z).softmax(1), {}),
        (lambda z: z.sigmoid(), {"outputs": "probabilities"}),
        (lambda z: z.sigmoid()[:, None], {"outputs": "probabilities", "label": 1}),
        (lambda z: z[:, None], {"outputs": "logits"}),
        (lambda z: -z[:, None], {"outputs": "logits", "label": 0}),
        (lambda z: (-z).sigmoid(), {"outputs": "probabilities", "label": 0}),
        (several, {"outputs": "multilabel", "label": 2}),
        (several, {"outputs": "multilabel"}),
        (lambda z: several(z).sigmoid(), {"outputs": "probabilities", "label": 2}),
        (lambda z: {"logits": logits(z), "hidden": z}, {}),
        (lambda z: SimpleNamespace(logits=logits(z), loss=None), {}),
        (lambda z: {"scores": logits(z), "hidden": z}, {"output": "scores"}),
        (lambda z: (logits(z), z), {"output": 0}),
        (lambda z: [logits(z)[..., None, None]], {"output": lambda y: y[0][..., 0, 0]}),
        (lambda z: logits(z).numpy(), {}),
        (lambda z: (20 + 3 * z)[:, None], {"outputs": "values"}),
        (lambda z: 100 - 40 * z, {"outputs": "values"}),
        (lambda z: torch.stack([z.exp(), z], 1), {"outputs": "values", "label": 1}),
    ],
)
def test_what_any_output_depends_on_is_found(head, options) -> None:
    assert_target(explained(Patch(head), **options))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_a_module_of_any_floating_type(dtype: torch.dtype) -> None:
    module = Patch(logits).to(dtype).train()
    found = explained(module, label=1)
    assert_target(found)
    assert found.probability == pytest.approx(explained(Patch(logits)).probability, abs=0.01)
    assert module.training
    assert module.norm.training
    assert module.norm.running_mean == 0
    assert module.convolution.weight.dtype == dtype


class Tiring(Patch):
    """Its first channels are one, so that colours are tried; each call takes from the answer."""

    def __init__(self) -> None:
        super().__init__(logits, channels=1)
        self.register_buffer("fatigue", torch.zeros(1))
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: torch.Tensor):
        answer = super().forward(x.mean(1, keepdim=True)) - self.fatigue
        self.fatigue += 0.1
        self.calls = self.calls + 1
        return answer


def test_buffers_of_a_module_stay_as_they_were() -> None:
    module = Tiring()
    calls = module.calls
    found = explained(module, label=1, curves=True)
    # no call is answered otherwise than the first one
    assert explained(Tiring(), label=1, batch=1).scores == pytest.approx(found.scores)
    deletion = measures.deletion(module, found.image, found.scores, segments=SEGMENTS, label=1)
    assert deletion.probabilities[0] == pytest.approx(found.probability)
    assert (module.fatigue, module.calls) == (0, 0)
    assert module.calls is calls


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_module_of_any_number_of_channels(channels: int, precision: str) -> None:
    found = explained(
        Patch(logits, channels), picture(channels), label=1, precision=precision, fill="black"
    )
    assert_target(found)
    assert found.about["channels"] == channels
    assert found.image.shape == (24, 40, 3)
    assert found.plot().axes


def test_one_channel_reads_any_picture(tmp_path: Path) -> None:
    grey = picture(1)
    bits = (grey[..., 0] * 255).astype(np.uint8)
    Image.fromarray(bits).save(tmp_path / "a.png")
    Image.fromarray(bits).convert("RGB").save(tmp_path / "b.png")
    module = Patch(logits, 1)
    for image in (
        *(tmp_path / "a.png", tmp_path / "b.png", Image.fromarray(bits), bits, bits[None]),
        *(bits.astype(np.uint16) * 257, torch.tensor(bits)[None, None], grey[..., 0]),
    ):
        assert_target(explained(module, image))
    # a function does not tell how many it reads
    assert_target(explained(lambda x: module.eval()(x), bits, channels=1))


@pytest.mark.parametrize("training", [False, True])
def test_a_module_makes_grey_of_colours_in_its_own_way(training: bool) -> None:
    class Blue(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.grey = Patch(logits, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.grey(x[:, -1:])

    module = Blue().train(training).double()
    blue = picture() * np.float32([0, 0, 1])
    found = explained(module, blue)
    assert_target(found)
    assert found.about["channels"] == 3
    assert module.training == module.grey.norm.training == training
    with torch.inference_mode():
        images = torch.tensor(blue).permute(2, 0, 1)[None].double()
        whole = module.eval()(images).softmax(1)[0, found.label]
    assert found.probability == pytest.approx(whole.item(), abs=1e-6)
    attribution = np.ones(SEGMENTS.shape)
    curve = measures.insertion(module, blue, attribution, found.label, fill="black")
    assert curve.probabilities[-1] == pytest.approx(whole.item(), abs=1e-6)
    assert_target(explained(module, picture(1)))
    with pytest.raises(UserError, match="has 5 channels, and the model reads 1"):
        explained(module, picture(5))
    luminance = explained(Patch(logits, 1), picture())  # which cannot be called with colours
    assert luminance.about["channels"] == 1


def test_the_preprocessing_tells_the_channels_and_the_type_of_the_module_holds() -> None:
    module = Patch(logits, 5).double()
    bands = Preprocessing(None, mean=(0.1,) * 5, std=(0.9,) * 5)
    assert_target(explained(module, picture(5), preprocessing=bands))
    own = explained(
        module, picture(5), preprocessing=lambda images: torch.tensor(images).permute(0, 3, 1, 2)
    )
    assert_target(own)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(2, 4),
    columns=st.integers(2, 5),
    channels=st.integers(1, 6),
    dtype=st.sampled_from(["uint8", "uint16", "float32", "float64"]),
    kind=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    first=st.booleans(),
)
def test_any_shape_and_type(rows, columns, channels, dtype, kind, first) -> None:
    segments = grid(rows, columns)
    target = segments.max() // 2

    class One(Patch):
        def __init__(self) -> None:
            super().__init__(logits, channels, segments)
            self.target = torch.tensor(segments == target)

    scale = np.iinfo(dtype).max if dtype.startswith("uint") else 1
    image = (picture(channels, segments) * scale).astype(dtype)
    found = explain(
        One().to(kind),
        image.transpose(2, 0, 1) if first else image,
        1,
        segments=segments,
        fill="black",
    )
    assert np.flatnonzero(found.selected).tolist() == [target]


class Arrays:
    """A function of NumPy arrays alone, also with the methods of an ONNX Runtime session."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        z = 12 * images.astype(np.float64)[:, :, SEGMENTS == TARGET].mean((1, 2)) - 6
        return np.stack([0 * z, z], axis=1)


class Session(Arrays):
    __call__ = None

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="image", shape=[4, 3, 24, 40], type="tensor(float)")]

    def get_outputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="logits")]

    def run(self, names, feed):
        assert feed["image"].shape == (4, 3, 24, 40)
        return [Arrays.__call__(self, feed["image"])]


@pytest.mark.parametrize(
    "model", [Arrays(), Session(), lambda x: Patch(logits).eval()(x), torch.jit.script]
)
def test_a_function_of_tensors_or_arrays_and_a_session(model) -> None:
    if model is torch.jit.script:
        model = torch.jit.trace(Patch(logits).eval(), torch.zeros(2, 3, 24, 40))
    assert_target(explained(model, device="cpu"))


@pytest.mark.slow
def test_a_compiled_module_and_an_exported_program() -> None:
    assert_target(explained(torch.compile(Patch(logits).train(), backend="eager")))
    rows = torch.export.Dim.AUTO
    program = torch.export.export(
        Patch(logits).eval(), (torch.zeros(2, 3, 24, 40),), dynamic_shapes=({0: rows},)
    )
    assert_target(explained(program))


def test_two_classes_of_one_output_have_names() -> None:
    module = Patch(lambda z: z.sigmoid())
    options = {"outputs": "probabilities", "classes": ("dark", "bright")}
    assert explained(module, **options).class_name == "bright"
    dark = explained(module, BLACK, label="dark", fill=1.0, **options)
    assert dark.label == 0
    assert dark.probability == pytest.approx(1 / (1 + np.exp(-6)))
    assert_target(dark)


def test_memory_that_does_not_suffice_is_one_sentence() -> None:
    def large(images: torch.Tensor) -> torch.Tensor:
        if len(images) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.\nSee …")
        return PLAIN(images)

    with pytest.raises(UserError, match=r"OutOfMemoryError.*as batch=2$"):
        explained(large)
    assert_target(explained(large, batch=2))


# --- Regression -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_a_value_is_reported_in_its_own_units(sign: int, tmp_path: Path) -> None:
    weights = np.zeros(15)
    weights[[TARGET, OTHER]] = 60, -10
    known = Known(weights, bias=20.0)
    found = explain(
        lambda images: sign * known.eval()(images)[:, 1],
        white(SEGMENTS),
        outputs="values",
        segments=SEGMENTS,
        fill="black",
    )
    assert_target(found)
    assert found.ranking[-1] == OTHER  # it takes the value the other way
    assert found.scores[OTHER] < 0
    expected = {"whole": 70, "selected": 80, "empty": 20, "complement": 10}
    assert found.about["values"] == pytest.approx(
        {part: sign * value for part, value in expected.items()}, abs=1e-3
    )
    assert (found.probability, found.probability_empty) == pytest.approx((1, 0))
    assert f"value = {sign * 70} of the whole image" in str(found)
    assert found.class_name == "output 0"
    found.save(tmp_path / "a.npz")
    assert str(ImageExplanation.load(tmp_path / "a.npz")) == str(found)
    assert any(f"value = {sign * 70}" in axes.get_xlabel() for axes in found.plot().axes)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_passes_of_values_are_bounded_too(precision: str) -> None:
    known = Known(np.arange(15.0))
    found = explained(
        known,
        white(SEGMENTS),
        outputs="values",
        label=1,
        precision=precision,
        max_passes=40,
    )
    assert found.passes <= 40
    assert found.about["values"]["whole"] == 103  # in float32, also if searched in fewer digits


def test_the_scale_of_a_value_does_not_matter() -> None:
    for scale, shift in ((1e-6, 0), (1e9, -5e9)):
        module = Patch(lambda z, a=scale, b=shift: a * z.double() + b)
        assert_target(explained(module, outputs="values"))


# --- Labels and images ----------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "fused"])
def test_labels_share_batches_and_change_nothing(precision: str) -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, stride=2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(3),
        torch.nn.Flatten(),
        torch.nn.Linear(72, 4),
    )
    images = [RNG.random((24, 40, 3)), RNG.random((24, 40, 3))]
    options = {"segments": SEGMENTS, "outputs": "logits", "precision": precision, "max_passes": 60}
    together = explain_many(module, images, [3, "1", 0], **options)
    alone = [explain(module, image, label, **options) for image in images for label in (3, 1, 0)]
    for one, other in zip(together, alone, strict=True):
        assert one.label == other.label
        assert (one.scores == other.scores).all()
        assert (one.selected == other.selected).all()
        assert one.history == other.history
        assert one.passes == other.passes <= 60
    shared = [one.about["passes_shared"] for one in together]
    assert shared[0] == shared[3] == 0
    assert min(shared[1:3] + shared[4:]) >= 32  # every superpixel alone, and all but it
    assert all(one.about["passes_shared"] == 0 for one in alone)


def test_shared_passes_are_not_made() -> None:
    known = Known(np.arange(15.0) - 7)
    found = explain_many(
        known, [white(SEGMENTS)], [0, 1], segments=SEGMENTS, fill="black", outputs="logits"
    )
    assert sum(one.passes - one.about["passes_shared"] for one in found) == sum(known.seen)


def test_several_images_and_what_is_no_list() -> None:
    batch = torch.tensor(np.stack([picture(), picture()])).permute(0, 3, 1, 2)
    for images in ([picture(), picture()], iter([picture(), picture()]), batch):
        found = explain_many(Patch(logits), images, segments=SEGMENTS, fill="black")
        assert len(found) == 2
        for one in found:
            assert_target(one)
    with pytest.raises(UserError, match=r"images\[1\]: image: holds floats from 0 to 200"):
        explain_many(Patch(logits), [picture(), picture() * 0 + [0, 9, 200]], segments=SEGMENTS)
    for one in (picture(), "a.png", Image.new("L", (40, 24))):
        with pytest.raises(UserError, match=r"a list of images is needed, as \[image\]"):
            explain_many(Patch(logits), one)
    for labels in ([0, 1], (0, 1), range(2), np.arange(2), torch.arange(2)):
        with pytest.raises(UserError, match=r"explain_many\(model, \[image\], label=\[0, 1\]\)"):
            explained(Patch(logits), label=labels)


@pytest.mark.parametrize("labels", [[1, 0], np.array([1, 0]), torch.tensor([1, 0])])
def test_labels_are_a_list_an_array_or_a_tensor(labels) -> None:
    options = {"segments": SEGMENTS, "fill": "black", "max_passes": 10}
    found = explain_many(PLAIN, [picture()], labels, **options)
    assert [one.label for one in found] == [1, 0]
    assert explain(PLAIN, picture(), labels[0], **options).label == 1
    with pytest.raises(UserError, match=r"'label' is 0.5; a whole number"):
        explain_many(PLAIN, [picture()], np.array([0.5, 1]), **options)


# --- Superpixels, fills and time ------------------------------------------------------------------


def test_a_number_of_superpixels_and_a_function_that_makes_them() -> None:
    image = RNG.random((64, 96, 3))
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    options = {"outputs": "logits", "max_passes": 10}
    torch.manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 6), (64, 96), mode="bilinear")
    few, many = (explain(module, smooth, superpixels=count, **options) for count in (12, 80))
    assert len(few.scores) < 25 < 50 < len(many.scores)
    cut = explain(module, image, segments=lambda image: image[..., 0].argsort(1) // 24, **options)
    assert len(cut.scores) == 4
    assert cut.about["segments"] == "given"
    for options, words in (
        ({"superpixels": 1}, "'superpixels' is 1"),
        (
            {"superpixels": 80, "segments": "quickshift"},
            "superpixels: 80 found, and segments is 'quickshift', which takes no number; leave "
            "superpixels out, or choose 'slic' or 'watershed' as segments",
        ),
        ({"superpixels": 80, "segments": SEGMENTS}, "segments is labels or a function"),
        ({"superpixels": 80, "segments": "grid"}, "segments: 'grid' found"),
        ({"segments": lambda image: image}, "integers of the shape"),
        ({"segments": lambda: 1}, "the function cannot be called with the image"),
    ):
        with pytest.raises(UserError, match=words):
            explain(module, image, **options)


@pytest.mark.parametrize(
    "fill",
    [
        *(0.0, 0, (0, 0, 0), np.zeros(3), BLACK, BLACK.astype(np.uint8), BLACK.transpose(2, 0, 1)),
        *(torch.zeros(3, 24, 40), Image.new("RGB", (40, 24)), np.zeros_like),
        lambda image, hidden: np.where(hidden[..., None], 0, image),
        lambda image, hidden, sigma=3: 0 * image,
    ],
)
def test_any_fill(fill) -> None:
    found = explained(Patch(logits), fill=fill)
    assert_target(found)
    assert found.about["fill"] == "given"
    assert found.probability_complement < 0.01


def test_an_inpainting_reads_what_is_shown_alone() -> None:
    def inpaint(image: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        image[hidden] = image[~hidden].mean(axis=0)
        return image

    image = picture()
    shown = np.zeros((3, 15), dtype=bool)
    shown[0], shown[1, [2, TARGET]] = True, True
    whole, some, none = Evaluator(
        Patch(logits), image, SEGMENTS, fill=inpaint, outputs="logits"
    ).compose_images(shown)
    assert (whole == image).all()
    assert (none == 0.5).all()
    here = np.isin(SEGMENTS, [2, TARGET])
    assert (some[here] == image[here]).all()
    assert some[~here] == pytest.approx(
        np.broadcast_to(image[here].mean(axis=0), (13 * 64, 3)), abs=1e-5
    )
    # a bright target, without which the rest is dark
    image *= np.where(SEGMENTS == TARGET, 1, 0.1)[..., None]
    assert_target(explained(Patch(logits), image, label=1, fill=inpaint))


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        ("pink", "grey, mean, black, blur, a colour, an image, or a function"),
        ((255, 0, 0), "divide those of 8 bits by 255"),
        ((0.1, 0.2), "3 numbers in"),
        (np.zeros((8, 8, 3)), r"shape \(8, 8, 3\); the shape \(24, 40, 3\)"),
        (BLACK + 7, "'fill' is an image that cannot be used: .* pass image / 255"),
        (lambda image: 1 / 0, "'fill' cannot be called .*ZeroDivisionError"),
        (np.add, "does not tell its parameters|cannot be called"),
        (None, "'fill' is None"),
    ],
)
def test_an_unusable_fill_is_one_sentence(fill, words: str) -> None:
    with pytest.raises(UserError, match=words):
        explained(Patch(logits), fill=fill)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of a clock that stands still unless a model moves it."""
    seconds = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: seconds[0])
    return seconds


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("preset", ["sparse", "published"])
def test_time_ends_the_search(clock: list[float], batch: int, preset: str) -> None:
    def slow(images: torch.Tensor) -> torch.Tensor:
        clock[0] += len(images)
        return Patch(logits).eval()(images)

    options = {"label": 1, "batch": batch, "preset": preset, "generations": 9}
    ended = explained(slow, budget="20s", **options)
    assert 10 <= ended.passes <= 20 + batch + 4
    assert ended.about["ended_by_time"]
    assert str(ended).endswith("ended by the time limit")
    assert explained(slow, budget="90s", **options | {"max_passes": 100}).about["ended_by_time"]
    least = explained(slow, budget="1s", **options)
    assert least.passes <= 10 + batch + 4
    assert np.isfinite(least.scores).all()
    free, none = explained(slow, budget="2h", **options), explained(slow, **options)
    assert not free.about["ended_by_time"]
    assert (free.scores == none.scores).all()
    assert free.history == none.history


@pytest.mark.parametrize("budget", ["soon", "0s", 50, "9", -3, True, 2.5, "1e999s"])
def test_a_budget_is_a_time(budget) -> None:
    words = (
        "for an image a positive time as '30s', '2min' or '1h' is needed, and a number of passes"
    )
    with pytest.raises(UserError, match=words):
        explained(Patch(logits), budget=budget)


def test_progress_and_memory_are_checked_before_the_model_is_called() -> None:
    def called(images: torch.Tensor) -> torch.Tensor:
        raise AssertionError

    with pytest.raises(UserError, match="'progress' is True; a function of an entry"):
        explained(called, progress=True)
    with pytest.raises(UserError, match="'memory' is True; a dict is needed"):
        explained(called, memory=True)


def test_the_example_of_explain_holds() -> None:
    module = sys.modules[explain.__module__]
    result = doctest.testmod(module)
    assert result.failed == 0 < result.attempted


# --- Refusals -------------------------------------------------------------------------------------


def fixed(images: torch.Tensor) -> torch.Tensor:
    """Reads four images at a time."""
    assert len(images) == 4, "four images"
    return Patch(logits).eval()(images)


class Linear(torch.nn.Module):
    """Reads images of one size."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3 * 32 * 32, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1))


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (PLAIN, {"channels": 1}, "to have 3 channels, but got 1.*pass channels=3"),
        (Linear(), {}, r"pass the size that it reads, as preprocessing=Preprocessing\(224\)"),
        (lambda x: DOUBLE(x), {}, r"as lambda images: model\(images.double\(\)\)"),
        (fixed, {}, r"AssertionError: four images.*model\(images.expand\(n, -1, -1, -1\)\)\[:1\]"),
        (lambda x: torch.zeros(4, 2), {}, r"for a model of batches of 4 pass batch=1 and"),
        (lambda x: logits(x.sum()[None]), {}, "reads one image at a time pass batch=1"),
        (lambda x: logits(x.mean((1, 2, 3)))[0], {}, r"torch.stack\(\[model\(image\)"),
        (lambda x: x[:, :, ::4, ::4], {}, r"output=lambda y: y.mean\(\(2, 3\)\)"),
        (lambda x: x[:, :2, :1, :1], {}, r"output=lambda y: y.reshape\(len\(y\), -1\)"),
        (lambda x: x[:, :, 0], {}, r"output=lambda y: y\[:, 0\]"),
        (lambda x: x.flatten(1)[:1].view(1, -1)[: len(x)], {}, "choose outputs="),
        (lambda x: x.mean((1, 2, 3)), {}, "one output per image.*outputs='values' for a regr"),
        (lambda x: x[:, :2, 0, 0] / 3, {}, "outputs='probabilities' if they are those of one sig"),
        (lambda x: x[:, :, 0, 0], {"outputs": "values"}, "from label=0 to label=2"),
        (lambda x: x[:, 0, 0, 0] * 0 + 5, {"outputs": "values"}, "same value, 5.*fill='blur'"),
        (lambda x: -x[:, :2, 0, 0], {"outputs": "probabilities"}, "use outputs='logits', or"),
        (lambda x: {"a": x[:, :2, 0, 0], "b": x[:, 0]}, {}, "choose one by output=, as output="),
        (PLAIN, {"output": "scores"}, "'output' is 'scores'; the model gives"),
        (PLAIN, {"output": 1.5}, "a name, a number, or a function"),
        (lambda x: ["cat"] * len(x), {}, "gives text"),
        (PLAIN, {"device": "meta"}, r"the module is on 'cpu'; move it by model.to\('meta'\)"),
        (PLAIN, {"device": "moon"}, "torch cannot use here"),
        (
            PLAIN,
            {"preprocessing": lambda images: images.nothing},
            "preprocessing: cannot be called",
        ),
        (torch.nn.Conv2d, {}, "the class Conv2d found"),
        (PLAIN.state_dict(), {}, "module.load_state_dict"),
        (SimpleNamespace(predict_proba=len), {}, r"model.predict_proba\(images.flatten\(1\)"),
        (torch.nn.LazyConv2d(3, 3), {}, "lazy module"),
        (torch.nn.Conv2d(3, 3, 3, device="meta"), {}, "on the device meta and has no values"),
    ],
)
def test_a_model_that_cannot_be_explained_is_one_sentence(model, options, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        explained(model, **options)
    assert len(str(caught.value).splitlines()) == 1


def test_what_a_refusal_says_works() -> None:
    one = lambda images: PLAIN(images.view(1, 3, 24, 40))  # noqa: E731
    with pytest.raises(UserError, match="it reads one image at a time: pass batch=1"):
        explained(one)
    assert_target(explained(one, batch=1))
    assert_target(
        explained(lambda images: fixed(images.expand(4, -1, -1, -1))[:1], batch=1, label=1)
    )
    assert_target(
        explained(lambda images: torch.stack([PLAIN(image[None])[0] for image in images]))
    )


def test_the_layout_and_the_bands_that_a_refusal_names_work() -> None:
    def last(images: torch.Tensor) -> torch.Tensor:
        return PLAIN(images.permute(0, 3, 1, 2))

    words = r"if its channels are last, pass lambda images: model\(images.permute\(0, 2, 3, 1\)\)"
    for options in ({}, {"channels": 3}):
        with pytest.raises(UserError, match=words):
            explained(last, **options)
    assert_target(explained(lambda images: last(images.permute(0, 2, 3, 1))))
    many = Patch(logits, 12).eval()
    with pytest.raises(UserError, match="pass channels=12, and the image with these bands"):
        explained(lambda images: many(images))
    assert_target(explained(lambda images: many(images), picture(12), channels=12))


def test_as_many_outputs_are_given_for_every_batch() -> None:
    def products(images: torch.Tensor) -> torch.Tensor:
        rows = images.flatten(1)
        return rows @ rows.T

    with pytest.raises(UserError, match="8 outputs for each of 8 images and 1 for one before"):
        explain(products, picture(), outputs="values", segments=SEGMENTS, fill="black")


@pytest.mark.parametrize("size", [1.5e308, 1e307, 1e260])
def test_numbers_that_overflow_are_one_sentence(size: float) -> None:
    def vast(images: torch.Tensor) -> torch.Tensor:
        column = size * (images.double().mean((1, 2, 3)) - 0.5).sign()
        return torch.stack([column, -column], dim=1)

    options = {"segments": SEGMENTS, "fill": "black", "outputs": "logits"}
    with pytest.raises(UserError, match=r"differences one cannot compute.* y / 1e\+250$"):
        explain(vast, picture(), **options)
    assert explain(vast, picture(), **options, output=lambda y: y / 1e250).probability == 1


def test_one_number_is_no_list_of_images() -> None:
    with pytest.raises(UserError, match="images: one int found"):
        explain_many(lambda images: images, 5)
