"""Preprocessing: resizes and crops an image for a network, and normalises its channels."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.validation import Integer, Number

if TYPE_CHECKING:
    import torch

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Preprocessing:
    """Resize, crop, and (x - mean) / std by channel.

    Parameters
    ----------
    size
        Pixels that the network sees: the side of a square, or (height, width). If None, the image
        keeps its size.
    mean, std
        Of the channels, red, green and blue in a picture, for values in [0, 1]; one number holds
        for all channels. ``std`` is positive: 1/255 makes values from 0 to 255.
    resize
        Length of the shorter side before a centred crop of ``size``, such as 256 before 224 for
        ImageNet. If None, the image is resized to ``size``, whatever its shape.

    Raises
    ------
    UserError
        If a value is out of range.
    """

    size: int | tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resize: int | None = None

    def __post_init__(self) -> None:
        for key in ("mean", "std"):
            values = getattr(self, key)
            if not isinstance(values, Sequence) or isinstance(values, str) or not values:
                raise UserError(
                    f"'preprocessing.{key}' is {values!r}; a list of numbers, one per channel, is "
                    f"needed"
                )
            number = Number(above=0) if key == "std" else Number()
            numbers = tuple(number.check(f"preprocessing.{key}", value) for value in values)
            object.__setattr__(self, key, numbers)
        if len({len(self.mean), len(self.std)} - {1}) > 1:
            raise UserError(
                f"'preprocessing.mean' is of {len(self.mean)} channels and 'preprocessing.std' of "
                f"{len(self.std)}; as many are needed"
            )
        if isinstance(self.size, Sequence) and len(self.size) == 2:
            height, width = (Integer(1).check("preprocessing.size", side) for side in self.size)
            object.__setattr__(self, "size", (height, width))
        elif self.size is not None:
            object.__setattr__(self, "size", Integer(1).check("preprocessing.size", self.size))
        if self.resize is not None:
            Integer(max(self.shape or (1,))).check("preprocessing.resize", self.resize)

    @property
    def channels(self) -> int | None:
        """Number of channels that it is made for; None if for any."""
        count = max(len(self.mean), len(self.std))
        return count if count > 1 else None

    @property
    def shape(self) -> tuple[int, int] | None:
        """Height and width of what the network sees; None if those of the image."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def frame(self, image: Image) -> Image:
        """Resize and crop an image to what the network sees.

        Parameters
        ----------
        image
            (H, W, C), values in [0, 1].

        Returns
        -------
        (height, width, C), values in [0, 1]; an image of that size is returned unchanged.
        """
        from skimage.transform import resize

        height, width = image.shape[:2]
        if self.resize is None:
            shape = self.shape or (height, width)
        else:
            scale = self.resize / min(height, width)
            shape = (round(height * scale), round(width * scale))
        crop = self.shape or shape
        shape = (max(crop[0], shape[0]), max(crop[1], shape[1]))
        if shape != (height, width):
            image = np.clip(resize(image, shape, order=1, anti_aliasing=True), 0, 1).astype(
                np.float32
            )
        top, left = (shape[0] - crop[0]) // 2, (shape[1] - crop[1]) // 2
        return np.ascontiguousarray(image[top : top + crop[0], left : left + crop[1]])

    def tensor(self, images: Image) -> "torch.Tensor":
        """Normalise images (N, H, W, C) into a float32 tensor (N, C, H, W) for the network.

        Raises
        ------
        UserError
            If they have other channels than ``mean`` and ``std``.
        """
        import torch

        if self.channels not in (None, images.shape[-1]):
            raise UserError(
                f"preprocessing: has mean and std of {self.channels} channels; the image has "
                f"{images.shape[-1]}; as many are needed"
            )
        scaled = (images - np.array(self.mean, dtype=np.float32)) / np.array(
            self.std, dtype=np.float32
        )
        return torch.from_numpy(
            np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)
        )

    __call__ = tensor

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values, for a network's metadata."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """Make it from the result of :meth:`as_dict` of a network's, which has a square size.

        Raises
        ------
        UserError
            If it is anything else.
        """
        if not isinstance(values, Mapping) or not {"size"} <= values.keys() <= {
            "size",
            "mean",
            "std",
            "resize",
        }:
            raise UserError(
                f"preprocessing: {values!r} found; an object with size and optionally mean, std, "
                f"resize is needed"
            )
        Integer(1).check("preprocessing.size", values["size"])
        return cls(**values)
