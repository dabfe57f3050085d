"""The comparison's figures on small tidy frames."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from srnet.drawing.figures import decision_boundary, regression_comparison, undersampling
from srnet.drawing.saving import save_figure
from srnet.networks.boundary_toy import make_toy


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


@pytest.fixture
def curves():
    """A line, a task of two inputs with its surface, and one of six, which needs a second row."""
    tables = []
    for task, panels in (("K0", ["x"]), ("F3", ["k", "x", "surface"]), ("F9", list("abcdef"))):
        for panel in panels:
            x, z = np.arange(9.0), np.full(9, np.nan)
            if panel == "surface":
                x, z = (side.ravel() for side in np.meshgrid(x, x, indexing="ij"))
            for method, preset in (
                ("true", np.nan),
                ("network", np.nan),
                ("srnet", "paper"),
                ("srnet", "joint"),
                ("lime", np.nan),
            ):
                value = np.where(x > 6, np.nan, x**2) if method == "srnet" else x**2
                columns = {
                    "task": task,
                    "panel": panel,
                    "x": x,
                    "z": z,
                    "method": method,
                    "preset": preset,
                }
                tables.append(pd.DataFrame(columns | {"value": value, "low": 2.0, "high": 4.0}))
    return pd.concat(tables, ignore_index=True)


def test_regression_comparison_has_a_panel_per_input_in_the_order_of_the_tasks(curves):
    figure = regression_comparison.draw(curves)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == ["K0", "F3", "F9"]
    assert len(figure.axes) == 10
    assert {"True", "MLP", "SRNet paper", "SRNet joint", "LIME", "training box"} <= set(
        texts(figure)
    )
    assert "MAPLE" not in texts(figure)
    axes = figure.axes[0]
    edges = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "-."]
    assert edges == [2, 4]
    # standardised by the network inside the training interval
    network = axes.lines[1].get_ydata()
    assert network[2:5].mean() == pytest.approx(0)
    assert network[2:5].std() == pytest.approx(1)
    assert np.isnan(axes.lines[2].get_ydata()[-1])


def test_what_leaves_the_range_of_the_network_does_not_stretch_the_axis(curves):
    curves.loc[(curves["method"] == "true") & (curves["x"] == 8), "value"] = 1e9
    low, high = regression_comparison.draw(curves).figure.axes[0].get_ylim()
    assert high - low < 30


@pytest.fixture
def plane():
    rng = np.random.default_rng(0)
    at = rng.normal(0, 10, (80, 2))
    classes = (at[:, 0] > 0).astype(int)
    zoom = np.where(np.abs(at).max(axis=1) < 5, 1, 0)
    zoom[at[:, 1] > 10] = 2
    explained = np.zeros(80, bool)
    explained[[np.flatnonzero(zoom == 1)[0], np.flatnonzero(zoom == 2)[0]]] = True
    rows = pd.DataFrame(
        {
            "task": "P2",
            "u": at[:, 0],
            "v": at[:, 1],
            "split": "train",
            "network": classes,
            "srnet": classes,
            "class": np.array(["no", "yes"])[classes],
        }
    )
    lines = pd.DataFrame(
        {
            "task": "P2",
            "zoom": [1, 1, 2, 2],
            "method": ["lime", "maple"] * 2,
            "u": 0.0,
            "v": 0.0,
            "a": 1.0,
            "b": [0, 1, 0, 1],
            "c": 0.0,
            "agreement": [0.5, 0.75, 1, 1],
        }
    )
    return rows.assign(zoom=zoom, explained=explained), lines


def test_decision_boundary_says_how_often_the_classes_agree(plane):
    rows, lines = plane
    rows.loc[:7, "srnet"] = 1 - rows.loc[:7, "network"]
    rows.loc[8, "srnet"] = -1
    figure = decision_boundary.draw(rows, lines)
    written = texts(figure)
    assert {
        "MLP",
        f"SRNet: {100 * 71 / 80:.1f} % as MLP",
        "a: LIME 50 %, MAPLE 75 %",
        "SRNet not finite",
        "MLP: class no",
        "MLP: class yes",
    } <= set(written)
    assert len(figure.axes) == 4


def test_undersampling_shows_the_rows_and_then_the_points_that_are_added():
    usdb = make_toy()
    figure = undersampling.draw(usdb)
    left, right = figure.axes
    assert {"200 rows", "and 200 points added", "class 3", "added"} <= set(texts(figure))
    assert len(right.collections) == len(left.collections) + 1
    added = usdb[usdb["part"] == "boundary"]
    np.testing.assert_array_equal(right.collections[-1].get_offsets(), added[["x0", "x1"]])
    # every class has a cloud, and the points lie between the clouds
    data = usdb[usdb["part"] == "data"]
    clouds = data.groupby("class")[["x0", "x1"]].mean().to_numpy()
    assert len(clouds) == 4
    distance = np.linalg.norm(added[["x0", "x1"]].to_numpy()[:, None] - clouds, axis=2).min(axis=1)
    assert np.median(distance) > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["curves", "plane", "toy"])
def test_files_and_style(name, curves, plane, tmp_path):
    before = dict(matplotlib.rcParams)
    draw = {
        "curves": lambda: regression_comparison.draw(curves),
        "plane": lambda: decision_boundary.draw(*plane),
        "toy": lambda: undersampling.draw(make_toy()),
    }[name]
    figure = draw()
    save_figure(figure, str(tmp_path / "figure.pdf"), str(tmp_path / "figure.png"))
    assert b"/Type3" not in (tmp_path / "figure.pdf").read_bytes()
    assert figure.get_size_inches()[0] in (3.4, 7.0)
    assert dict(matplotlib.rcParams) == before
