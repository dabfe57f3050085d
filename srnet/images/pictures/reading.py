"""Reads images from files, Pillow images and arrays as float32 (H, W, 3) in [0, 1]."""

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.io.files import check_readable
from srnet.typing import StrPath

# Raster formats that Pillow decodes itself; not PostScript, which would be executed.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")

# A file of a few kilobytes can claim any size. 50 megapixels, a large photograph, take 600 MB.
MAX_PIXELS = 50_000_000
MIN_SIDE = 8


def read_image(source: Any) -> NDArray[np.float32]:
    """Read an image as float32 (H, W, 3) with values in [0, 1].

    Greyscale becomes three equal channels, transparent pixels are blended with white, 16-bit values
    are divided by 65535, palettes and CMYK become RGB, photographs are rotated as their EXIF data
    say, and only the first of several pages is read.

    Parameters
    ----------
    source
        A file (PNG, JPEG, TIFF, BMP, GIF, WebP, PPM), a Pillow image, or an array (H, W), (H, W,
        1), (H, W, 3) or (H, W, 4) of uint8, uint16, bool, or floats in [0, 1].

    Raises
    ------
    UserError
        If it is not an image, has more than 50 megapixels or a side of less than 8 pixels, or holds
        values out of range.
    """
    from PIL import Image

    if isinstance(source, str | os.PathLike):
        return _from_file(source)
    if isinstance(source, Image.Image):
        return _from_pillow(source, "image")
    return _from_array(np.asarray(source), "image")


def _from_file(path: StrPath) -> NDArray[np.float32]:
    from PIL import Image

    check_readable(path)
    try:
        with warnings.catch_warnings():
            # _from_pillow checks the size
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as picture:
                return _from_pillow(picture, str(path))
    except UserError:
        raise
    except Image.UnidentifiedImageError as error:
        raise UserError(
            f"{path}: is no image that can be read; {', '.join(FORMATS)} are allowed"
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


def _from_pillow(picture: Any, name: str) -> NDArray[np.float32]:
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
        return _from_array(values.astype(np.uint16), name)
    if picture.mode == "F":
        return _from_array(np.asarray(picture), name)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return _from_array(np.asarray(picture.convert("RGB")), name)


def _from_array(values: NDArray[Any], name: str) -> NDArray[np.float32]:
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4):
        raise UserError(
            f"{name}: an array of shape {values.shape} found; (H, W), (H, W, 1), (H, W, 3) or "
            f"(H, W, 4) is needed"
        )
    _check_size(values.shape[0], values.shape[1], name)
    if values.dtype == np.bool_:
        scaled = values.astype(np.float32)
    elif values.dtype in (np.uint8, np.uint16):
        scaled = values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
    elif np.issubdtype(values.dtype, np.floating):
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise UserError(
                f"{name}: holds floats outside [0, 1]; divide by the largest possible value, or "
                f"use uint8"
            )
        scaled = values.astype(np.float32)
    else:
        raise UserError(
            f"{name}: holds {values.dtype}; uint8, uint16, bool or floats in [0, 1] are needed"
        )
    if scaled.shape[2] == 1:
        scaled = np.repeat(scaled, 3, axis=2)
    if scaled.shape[2] == 4:
        opacity = scaled[..., 3:]
        scaled = scaled[..., :3] * opacity + (1 - opacity)
    return np.ascontiguousarray(scaled)


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
