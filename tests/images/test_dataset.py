"""Made images: exact masks, the same for the same seed, nothing of the class in the background."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from srnet.errors import UserError
from srnet.images.pictures import dataset
from srnet.images.pictures.plan import image_names, name_test_images, training_options


@pytest.fixture(scope="module")
def made():
    return dataset.make_image_set(16, seed=3)


def test_forms_and_turns_of_the_classes(made):
    assert made.images.shape == (16, 128, 128, 3)
    assert made.images.dtype == np.uint8
    assert made.masks.shape == (16, 128, 128)
    assert [dataset.CLASSES[label] for label in made.labels[:8]] == list(dataset.CLASSES)


def test_an_image_depends_on_its_seed_and_number_alone(made):
    again = dataset.make_image_set(5, seed=3)
    assert np.array_equal(again.images, made.images[:5])
    assert np.array_equal(again.masks, made.masks[:5])
    assert not np.array_equal(dataset.make_image_set(1, seed=4).images, made.images[:1])


def test_a_test_image_is_no_training_image(made):
    assert not np.array_equal(dataset.make_test_set(8, seed=3).images, made.images[:8])


def test_the_mask_is_the_object_exactly(monkeypatch):
    """Two images that differ in nothing but the object's paint differ in the mask's pixels and
    there alone."""
    plain, mask = dataset.compose_image("cat", np.random.default_rng(5), 96)
    pasted = dataset._paste

    def painted(rng, shapes, size):
        pixels, opaque = pasted(rng, shapes, size)
        return np.where(pixels > 127, 0, 255).astype(np.float32), opaque

    monkeypatch.setattr(dataset, "_paste", painted)
    other, same = dataset.compose_image("cat", np.random.default_rng(5), 96)
    assert np.array_equal(mask, same)
    assert np.array_equal((plain != other).any(axis=-1), mask)


def test_the_background_does_not_know_the_class():
    """With one random stream, every class lies on the same texture."""
    images = [
        dataset.compose_image(name, np.random.default_rng(7), 64) for name in ("flower", "shuttle")
    ]
    outside = ~(images[0][1] | images[1][1])
    # the noise comes after the object, whose random numbers are as many for every class
    assert np.array_equal(images[0][0][outside], images[1][0][outside])


def test_objects_cover_a_tenth_or_so_and_lie_inside():
    shares = dataset.make_image_set(40, seed=1).masks.mean(axis=(1, 2))
    assert shares.min() > 0.03
    assert shares.max() < 0.25
    assert 0.08 < shares.mean() < 0.17


def test_every_class_has_its_cut_out():
    for name, shapes in dataset.cutouts().items():
        for shape in shapes:
            opaque = np.asarray(shape)[..., 3] > 127
            assert 0.3 < opaque.mean() < 1, name
            assert opaque.any(axis=0)[[0, -1]].all() or name == "motorcycle", name


def test_named_images_are_theirs_and_the_same(tmp_path):
    image, mask = dataset.make_named_image("coffee", seed=0)
    again, _ = dataset.make_named_image("coffee", seed=0)
    assert np.array_equal(image, again)
    dataset.write_images(tmp_path, ["coffee"], 2, seed=0, size=128)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "coffee.png")), image)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "coffee_mask.png")) > 0, mask)
    assert sorted(path.stem for path in tmp_path.iterdir()) == [
        *("00-astronaut", "00-astronaut_mask", "01-cat", "01-cat_mask"),
        *("coffee", "coffee_mask"),
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((0, 0), "'count' is 0"),
        ((1, -1), "'seed' is -1"),
        ((1, 0, 8), "'size' is 8"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    for make in (dataset.make_image_set, dataset.make_test_set):
        with pytest.raises(UserError, match=sentence):
            make(*options)
    with pytest.raises(UserError, match="'name' is 'dog'; allowed are astronaut, cat"):
        dataset.make_named_image("dog", 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((-1,), "'seed' is -1"),
        ((-3_000_000,), "'seed' is -3000000"),
        ((0, 31), "'size' is 31; a whole number from 32 to 1024"),
        ((0, 1025), "'size' is 1025; a whole number from 32 to 1024"),
    ],
)
def test_named_and_counted_images_are_checked_alike(options, sentence):
    for make in (
        lambda *options: dataset.make_named_image("cat", *options),
        lambda *options: dataset.make_image_set(1, *options),
    ):
        with pytest.raises(UserError, match=sentence):
            make(*options)


@pytest.mark.parametrize("size", [300, 1024])
def test_an_image_may_be_larger_than_the_textures(size):
    for seed in range(3):
        image, mask = dataset.make_named_image("cat", seed, size)
        assert image.shape == (size, size, 3)
        assert 0.03 < mask.mean() < 0.25


@pytest.mark.parametrize(
    ("size", "images", "masks"),
    [(128, "edebdc628892c74f", "45ad90861f7e631e"), (32, "b2eacde505f1ad4b", "119ce9a23bd2198f")],
)
def test_images_stay_the_same(size, images, masks):
    """Networks were trained and judged on them."""
    made = dataset.make_image_set(16, 0, size)
    assert [
        hashlib.sha256(values.tobytes()).hexdigest()[:16] for values in (made.images, made.masks)
    ] == [images, masks]


def test_nothing_to_make_is_refused(tmp_path):
    with pytest.raises(UserError, match="no image is requested"):
        dataset.write_images(tmp_path / "images", [], 0, seed=0, size=128)
    assert not list(tmp_path.iterdir())


def test_what_the_workflow_makes_of_a_configuration():
    images = {
        "named": ["cat"],
        "test_set": {"images": 9},
        "train": 64,
        "test": 8,
        "size": 64,
        "seed": 1,
        "epochs": {"tiny": 0.5},
    }
    assert image_names(images)[:2] == ["cat", "00-astronaut"]
    assert name_test_images(9)[-1] == "08-astronaut"
    assert training_options(images, "tiny") == {
        "images": 64,
        "tests": 8,
        "size": 64,
        "seed": 1,
        "epochs": 0.5,
    }
    assert "epochs" not in training_options(images, "resnet18")
