"""The comparison of methods on one image, and its tables."""

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from helpers import made_images

from srnet.cli import main
from srnet.errors import UserError
from srnet.images.comparison.methods import GRADIENTS, SAMPLING, SEARCHES, method
from srnet.images.comparison.scores import compare, write_comparison
from srnet.images.measures import highest_probability
from srnet.images.networks.architectures import (
    ARCHITECTURES,
    MEAN,
    STD,
    Classifier,
    write_classifier,
)
from srnet.images.pictures.dataset import CLASSES, write_images
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.images.pictures.reading import read_image
from srnet.images.pictures.segments import superpixels
from srnet.images.results import (
    agreement_table,
    history_table,
    judged_frame,
    networks_table,
    pixels_table,
    runs_table,
)
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Evaluator
from srnet.io.frames import read_table, write_table
from srnet.results.verdict import load_rules, verdict


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    model = ARCHITECTURES["tiny"](len(CLASSES)).eval()
    return Classifier(model, "tiny", CLASSES, Preprocessing(size=64, mean=MEAN, std=STD))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, classifier):
    folder = tmp_path_factory.mktemp("images")
    write_images(folder, ["cat"], 2, seed=0, size=64)
    write_classifier(folder / "network.pt", classifier)
    methods = ["sparse-30", "published-40", "lime-20", "rise-20", "random"]
    for image in ("cat", "01-cat"):
        write_comparison(
            folder / "network.pt",
            [folder / f"{image}.png"],
            folder / f"{image}.csv",
            folder / f"{image}.history.csv",
            masks=[folder / f"{image}_mask.png"],
            methods=methods,
            seeds=range(1, 4),
            baseline_seeds=2,
        )
    return folder


def test_names_of_methods():
    assert (method("sparse-100").kind, method("sparse-100").passes) == ("sparse", 100)
    assert (method("published").kind, method("published").passes) == ("published", None)
    for name in ("lime", "rise", "random-3", "sparse-0", "best", "", "lime-1000-2"):
        with pytest.raises(UserError, match="there is no method"):
            method(name)


def test_a_row_per_method_and_seed(folder):
    runs = read_table(folder / "cat.csv")
    counts = runs.groupby("method").size()
    assert dict(counts) == {
        "sparse-30": 3,
        "published-40": 3,
        "lime-20": 2,
        "rise-20": 2,
        "random": 2,
    }
    assert set(runs["network"]) == {"tiny"}
    assert set(runs["image"]) == {"cat"}
    assert runs["explained"].isin(CLASSES).all()
    passes = runs.groupby("method")["passes"].max()
    assert passes["sparse-30"] <= 30
    assert passes["published-40"] <= 40
    assert (passes["lime-20"], passes["random"]) == (20, 0)
    for column in ("probability", "share", "iou", "insertion", "deletion", "iou_1", "iou_10"):
        assert runs[column].between(0, 1).all(), column
    shown = runs["selected"].str.count("x")
    assert (shown == runs["superpixels"]).all()
    assert (shown[runs["method"] == "random"] == 3).all()
    assert (runs["selected"].str.len() == runs["superpixels_of"]).all()


@pytest.mark.slow
def test_every_method_explains_a_network(classifier, folder):
    names = [f"{kind}-100" for kind in (*SEARCHES, *SAMPLING)] + [*GRADIENTS, "random"]
    runs, _ = compare(classifier, read_image(folder / "cat.png"), None, names, [1])
    assert list(runs["method"]) == names
    limits = dict.fromkeys(names, 100) | {"gradcam": 2, "random": 0}
    assert (runs["passes"] <= runs["method"].map(limits)).all()
    exact = runs["method"].isin(["lime-100", "glime-100", "rise-100", "kernelshap-100", *GRADIENTS])
    assert (runs["passes"] == runs["method"].map(limits))[exact].all()
    assert (runs["superpixels"] == 3).all()
    assert runs[["insertion", "deletion"]].apply(lambda column: column.between(0, 1)).all(axis=None)


def test_the_whole_and_the_empty_image_are_the_same_for_all(folder):
    runs = read_table(folder / "cat.csv")
    for column in ("whole", "empty", "label", "superpixels_of"):
        assert runs[column].nunique() == 1, column


def test_the_same_seed_gives_the_same_rows(classifier, folder):
    image = read_image(folder / "cat.png")
    methods = ["sparse-30", "lime-20", "random"]
    again, _ = compare(classifier, image, None, methods, [2])
    runs = read_table(folder / "cat.csv")
    before = runs[(runs["seed"] == 2) & runs["method"].isin(methods)].reset_index(drop=True)
    for column in ("selected", "insertion", "deletion", "passes"):
        assert list(again[column]) == pytest.approx(list(before[column])), column
    assert again["iou"].isna().all()  # no mask, no truth


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seeds": [5, 6], "baseline_seeds": 3}, "baseline seeds: 3 found, .* seeds 5 to 6"),
        ({"methods": ["random", "random"]}, "methods: 'random' found twice"),
        ({"images": ["cat.png", "other/cat.png"]}, "images: 'cat' found twice"),
        ({"training": 0}, "'training' is 0"),
        ({"methods": ["random", "greedy-2"]}, "the method 'greedy-2': 'passes' is 2"),
        ({"methods": ["sparse-5"]}, "the method 'sparse-5': 'max_passes' is 5"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(folder, tmp_path, options, words):
    options = {"images": ["cat.png"], "methods": ["random"], "seeds": [1]} | options
    images = [folder / name for name in options.pop("images")]
    outs = tmp_path / "out.csv", tmp_path / "history.csv"
    with pytest.raises(UserError, match=words):
        write_comparison(folder / "network.pt", images, *outs, **options)
    assert not any(tmp_path.iterdir())


def test_baselines_may_have_no_seed_where_e_lime_has_some(classifier, folder):
    image = read_image(folder / "cat.png")
    options = {"baseline_seeds": 3}
    runs, _ = compare(classifier, image, None, ["sparse-20", "random"], [4], **options)
    assert runs["method"].tolist() == ["sparse-20"]


def test_two_files_of_a_command_are_not_one(folder, tmp_path):
    words = ["compare-explanations", f"{folder}/network.pt", f"{folder}/cat.png"]
    words += ["--methods", "random", "--seeds", "1-1"]
    both = ["--out", f"{tmp_path}/a.csv", "--history", f"{tmp_path}/b/../a.csv"]
    said = CliRunner().invoke(main, words + both)
    assert said.exit_code == 2
    assert "a.csv', the file of --out; another one is needed" in said.output
    assert not any(tmp_path.iterdir())


def test_a_mask_of_another_shape_is_refused(classifier, folder):
    with pytest.raises(UserError, match="the same shape is needed"):
        compare(classifier, read_image(folder / "cat.png"), np.ones((5, 5), bool), ["random"], [1])


def test_nothing_is_written_where_a_method_is_unknown(folder, tmp_path):
    with pytest.raises(UserError, match="there is no method 'best'"):
        write_comparison(
            folder / "network.pt",
            [folder / "cat.png"],
            tmp_path / "a.csv",
            tmp_path / "b.csv",
            methods=["best"],
            seeds=[1],
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"masks": ["a.png"]}, "1 masks found for 2 images; one for each, or none, is needed"),
        ({"true_classes": ["cat"] * 3}, "3 true classes found for 2 images; one for each, or none"),
        ({"true_classes": ["cat", "dog"]}, "'true class' is 'dog'; allowed are astronaut, cat, "),
    ],
)
def test_each_image_has_its_mask_and_class_or_none_has(folder, tmp_path, options, sentence):
    with pytest.raises(UserError, match=sentence):
        write_comparison(
            folder / "network.pt",
            [folder / "cat.png", folder / "01-cat.png"],
            tmp_path / "a.csv",
            tmp_path / "b.csv",
            methods=["random"],
            seeds=[1],
            **options,
        )
    assert not list(tmp_path.iterdir())


def test_where_the_network_is_wrong_the_true_class_is_explained_too(folder, tmp_path):
    predicted = read_table(folder / "cat.csv")["explained"].iloc[0]
    other = next(name for name in CLASSES if name != predicted)
    write_comparison(
        folder / "network.pt",
        [folder / "cat.png", folder / "01-cat.png"],
        tmp_path / "runs.csv",
        tmp_path / "steps.csv",
        true_classes=[other, read_table(folder / "01-cat.csv")["explained"].iloc[0]],
        methods=["sparse-20", "random"],
        seeds=[1],
        training=2,
    )
    runs = read_table(tmp_path / "runs.csv")
    assert list(runs["image"]) == ["cat"] * 4 + ["01-cat"] * 2
    assert list(runs["explained"][:4]) == [predicted, predicted, other, other]
    assert set(runs["predicted"][:4]) == {predicted}
    assert (runs["training"] == 2).all()
    assert list(runs["label"][2:4]) == [CLASSES.index(other)] * 2
    assert (runs["whole"][2:4] < runs["whole"][:2].to_numpy()).all()  # hence it is not predicted
    assert set(read_table(tmp_path / "steps.csv")["explained"][:1]) == {predicted}
    gathered = runs_table([folder / "cat.csv"], [tmp_path / "runs.csv"])
    kinds = gathered[gathered["training"] == 2]["images"]
    assert list(kinds) == ["test"] * 2 + ["wrong"] * 2 + ["test"] * 2


def test_the_highest_probability_is_that_of_the_best_leading_part(classifier, folder):
    image = classifier.preprocessing.frame(read_image(folder / "cat.png"))
    segments = superpixels(image, "slic")
    evaluator = Evaluator(classifier.model, image, segments, preprocessing=classifier.preprocessing)
    ranking = np.random.default_rng(1).permutation(evaluator.superpixels)
    found = highest_probability(Archive(evaluator), ranking)
    best = (0.0, 0.0)
    for count in range(1, len(ranking) + 1):
        shown = np.isin(np.arange(len(ranking)), ranking[:count])
        probability = evaluator.probabilities(shown[None])[0]
        if probability > best[0]:
            best = (probability, shown[segments].mean())
    assert (found["highest"], found["highest_share"]) == pytest.approx(best, abs=1e-6)
    runs = read_table(folder / "cat.csv")
    assert (runs["highest"] >= runs["whole"] - 1e-6).all()  # the whole image is a leading part


def test_gathered(folder):
    runs = runs_table([folder / "cat.csv"], [folder / "01-cat.csv"])
    assert dict(runs.groupby("images").size()) == {"named": 12, "test": 12}
    agreement = agreement_table(runs)
    assert len(agreement) == 2 * 5
    assert agreement["agreement"].between(0, 1).all()
    history = history_table([folder / "cat.history.csv"])
    assert set(history["method"]) == {"sparse-30", "published-40"}
    assert (history["runs"] == 3).all()
    assert (history["min"] <= history["median"]).all()
    assert (history["median"] <= history["max"]).all()
    pixels = pixels_table(runs, "tiny", folder, ["cat"], "slic")
    assert len(pixels) == 64 * 64
    shown = pixels.groupby("superpixel")["sparse-30"]
    assert (shown.nunique() == 1).all()  # a superpixel is shown or not, whole
    first = runs[(runs["method"] == "sparse-30") & (runs["image"] == "cat")].iloc[0]
    assert pixels["sparse-30"].mean() == pytest.approx(first["share"])


def test_agreement_is_the_mean_overlap_of_two_seeds():
    rows = [("xx--", 1), ("x-x-", 2), ("xx--", 3)]
    runs = pd.DataFrame(
        [
            {
                "network": "n",
                "training": 1,
                "images": "named",
                "image": "i",
                "method": "m",
                "seed": s,
                "selected": t,
            }
            for t, s in rows
        ]
    )
    assert agreement_table(runs)["agreement"].item() == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)
    assert agreement_table(runs.head(1))["agreement"].isna().all()  # one seed agrees with nobody


def test_a_curve_keeps_a_runs_last_value(tmp_path):
    steps = [(1, 10, 0.2), (1, 20, 0.6), (2, 10, 0.4), (2, 40, 1.0)]
    frame = pd.DataFrame(
        [
            {
                "network": "n",
                "image": "i",
                "method": "sparse",
                "seed": s,
                "passes": p,
                "probability": v,
                "share": v,
            }
            for s, p, v in steps
        ]
    )
    write_table(frame, tmp_path / "history.csv")
    curve = history_table([tmp_path / "history.csv"])
    last = curve[curve["passes"] == 40].iloc[0]
    assert (last["min"], last["max"]) == (0.6, 1.0)
    first = curve[curve["passes"] == 10].iloc[0]
    assert (first["min"], first["max"], first["median"]) == (0.2, 0.4, pytest.approx(0.3))


def test_the_claims_are_judged_by_the_rules():
    from helpers.fakes import ROOT

    runs = made_images.runs(["resnet18", "densenet121"], ["cat", "coffee"], [], seeds=5)
    runs.loc[runs["method"] == "published", "probability"] = 0.99  # above the whole image's 0.97
    runs.loc[runs["method"] == "sparse", "seconds"] = 0.1  # LIME takes 10 s
    table = verdict(
        load_rules(ROOT / "config" / "verdict.yaml"), {"images": judged_frame(runs)}, ["paper"]
    )
    claims = table.set_index(["claim", "task", "method"])["verdict"]
    assert claims["raises the probability, published", "all", "elime-published"] == "reproduced"
    assert claims["raises the probability", "all", "elime"] == "not reproduced"
    assert claims["explains an image within a minute", "all", "elime"] == "reproduced"
    assert (
        claims["explains an image ten times faster", "resnet18", "elime against lime"]
        == "reproduced"
    )
    assert (
        claims[
            "explains an image ten times faster, published",
            "resnet18",
            "elime-published against lime",
        ]
        == "not reproduced"
    )
    assert "raises the probability on DenseNet, published" in claims.index.get_level_values("claim")
    assert "raises the probability on MobileNet, published" not in claims.index.get_level_values(
        "claim"
    )  # not explained


def test_a_report_that_lacks_something_is_named(tmp_path):
    (tmp_path / "network.json").write_text("{}")
    with pytest.raises(UserError, match="lacks the key 'architecture'"):
        networks_table([tmp_path / "network.json"])


def test_a_comparison_that_lacks_something_is_named(tmp_path):
    path = tmp_path / "1-10.csv"
    path.write_text("network,image\nn,cat\n")
    with pytest.raises(UserError, match="1-10.csv: lacks the column 'method'; it has network, im"):
        runs_table([path], [])
    with pytest.raises(UserError, match="1-10.csv: lacks the column 'method'; it has network, im"):
        history_table([path])
