"""Pictures from files and arrays: documented conversions, or one sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from srnet.errors import UserError
from srnet.images import Preprocessing, read_image
from srnet.images.pictures.reading import as_picture

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]


def saved(path: Path, picture: Image.Image, **options) -> Path:
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "webp", "ppm"])
def test_a_colour_picture(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    found = read_image(saved(tmp_path / f"a.{suffix}", Image.fromarray(COLOUR), **options))
    assert found.dtype == np.float32
    assert found == pytest.approx(COLOUR / np.float32(255))


def test_an_array_a_pillow_image_and_a_file_are_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(COLOUR))
    for source in (path, str(path), Image.fromarray(COLOUR), COLOUR, COLOUR / 255.0):
        assert read_image(source) == pytest.approx(COLOUR / 255, abs=1e-6)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    for source in (saved(tmp_path / "a.png", Image.fromarray(GREY)), GREY, GREY[..., None]):
        assert read_image(source) == pytest.approx(
            np.repeat(GREY[..., None] / 255, 3, axis=2), abs=1e-6
        )


def test_sixteen_bits_keep_their_digits(tmp_path: Path) -> None:
    deep = GREY.astype(np.uint16) * 200 + 7
    for source in (
        saved(tmp_path / "a.png", Image.fromarray(deep)),
        saved(tmp_path / "a.tiff", Image.fromarray(deep)),
        deep,
    ):
        assert read_image(source)[..., 1] == pytest.approx(deep / 65535, abs=1e-6)


# Sides of at least 8 pixels, so that no side is taken for the channels.
@given(
    values=arrays(
        np.float64,
        st.tuples(st.integers(8, 20), st.integers(8, 20), st.sampled_from([1, 2, 3, 5, 7])),
        elements=st.floats(0, 1),
    ),
    dtype=st.sampled_from(["uint8", "uint16", "float16", "float32", "float64"]),
    is_tensor=st.booleans(),
    in_batch=st.booleans(),
    first=st.booleans(),
)
def test_an_array_of_any_layout_and_type_is_the_same(
    values: np.ndarray, dtype: str, is_tensor: bool, in_batch: bool, first: bool
) -> None:
    scale = np.iinfo(dtype).max if dtype.startswith("uint") else 1
    given = (values * scale).astype(dtype)
    source = np.moveaxis(given, 2, 0) if first else given
    source = source[None] if in_batch else source
    found = read_image(torch.from_numpy(source.copy()) if is_tensor else source, given.shape[2])
    assert found.dtype == np.float32
    assert found == pytest.approx(given.astype(np.float64) / scale, abs=1e-6)


def test_channels_are_those_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(COLOUR))
    grey = saved(tmp_path / "b.png", Image.fromarray(GREY))
    luminance = COLOUR / 255 @ [0.2125, 0.7154, 0.0721]
    for source in (path, COLOUR, torch.from_numpy(COLOUR).permute(2, 0, 1)):
        assert read_image(source, 1) == pytest.approx(luminance[..., None], abs=1e-5)
    for source in (grey, Image.fromarray(GREY), GREY):
        assert read_image(source, 1) == pytest.approx(GREY[..., None] / 255)
    bands = RNG.random((20, 30, 5))
    assert read_image(bands).shape == read_image(bands, 5).shape == (20, 30, 5)
    assert read_image(RNG.random((12, 20, 30)), 12).shape == (20, 30, 12)
    assert read_image(np.dstack([COLOUR, GREY]), 4)[..., 3] == pytest.approx(GREY / 255)
    tensor = torch.rand(3, 20, 30).bfloat16()
    assert read_image(tensor) == pytest.approx(tensor.float().permute(1, 2, 0).numpy())


@pytest.mark.parametrize(
    ("values", "channels", "words"),
    [
        (np.zeros((20, 30, 5)), 3, r"has 5 channels, and the model reads 3.* pass channels=5"),
        (COLOUR, 5, r"an array \(H, W, 5\)"),
        (np.zeros((10, 20, 10)), 10, "first or the last axis.* crop or resize it"),
        (COLOUR, 0, "'channels' is 0"),
    ],
)
def test_other_channels_than_the_models_are_one_sentence(values, channels, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read_image(values, channels)


def test_a_picture_of_any_bands_can_be_drawn() -> None:
    for channels in (1, 2, 3, 5):
        image = RNG.random((20, 30, channels), dtype=np.float32)
        picture = as_picture(image)
        assert picture.shape == (20, 30, 3)
        assert picture[..., 0] == pytest.approx(
            image.mean(axis=2) if channels < 3 else image[..., 0], abs=1e-6
        )


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    opacity = RNG.integers(0, 256, GREY.shape, dtype=np.uint8)
    both = np.dstack([COLOUR, opacity])
    expected = COLOUR / 255 * opacity[..., None] / 255 + 1 - opacity[..., None] / 255
    assert read_image(both) == pytest.approx(expected, abs=1e-5)
    assert read_image(saved(tmp_path / "a.png", Image.fromarray(both))) == pytest.approx(
        expected, abs=0.01
    )


def test_a_palette_a_bitmap_cmyk_and_an_animation_become_rgb(tmp_path: Path) -> None:
    palette = Image.fromarray(COLOUR).quantize(16)
    expected = np.asarray(palette.convert("RGB")) / 255
    assert read_image(saved(tmp_path / "a.png", palette)) == pytest.approx(expected, abs=1e-6)
    assert read_image(
        saved(tmp_path / "a.gif", palette, save_all=True, append_images=[palette])
    ).shape == (20, 30, 3)
    assert read_image(saved(tmp_path / "b.png", Image.fromarray(GREY > 127)))[
        ..., 2
    ] == pytest.approx((GREY > 127) * 1.0)
    assert read_image(saved(tmp_path / "a.jpg", Image.fromarray(COLOUR).convert("CMYK"))).shape == (
        20,
        30,
        3,
    )


def test_a_photograph_stands_upright(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6  # the camera was turned by a quarter
    assert read_image(saved(tmp_path / "a.png", Image.fromarray(COLOUR), exif=tags)).shape == (
        30,
        20,
        3,
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((9, 20, 30)), "told by channels="),
        (np.zeros((2, 3, 20, 30)), r"which is 2 images; one is needed, as image\[0\]"),
        (np.zeros(20), "array of shape"),
        (np.zeros((2, 30, 3)), "at least 8"),
        (np.full((20, 30, 3), 1.5), r"outside \[0, 1\]"),
        (np.full((20, 30, 3), 200.0), "pass image / 255"),
        (np.full((20, 30, 3), 2000.0), "image / 65535"),
        (np.full((20, 30, 3), -0.5), r"preprocessing=Preprocessing\(None, mean, std\)"),
        (np.full((20, 30, 3), np.nan), r"outside \[0, 1\]"),
        (np.zeros((20, 30, 3), dtype=np.int64), r"int64.* image\.astype\('uint8'\)"),
        (np.array([["a"] * 20] * 20), "U1"),
        (None, "array of shape"),
    ],
)
def test_an_array_that_is_no_picture_is_one_sentence(values, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read_image(values)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b"\x89PNG\r\n\x1a\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
def test_a_file_that_is_no_picture_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match="a.png"):
        read_image(path)


def test_a_missing_file_a_folder_and_a_cut_file_are_one_sentence(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.jpg", Image.fromarray(COLOUR)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    for name in ("missing.png", "", "cut.jpg"):
        with pytest.raises(UserError):
            read_image(tmp_path / name)


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_hundred_megapixels_are_refused_before_they_are_unpacked(
    tmp_path: Path, side: int
) -> None:
    path = saved(tmp_path / "bomb.png", Image.new("1", (side, side)))
    assert path.stat().st_size < 10**6
    with pytest.raises(UserError, match="at most 50"):
        read_image(path)


def test_a_network_sees_the_resized_centre() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 40, dtype=np.float32)[None, :, None], (20, 40, 3))
    assert Preprocessing(size=10).frame(ramp).shape == (10, 10, 3)
    centre = Preprocessing(size=10, resize=20).frame(ramp)
    assert centre == pytest.approx(ramp[5:15, 15:25])
    assert Preprocessing(size=20).frame(ramp[:, :20]) == pytest.approx(ramp[:, :20])


def test_a_network_may_see_other_shapes_than_a_square() -> None:
    image = RNG.random((20, 40, 5), dtype=np.float32)
    assert Preprocessing(size=(10, 30)).frame(image).shape == (10, 30, 5)
    assert Preprocessing(size=(10, 30), resize=30).frame(image).shape == (10, 30, 5)
    assert Preprocessing(resize=10).frame(image).shape == (10, 20, 5)
    assert (Preprocessing().frame(image) == image).all()


def test_one_mean_holds_for_all_channels_and_others_are_one_sentence() -> None:
    bands = RNG.random((2, 8, 9, 5), dtype=np.float32)
    assert Preprocessing(mean=(0.5,), std=(1 / 255,))(bands).numpy() == pytest.approx(
        (bands.transpose(0, 3, 1, 2) - 0.5) * 255, abs=1e-4
    )
    with pytest.raises(UserError, match="3 channels; the image has 5"):
        Preprocessing(mean=(0.1, 0.2, 0.3))(bands)


def test_normalisation_and_its_metadata() -> None:
    one = Preprocessing(size=4, mean=(0.1, 0.2, 0.3), std=(1, 2, 4), resize=8)
    image = RNG.random((2, 4, 4, 3), dtype=np.float32)
    expected = ((image - [0.1, 0.2, 0.3]) / [1, 2, 4]).transpose(0, 3, 1, 2)
    assert one(image).numpy() == pytest.approx(expected, abs=1e-6)
    assert Preprocessing.from_dict(one.as_dict()) == one


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"size": 0},
        {"size": 4, "std": (1, 0, 1)},
        {"size": 4, "mean": (1, 2), "std": (1, 1, 1)},
        {"size": 4, "mean": ()},
        {"size": 4, "mean": 0.5},
        {"size": None},
        {"size": (4, 4, 4)},
        {"size": 4, "resize": 3},
        {"size": 4, "crop": 1},
    ],
)
def test_unusable_preprocessing_is_one_sentence(values) -> None:
    with pytest.raises(UserError, match="preprocessing"):
        Preprocessing.from_dict(values)


@pytest.mark.parametrize(
    "source",
    [
        [[1, 2], [3]],
        torch.zeros(9, 9, device="meta"),
        Image.fromarray(COLOUR).convert("LA").convert("La"),
    ],
)
def test_what_gives_no_array_is_one_sentence(source) -> None:
    with pytest.raises(UserError, match="image: .*(no array can be made|mode that cannot be read)"):
        read_image(source)


def test_a_damaged_file_that_pillow_has_opened_is_one_sentence(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(COLOUR))
    path.write_bytes(path.read_bytes()[:-200])
    with Image.open(path) as picture, pytest.raises(UserError, match="image: "):
        read_image(picture)


def test_the_order_of_bytes_does_not_matter() -> None:
    values = GREY.astype(np.uint16) * 257
    assert (read_image(values.astype(">u2")) == read_image(values)).all()
