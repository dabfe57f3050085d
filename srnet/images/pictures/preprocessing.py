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
        Side of the square that the network sees, in pixels.
    mean, std
        Of the red, green and blue channels for values in [0, 1]; ``std`` is positive.
    resize
        Length of the shorter side before a centred crop of ``size``, such as 256 before 224 for
        ImageNet. If None, the image is resized to the square, whatever its shape.

    Raises
    ------
    UserError
        If a value is out of range.
    """

    size: int
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    resize: int | None = None

    def __post_init__(self) -> None:
        for key in ("mean", "std"):
            values = getattr(self, key)
            if not isinstance(values, Sequence) or len(values) != 3:
                raise UserError(
                    f"'preprocessing.{key}' is {values!r}; three numbers, one per channel, are "
                    f"needed"
                )
            number = Number(above=0) if key == "std" else Number()
            numbers = tuple(number.check(f"preprocessing.{key}", value) for value in values)
            object.__setattr__(self, key, numbers)
        Integer(1).check("preprocessing.size", self.size)
        if self.resize is not None:
            Integer(self.size).check("preprocessing.resize", self.resize)

    def frame(self, image: Image) -> Image:
        """Resize and crop an image to what the network sees.

        Parameters
        ----------
        image
            (H, W, 3), values in [0, 1].

        Returns
        -------
        (size, size, 3), values in [0, 1]; an image of that size is returned unchanged.
        """
        from skimage.transform import resize

        height, width = image.shape[:2]
        if self.resize is None:
            shape = (self.size, self.size)
        else:
            scale = self.resize / min(height, width)
            shape = (max(self.size, round(height * scale)), max(self.size, round(width * scale)))
        if shape != (height, width):
            image = np.clip(resize(image, shape, order=1, anti_aliasing=True), 0, 1).astype(
                np.float32
            )
        top, left = (shape[0] - self.size) // 2, (shape[1] - self.size) // 2
        return np.ascontiguousarray(image[top : top + self.size, left : left + self.size])

    def tensor(self, images: Image) -> "torch.Tensor":
        """Normalise images (N, H, W, 3) into a float32 tensor (N, 3, H, W) for the network."""
        import torch

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
        """Make it from the result of :meth:`as_dict`.

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
        return cls(**values)
