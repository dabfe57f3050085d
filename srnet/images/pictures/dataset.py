"""Generates images with an exact mask of their object, from photographs in scikit-image and -learn.

Each object is cut out of its photograph once and pasted at a random scale, place, angle and colour
on a textured background with distractor blobs, which do not depend on the class. The mask marks the
pasted pixels, so it is exact. An image depends only on the seed and its number, so none needs to be
stored. Nothing is downloaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from srnet.errors import UserError
from srnet.images.pictures.plan import CLASSES, name_test_images
from srnet.io.files import writing
from srnet.typing import StrPath
from srnet.validation import Choice, Integer

SIZE = 128
MIN_SIZE, MAX_SIZE = 32, 1024  # the largest is twice a texture's side: more shows no more detail
AREA = (0.06, 0.20)  # share of the image that the object may cover
TEST_SEED_OFFSET = 1_000_000  # test images share no random stream with training images

Bytes = NDArray[np.uint8]

# Outlines of the objects: x, y in pixels of the photograph.
# fmt: off
_ASTRONAUT = (
    (245, 15), (275, 25), (295, 55), (300, 90), (292, 120), (275, 135), (262, 150), (258, 175),
    (290, 205), (303, 240), (320, 245), (338, 265), (350, 295), (358, 330), (360, 345), (27, 345),
    (30, 330), (45, 290), (55, 265), (75, 235), (113, 205), (115, 190), (125, 165), (150, 150),
    (180, 148), (183, 140), (175, 120), (158, 110), (153, 75), (160, 50), (190, 38), (215, 20),
)
_CAT = (
    (38, 0), (30, 60), (32, 115), (55, 165), (90, 205), (130, 235), (170, 260), (210, 280),
    (255, 283), (290, 272), (315, 250), (325, 215), (345, 195), (362, 150), (365, 110), (360, 75),
    (375, 45), (398, 0),
)
_PAGODA = (
    (197, 30), (213, 30), (216, 60), (225, 75), (255, 100), (290, 105), (318, 118), (318, 128),
    (300, 140), (298, 160), (325, 175), (328, 183), (320, 190), (322, 225), (328, 230), (328, 245),
    (350, 255), (352, 263), (342, 275), (343, 310), (350, 315), (348, 325), (372, 338), (372, 345),
    (330, 370), (300, 385), (215, 385), (205, 365), (160, 345), (75, 340), (80, 285), (62, 270),
    (65, 260), (92, 248), (95, 225), (98, 190), (84, 180), (84, 172), (105, 160), (120, 155),
    (118, 140), (97, 130), (97, 108), (130, 100), (165, 90), (190, 72), (193, 55),
)
_SHUTTLE = (
    (380, 45), (388, 40), (394, 48), (398, 15), (405, 0), (425, 0), (434, 20), (436, 45), (446, 38),
    (453, 50), (455, 190), (455, 225), (455, 280), (430, 285), (370, 285), (366, 270), (378, 235),
    (354, 222), (356, 212), (378, 180), (380, 150),
)
_MOTORCYCLE = (
    (92, 200), (105, 195), (140, 205), (140, 155), (160, 148), (172, 165), (230, 170), (275, 190),
    (300, 195), (355, 185), (385, 165), (355, 175), (350, 165), (375, 140), (335, 140), (332, 125),
    (375, 108), (400, 138), (440, 122), (470, 130), (500, 100), (500, 60), (515, 20), (512, 70),
    (540, 95), (560, 120), (583, 135), (580, 150), (560, 160), (560, 190), (550, 210), (570, 262),
    (610, 268), (645, 305), (670, 350), (684, 400), (681, 432), (660, 450), (635, 454), (600, 442),
    (560, 410), (530, 378), (514, 340), (510, 300), (480, 300), (480, 340), (455, 375), (410, 382),
    (350, 372), (345, 432), (325, 432), (325, 368), (285, 355), (270, 380), (235, 400), (200, 403),
    (160, 390), (130, 355), (120, 320), (126, 285), (145, 255), (105, 250), (92, 225),
)
# Centres and radii of the coins.
_COINS = (
    (335, 44, 28), (346, 187, 31), (46, 260, 27), (172, 261, 27), (301, 263, 24), (212, 192, 23),
)
# fmt: on
_CUTOUT = 160  # pixels of a cut-out's longer side: about the largest that is pasted


@dataclass(frozen=True)
class ImageSet:
    """Labelled images with the masks of their objects.

    Attributes
    ----------
    images
        uint8 (n, size, size, 3), red, green, blue.
    labels
        int64 (n,), indices into ``CLASSES``.
    masks
        bool (n, size, size), True on the object.
    """

    images: Bytes
    labels: NDArray[np.int64]
    masks: NDArray[np.bool_]


def make_image_set(count: int, seed: int, size: int = SIZE) -> ImageSet:
    """Make the first ``count`` images of a seed; the classes take turns.

    Parameters
    ----------
    count
        Number of images, at least 1.
    seed
        Seed, at least 0.
    size
        Side length in pixels, 32 to 1024.

    Raises
    ------
    UserError
        If ``count`` is below 1, ``seed`` below 0 or ``size`` out of its range.
    """
    _check_arguments(count, seed, size)
    images = np.empty((count, size, size, 3), np.uint8)
    masks = np.empty((count, size, size), bool)
    labels = np.arange(count, dtype=np.int64) % len(CLASSES)
    for i in range(count):
        images[i], masks[i] = compose_image(
            CLASSES[labels[i]], np.random.default_rng([seed, i]), size
        )
    return ImageSet(images, labels, masks)


def make_test_set(count: int, seed: int, size: int = SIZE) -> ImageSet:
    """Make images that share no random stream with the training images of the same seed."""
    _check_arguments(count, seed, size)
    return make_image_set(count, seed + TEST_SEED_OFFSET, size)


def make_named_image(name: str, seed: int, size: int = SIZE) -> tuple[Bytes, NDArray[np.bool_]]:
    """Make the named image of a class, uint8 (size, size, 3), and its mask, bool (size, size).

    Each seed has one such image per class.

    Raises
    ------
    UserError
        If there is no such class, ``seed`` is below 0 or ``size`` out of its range.
    """
    Choice(CLASSES).check("name", name)
    _check_arguments(1, seed, size)
    return compose_image(
        name, np.random.default_rng([seed + 2 * TEST_SEED_OFFSET, CLASSES.index(name)]), size
    )


def _check_arguments(count: int, seed: int, size: int) -> None:
    Integer(1).check("count", count)
    Integer(0).check("seed", seed)
    Integer(MIN_SIZE, MAX_SIZE).check("size", size)


def compose_image(
    name: str, rng: np.random.Generator, size: int = SIZE
) -> tuple[Bytes, NDArray[np.bool_]]:
    """Compose a random image of a class, uint8 (size, size, 3), and its mask, bool (size, size)."""
    canvas = _sample_surface(rng, size)
    for _ in range(rng.integers(5)):
        blob = _sample_blob(rng, size)
        canvas[blob] = _sample_surface(rng, size)[blob]
    pixels, mask = _paste(rng, cutouts()[name], size)
    canvas[mask] = pixels[mask]
    # camera noise, the same on object and background
    canvas += 3 * rng.standard_normal(canvas.shape, np.float32)
    return canvas.clip(0, 255).astype(np.uint8), mask


@cache
def cutouts() -> dict[str, tuple[Image.Image, ...]]:
    """The objects cut out of their photographs by class, as RGBA images opaque on the object."""
    from scipy import ndimage
    from skimage import data
    from sklearn.datasets import load_sample_image

    astronaut, coffee, coins = data.astronaut(), data.coffee(), data.coins()
    flower, china = load_sample_image("flower.jpg"), load_sample_image("china.jpg")
    motorcycle, _, disparity = data.stereo_motorcycle()
    saucer_and_cup = _ellipse(coffee, 277, 225, 201, 163) | _ellipse(coffee, 290, 112, 117, 95)
    petals = ndimage.binary_fill_holes(_ellipse(flower, 308, 222, 145, 142) & (flower[..., 0] > 90))
    # the background in the gaps of the motorcycle is farther away and has a smaller disparity
    near = ndimage.binary_closing(np.nan_to_num(disparity, posinf=0.0) > _FAR, iterations=3)
    objects = {
        "astronaut": (_cut_out(astronaut, _polygon(astronaut, _ASTRONAUT)),),
        "cat": (_cut_out(data.chelsea(), _polygon(data.chelsea(), _CAT)),),
        "coffee": (_cut_out(coffee, saucer_and_cup),),
        "coin": tuple(
            _cut_out(np.stack([coins] * 3, -1), _ellipse(coins, x, y, r, r)) for x, y, r in _COINS
        ),
        "flower": (_cut_out(flower, petals),),
        "motorcycle": (_cut_out(motorcycle, _polygon(motorcycle, _MOTORCYCLE) & near),),
        "pagoda": (_cut_out(china, _polygon(china, _PAGODA)),),
        "shuttle": (_cut_out(astronaut, _polygon(astronaut, _SHUTTLE)),),
    }
    return {name: objects[name] for name in CLASSES}


_FAR = 34.0  # disparity in pixels, between the shelves' and the motorcycle's


def _polygon(photograph: Bytes, outline: tuple[tuple[int, int], ...]) -> NDArray[np.bool_]:
    mask = Image.new("1", (photograph.shape[1], photograph.shape[0]))
    ImageDraw.Draw(mask).polygon(outline, fill=1)
    return np.asarray(mask)


def _ellipse(photograph: Bytes, x: float, y: float, rx: float, ry: float) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: photograph.shape[0], : photograph.shape[1]]
    return ((columns - x) / rx) ** 2 + ((rows - y) / ry) ** 2 <= 1


def _cut_out(photograph: Bytes, mask: NDArray[np.bool_]) -> Image.Image:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    cut = Image.fromarray(np.dstack([photograph[box], mask[box] * np.uint8(255)]))
    factor = min(1.0, _CUTOUT / max(cut.size))
    return cut.resize((round(cut.width * factor), round(cut.height * factor)), Image.Resampling.BOX)


@cache
def _textures() -> tuple[NDArray[np.float32], ...]:
    """Grey textures in [0, 1], at least 512 × 512: brick, grass, gravel and smooth noise."""
    from scipy import ndimage
    from skimage import data

    photographs = [
        surface().astype(np.float32) / 255 for surface in (data.brick, data.grass, data.gravel)
    ]
    rng = np.random.default_rng(0)
    smooth = [
        ndimage.gaussian_filter(rng.standard_normal((512, 512)), sigma, mode="wrap")
        for sigma in (4, 12, 40)
    ]
    return (*photographs, *(np.float32((s - s.min()) / np.ptp(s)) for s in smooth))


def _sample_surface(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Sample a piece of a texture at a random scale, coloured between two random colours.

    Returns
    -------
    float32 (size, size, 3), values in [0, 255].
    """
    texture = _textures()[rng.integers(len(_textures()))]
    span = min(int(size * rng.uniform(0.6, 2.0)), *texture.shape)
    row, column = (int(rng.integers(0, side - span + 1)) for side in texture.shape)
    piece = Image.fromarray(texture[row : row + span, column : column + span]).resize(
        (size, size), Image.Resampling.BILINEAR
    )
    grey = np.rot90(np.asarray(piece), int(rng.integers(4)))[..., None]
    dark, light = (
        rng.uniform(0, 160, 3).astype(np.float32),
        rng.uniform(60, 255, 3).astype(np.float32),
    )
    return dark + (light - dark) * grey


def _sample_blob(rng: np.random.Generator, size: int) -> NDArray[np.bool_]:
    """Sample a blob, bool (size, size): a circle with harmonics added to its radius."""
    x, y = rng.uniform(0, size, 2).astype(np.float32)
    rows, columns = np.ogrid[:size, :size]
    rows, columns = rows.astype(np.float32) - y, columns.astype(np.float32) - x
    angle = np.arctan2(rows, columns)
    radius = np.full_like(angle, size * rng.uniform(0.06, 0.22))
    for k in (2, 3, 5):
        radius *= 1 + np.float32(rng.uniform(0, 0.25)) * np.cos(
            k * angle + np.float32(rng.uniform(0, 2 * np.pi))
        )
    return rows**2 + columns**2 <= radius**2


def _paste(
    rng: np.random.Generator, shapes: tuple[Image.Image, ...], size: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Paste a random one of the cut-outs at a random scale, angle, place and colour.

    Returns
    -------
    Colours, float32 (size, size, 3), and the mask of the pasted pixels, bool (size, size).
    """
    shape = shapes[rng.integers(len(shapes))]
    if rng.random() < 0.5:
        shape = shape.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    opaque = np.count_nonzero(np.asarray(shape)[..., 3]) / (shape.width * shape.height)
    scale = size * np.sqrt(rng.uniform(*AREA) / (opaque * shape.width * shape.height))
    scale = min(scale, 0.95 * size / max(shape.size))
    shape = shape.resize(
        [max(1, round(side * scale)) for side in shape.size], Image.Resampling.BILINEAR
    )
    shape = shape.rotate(rng.uniform(-20, 20), Image.Resampling.BILINEAR, expand=True)
    shape = shape.crop(shape.getchannel("A").point(lambda alpha: 255 * (alpha > 127)).getbbox())
    if max(shape.size) > size:
        shape = shape.resize(
            [max(1, side * size // max(shape.size)) for side in shape.size],
            Image.Resampling.BILINEAR,
        )
    left, top = (int(rng.integers(0, size - side + 1)) for side in shape.size)
    pasted = Image.new("RGBA", (size, size))
    pasted.paste(shape, (left, top))
    values = np.asarray(pasted, np.float32)
    light, contrast = rng.uniform(-25, 25), rng.uniform(0.75, 1.25)
    tint = rng.uniform(0.8, 1.2, 3).astype(np.float32)
    return ((values[..., :3] - 128) * contrast + 128 + light) * tint, values[..., 3] > 127


# --- Files ----------------------------------------------------------------------------------------


def write_images(folder: StrPath, named: Sequence[str], count: int, seed: int, size: int) -> None:
    """Write the images to explain and their masks as PNG.

    Parameters
    ----------
    folder
        Where to write them.
    named
        Classes of the named images: ``cat.png`` and ``cat_mask.png``.
    count
        Number of test images: ``00-astronaut.png``, ``00-astronaut_mask.png`` …
    seed, size
        See :func:`make_image_set`.

    Raises
    ------
    UserError
        If no image is requested, or :func:`make_named_image` or :func:`make_image_set` refuses one.
    """
    if not named and not count:
        raise UserError("no image is requested; names, a count of at least 1, or both are needed")
    images = {name: make_named_image(name, seed, size) for name in named}
    if count:
        tests = make_test_set(count, seed, size)
        images |= {
            name: (tests.images[i], tests.masks[i])
            for i, name in enumerate(name_test_images(count))
        }
    for name, (image, mask) in images.items():
        _write_png(Path(folder) / f"{name}.png", image)
        _write_png(Path(folder) / f"{name}_mask.png", mask * np.uint8(255))


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    with writing(path, "wb") as file:
        Image.fromarray(pixels).save(file, "PNG")
