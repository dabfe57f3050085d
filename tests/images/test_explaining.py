"""One call from a model and an image to an explanation; its parts, its files, and the shell
command."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from helpers.known_models import Known, genomes, grid, white
from PIL import Image

from srnet.cli import main
from srnet.errors import UserError
from srnet.images import ImageExplanation, Preprocessing, explain, superpixels
from srnet.images.networks.architectures import ARCHITECTURES, Classifier, write_classifier
from srnet.images.pictures.fills import FILLS, fill_image
from srnet.images.pictures.segments import METHODS

SEGMENTS = grid(4, 5)
OBJECT = [6, 7, 11]
WEIGHTS = np.where(np.isin(np.arange(20), OBJECT), 4.0, 0.05)
ROWS, COLUMNS = np.mgrid[0:1:40j, 0:1:48j]
PICTURE = np.dstack([ROWS, COLUMNS, (ROWS * COLUMNS > 0.2) * 0.8]).astype(np.float32)


def explained(model=None, **options) -> ImageExplanation:
    options = {"segments": SEGMENTS, "fill": "black", "outputs": "logits"} | options
    return explain(model or Known(WEIGHTS, bias=-6.0), white(SEGMENTS), 1, **options)


def test_the_object_is_found_within_a_hundred_passes() -> None:
    model = Known(WEIGHTS, bias=-6.0)
    found = explained(model)
    assert np.flatnonzero(found.selected).tolist() == OBJECT
    assert sorted(found.ranking[:3].tolist()) == OBJECT
    assert found.passes == sum(model.seen) <= 100
    assert (found.mask == np.isin(SEGMENTS, OBJECT)).all()
    assert found.share == pytest.approx(3 / 20)


def test_its_probabilities_are_those_of_the_model() -> None:
    model = Known(WEIGHTS, bias=-6.0)
    found = explained(model)
    shown = np.stack([np.ones(20, bool), found.selected, np.zeros(20, bool), ~found.selected])
    reported = [
        found.probability,
        found.probability_selected,
        found.probability_empty,
        found.probability_complement,
    ]
    assert reported == pytest.approx(model.truth(shown).tolist(), abs=1e-5)
    assert found.history[-1]["probability"] == found.probability_selected


@pytest.mark.parametrize("preset", ["sparse", "published"])
def test_the_seed_decides(preset: str) -> None:
    rng = np.random.default_rng(1)
    model = Known(rng.normal(0, 2, 20), rng.normal(0, 0.5, (20, 20)))
    one, two = (explained(model, preset=preset, seed=3, generations=4) for _ in range(2))
    assert (one.selected == two.selected).all()
    assert (one.scores == two.scores).all()
    assert one.history == two.history
    other = explained(model, preset=preset, seed=4, generations=4)
    assert one.history != other.history


@pytest.mark.parametrize("precision", ["float32", "fused", "bfloat16"])
@pytest.mark.parametrize("fitness", ["probability", "contrast"])
def test_passes_are_bounded_with_all_that_is_reported(precision: str, fitness: str) -> None:
    model = Known(WEIGHTS, bias=-6.0)
    found = explained(model, precision=precision, fitness=fitness, max_passes=30)
    assert found.passes <= 30
    assert found.about["precision"] == precision
    assert (
        found.about["precision_error"] <= {"float32": 0, "fused": 1e-5, "bfloat16": 0.05}[precision]
    )
    assert (found.about["precision_error"] > 0) or precision != "bfloat16"
    assert found.probability_selected == pytest.approx(
        model.truth(found.selected[None])[0], abs=1e-5
    )


def test_a_classifier_brings_preprocessing_and_names() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 3)
    )
    classifier = Classifier(
        model,
        "tiny",
        ("cat", "dog", "cow"),
        Preprocessing(size=32, mean=(0.5,) * 3, std=(0.2,) * 3),
    )
    found = explain(classifier, PICTURE, "dog", outputs="logits", generations=2)
    assert (found.label, found.class_name) == (1, "dog")
    assert found.image.shape == (32, 32, 3)
    by_hand = explain(
        model,
        PICTURE,
        1,
        preprocessing=classifier.preprocessing,
        classes=classifier.classes,
        outputs="logits",
        generations=2,
    )
    assert (by_hand.selected == found.selected).all()
    with pytest.raises(UserError, match="cat, dog, cow"):
        explain(classifier, PICTURE, "horse")
    with pytest.raises(UserError, match="0 to 2"):
        explain(classifier, PICTURE, 3)
    with pytest.raises(UserError, match="2 names found; the model has 3"):
        explain(classifier, PICTURE, classes=("cat", "dog"))


@pytest.mark.parametrize("method", sorted(METHODS))
def test_superpixels_are_numbered_and_cover_the_image(method: str) -> None:
    found = superpixels(PICTURE, method)
    assert found.shape == (40, 48)
    assert found.dtype == np.int32
    assert np.unique(found).tolist() == list(range(found.max() + 1))
    assert (found == superpixels(PICTURE, method)).all()


@pytest.mark.parametrize("noise", [0.2, 0.4, 1.0])
@pytest.mark.parametrize("count", [2, 40, 80])
def test_noise_leaves_about_as_many_superpixels(noise: float, count: int) -> None:
    noisy = PICTURE + np.random.default_rng(0).normal(0, noise, PICTURE.shape)
    found = superpixels(noisy.clip(0, 1).astype(np.float32), count=count)
    assert max(count / 2, 2) <= found.max() + 1 <= max(1.5 * count, 4)


@pytest.mark.parametrize("count", [10, 40, 80])
def test_superpixels_of_a_smooth_picture_are_those_of_slic(count: int) -> None:
    from skimage.segmentation import slic

    plain = slic(PICTURE, n_segments=count, compactness=25.0, start_label=0)
    assert len(np.unique(plain)) >= count / 2
    assert (superpixels(PICTURE, count=count) == superpixels(PICTURE, plain)).all()


def test_far_fewer_superpixels_than_asked_for_are_said() -> None:
    found = explained(max_passes=10)
    assert found.about["count"] is None  # labels were given
    assert not any("Coarse" in line for line in found.warnings)
    corner = PICTURE[:8, :8]
    options = {"outputs": "logits", "fill": "black", "max_passes": 10}
    found = explain(lambda images: images[:, :2].mean((2, 3)), corner, superpixels=200, **options)
    assert found.about["count"] == 200
    assert f"Coarse: the image has {len(found.scores)} superpixels, and about 200" in str(found)


def test_given_superpixels_are_renumbered() -> None:
    labels = np.where(np.arange(48) < 20, 7, -3) * np.ones((40, 1), int)
    assert superpixels(PICTURE, labels)[0].tolist() == [1] * 20 + [0] * 28


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("grid", {}, "slic, quickshift, watershed"),
        ("slic", {"colour": 3}, "'slic' has no option colour; count, compactness are allowed"),
        ("quickshift", {"count": 9}, "no option count; kernel_size, max_dist, ratio are allowed"),
        ("slic", {"count": "a"}, "'slic' cannot be used with"),
        (np.ones((40, 48), int), {"count": 9}, "take no count; leave it out, or name a method"),
        (np.zeros((40, 48), int), {}, r"one superpixel.*superpixels\(image, 'slic'\)$"),
        (np.zeros((3, 3), int), {}, "shape"),
        (np.zeros((40, 48)), {}, "float64"),
    ],
)
def test_unusable_superpixels_are_one_sentence(method, options, words: str) -> None:
    with pytest.raises(UserError, match=words):
        superpixels(PICTURE, method, **options)


def test_fills() -> None:
    segments = superpixels(PICTURE, "slic", count=6)
    filled = {name: fill_image(PICTURE, segments, name) for name in FILLS}
    assert (filled["black"] == 0).all()
    assert (filled["grey"] == 0.5).all()
    for superpixel in range(segments.max() + 1):
        inside = segments == superpixel
        assert filled["mean"][inside] == pytest.approx(
            np.broadcast_to(PICTURE[inside].mean(axis=0), (inside.sum(), 3)), abs=1e-5
        )
    steepest = {
        name: np.abs(np.diff(values, axis=0)).max()
        for name, values in (filled | {"whole": PICTURE}).items()
    }
    assert steepest["blur"] < 0.3 * steepest["whole"]
    assert all(
        values.shape == PICTURE.shape and values.dtype == np.float32 for values in filled.values()
    )


@pytest.mark.parametrize(
    ("whole", "selected", "empty", "said"),
    [
        (0.95, 0.9, 0.1, ""),
        (0.3, 0.25, 0.28, "Poor: the empty image has p = 0.280, the whole one p = 0.300"),
        (0.9, 0.45, 0.1, "Poor: the superpixels alone have p = 0.450, the whole image p = 0.900"),
    ],
)
def test_a_poor_explanation_says_so(whole: float, selected: float, empty: float, said: str) -> None:
    found = explained()
    numbers = {"probability": whole, "probability_selected": selected, "probability_empty": empty}
    judged = ImageExplanation(
        found.image, found.segments, found.selected, found.scores, found.about | numbers
    )
    first, *others = str(judged).splitlines()
    assert "Poor" not in first
    assert others == judged.warnings
    assert len(others) == bool(said)
    assert "".join(others).startswith(said)


def test_a_saved_explanation_is_the_same(tmp_path: Path) -> None:
    found = explained()
    found.save(tmp_path / "a.npz")
    again = ImageExplanation.load(tmp_path / "a.npz")
    assert again.about == found.about
    assert all(
        (getattr(again, name) == getattr(found, name)).all()
        for name in ("image", "segments", "selected", "scores")
    )
    assert str(again) == str(found)


def test_a_file_that_is_no_explanation_is_one_sentence(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(
        tmp_path / "object.npz",
        about=np.array([Trap()], dtype=object),
        **dict.fromkeys(("image", "segments", "selected", "scores"), 0),
    )
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Trap()))
    (tmp_path / "empty.npz").touch()
    parts = {
        "image": PICTURE,
        "segments": np.zeros((40, 48), np.int32),
        "selected": np.ones(2, bool),
        "scores": np.zeros(2),
    }
    np.savez(tmp_path / "misfit.npz", about=json.dumps({"label": 1}), **parts)
    with pytest.raises(UserError, match="is not a readable .npz archive of arrays$"):
        ImageExplanation.load(tmp_path / "pickle.npz")
    for name in ("missing", "other", "object", "pickle", "empty", "misfit"):
        with pytest.raises(UserError):
            ImageExplanation.load(tmp_path / f"{name}.npz")
    assert not (tmp_path / "executed").exists()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small network and a picture."""
    folder = tmp_path_factory.mktemp("shell")
    torch.manual_seed(0)
    model = ARCHITECTURES["tiny"](3).eval()
    write_classifier(
        folder / "net.pt", Classifier(model, "tiny", ("cat", "dog", "cow"), Preprocessing(size=32))
    )
    Image.fromarray((PICTURE * 255).astype(np.uint8)).save(folder / "a.png")
    return folder


def test_the_shell_command_writes_mask_panel_and_numbers(shell: Path, tmp_path: Path) -> None:
    words = [
        "explain-image",
        f"{shell}/net.pt",
        f"{shell}/a.png",
        "--out",
        f"{tmp_path}/out",
        "--label",
        "dog",
        "--max-passes",
        "20",
        "--superpixels",
        "12",
        "--budget",
        "5min",
    ]
    said = CliRunner().invoke(main, words)
    assert said.exit_code == 0, said.output
    assert said.output.startswith("dog: ")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [
            *("explanation.html", "explanation.npz", "mask.png"),
            *("panel.pdf", "panel.png", "result.json"),
        ]
    )
    found = ImageExplanation.load(tmp_path / "out" / "explanation.npz")
    assert (np.asarray(Image.open(tmp_path / "out" / "mask.png")) == found.mask * 255).all()
    numbers = json.loads((tmp_path / "out" / "result.json").read_text())
    assert numbers["class_name"] == "dog"
    assert numbers["passes"] <= 20 < numbers["curves"]["passes"] + numbers["passes"]
    assert numbers["superpixels"] < 25
    assert not numbers["ended_by_time"]
    assert numbers["selected"] == np.flatnonzero(found.selected).tolist()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["{}/missing.pt", "{}/a.png"], "missing.pt"),
        (["{}/a.png", "{}/a.png"], "a.png"),
        (["{}/net.pt", "{}/net.pt"], "is no image"),
        (["{}/net.pt", "{}/a.png", "--label", "9"], "0 to 2"),
        (["{}/net.pt", "{}/a.png", "--label", "horse"], "cat, dog, cow"),
        (["{}/net.pt", "{}/a.png", "--preset", "dense"], "published, sparse"),
        (["{}/net.pt", "{}/a.png", "--fill", "pink"], "grey"),
        (["{}/net.pt", "{}/a.png", "--segments", "grid"], "slic"),
        (["{}/net.pt", "{}/a.png", "--superpixels", "1"], "at least 2"),
        (["{}/net.pt", "{}/a.png", "--superpixels", "9", "--segments", "quickshift"], "no number"),
        (["{}/net.pt", "{}/a.png", "--budget", "soon"], "'30s', '2min' or '1h'"),
        (["{}/net.pt", "{}/a.png", "--budget", "50"], "is that of max_passes"),
        (["{}/net.pt", "{}/a.png", "--seed", "-1"], "at least 0"),
        (["{}/net.pt", "{}/a.png", "--threads", "0"], "from 1 to 1024"),
        (["{}/net.pt", "{}/a.png", "--classes", "{}/net.pt"], "net.pt"),
    ],
)
def test_the_shell_command_says_in_one_sentence_what_is_wrong(
    shell: Path, tmp_path: Path, words, expected: str
) -> None:
    said = CliRunner().invoke(
        main, ["explain-image", *(word.format(shell) for word in words), "--out", f"{tmp_path}/out"]
    )
    assert said.exit_code == 2
    assert expected in said.output
    assert len(said.output.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_exhaustive_search_agrees() -> None:
    rng = np.random.default_rng(7)
    segments, sizes = grid(2, 5), np.full(10, 0.1)
    model = Known(rng.normal(0, 2, 10), np.triu(rng.normal(0, 1, (10, 10)), 1))
    found = explain(model, white(segments), 1, segments=segments, fill="black", outputs="logits")
    shown = genomes(10)
    settings = found.about["settings"]
    sure = [
        1 / (1 + (1 / model.truth(part) - 1) ** (1 / settings["temperature"]))
        for part in (shown, ~shown)
    ]
    worth = sure[0] - sure[1] - settings["penalty"] * (shown @ sizes)
    assert found.history[-1]["best"] == pytest.approx(worth.max(), abs=0.05)


@pytest.mark.parametrize(
    "classes", ["ab", {0: "a", 1: "b"}, {"a", "b"}, [0, 1], [None, "b"], [], 5]
)
def test_unusable_names_of_classes_are_one_sentence(classes) -> None:
    with pytest.raises(UserError, match="classes: .* a list with a name for each"):
        explained(classes=classes)


def test_a_name_of_two_classes_is_no_label() -> None:
    with pytest.raises(UserError, match="'crane' found, the name of the classes 0 and 1"):
        explain(Known(WEIGHTS), white(SEGMENTS), "crane", classes=["crane", "crane"])
    assert explained(classes=np.array(["cat", "crane"])).class_name == "crane"


@pytest.mark.parametrize("options", [{"max_passes": 10}, {"max_passes": 50, "refinement": 1.0}])
def test_the_smallest_search_has_an_individual(tmp_path: Path, options) -> None:
    found = explained(**options)
    assert found.passes <= options["max_passes"]
    assert all(np.isfinite(list(entry.values())).all() for entry in found.history)


def test_too_few_passes_for_the_search_are_one_sentence() -> None:
    options = {"outputs": "values", "precision": "fused"}
    with pytest.raises(UserError, match="'max_passes' is 11; at least 12 are needed"):
        explained(max_passes=11, **options)
    assert explained(max_passes=12, **options).passes <= 12


@pytest.mark.parametrize("precision", ["float32", "fused"])
def test_a_fill_that_draws_is_called_once(precision: str) -> None:
    calls, rng = [], np.random.default_rng(0)

    def fill(image: np.ndarray) -> np.ndarray:
        calls.append(image.shape)
        return rng.random(image.shape)

    assert explained(fill=fill, precision=precision).about["precision_error"] < 1e-5
    assert len(calls) == 1


@pytest.mark.parametrize("fill", [[[1], [1, 2]], lambda image: [[1], [1, 2]]])
def test_a_fill_of_no_array_is_one_sentence(fill) -> None:
    with pytest.raises(UserError, match="'fill'"):
        explained(fill=fill)


@pytest.mark.parametrize(
    "change",
    [
        {"values": {}},
        {"values": None},
        {"probability": np.nan},
        {"probability": 10**400},
        {"count": "many"},
        {"curves": {"shares": [0, 1], "insertion": [0, np.nan], "deletion": [1, 0]}},
    ],
)
def test_a_file_of_unusable_numbers_is_refused(tmp_path: Path, change) -> None:
    found = explained(max_passes=10)
    arrays = {name: getattr(found, name) for name in ("image", "segments", "selected", "scores")}
    np.savez(tmp_path / "a.npz", about=np.array(json.dumps(found.about | change)), **arrays)
    with pytest.raises(UserError, match=f"no explanation of an image .*'{next(iter(change))}'"):
        ImageExplanation.load(tmp_path / "a.npz")
