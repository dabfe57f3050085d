"""Training: it learns, it is seeded, and it leaves torch as it was."""

import json

import numpy as np
import pytest
import torch

from srnet.errors import UserError
from srnet.images.networks.architectures import read_classifier
from srnet.images.networks.training import GREY, hide_parts, network_input, train, write_trained

pytestmark = pytest.mark.slow

SMALL = {"images": 256, "tests": 64, "size": 64}
SMALLER = {"images": 64, "tests": 8, "size": 64}


@pytest.fixture(scope="module")
def trained():
    return train("tiny", epochs=6, **SMALL)


def test_it_learns(trained):
    classifier, report = trained
    assert report["loss"][0] > 1.5
    assert min(report["loss"]) < 0.8 * report["loss"][0]
    assert report["accuracy_test"] > 2 / 8  # chance is an eighth
    assert not classifier.model.training
    assert classifier.preprocessing.size == 64


def test_the_same_seed_gives_the_same_network_and_another_another():
    def weights(seed):
        torch.manual_seed(99)  # what the caller's generator says does not matter
        return train("tiny", epochs=1, seed=seed, **SMALLER)[0].model.fc.weight

    first = weights(0)
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


def test_torch_is_left_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train("tiny", epochs=1, threads=threads + 1, **SMALLER)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(3), expected)


def test_the_preprocessing_is_what_it_was_trained_with(trained):
    image = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    preprocessing = trained[0].preprocessing
    np.testing.assert_allclose(
        preprocessing.tensor(image.astype(np.float32) / 255), network_input(image), atol=1e-5
    )


def test_half_of_the_images_lose_a_block_or_all_but_a_block():
    images = np.full((400, 32, 32, 3), 7, np.uint8)
    changed = hide_parts(images, np.random.default_rng(0))
    grey = (changed == round(255 * GREY)).all(axis=-1)
    assert (images == 7).all()
    assert 0.4 < grey.any(axis=(1, 2)).mean() < 0.6
    # what is hidden, or what is shown, is a rectangle
    for one in grey[grey.any(axis=(1, 2))]:
        shown = ~one
        rectangles = [
            part
            for part in (one, shown)
            if np.array_equal(part, np.outer(part.any(1), part.any(0)))
        ]
        assert rectangles
    assert set(np.unique(changed)) == {7, round(255 * GREY)}


def test_the_files_say_the_same(tmp_path):
    write_trained("tiny", tmp_path / "network.pt", tmp_path / "network.json", epochs=1.5, **SMALLER)
    report = json.loads((tmp_path / "network.json").read_text())
    classifier = read_classifier(tmp_path / "network.pt")
    assert report["classes"] == list(classifier.classes)
    assert report["epochs"] == 1.5
    assert len(report["loss"]) == 3  # 64 images in batches of 32, one pass and a half


@pytest.mark.parametrize(
    ("architecture", "options", "sentence"),
    [
        ("vgg", {}, "'architecture' is 'vgg'; allowed are resnet18"),
        ("tiny", {"epochs": 0}, "'epochs' is 0; a finite number above 0"),
        ("tiny", {"size": 65}, "'size' is 65; an even number is needed"),
        ("tiny", {"images": 0}, "'count' is 0"),
    ],
)
def test_options_out_of_range_are_refused(architecture, options, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        write_trained(
            architecture, tmp_path / "network.pt", tmp_path / "network.json", **(SMALL | options)
        )
    assert not list(tmp_path.iterdir())
