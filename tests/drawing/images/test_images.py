"""The figures and tables of the image branch on small made-up frames."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from helpers import made_images

from srnet.drawing.images import (
    convergence,
    costs,
    differences,
    methods,
    named,
    networks,
    panels,
    probabilities,
    quality,
    verdict,
    wrong,
)
from srnet.drawing.images.style import KINDS, main_methods, method_colours, method_label
from srnet.drawing.latex_table import to_latex
from srnet.drawing.saving import save_figure, to_html
from srnet.images.comparison.differences import differences_table
from srnet.images.results import agreement_table, history_table, judged_frame
from srnet.io.frames import read_table, write_table
from srnet.results.verdict import write_verdict

matplotlib.use("Agg")
pytestmark = pytest.mark.slow
NETWORKS, NAMED, TESTS = (
    ["resnet18", "mobilenet_v2"],
    ["cat", "coffee"],
    ["00-astronaut", "01-cat", "02-coffee"],
)


@pytest.fixture(scope="module")
def runs():
    return made_images.runs(NETWORKS, NAMED, TESTS, seeds=4)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    path = tmp_path_factory.mktemp("history") / "history.csv"
    write_table(made_images.history(NETWORKS, NAMED, seeds=4), path)
    return history_table([path])


def texts(figure):
    found = [
        text.get_text()
        for axes in figure.axes
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts)
    ]
    found += [axes.get_title(loc="left") for axes in figure.axes]
    return found + [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_every_figure_is_saved_with_its_labels(runs, history, tmp_path):
    figures = {
        "panels": panels.draw(made_images.pixels(NAMED)),
        "convergence": convergence.draw(history),
        "probabilities": probabilities.draw(runs),
        "quality": quality.draw(runs),
        "costs": costs.draw(runs),
    }
    for name, figure in figures.items():
        save_figure(figure, str(tmp_path / f"{name}.pdf"), str(tmp_path / f"{name}.png"))
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "ResNet-18, cat" in texts(figures["convergence"])
    assert "probability: median of 4 seeds, band minimum to maximum" in texts(
        figures["convergence"]
    )
    assert "MobileNetV2" in texts(figures["probabilities"])
    assert "LIME, 200 passes: 4 seeds" in texts(figures["probabilities"])
    titles = {"deletion AUC (low is good)", "insertion AUC (high is good)"}
    assert {"ResNet-18"} | titles <= set(texts(figures["quality"]))
    assert {"seconds on one core (mean)", "RISE"} | titles <= set(texts(figures["costs"]))


def test_the_panels_show_what_the_explanations_show():
    figure = panels.draw(made_images.pixels(["cat"]))
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert len(shown) == 5
    assert (shown[2][12, 12] == shown[0][12, 12]).all()  # the middle superpixel is the explanation
    assert (shown[2][0, 0] == panels.HIDDEN).all()
    assert (shown[4] == shown[2]).all()  # and the object
    assert "IoU 1.00" in texts(figure)
    assert "IoU 0.20" in texts(figure)


def test_the_quality_is_drawn_at_the_mean_passes(runs):
    figure = quality.draw(runs)
    lines = [
        line
        for line in figure.axes[0].lines
        if len(line.get_xdata()) == 2 and set(line.get_xdata()) == {200.0, 1000.0}
    ]
    test = runs[(runs["images"] == "test") & (runs["network"] == "resnet18")]
    expected = [
        test.loc[test["method"] == name, "iou"].mean() for name in ("lime-200", "lime-1000")
    ]
    assert any(list(line.get_ydata()) == pytest.approx(expected) for line in lines)


@pytest.mark.parametrize("lacking", [False, True])
def test_the_costs_are_means_over_the_networks_that_the_most_methods_explain(runs, lacking):
    if lacking:
        runs = runs[(runs["network"] != "resnet18") | (runs["method"] != "lime-1000")]
    figure = costs.draw(runs)
    found = [
        line.get_xydata() for line in figure.axes[3].lines if line.get_marker() == KINDS["lime"][2]
    ]
    test = runs[runs["images"] == "test"]
    if lacking:
        test = test[test["network"] == "mobilenet_v2"]
    means = test.groupby("method")["iou"].mean()
    expected = [[2.0, means["lime-200"]], [10.0, means["lime-1000"]]]
    assert len(found) == 1
    assert found[0] == pytest.approx(np.array(expected))
    label = "MobileNetV2" if lacking else "mean over ResNet-18, MobileNetV2"
    assert figure.get_supylabel() == label


def test_the_differences_are_printed_with_their_intervals_and_verdicts():
    runs = made_images.runs(NETWORKS, NAMED, [f"{i:02d}-cat" for i in range(20)], 1, trainings=2)
    table = differences.draw(differences_table(runs))
    assert list(dict.fromkeys(table["network"])) == ["ResNet-18", "MobileNetV2", "all"]
    row = table[(table["network"] == "all") & (table["method"] == "RISE, 1000 passes")].iloc[0]
    # the made-up levels of the two methods differ by .2, and more is better but for deletion
    assert row["insertion"] == pytest.approx(0.2, abs=0.02)
    assert row["deletion"] == pytest.approx(-0.2, abs=0.02)
    assert (row["insertion_verdict"], row["deletion_verdict"]) == ("better", "better")
    assert (row["images"], row["trainings"]) == (20, 2)
    latex = to_latex(table, differences.PAPER, "Differences", "differences")
    assert "all: E-LIME, sparse, minus" in latex


@pytest.mark.parametrize(
    ("module", "frame"),
    [
        (differences, lambda runs: differences_table(runs[runs["method"] == "sparse"])),
        (wrong, lambda runs: runs),
    ],
)
def test_a_table_without_rows_is_printed(runs, module, frame):
    table = module.draw(frame(runs))
    assert table.empty
    assert "Method" in to_latex(table, module.PAPER, "Title", "label")
    assert "method" in to_html(table, "title")


def test_wrong_predictions_are_counted_by_image_and_training():
    runs = made_images.runs(["tiny"], ["cat"], TESTS, seeds=1, trainings=2)
    wrong_runs = runs[(runs["images"] == "test") & (runs["image"] != "01-cat")].assign(
        images="wrong", whole=0.2
    )
    wrong_runs.loc[wrong_runs["image"] == "02-coffee", "highest"] = 0.4
    table = wrong.draw(pd.concat([runs, wrong_runs]))
    assert list(dict.fromkeys(table["network"])) == ["tiny ResNet", "all"]
    first = table.iloc[0]
    assert (first["predictions"], first["images"], first["whole"]) == (4, 2, pytest.approx(0.2))
    assert (first["corrected"], first["highest"]) == (0.5, pytest.approx(0.69))


def test_tables(runs, tmp_path):
    agreement = agreement_table(runs)
    table = methods.draw(runs, agreement)
    assert len(table) == len(NETWORKS) * len(made_images.METHODS)
    assert set(table["best_k"]) == {4}
    first = table.iloc[0]
    assert (first["images"], first["seeds"], first["method"]) == (3, 1, "E-LIME, sparse")
    named_table = named.draw(runs, agreement)
    assert len(named_table) == len(NETWORKS) * len(NAMED) * len(made_images.METHODS)
    assert named_table["agreement"].between(0, 1).all()
    assert (named_table["raised"] == 0).all()
    assert "E-LIME, sparse" in to_html(named_table, "named")


def test_the_verdict_names_networks_and_methods(runs, tmp_path):
    from helpers.fakes import ROOT

    claims = tmp_path / "images_claims.csv"
    frames = {"images": judged_frame(runs)}
    write_verdict(ROOT / "config" / "verdict.yaml", frames, ["paper"], claims, only="images")
    table = verdict.draw(read_table(claims))
    assert {"ResNet-18", "all"} <= set(table["network"])
    assert "E-LIME, sparse against LIME, 1000 passes" in set(table["method"])
    assert table["verdict"].notna().all()


def test_the_networks_table():
    row = {
        "network": "tiny",
        "training": 2,
        "parameters": 80_000,
        "images": 1500,
        "tests": 200,
        "epochs": 6.0,
        "size": 128,
        "seed": 1,
    }
    table = networks.draw(
        pd.DataFrame([row | {"accuracy_test": 0.95, "accuracy_hidden": 0.9, "seconds": 90.0}])
    )
    assert table.iloc[0].to_dict() == {
        **{
            "network": "tiny ResNet",
            "training": 2,
            "seed": 1,
            "parameters": 80_000,
            "images": 1500,
            "epochs": 6.0,
            "test_images": 200,
        },
        **{"accuracy": 0.95, "accuracy_partly_hidden": 0.9, "minutes": 1.5},
    }


def test_every_method_has_a_marker_of_its_own_and_a_name():
    assert len({marker for _, _, marker in KINDS.values()}) == len(KINDS)
    assert method_label("greedy-contrast") == "greedy, contrast"
    assert method_label("glime-1000") == "GLIME, 1000 passes"
    assert method_label("own-method") == "own-method"


def test_methods_of_one_kind_have_one_hue_and_several_shades():
    found = method_colours(["lime-1000", "lime-200", "sparse"])
    assert len(set(found.values())) == 3
    assert method_colours(["lime-1000"])["lime-1000"] == found["lime-1000"]
    assert method_label("sparse-50") == "E-LIME, sparse, ≤ 50 passes"
    assert main_methods(["random", "lime-200", "lime-1000", "sparse"]) == ("sparse", "lime-1000")
    assert main_methods(["sparse-30", "random"]) == ("sparse-30", "random")
