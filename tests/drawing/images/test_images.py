"""The figures and tables of the image branch on small made-up frames."""

import matplotlib
import pytest
from helpers import made_images

from srnet.drawing.images import (
    convergence,
    methods,
    named,
    networks,
    panels,
    probabilities,
    quality,
    verdict,
)
from srnet.drawing.images.style import main_methods, method_colours, method_label
from srnet.drawing.saving import save_figure, to_html
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
    assert {"ResNet-18", "deletion AUC (low is good)", "insertion AUC (high is good)"} <= set(
        texts(figures["quality"])
    )


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
    import pandas as pd

    row = {
        "network": "tiny",
        "parameters": 80_000,
        "images": 1500,
        "tests": 200,
        "epochs": 6.0,
        "size": 128,
        "seed": 0,
    }
    table = networks.draw(
        pd.DataFrame([row | {"accuracy_test": 0.95, "accuracy_hidden": 0.9, "seconds": 90.0}])
    )
    assert table.iloc[0].to_dict() == {
        **{
            "network": "tiny ResNet",
            "parameters": 80_000,
            "images": 1500,
            "epochs": 6.0,
            "test_images": 200,
        },
        **{"accuracy": 0.95, "accuracy_partly_hidden": 0.9, "minutes": 1.5},
    }


def test_methods_of_one_kind_have_one_hue_and_several_shades():
    found = method_colours(["lime-1000", "lime-200", "sparse"])
    assert len(set(found.values())) == 3
    assert method_colours(["lime-1000"])["lime-1000"] == found["lime-1000"]
    assert method_label("sparse-50") == "E-LIME, sparse, ≤ 50 passes"
    assert main_methods(["random", "lime-200", "lime-1000", "sparse"]) == ("sparse", "lime-1000")
    assert main_methods(["sparse-30", "random"]) == ("sparse-30", "random")
