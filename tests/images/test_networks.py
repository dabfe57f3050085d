"""The networks against the published structure, and their files."""

import importlib.util

import numpy as np
import pytest
import torch
from scipy.special import erf, softmax

from srnet.drawing.images.labels import LABELS
from srnet.errors import UserError
from srnet.images.networks.architectures import (
    ARCHITECTURES,
    IMAGENET,
    read_class_names,
    read_classifier,
    write_classifier,
)
from srnet.images.search.evaluator import Evaluator

# Parameters with 1000 classes, as published with torchvision's weights.
PARAMETERS = {
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "densenet121": 7_978_856,
    "mobilenet_v2": 3_504_872,
}


def norm(name, channels):
    """The entries of a batch normalisation."""
    entries = {
        f"{name}.{key}": (channels,) for key in ("weight", "bias", "running_mean", "running_var")
    }
    return entries | {f"{name}.num_batches_tracked": ()}


def linear(name, inputs, classes=1000):
    return {f"{name}.weight": (classes, inputs), f"{name}.bias": (classes,)}


def resnet(depths, bottleneck):
    """Names and shapes of torchvision's ResNet, from tables 1 of the paper and the rules of its
    names."""
    expected = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    inputs, factor = 64, 4 if bottleneck else 1
    for stage, (depth, width) in enumerate(zip(depths, (64, 128, 256, 512), strict=True), 1):
        for block in range(depth):
            name = f"layer{stage}.{block}"
            if bottleneck:
                shapes = [(width, inputs, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1)]
            else:
                shapes = [(width, inputs, 3, 3), (width, width, 3, 3)]
            for i, shape in enumerate(shapes, 1):
                expected |= {f"{name}.conv{i}.weight": shape} | norm(f"{name}.bn{i}", shape[0])
            if block == 0 and (stage > 1 or bottleneck):
                expected |= {f"{name}.downsample.0.weight": (factor * width, inputs, 1, 1)}
                expected |= norm(f"{name}.downsample.1", factor * width)
            inputs = factor * width
    return expected | linear("fc", inputs)


def densenet():
    expected = {"features.conv0.weight": (64, 3, 7, 7)} | norm("features.norm0", 64)
    channels = 64
    for block, depth in enumerate((6, 12, 24, 16), 1):
        for layer in range(1, depth + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            expected |= norm(f"{name}.norm1", channels) | {
                f"{name}.conv1.weight": (128, channels, 1, 1)
            }
            expected |= norm(f"{name}.norm2", 128) | {f"{name}.conv2.weight": (32, 128, 3, 3)}
            channels += 32
        if block < 4:
            expected |= norm(f"features.transition{block}.norm", channels)
            expected |= {f"features.transition{block}.conv.weight": (channels // 2, channels, 1, 1)}
            channels //= 2
    return expected | norm("features.norm5", channels) | linear("classifier", channels)


def mobilenet():
    expected = {"features.0.0.weight": (32, 3, 3, 3)} | norm("features.0.1", 32)
    # features.1 has no expansion: its depthwise convolution comes first
    expected |= {"features.1.conv.0.0.weight": (32, 1, 3, 3)} | norm("features.1.conv.0.1", 32)
    expected |= {"features.1.conv.1.weight": (16, 32, 1, 1)} | norm("features.1.conv.2", 16)
    channels = [16, *[24] * 2, *[32] * 3, *[64] * 4, *[96] * 3, *[160] * 3, 320]
    for i, (inputs, outputs) in enumerate(zip(channels[:-1], channels[1:], strict=True), 2):
        name, hidden = f"features.{i}.conv", 6 * inputs
        expected |= {f"{name}.0.0.weight": (hidden, inputs, 1, 1)} | norm(f"{name}.0.1", hidden)
        expected |= {f"{name}.1.0.weight": (hidden, 1, 3, 3)} | norm(f"{name}.1.1", hidden)
        expected |= {f"{name}.2.weight": (outputs, hidden, 1, 1)} | norm(f"{name}.3", outputs)
    expected |= {"features.18.0.weight": (1280, 320, 1, 1)} | norm("features.18.1", 1280)
    return expected | linear("classifier.1", 1280)


EXPECTED = {
    "resnet18": lambda: resnet((2, 2, 2, 2), bottleneck=False),
    "resnet50": lambda: resnet((3, 4, 6, 3), bottleneck=True),
    "densenet121": densenet,
    "mobilenet_v2": mobilenet,
}


def built(architecture, classes=1000):
    torch.manual_seed(0)
    return ARCHITECTURES[architecture](classes).eval()


@pytest.mark.parametrize("architecture", EXPECTED)
def test_names_shapes_and_number_of_parameters_are_torchvisions(architecture):
    with torch.device("meta"):
        model = ARCHITECTURES[architecture](1000)
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == EXPECTED[
        architecture
    ]()
    assert sum(value.numel() for value in model.parameters()) == PARAMETERS[architecture]


@pytest.mark.parametrize("architecture", EXPECTED)
def test_outputs_are_torchvisions(architecture):
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed: its outputs cannot be compared here")
    try:
        models = pytest.importorskip("torchvision.models")
    except RuntimeError as error:
        pytest.skip(f"torchvision does not import beside this build of torch: {error}")
    ours = built(architecture, 10)
    theirs = getattr(models, architecture)(num_classes=10).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        assert torch.allclose(ours(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_network_gives_a_logit_per_class_for_other_sizes_too(architecture):
    assert architecture in LABELS
    with torch.inference_mode():
        assert built(architecture, 5)(torch.rand(2, 3, 64, 96)).shape == (2, 5)


def test_strides_and_shortcuts_halve_where_the_papers_do():
    """A stage's output size is no matter of names: 32 times smaller before the mean, and half of it
    before the last stage."""
    x = torch.rand(1, 3, 128, 128)
    with torch.inference_mode():
        assert built("densenet121", 2).features(x).shape[2:] == (4, 4)
        assert built("mobilenet_v2", 2).features(x).shape[2:] == (4, 4)
        resnet50 = built("resnet50", 2)
        half = resnet50.layer1(resnet50.maxpool(resnet50.conv1(x)))
        assert half.shape[2:] == (32, 32)
        assert resnet50.layer2[0].conv2.stride == (2, 2)
        assert resnet50.layer2[0].conv1.stride == (1, 1)


def numpy_vit(state, patches, heads=4):
    """The vision transformer after its convolutions, from the paper: patches (n, width, h, w) with
    positions of that size, to logits."""

    def normalised(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    x = (patches + state["positions"]).reshape(*patches.shape[:2], -1).transpose(0, 2, 1)
    for block in (f"blocks.{i}" for i in range(4)):
        y = normalised(x, f"{block}.norm1")
        projected = y @ state[f"{block}.self_attn.in_proj_weight"].T
        projected += state[f"{block}.self_attn.in_proj_bias"]
        found = []
        for q, k, v in zip(
            *(np.split(part, heads, -1) for part in np.split(projected, 3, -1)), strict=True
        ):
            weights = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1]), axis=-1)
            found.append(weights @ v)
        x = x + linear(np.concatenate(found, -1), f"{block}.self_attn.out_proj")
        y = linear(normalised(x, f"{block}.norm2"), f"{block}.linear1")
        x = x + linear(y * (1 + erf(y / np.sqrt(2))) / 2, f"{block}.linear2")
    return linear(normalised(x, "norm").mean(1), "fc")


def test_the_vision_transformer_computes_what_the_paper_says():
    model = built("vit", 5)
    state = {name: value.double().numpy() for name, value in model.state_dict().items()}
    x = torch.rand(2, 3, 128, 128)
    with torch.inference_mode():
        found, patches = model(x), model.patches(x)
    assert patches.shape == (2, 128, 8, 8)  # a patch has 16 pixels a side
    expected = numpy_vit(state, patches.double().numpy())
    assert found.numpy() == pytest.approx(expected, abs=1e-5)
    with torch.enable_grad():  # training takes another path through torch than inference
        assert model(x).detach().numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("precision", "error"), [("fused", 1e-5), ("bfloat16", 0.02)])
def test_a_fused_copy_of_every_architecture_computes_the_same(precision, error):
    rng = np.random.default_rng(0)
    image, segments = rng.random((64, 64, 3), np.float32), np.indices((64, 64))[0] // 8
    shown = rng.random((6, 8)) < 0.5
    for architecture in ("mobilenet_v2", "tiny", "vit"):
        model = built(architecture, 5)
        plain, other = (
            Evaluator(model, image, segments.astype(np.int32), precision=each).probabilities(shown)
            for each in ("float32", precision)
        )
        assert other == pytest.approx(plain, abs=error), architecture


# --- Files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["resnet18", "densenet121", "mobilenet_v2"])
def test_a_weights_file_as_torchvision_saves_it_is_read(architecture, tmp_path):
    model = built(architecture)
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    found = read_classifier(tmp_path / "weights.pth")
    assert (found.architecture, len(found.classes), found.preprocessing) == (
        architecture,
        1000,
        IMAGENET,
    )
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(found.model(x), model(x))
    assert not found.model.training
    assert not any(value.requires_grad for value in found.model.parameters())


def test_old_weights_files_of_densenet_are_read(tmp_path):
    """Files from before torchvision 0.3 say norm.1 and conv.2, and do not count the batches."""
    model = built("densenet121", 4)
    state = {}
    for name, value in model.state_dict().items():
        for part in ("norm1", "conv1", "norm2", "conv2"):
            if "denselayer" in name:
                name = name.replace(f".{part}.", f".{part[:4]}.{part[4]}.")
        if not name.endswith("num_batches_tracked"):
            state[name] = value
    assert "features.denseblock1.denselayer1.norm.1.weight" in state
    torch.save(state, tmp_path / "old.pth")
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(read_classifier(tmp_path / "old.pth").model(x), model(x))


@pytest.mark.parametrize("architecture", ["tiny", "vit"])
def test_a_classifier_is_written_and_read_whole(architecture, tmp_path):
    torch.save(built(architecture, 3).state_dict(), tmp_path / "bare.pt")
    (tmp_path / "names.txt").write_text("\ufeffcat\n\n dog \nbird\n")  # as Notepad writes it
    first = read_classifier(tmp_path / "bare.pt", read_class_names(tmp_path / "names.txt"))
    assert first.classes == ("cat", "dog", "bird")
    write_classifier(tmp_path / "own.pt", first)
    second = read_classifier(tmp_path / "own.pt")
    assert (second.classes, second.preprocessing, second.architecture) == (
        first.classes,
        first.preprocessing,
        architecture,
    )
    for name, value in first.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[name], value)


class Payload:
    def __reduce__(self):
        return (eval, ("open('pwned', 'w')",))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        (b"", "is no file of tensors"),
        (b"\x89PNG not weights", "is no file of tensors"),
        (Payload(), "is no file of tensors"),
        ([1, 2], "holds a list; a state dict is needed"),
        ({"fc.weight": "text"}, "'fc.weight' is a str; every entry must be a tensor"),
        ({}, "fits none of the known networks"),
        (
            {"fc.weight": torch.zeros(3, 5), "fc.bias": torch.zeros(3)},
            "fits none of the known networks",
        ),
    ],
)
def test_what_is_no_weights_file_is_refused_in_one_sentence(
    content, sentence, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(UserError, match=sentence) as caught:
        read_classifier(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_wrong_number_of_class_names_is_refused(tmp_path):
    torch.save(built("tiny", 3).state_dict(), tmp_path / "bare.pt")
    with pytest.raises(UserError, match="has 3 outputs, but 2 class names are given"):
        read_classifier(tmp_path / "bare.pt", ["cat", "dog"])
    (tmp_path / "none.txt").write_text("\n \n")
    with pytest.raises(UserError, match="holds no class name"):
        read_class_names(tmp_path / "none.txt")
    with pytest.raises(UserError, match="missing.txt: cannot be read"):
        read_class_names(tmp_path / "missing.txt")


@pytest.mark.parametrize("architecture", ["tiny", "densenet121", "mobilenet_v2"])
def test_the_networks_can_be_traced(architecture):
    """As folding the batch normalisation into the convolutions needs."""
    from torch.fx import symbolic_trace

    model, x = built(architecture, 4), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        np.testing.assert_allclose(symbolic_trace(model)(x), model(x), atol=1e-6)
