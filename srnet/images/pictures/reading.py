"""Reads images from files, Pillow images, arrays and tensors as float32 (H, W, C) in [0, 1]."""

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.pictures.arrays import as_array
from srnet.io.files import check_readable
from srnet.typing import StrPath
from srnet.validation import Integer
from srnet.wording import count_text

# Raster formats that Pillow decodes itself; not PostScript, which would be executed.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")

# A file of a few kilobytes can claim any size. 50 megapixels, a large photograph, take 600 MB.
MAX_PIXELS = 50_000_000
MIN_SIDE = 8
ROUNDING = 1e-6  # by which a filter may leave [0, 1]


def read_image(source: Any, channels: int | None = None) -> NDArray[np.float32]:
    """Read an image as float32 (H, W, C) with values in [0, 1].

    Greyscale becomes three equal channels, transparent pixels are blended with white, 16-bit values
    are divided by 65535, palettes and CMYK become RGB, photographs are rotated as their EXIF data
    say, and only the first of several pages is read. More bands than four stay as they are.

    Parameters
    ----------
    source
        A file (PNG, JPEG, TIFF, BMP, GIF, WebP, PPM), a Pillow image, or an array or tensor (H, W),
        (H, W, C), (C, H, W), or one of these in a batch of one, of uint8, uint16, bool, or floats
        in [0, 1].
    channels
        C; by default 3 for greyscale, RGB and RGBA, and the array's own otherwise. 1 makes of
        colours their luminance (ITU-R BT.709); 4 keeps four bands.

    Raises
    ------
    UserError
        If it is not an image, has more than 50 megapixels or a side of less than 8 pixels, holds
        values out of range, or has other channels.
    """
    from PIL import Image

    if channels is not None:
        channels = Integer(1).check("channels", channels)
    if isinstance(source, str | os.PathLike):
        return _read_file(source, channels)
    if isinstance(source, Image.Image):
        return _decode(source, "image", channels)
    return _read_array(as_array(source, "image"), "image", channels)


def as_picture(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """An image (H, W, C) as one that can be drawn, (H, W, 3).

    One channel is repeated; of two the mean is; of more than three, the first three are shown.
    """
    if image.shape[2] < 3:
        return np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    return np.ascontiguousarray(image[..., :3])


def _read_file(path: StrPath, channels: int | None) -> NDArray[np.float32]:
    from PIL import Image

    check_readable(path)
    try:
        with warnings.catch_warnings():
            # _from_pillow checks the size
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as picture:
                return _decode(picture, str(path), channels)
    except UserError:
        raise
    except Image.UnidentifiedImageError as error:
        raise UserError(
            f"{path}: is no image that can be read; {', '.join(FORMATS)} are allowed, and of other "
            f"files an array of their pixels"
        ) from error
    except Image.DecompressionBombError as error:
        raise UserError(
            f"{path}: claims too many pixels; at most {MAX_PIXELS // 10**6} megapixels are allowed"
        ) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    # Pillow's decoders raise SyntaxError, struct.error, zlib.error and others for damaged files
    except Exception as error:
        raise UserError(f"{path}: is a damaged image ({error})") from error


def _decode(picture: Any, name: str, channels: int | None) -> NDArray[np.float32]:
    """As ``_from_pillow``, which reads the pixels of a file only now."""
    try:
        return _read_pillow(picture, name, channels)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror or error})") from error
    except Exception as error:
        raise UserError(
            f"{name}: is damaged, or of a mode that cannot be read, {picture.mode} ({error}); "
            f"Pillow's RGB and L can"
        ) from error


def _read_pillow(picture: Any, name: str, channels: int | None) -> NDArray[np.float32]:
    from PIL import Image, ImageOps

    width, height = picture.size
    _check_size(height, width, name)
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I;16") or picture.mode == "I":
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise UserError(
                f"{name}: holds integers from {values.min()} to {values.max()}; 0 to 65535 is "
                f"allowed"
            )
        return _read_array(values.astype(np.uint16), name, channels)
    if picture.mode == "F" or (channels == 4 and picture.mode in ("RGBA", "CMYK")):
        return _read_array(np.asarray(picture), name, channels)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    mode = "L" if picture.mode in ("1", "L") else "RGB"
    return _read_array(np.asarray(picture.convert(mode)), name, channels)


def _read_array(values: NDArray[Any], name: str, channels: int | None) -> NDArray[np.float32]:
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    values = _channels_last(values, name, channels)
    _check_size(values.shape[0], values.shape[1], name)
    if values.dtype == np.bool_:
        scaled = values.astype(np.float32)
    elif values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        scaled = values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
    elif np.issubdtype(values.dtype, np.floating):
        _check_range(values, name)
        scaled = values.clip(0, 1).astype(np.float32)
    else:
        raise UserError(
            f"{name}: holds {values.dtype}; uint8, uint16, bool or floats in [0, 1] are needed, as "
            f"by image.astype('uint8') if its values are 0 to 255"
        )
    return np.ascontiguousarray(_fit_channels(scaled, name, channels))


def _channels_last(values: NDArray[Any], name: str, channels: int | None) -> NDArray[Any]:
    """An array as (H, W, C). As no side is that short, an axis of less than 8 is the channels'."""
    if values.ndim == 2:
        return values[..., None]
    axes = []
    if values.ndim == 3:
        axes = [axis for axis in (2, 0) if values.shape[axis] in (*range(1, MIN_SIDE), channels)]
    if len(axes) == 2 and min(values.shape) >= MIN_SIDE:
        raise UserError(
            f"{name}: an array of shape {values.shape} found, of which the first or the last axis "
            f"may be its {channels} channels; crop or resize it, so that neither height nor width "
            f"is {channels}"
        )
    if axes:
        return np.moveaxis(values, axes[0], 2)
    if values.ndim == 4:
        raise UserError(
            f"{name}: an array of shape {values.shape} found, which is {len(values)} images; one "
            f"is needed, as image[0]; explain_many(model, images) explains several"
        )
    raise UserError(
        f"{name}: an array of shape {values.shape} found; (H, W), (H, W, C) or (C, H, W) is "
        f"needed, where more than {MIN_SIDE - 1} channels are told by channels="
    )


def _check_range(values: NDArray[Any], name: str) -> None:
    """UserError unless floats are in [0, 1], with what to pass where that is known."""
    if not np.isfinite(values).all():
        raise UserError(
            f"{name}: holds NaN or infinity, outside [0, 1]; every pixel needs a value, as by "
            f"np.nan_to_num(image)"
        )
    low, high = values.min(), values.max()
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return
    if low < 0:
        advice = (
            "if they are normalised, pass the image from before that, and the mean and std by "
            "preprocessing=Preprocessing(None, mean, std)"
        )
    elif high <= 255:
        advice = "if their range is 0 to 255, pass image / 255"
    else:
        advice = "divide by the largest possible value, as image / 65535 of 16 bits"
    raise UserError(f"{name}: holds floats from {low:g} to {high:g}, outside [0, 1]; {advice}")


def _fit_channels(
    image: NDArray[np.float32], name: str, channels: int | None
) -> NDArray[np.float32]:
    """An image (H, W, k) in the channels asked for, or else in three if it is of RGBA or fewer."""
    found = image.shape[2]
    wanted = channels if channels is not None else 3 if found in (1, 4) else found
    if found == wanted:
        return image
    if found == 4 and wanted in (1, 3):
        opacity = image[..., 3:]
        image = image[..., :3] * opacity + (1 - opacity)
        found = 3
    if found == 1 and wanted == 3:
        return np.repeat(image, 3, axis=2)
    if found == 3 and wanted == 1:
        from skimage.color import rgb2gray

        return rgb2gray(image)[..., None]
    if found != wanted:
        raise UserError(
            f"{name}: has {count_text(found, 'channel')}, and the model reads {wanted}; give the "
            f"image with these, as an array (H, W, {wanted}), or pass channels={found} if the "
            f"model reads so many"
        )
    return image


def _check_size(height: int, width: int, name: str) -> None:
    if height * width > MAX_PIXELS:
        raise UserError(
            f"{name}: has {width} × {height} = {height * width / 1e6:.0f} megapixels; at most "
            f"{MAX_PIXELS // 10**6} are allowed"
        )
    if min(height, width) < MIN_SIDE:
        raise UserError(
            f"{name}: has {width} × {height} pixels; sides of at least {MIN_SIDE} are needed"
        )
