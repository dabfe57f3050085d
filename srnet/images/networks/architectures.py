"""The image classifiers that E-LIME explains: ResNet, DenseNet and MobileNetV2 with torchvision's
parameter names, and a small vision transformer with its own.

The names and shapes in a state dict tell the architecture and the number of classes, so that a
weights file of torchvision's (ImageNet, 1000 classes) and one that the workflow trained load the
same way. torchvision itself is not needed: its wheels do not import beside every build of torch.

Sources of the architectures: He et al. 2016 (ResNet; 50 layers with the stride in the 3 × 3
convolution), Huang et al. 2017 (DenseNet), Sandler et al. 2018 (MobileNetV2), Dosovitskiy et al.
2021 (vision transformer) with the convolutions of Xiao et al. 2021 for its patches.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srnet.drawing.images.labels import LABELS
from srnet.errors import UserError
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.io.files import check_readable, writing
from srnet.io.state_dict import as_state_dict, read_torch_file
from srnet.typing import StrPath

# The mean and deviation of ImageNet's channels, which torchvision's weights were trained with; our
# own networks use the same.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
IMAGENET = Preprocessing(size=224, mean=MEAN, std=STD, resize=256)
LARGEST_SIDE = 4096  # pixels; of the image size that a weights file asks for


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class _Block(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut (ResNet-18)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(
            self.bn2(self.conv2(y)) + (x if self.downsample is None else self.downsample(x))
        )


class _Bottleneck(nn.Module):
    """1 × 1, 3 × 3 and 1 × 1 convolutions beside a shortcut (ResNet-50)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(
            self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x))
        )


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """Images (n, 3, height, width) to logits (n, classes)."""

    def __init__(
        self,
        block: type[_Block] | type[_Bottleneck],
        depths: tuple[int, ...],
        classes: int,
        width: int = 64,
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(3, width, 7, 2), nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.stages = len(depths)
        channels = width
        for stage, depth in enumerate(depths):
            blocks = []
            for i in range(depth):
                blocks.append(block(channels, width << stage, 2 if stage and not i else 1))
                channels = (width << stage) * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for stage in range(self.stages):
            x = self.get_submodule(f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class _DenseLayer(nn.Module):
    def __init__(self, inputs: int, growth: int, bottleneck: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), _conv(inputs, bottleneck * growth, 1)
        self.norm2, self.conv2 = (
            nn.BatchNorm2d(bottleneck * growth),
            _conv(bottleneck * growth, growth, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(torch.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(torch.relu(self.norm2(y)))], 1)


class DenseNet(nn.Module):
    """Images (n, 3, height, width) to logits (n, classes)."""

    def __init__(
        self, depths: tuple[int, ...], classes: int, growth: int = 32, width: int = 64
    ) -> None:
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=_conv(3, width, 7, 2), norm0=nn.BatchNorm2d(width)
        )
        parts["relu0"], parts["pool0"] = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        channels = width
        for block, depth in enumerate(depths, 1):
            layers: OrderedDict[str, nn.Module] = OrderedDict(
                (f"denselayer{i + 1}", _DenseLayer(channels + i * growth, growth, 4))
                for i in range(depth)
            )
            parts[f"denseblock{block}"] = nn.Sequential(layers)
            channels += depth * growth
            if block < len(depths):
                halved = OrderedDict(
                    norm=nn.BatchNorm2d(channels),
                    relu=nn.ReLU(inplace=True),
                    conv=_conv(channels, channels // 2, 1),
                )
                parts[f"transition{block}"] = nn.Sequential(
                    OrderedDict(halved, pool=nn.AvgPool2d(2, 2))
                )
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.relu(self.features(x)).mean((2, 3)))


class _Inverted(nn.Module):
    """Expansion, depthwise 3 × 3 convolution and linear projection, with a shortcut where the
    shapes agree (MobileNetV2)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        layers: list[nn.Module] = [_conv_norm_relu(inputs, hidden, 1)] if expand > 1 else []
        layers += [
            _conv_norm_relu(hidden, hidden, 3, stride, hidden),
            _conv(hidden, outputs, 1),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)


def _conv_norm_relu(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        _conv(inputs, outputs, kernel, stride, groups),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class MobileNetV2(nn.Module):
    """Images (n, 3, height, width) to logits (n, classes)."""

    # expansion, channels, blocks, stride of the first: table 2 of Sandler et al.
    STAGES = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv_norm_relu(3, 32, 3, 2)]
        channels = 32
        for expand, outputs, blocks, stride in self.STAGES:
            for i in range(blocks):
                layers.append(_Inverted(channels, outputs, 1 if i else stride, expand))
                channels = outputs
        self.features = nn.Sequential(*layers, _conv_norm_relu(channels, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


class ViT(nn.Module):
    """Images (n, 3, height, width) to logits (n, classes).

    A vision transformer (Dosovitskiy et al. 2021) of blocks that normalise first, with learnt
    positions and the mean of the patches in place of a token for the class. Patches of 16 pixels
    are embedded by five convolutions (Xiao et al. 2021, section 4), which learn faster than one.
    """

    STEM = (24, 32, 64, 128)  # channels of its convolutions, each of stride 2
    GRID = 8  # patches of a side of which the positions are learnt; others are interpolated

    def __init__(self, classes: int, depth: int = 4, heads: int = 4) -> None:
        super().__init__()
        width = self.STEM[-1]
        stem: list[nn.Module] = []
        for inputs, outputs in zip((3, *self.STEM), self.STEM, strict=False):
            stem += [_conv(inputs, outputs, 3, 2), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.patches = nn.Sequential(*stem, nn.Conv2d(width, width, 1))
        self.positions = nn.Parameter(0.02 * torch.randn(1, width, self.GRID, self.GRID))
        self.blocks = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(depth)
            )
        )
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        x = x + nn.functional.interpolate(self.positions, size=x.shape[2:], mode="bilinear")
        return self.fc(self.norm(self.blocks(x.flatten(2).transpose(1, 2))).mean(1))


ARCHITECTURES: dict[str, Callable[[int], nn.Module]] = {
    "resnet18": lambda classes: ResNet(_Block, (2, 2, 2, 2), classes),
    "resnet50": lambda classes: ResNet(_Bottleneck, (3, 4, 6, 3), classes),
    "densenet121": lambda classes: DenseNet((6, 12, 24, 16), classes),
    "mobilenet_v2": MobileNetV2,
    "vit": ViT,  # 0.9 million parameters
    "tiny": lambda classes: ResNet(
        _Block, (1, 1, 1), classes, width=16
    ),  # of the demo and the tests: 0.2 million parameters
}


@dataclass(frozen=True)
class Classifier:
    """A network ready to classify pictures.

    Attributes
    ----------
    model
        In evaluation mode; float32 tensors (n, 3, size, size) to logits (n, classes).
    architecture
        Its name in ``ARCHITECTURES``.
    classes
        Names of its outputs.
    preprocessing
        From a picture to what the network reads.
    """

    model: nn.Module
    architecture: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing


def write_classifier(path: StrPath, classifier: Classifier) -> None:
    """Write a network with its classes and its preprocessing: tensors, text and numbers, no
    code."""
    content = {
        "architecture": classifier.architecture,
        "classes": list(classifier.classes),
        "preprocessing": classifier.preprocessing.as_dict(),
        "state": classifier.model.state_dict(),
    }
    with writing(path, "wb") as file:
        torch.save(content, file)


def read_classifier(path: StrPath, classes: Sequence[str] | None = None) -> Classifier:
    """Read what ``write_classifier`` wrote, or a bare state dict with torchvision's names such as
    its ImageNet weights.

    Parameters
    ----------
    classes
        Names of the outputs; of a bare state dict they are ``"0"``, ``"1"``, … where not given.

    Raises
    ------
    UserError
        If the file is missing, is none of the two, or does not fit one of ``ARCHITECTURES``, if a
        weight is not finite or a variance negative, or the number of names is not that of the
        outputs.
    """
    content = read_torch_file(path)
    own = (
        isinstance(content, dict)
        and {"architecture", "classes", "preprocessing", "state"} <= content.keys()
    )
    state = _current_names(as_state_dict(content["state"] if own else content, path))
    architecture, outputs = _identify(state, path)
    model = ARCHITECTURES[architecture](outputs)
    model.load_state_dict(state)
    for name, value in model.state_dict().items():
        if not value.isfinite().all():
            raise UserError(f"{path}: '{name}' has a value that is not finite; every one must be")
        if name.endswith("running_var") and (value < 0).any():
            raise UserError(f"{path}: '{name}' has a value below 0; a variance is none")
    if classes is not None:
        names = tuple(classes)
    elif own:
        names = _class_names(content["classes"], path)
    else:
        names = tuple(map(str, range(outputs)))
    if len(names) != outputs:
        raise UserError(
            f"{path}: has {outputs} outputs, but {len(names)} class names are given; one name per "
            f"output is needed"
        )
    preprocessing = _preprocessing(content["preprocessing"], path) if own else IMAGENET
    return Classifier(model.eval().requires_grad_(False), architecture, names, preprocessing)


def read_class_names(path: StrPath) -> tuple[str, ...]:
    """The names of the classes from a text file, one a line, in the order of the network's outputs.

    Raises
    ------
    UserError
        If the file cannot be read or holds no name.
    """
    check_readable(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read as text ({getattr(error, 'strerror', None) or 'not UTF-8'})"
        ) from None
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not names:
        raise UserError(f"{path}: holds no class name; one name a line is needed")
    return names


def _class_names(names: Any, path: StrPath) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(
        isinstance(name, str) and name.isprintable() for name in names
    ):
        raise UserError(
            f"{path}: 'classes' is no list of names; one printable name per output is needed"
        )
    return tuple(names)


def _preprocessing(values: Any, path: StrPath) -> Preprocessing:
    try:
        preprocessing = Preprocessing.from_dict(values)
    except UserError as error:
        raise error.in_file(path) from None
    side = max(*(preprocessing.shape or (0,)), preprocessing.resize or 0)
    if side > LARGEST_SIDE:
        raise UserError(
            f"{path}: 'preprocessing' makes pictures of {side} pixels a side; at most "
            f"{LARGEST_SIDE} are allowed"
        )
    return preprocessing


# Weights files of DenseNet from before torchvision 0.3 say norm.1 where the network says norm1.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")


def _current_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict with the names of today's torch and torchvision."""
    renamed = {_OLD_DENSENET.sub(r"\1\2", name): value for name, value in state.items()}
    for name in list(renamed):  # files from before torch 0.4.1 do not count the batches
        if name.endswith("running_mean"):
            renamed.setdefault(name.replace("running_mean", "num_batches_tracked"), torch.tensor(0))
    return renamed


def _identify(state: Mapping[str, Tensor], path: StrPath) -> tuple[str, int]:
    """The architecture with these names and shapes, and its number of classes."""
    heads = [name for name in ("fc.bias", "classifier.bias", "classifier.1.bias") if name in state]
    if len(heads) == 1 and state[heads[0]].ndim == 1 and len(state[heads[0]]):
        outputs = len(state[heads[0]])
        shapes = {name: tuple(value.shape) for name, value in state.items()}
        for architecture, build in ARCHITECTURES.items():
            with torch.device("meta"):
                model = build(outputs)
            if {name: tuple(value.shape) for name, value in model.state_dict().items()} == shapes:
                return architecture, outputs
    raise UserError(
        f"{path}: fits none of the known networks; they are {', '.join(LABELS.values())} with "
        f"torchvision's or SRNet's names"
    )
