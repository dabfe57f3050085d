"""Every figure and table on small tidy frames: labels, data, honesty about what is not finite."""

import importlib
import struct

import matplotlib
import numpy as np
import pandas as pd
import pytest
from helpers import fakes, made_up

from srnet.drawing.artifacts import ARTIFACTS
from srnet.drawing.figures import (
    convergence,
    dataset_overview,
    fitness_box,
    presets_compared,
    training_curves,
)
from srnet.drawing.methods import line_style
from srnet.drawing.saving import save_figure, save_table, to_html
from srnet.drawing.style import MARKS, colours_of
from srnet.drawing.tables import expressions, hidden_semantics, network_fit, presets, runtime
from srnet.io.files import write_json
from srnet.results.gather import (
    formulas_table,
    history_table,
    networks_table,
    runs_table,
    training_table,
)
from srnet.results.hidden_semantics import best_models, hidden_values
from srnet.search.settings import PRESETS

TASKS = ["K0", "F3", "K2"]
SEEDS = 4


@pytest.fixture(scope="module")
def runs():
    return [
        fakes.run(task, preset, seed, level=10.0 if preset == "paper" else 1.0)
        for task in TASKS
        for preset in ("paper", "joint")
        for seed in range(1, SEEDS + 1)
    ]


@pytest.fixture(scope="module")
def frames(runs, tmp_path_factory):
    """The tidy frames of three tasks, two presets and four seeds; nothing is published of F3."""
    folder = tmp_path_factory.mktemp("frames")
    networks = [fakes.network(task) for task in TASKS]
    data = [fakes.data(folder / f"{task}.npz", task) for task in TASKS]
    write_json(folder / "run.json", fakes.run("K0"))
    write_json(folder / "formulas.json", fakes.formulas("K0"))
    hidden = hidden_values(
        made_up.layers((1, 3, 3, 1)), best_models([fakes.run("K0"), fakes.run("K0", "joint")])
    )
    published = {"task": ["K0", "K2", "F5"], "runs": 30, "mean_minutes_per_run": 2.0}
    published |= {
        f"fitness_{name}": float(i + 1)
        for i, name in enumerate(["min", "q1", "median", "q3", "max"])
    }
    return {
        "runs": runs_table(runs),
        "history": history_table(runs),
        "networks": networks_table(networks, data, [fakes.task(name) for name in TASKS]),
        "training": training_table(networks),
        "formulas": formulas_table([folder / "run.json"], [folder / "formulas.json"]),
        "published": pd.DataFrame(published),
        "hidden_values": hidden.assign(task="K0"),
        "verdict": made_up_verdict(),
    }


def made_up_verdict():
    """A verdict of every kind, one of them infinite."""
    numbers = ["published", "published_low", "published_high", "ours", "ours_low", "ours_high"]
    rows = [
        (
            "final fitness",
            "quantiles",
            "K0",
            "srnet",
            "paper",
            2.0,
            1.0,
            3.0,
            1.5,
            1.2,
            1.8,
            "reproduced",
        ),
        (
            "final fitness",
            "quantiles",
            "F3",
            "srnet",
            "paper",
            2.0,
            1.0,
            3.0,
            np.inf,
            4.0,
            np.inf,
            "not reproduced",
        ),
        (
            "final fitness",
            "quantiles",
            "F5",
            "srnet",
            "paper",
            2.0,
            1.0,
            3.0,
            *[np.nan] * 3,
            "not run",
        ),
        (
            "accuracy",
            "mean",
            "P0",
            "lime",
            "",
            90.0,
            90.0,
            90.0,
            91.0,
            90.5,
            92.0,
            "not comparable",
        ),
        (
            "interpolates",
            "order",
            "K0",
            "srnet against lime",
            "paper",
            np.nan,
            np.nan,
            1.0,
            0.5,
            0.4,
            0.6,
            "better",
        ),
        ("images", "bound", "all", "elime", "", np.nan, np.nan, 60.0, *[np.nan] * 3, "not run"),
    ]
    table = pd.DataFrame(
        rows, columns=["claim", "kind", "task", "method", "preset", *numbers, "verdict"]
    )
    return table.assign(unit="", runs=4, reason="")


def draw(artifact, frames):
    module = importlib.import_module(f"srnet.drawing.{artifact.module_path}")
    shown = {frame: frames[frame] for frame in artifact.frames}
    if artifact.per_task:
        shown = {name: frame[frame["task"] == "K0"] for name, frame in shown.items()}
    return module.draw(**shown)


def texts(figure):
    """All that is written in a figure."""
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def panel(figure, task):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == task)


# those drawn from the frames above; the others have tests of their own
FRAMES = {
    "runs",
    "history",
    "networks",
    "training",
    "formulas",
    "published",
    "hidden_values",
    "verdict",
}
FIGURES = [
    artifact
    for artifact in ARTIFACTS
    if artifact.kind == "figure" and FRAMES.issuperset(artifact.frames)
]
GRIDS = [artifact for artifact in FIGURES if set(artifact.frames) & {"history", "training", "runs"}]


def named(artifact):
    return artifact.name


@pytest.mark.slow
@pytest.mark.parametrize("artifact", FIGURES, ids=named)
def test_files_have_embedded_fonts_and_200_dpi(frames, tmp_path, artifact):
    figure = draw(artifact, frames)
    save_figure(figure, str(tmp_path / "figure.pdf"), str(tmp_path / "figure.png"))
    pdf, png = (tmp_path / "figure.pdf").read_bytes(), (tmp_path / "figure.png").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == tuple(round(inches * 200) for inches in figure.get_size_inches())
    assert figure.get_size_inches()[0] in (3.4, 7.0)


@pytest.mark.slow
def test_the_same_frames_give_the_same_bytes(frames, tmp_path):
    """Seaborn spreads points at random."""
    for name in ("first", "second"):
        figure = fitness_box.draw(frames["runs"], frames["published"])
        save_figure(figure, str(tmp_path / f"{name}.pdf"), str(tmp_path / f"{name}.png"))
        np.random.random()  # noqa: NPY002
    for kind in ("pdf", "png"):
        assert (tmp_path / f"first.{kind}").read_bytes() == (
            tmp_path / f"second.{kind}"
        ).read_bytes()


@pytest.mark.parametrize("artifact", FIGURES, ids=named)
def test_drawing_leaves_the_callers_style_alone(frames, artifact):
    before = dict(matplotlib.rcParams)
    draw(artifact, frames)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("artifact", GRIDS, ids=named)
def test_a_panel_per_task_in_the_given_order(frames, artifact):
    figure = draw(artifact, frames)
    assert [axes.get_title(loc="left") for axes in figure.axes] == TASKS
    assert figure.get_supylabel()
    assert figure.legends
    assert all(axes.get_yscale() == "log" for axes in figure.axes)


def test_dataset_overview_names_every_task(frames):
    written = texts(dataset_overview.draw(frames["networks"]))
    assert {
        "K0, K2",
        "F3",
        "number of inputs",
        "number of rows",
        "Benchmark (2 tasks)",
        "Feynman (1 task)",
    } <= set(written)


def test_training_curves_show_every_epoch_and_the_loss_held_out(frames):
    axes = panel(training_curves.draw(frames["training"], frames["networks"]), "K0")
    loss, held_out = axes.lines
    assert loss.get_xdata()[-1] == 100
    assert loss.get_ydata()[-1] == pytest.approx(0.01)
    assert set(held_out.get_ydata()) == {0.02}


def test_training_curves_tell_of_broken_training_and_warnings(frames):
    training = frames["training"].copy()
    training.loc[(training["task"] == "K0") & (training["epoch"] >= 60), "loss"] = np.inf
    networks = frames["networks"].assign(
        warnings=["none", "failed to learn: its R² is 0.1", "none"]
    )
    figure = training_curves.draw(training, networks)
    assert any(text.startswith("not finite from epoch") for text in texts(panel(figure, "K0")))
    assert "failed to learn" in texts(panel(figure, "F3"))


def test_convergence_has_a_line_and_a_band_per_preset(frames):
    figure = convergence.draw(frames["history"])
    axes = panel(figure, "K2")
    assert len(axes.collections) == 2
    history = frames["history"]
    ours = history[(history["task"] == "K2") & (history["preset"] == "paper")]
    assert axes.lines[0].get_ydata()[-1] == ours["mean"].iloc[-1]
    assert f"paper: mean of {SEEDS} seeds, band minimum to maximum" in texts(figure)


@pytest.mark.parametrize(
    "draw_history", [convergence.draw, lambda history: presets_compared.draw(history, PUBLISHED)]
)
def test_runs_that_are_not_finite_are_marked(draw_history):
    runs = [fakes.run("K0", "paper", seed) for seed in (1, 2, 3)]
    runs[1] |= {"history": [None] * 50, "fitness": None}
    figure = draw_history(history_table(runs))
    axes = panel(figure, "K0")
    assert "paper: 1 of 3 not finite" in texts(axes)
    solid, dotted = axes.lines[-2:]
    assert np.isnan(solid.get_ydata()).all()
    assert dotted.get_linestyle() == ":"
    assert np.isfinite(dotted.get_ydata()).any()
    assert any("where not every seed is finite" in text for text in texts(figure))


@pytest.mark.parametrize(
    "draw_history", [convergence.draw, lambda history: presets_compared.draw(history, PUBLISHED)]
)
def test_a_run_that_is_exact_at_once_is_said_beside_others(draw_history, tmp_path):
    """A constant network: a logarithmic axis has no place for its fitness of 0, and its run ends
    with the first generation."""
    exact = fakes.run("P3", "paper", 1) | {"history": [0.0], "fitness": 0.0, "generations": 1}
    figure = draw_history(history_table([fakes.run("K0", "paper", 1), exact]))
    figure.savefig(tmp_path / "drawn.png")
    assert "paper: fitness 0 at once" in texts(panel(figure, "P3"))
    assert not len(panel(figure, "P3").get_yticks())
    assert "paper: fitness 0 at once" not in texts(panel(figure, "K0"))
    assert len(panel(figure, "K0").get_yticks())


PUBLISHED = pd.DataFrame(columns=["task", "runs", "fitness_min", "fitness_median", "fitness_max"])


def medians(axes):
    """The places of the boxes of a panel, whose medians are their thickest lines."""
    return [np.mean(line.get_xdata()) for line in axes.lines if line.get_linewidth() > 1]


def test_fitness_box_has_a_box_per_preset_and_the_published_one(frames):
    figure = fitness_box.draw(frames["runs"], frames["published"])
    assert medians(panel(figure, "K0")) == [0, 1, 2]
    assert medians(panel(figure, "F3")) == [1, 2]  # nothing published
    assert {"published: 30 runs", f"paper: {SEEDS} seeds", f"joint: {SEEDS} seeds"} <= set(
        texts(figure)
    )
    ours = frames["runs"].query("task == 'K0' and preset == 'paper'")["fitness"]
    points = [dots.get_offsets() for dots in panel(figure, "K0").collections]
    drawn = np.concatenate([dots for dots in points if len(dots) and round(dots[0, 0]) == 1])
    assert sorted(drawn[:, 1]) == sorted(ours)


def test_fitness_box_says_where_all_is_zero(frames):
    runs = frames["runs"].copy()
    runs.loc[(runs["task"] == "K0"), "fitness"] = 0.0
    figure = fitness_box.draw(runs, frames["published"])
    assert "paper: all 0\njoint: all 0" in texts(panel(figure, "K0"))
    assert not any("all 0" in text for text in texts(panel(figure, "F3")))


def test_fitness_box_counts_what_is_not_finite(frames):
    runs = frames["runs"].copy()
    runs.loc[
        (runs["task"] == "K0") & (runs["preset"] == "joint") & (runs["seed"] < 3), "fitness"
    ] = np.inf
    figure = fitness_box.draw(runs, frames["published"])
    assert "2×∞" in texts(panel(figure, "K0"))
    assert "n×∞: runs that are not finite" in texts(figure)


def test_a_single_seed_is_drawn(frames):
    runs = frames["runs"].query("seed == 1")
    assert "paper: 1 seed" in texts(fitness_box.draw(runs, frames["published"]))


def test_presets_compared_shows_the_published_range(frames):
    figure = presets_compared.draw(frames["history"], frames["published"])
    assert len(panel(figure, "K0").patches) == 1
    assert len(panel(figure, "F3").patches) == 0
    assert figure.get_supxlabel() == "chromosome evaluations"


def test_every_preset_and_explainer_has_a_colour_and_a_marker_of_its_own():
    assert {*PRESETS, "lime", "maple", "linear", "constant"} == set(MARKS)
    for kind in zip(*MARKS.values(), strict=True):
        assert len(set(kind)) == len(MARKS)
    assert line_style("srnet", "joint")["color"] == colours_of(["paper", "joint"])["joint"]


def test_presets_table_compares_with_the_published_and_the_first_preset(frames):
    claims = pd.DataFrame(
        {
            "task": ["K0", "K0"],
            "method": "srnet",
            "preset": ["paper", "joint"],
            "verdict": ["better", "not comparable"],
            "reason": [np.nan, "too few runs (4 of 30)"],
        }
    )
    table = presets.draw(frames["runs"], frames["published"], claims)
    table = table.set_index(["task", "preset"])
    assert table["verdict"].dropna().to_dict() == {
        ("K0", "paper"): "better",
        ("K0", "joint"): "not comparable: too few runs (4 of 30)",
    }
    joint = table.loc[("K0", "joint")]
    medians = frames["runs"].groupby(["task", "preset"])["fitness"].median()
    assert joint["median_over_published"] == pytest.approx(medians["K0", "joint"] / 3.0)
    assert joint["median_over_paper"] == pytest.approx(
        medians["K0", "joint"] / medians["K0", "paper"]
    )
    assert joint["p_rank_sum"] == pytest.approx(
        2 / 70
    )  # 4 against 4, all of one below all of the other
    assert np.isnan(table.loc[("K0", "paper"), "p_rank_sum"])
    assert np.isnan(table.loc[("F3", "joint"), "published_min"])


def test_presets_table_with_one_preset_has_nothing_to_compare(frames):
    none = pd.DataFrame(columns=["task", "method", "preset", "verdict", "reason"])
    table = presets.draw(frames["runs"].query("preset == 'paper'"), frames["published"], none)
    assert not [column for column in table if column in ("median_over_paper", "p_rank_sum")]


def test_runtime_table(frames):
    explained = {"task": "K0", "preset": None, "seconds_per_point": 0.5, "terms": 3.0}
    costs = pd.DataFrame(
        [
            explained | {"method": "maple", "seed": seed, "seconds_once": float(seed)}
            for seed in (1, 1, 2)
        ]
        + [
            explained
            | {
                "method": "srnet",
                "preset": "paper",
                "seed": 1,
                "seconds_once": 11.0,
                "seconds_per_point": 1e-6,
            }
        ]
    )
    table = runtime.draw(frames["runs"], frames["networks"], frames["published"], costs).set_index(
        ["task", "method", "preset"]
    )
    row = table.loc[("K0", "srnet", "paper")]
    assert (row["runs"], row["seconds_median"], row["seconds_min"], row["seconds_max"]) == (
        SEEDS,
        12.5,
        11,
        14,
    )
    assert (row["training_seconds"], row["published_seconds"], row["seconds_per_point"]) == (
        3.5,
        120,
        1e-6,
    )
    row = table.loc[("K0", "maple", "")]
    assert (row["runs"], row["seconds_median"], row["seconds_per_point"], row["terms"]) == (
        2,
        1.5,
        0.5,
        3,
    )
    assert np.isnan(row["published_seconds"])
    assert np.isnan(row["evaluations_per_second"])
    assert table.index.get_level_values("task").tolist() == ["K0"] * 3 + ["F3"] * 2 + ["K2"] * 2


def test_hidden_semantics_and_expressions(frames):
    layers = hidden_semantics.draw(frames["formulas"])
    assert layers["layer"].tolist() == ["1", "2", "output"]
    networks = expressions.draw(frames["formulas"])
    assert networks["formula"].tolist() == ["2*sin(x0**2) - 1"]
    assert networks["fitness"].tolist() == [fakes.run("K0")["fitness"]]


def test_hidden_semantics_have_a_row_per_formula(tmp_path):
    write_json(tmp_path / "run.json", fakes.run("K0"))
    write_json(tmp_path / "formulas.json", fakes.formulas("K0", rank=2))
    frame = formulas_table([tmp_path / "run.json"], [tmp_path / "formulas.json"])
    table = hidden_semantics.draw(frame)
    assert table["layer"].tolist() == ["1", "1", "2", "2", "output", "output"]
    assert table["formula"].tolist() == ["1*sin(x0**2)", "2*sin(x0**2)"] * 3
    assert expressions.draw(frame)["formula"].tolist() == ["2*sin(x0**2) - 1"]


def test_network_fit_leaves_out_what_no_network_has(frames):
    table = network_fit.draw(frames["networks"])
    assert "accuracy_test" not in table
    assert table["warnings"].tolist() == ["none"] * 3


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    """The tidy frame of two classifications, one of a constant network."""
    folder = tmp_path_factory.mktemp("classifiers")
    good = {
        "accuracy_test": 0.85,
        "predicted_classes": 2,
        "predicted_counts": [60, 140],
        "warnings": [],
    }
    networks = [fakes.classifier("P0"), fakes.classifier("P0s", **good)]
    data = [
        fakes.data(folder / f"{network['task']}.npz", rows=rows)
        for network, rows in zip(networks, (200, 150), strict=True)
    ]
    return networks_table(networks, data, [fakes.task("P0"), fakes.task("P0s")])


def test_a_classifier_stands_beside_the_majority_and_a_constant_one_is_marked(classifiers):
    table = network_fit.draw(classifiers).set_index("task")
    assert "r2_test" not in table
    columns = [
        "accuracy_test",
        "majority_share",
        "classes",
        "predicted_classes",
        "predicted_counts",
        "warnings",
    ]
    assert table.loc["P0", columns].tolist() == [
        0.77,
        0.761,
        2,
        1,
        "0 / 200",
        "constant network, failed to learn",
    ]
    assert table.loc["P0s", columns].tolist() == [0.85, 0.761, 2, 2, "60 / 140", "none"]


def test_training_curves_say_which_loss(frames, classifiers):
    curves = training_table(
        [fakes.network(task) for task in TASKS] + [fakes.classifier("P0"), fakes.classifier("P0s")]
    )

    def label(training, networks):
        return training_curves.draw(training, networks).get_supylabel().splitlines()[1:]

    both = pd.concat([frames["networks"], classifiers], ignore_index=True)
    assert label(frames["training"], frames["networks"]) == ["mean squared error"]
    assert label(curves[curves["task"].isin(["P0", "P0s"])], classifiers) == ["cross-entropy"]
    assert label(curves, both) == ["mean squared error;", "of classifications cross-entropy"]
    assert "constant network\nfailed to learn" in texts(
        panel(training_curves.draw(curves, both), "P0")
    )


def test_overview_labels_stay_apart(frames):
    """Where two points are close, the label of the lower or left one goes below it."""
    networks = pd.DataFrame(
        {
            "task": ["A", "B", "C", "D"],
            "family": "Own",
            "inputs": [4, 5, 2, 2],
            "rows": [9000, 10000, 20, 25],
        }
    )
    (axes,) = dataset_overview.draw(networks).axes
    below = {text.get_text(): text.xyann[1] < 0 for text in axes.texts}
    assert below == {"A": True, "B": False, "C": True, "D": False}
    assert axes.get_xlim()[0] < 2
    assert axes.get_xlim()[1] > 8  # room for the label


def test_tables_on_disk(frames, tmp_path):
    table = expressions.draw(frames["formulas"])
    paths = {kind: str(tmp_path / f"table.{kind}") for kind in ("csv", "tex", "html")}
    save_table(table, expressions.PAPER, "Formulas & more", "formulas", **paths)
    tex, html = (tmp_path / "table.tex").read_text(), (tmp_path / "table.html").read_text()
    assert r"$\sin{\left(x_{0}^{2} \right)} + 0.25$" in tex
    assert "\\toprule" in tex
    assert r"\label{tab:formulas}" in tex
    assert "2*sin(x0**2) - 1" in html
    assert "Formulas &amp; more" in html


def test_numbers_are_rounded_for_reading():
    table = pd.DataFrame(
        {"task": ["a_b"], "x": [123456.789], "y": [2.5e-7], "z": [np.inf], "n": [np.nan], "k": [12]}
    )
    assert '<td class="y">2.5e-07</td>' in to_html(table, "t")
