"""The figures beyond plain curves: what they show, and what they say where something is missing or
not finite."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from helpers import fakes, made_up, ranked
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection

from srnet.drawing.figures import expressions as typeset_expressions
from srnet.drawing.figures import (
    fidelity_by_distance,
    fidelity_by_formulas,
    inputs_used,
    layer_heatmap,
    pareto,
    presets_compared,
    reproduction,
)
from srnet.drawing.tables import fidelity_by_formulas as fidelity_table
from srnet.drawing.tables import reproduction as reproduction_table
from srnet.io.files import write_json
from srnet.results.gather import formulas_table, history_table, pareto_table
from srnet.results.hidden_semantics import best_models, hidden_values
from srnet.results.hidden_semantics import inputs_used as count_inputs


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def offsets(axes):
    """The points of a panel."""
    return np.concatenate(
        [part.get_offsets() for part in axes.collections if isinstance(part, PathCollection)]
    )


def inside(figure):
    """Whether nothing that is drawn leaves the figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())  # inches
    width, height = figure.get_size_inches()
    return (
        box.x0 >= -0.02 and box.y0 >= -0.02 and box.x1 <= width + 0.02 and box.y1 <= height + 0.02
    )


@pytest.fixture
def hidden(layers):
    return hidden_values(layers, best_models([fakes.run("F3"), fakes.run("F3", "joint")]))


def test_heat_maps_of_every_hidden_layer_network_over_formulas(hidden):
    figure = layer_heatmap.draw(hidden)
    assert len(figure.axes) == 3 * 2 + 1  # network and two presets over two layers, and the scale
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == [
        "made-up: layer 1",
        "layer 2",
    ]
    assert [axes.get_ylabel() for axes in figure.axes[:6:2]] == [
        "network",
        "SRNet, paper",
        "SRNet, joint",
    ]
    first = hidden[(hidden["source"] == "network") & (hidden["layer"] == 1)]
    cells = figure.axes[0].collections[0].get_array()
    np.testing.assert_allclose(cells.reshape(9, 3), first["normalised"].to_numpy().reshape(9, 3))
    assert f"{first['normalised'].iloc[0]:.2f}" in texts(figure.axes[0])
    assert inside(figure)


def test_heat_maps_mark_what_is_not_finite(hidden):
    hidden.loc[
        (hidden["source"] == "joint") & (hidden["unit"] == 1) & (hidden["layer"] == 2), "normalised"
    ] = np.inf
    figure = layer_heatmap.draw(hidden)
    assert texts(figure.axes[5]).count("×") == 9
    assert "×: not finite" in texts(figure)


def test_wide_layers_are_drawn_whole_and_without_numbers():
    wide = made_up.layers((2, 100, 20, 2))
    figure = layer_heatmap.draw(hidden_values(wide, {}))
    assert figure.axes[0].collections[0].get_array().size == 9 * 100
    assert not figure.axes[0].texts
    assert figure.get_size_inches()[0] == 7.0


def formulas(tmp_path, task="K0", presets=("paper", "joint"), rank=0):
    for preset in presets:
        write_json(tmp_path / f"{preset}.json", fakes.run(task, preset))
    write_json(tmp_path / "formulas.json", fakes.formulas(task, rank))
    return formulas_table(
        [tmp_path / f"{preset}.json" for preset in presets],
        [tmp_path / "formulas.json"] * len(presets),
    )


def test_formulas_are_typeset_with_their_errors(tmp_path):
    figure = typeset_expressions.draw(formulas(tmp_path))
    written = texts(figure)
    assert r"$f_{1} = \sin{\left(x_{0}^{2} \right)} + 0.25$" in written
    assert sum(text.startswith("$y_{0} = ") for text in written) == 2
    assert any(text.startswith("K0, joint, best run (seed 1): fitness") for text in written)
    assert written.count("MSE 0.01") == 8
    assert inside(figure)


def test_the_logits_of_a_classification_have_the_names_of_its_classes(tmp_path):
    frame = formulas(tmp_path, presets=("paper",))
    frame["class"] = frame["class"].where(frame["layer"] != "network", "rose of a long name $x$")
    figure = typeset_expressions.draw(frame)
    assert r"logit of rose of a long " in texts(figure)
    assert "network" not in texts(figure)


def test_formulas_of_one_layer_are_numbered_and_its_error_stands_once(tmp_path):
    figure = typeset_expressions.draw(formulas(tmp_path, presets=("rank",), rank=2))
    written = texts(figure)
    assert [text.split(" = ")[0] for text in written if " = " in text] == [
        *(f"$f_{{{i},{j}}}" for i in (1, 2, 3) for j in (1, 2)),
        "$y_{0}",
    ]
    assert r"$f_{3,2} = 2\, \sin\left(x_{0}\right)$" in written
    assert [text for text in written if "layer" in text] == ["layer 1", "layer 2", "output layer"]
    assert written.count("MSE 0.01") == 4
    assert inside(figure)
    few = typeset_expressions.draw(
        formulas(tmp_path, presets=("rank",), rank=2).iloc[[0, 1, 2, 4, 6]]
    )
    labels = [text.split(" = ")[0] for text in texts(few) if " = " in text]
    assert labels == ["$f_{1,1}", "$f_{1,2}", "$f_{2}", "$f_{3}", "$y_{0}"]


def test_a_network_without_layers_is_typeset(tmp_path):
    frame = formulas(tmp_path, presets=("paper",))
    written = texts(typeset_expressions.draw(frame[frame["layer"] == "network"]))
    assert len(written) == 4


def test_a_long_formula_makes_a_taller_figure_and_is_not_cut(tmp_path):
    frame = formulas(tmp_path, presets=("paper",))
    short = typeset_expressions.draw(frame).get_size_inches()[1]
    frame.loc[frame["layer"] == "network", "latex"] = " + ".join(
        rf"1.{i} \sin{{\left(x_{{{i}}} \right)}}" for i in range(60)
    )
    figure = typeset_expressions.draw(frame)
    assert figure.get_size_inches()[1] > short + 0.5
    assert "x_{59}" in texts(figure)[-1]
    assert inside(figure)


def verdicts(*rows):
    numbers = ["published", "published_low", "published_high", "ours", "ours_low", "ours_high"]
    table = pd.DataFrame(
        rows, columns=["claim", "kind", "task", "method", "preset", *numbers, "verdict"]
    )
    return table.assign(unit="%", runs=4, reason=np.nan)


VERDICT = verdicts(
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
    ("final fitness", "quantiles", "F5", "srnet", "paper", 2.0, 1.0, 3.0, *[np.nan] * 3, "not run"),
    ("accuracy", "mean", "P0", "lime", "", 90.0, 90.0, 90.0, 91.0, 90.5, 92.0, "not comparable"),
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
        "reproduced",
    ),
    ("faster", "bound", "all", "elime", "", np.nan, np.nan, 60.0, *[np.nan] * 3, "not run"),
)


def test_every_number_has_a_line_marked_with_its_verdict():
    figure = reproduction.draw(VERDICT)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "final fitness",
        "accuracy",
        "interpolates",
    ]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["K0", "F3", "F5"]
    assert {"reproduced: 2", "not reproduced: 1", "not comparable: 1", "not run: 2"} <= set(
        texts(figure)
    )
    assert "∞" in texts(figure.axes[0])
    assert "not run" in texts(figure.axes[0])
    assert "not run in this configuration: faster (1)" in texts(figure)
    # ours over the published median; what is infinite has no point
    assert offsets(figure.axes[0]).tolist() == [[0.75, 0]]
    assert "does not begin at 0" in figure.axes[1].get_xlabel()
    assert inside(figure)


def test_a_claim_without_a_preset_is_drawn_from_its_file(tmp_path):
    """Empty text is NaN there."""
    timed = verdicts(
        (
            "ten times faster",
            "order",
            "tiny",
            "elime against lime",
            "",
            np.nan,
            np.nan,
            0.1,
            0.5,
            0.4,
            0.6,
            "not reproduced",
        )
    )
    both = pd.concat(
        [VERDICT, VERDICT.assign(preset="joint"), timed.assign(unit="")], ignore_index=True
    )
    both.to_csv(tmp_path / "verdict.csv", index=False)
    figure = reproduction.draw(
        pd.read_csv(tmp_path / "verdict.csv", na_values=[""], keep_default_na=False)
    )
    assert "tiny ResNet / LIME" in [label.get_text() for label in figure.axes[-1].get_yticklabels()]


def test_a_ratio_is_compared_with_the_claimed_one():
    order = VERDICT[VERDICT["kind"] == "order"].assign(published_high=0.1)
    (axes,) = reproduction.draw(order).axes
    assert axes.get_xlabel() == "ratio of medians; below 0.1: as claimed"
    assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "-"][0] == 0.1
    assert axes.get_xlim()[0] < 0.1


def test_what_has_no_number_says_its_verdict():
    rows = VERDICT[VERDICT["claim"] == "final fitness"].copy()
    rows.loc[rows.index[1:], ["ours", "ours_low", "ours_high"]] = np.nan
    (axes,) = reproduction.draw(rows.assign(verdict="not comparable")).axes
    assert texts(axes).count("not comparable") == 2
    assert "not run" not in texts(axes)


def test_a_claim_without_any_number_of_ours_has_no_panel_and_is_named():
    rows = VERDICT.copy()
    order = rows["kind"] == "order"
    rows.loc[order, ["ours", "ours_low", "ours_high"]] = np.nan
    rows.loc[order, "verdict"] = "not comparable"
    figure = reproduction.draw(rows)
    assert len(figure.axes) == 2
    assert figure.get_supxlabel().endswith("in the table alone: interpolates (1 not comparable)")


def test_presets_are_named_where_there_are_several():
    figure = reproduction.draw(
        pd.concat([VERDICT, VERDICT.assign(preset="joint")], ignore_index=True)
    )
    assert "K0 joint" in [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_a_preset_of_which_nothing_is_comparable_is_listed_below():
    short = VERDICT.assign(preset="rank3", verdict="not comparable")
    figure = reproduction.draw(pd.concat([VERDICT, short], ignore_index=True))
    assert figure.get_supxlabel().startswith("not comparable, in the table alone: rank3")
    whole = reproduction.draw(VERDICT)
    assert [len(axes.get_yticks()) for axes in figure.axes] == [
        len(axes.get_yticks()) for axes in whole.axes
    ]
    assert len(reproduction.draw(short).axes) == len(whole.axes)  # alone, it is drawn


def test_nothing_but_numbers_that_were_not_run():
    figure = reproduction.draw(VERDICT[VERDICT["verdict"] == "not run"])
    assert "not run: 2" in texts(figure)


def test_the_table_of_verdicts_keeps_every_row():
    table = reproduction_table.draw(VERDICT)
    assert len(table) == len(VERDICT)
    assert table["verdict"].tolist() == VERDICT["verdict"].tolist()
    assert "kind" not in table


def test_fronts_of_fitness_against_complexity():
    runs = [
        fakes.run("K0", preset, seed, level=level)
        for preset, level in (("paper", 10.0), ("joint", 1.0))
        for seed in (1, 2)
    ]
    table = pareto_table(runs)
    figure = pareto.draw(table)
    front = figure.axes[0].lines[0]
    paper = table[table["preset"] == "paper"]
    assert len(offsets(figure.axes[0])) == len(table) == 2 * len(paper) == 20
    assert (np.diff(front.get_ydata()) <= 0).all()
    assert front.get_ydata()[-1] == paper["fitness"].min()
    assert any("2 seeds" in text for text in texts(figure))


def test_a_front_leaves_out_what_is_not_finite_and_falls_back_on_the_best():
    table = pareto_table(
        [
            fakes.run() | {"pareto": []},
            fakes.run(seed=2) | {"pareto": [{"complexity": 3, "fitness": None}]},
        ]
    )
    assert table[["seed", "complexity"]].to_numpy().tolist() == [[1, 13]]


def test_error_by_distance_says_where_formulas_break():
    rows = [
        (
            "K0",
            preset,
            distance,
            500,
            200 if distance == 4 and preset == "joint" else 0,
            0.1,
            0.2,
            0.3,
            0.4,
        )
        for preset in ("paper", "joint")
        for distance in (0.0, 1.0, 4.0)
    ]
    frame = pd.DataFrame(
        rows,
        columns=["task", "preset", "distance", "points", "nonfinite", "q1", "median", "q3", "rms"],
    )
    figure = fidelity_by_distance.draw(frame)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["in", "1", "4"]
    assert "joint: 40% ×" in texts(figure)
    assert "paper: median of 500 points, band quartiles" in texts(figure)
    assert inside(figure)  # a narrow figure with a wide legend


def layer_r2():
    """Of two hidden layers and the output of a regression, and of the output of a classification:
    one preset has one formula, the other two."""
    columns = ["task", "layer", "units", "source", "formulas", "r2", "agreement", "complexity"]
    nan = np.nan
    rows = [
        *(("K0", 1, 3, "components", i, r2, nan, nan) for i, r2 in ((1, 0.9), (2, 0.99), (3, 1.0))),
        ("K0", 1, 3, "paper", 1, 0.8, nan, 4),
        ("K0", 1, 3, "rank2", 2, 0.97, nan, 9),
        ("K0", 2, 3, "paper", 1, nan, nan, 4),
        ("K0", 2, 3, "rank2", 2, nan, nan, 9),
        *(("K0", 3, 1, "components", i, 1.0, nan, nan) for i in (1, 2, 3)),
        ("K0", 3, 1, "paper", 1, -np.inf, nan, 4),
        ("K0", 3, 1, "rank2", 2, 1.0, nan, 9),
        ("P0", 1, 3, "paper", 1, nan, 0.75, 4),
        ("P0", 1, 3, "rank2", 2, nan, 1.0, 9),
    ]
    return pd.DataFrame(rows, columns=columns)


def test_what_formulas_leave_unexplained_by_their_number():
    figure = fidelity_by_formulas.draw(layer_r2())
    regression, classification = figure.axes
    bound = regression.lines[0]
    line = next(line for line in regression.lines if line.get_linestyle() == "-")
    edge = regression.get_ylim()[0]
    np.testing.assert_allclose(bound.get_ydata(), [0.1, 0.01, edge])  # nothing: on the lower edge
    assert edge < 0.01
    np.testing.assert_allclose(line.get_ydata(), [0.2, 0.03])
    assert (bound.get_linestyle(), line.get_linestyle()) == ("--", "-")
    assert bound.get_color() == line.get_color() != "black"
    (output,) = (line for line in classification.lines if line.get_linestyle() == "-")
    np.testing.assert_allclose(output.get_ydata(), [0.25, 0.25 / 3])
    assert output.get_color() == "black"
    assert "paper: not finite" in texts(regression)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [
        *("hidden layer 1", "hidden layer 2", "output", "principal components", "paper", "rank2")
    ]
    assert inside(figure)


def test_what_is_worse_than_the_mean_lies_on_the_upper_edge():
    axes = fidelity_by_formulas.draw(layer_r2().replace({"r2": {0.8: -9999.0}})).axes[0]
    assert axes.get_ylim()[1] == 2.0 == max(offsets(axes)[:, 1])


def test_many_formulas_are_drawn_on_a_logarithmic_axis():
    frame = layer_r2().replace({"formulas": {2: 20}})
    assert fidelity_by_formulas.draw(frame).axes[0].get_xscale() == "log"


def test_a_table_has_the_bound_of_every_layer_beside_its_r2():
    table = fidelity_table.draw(layer_r2())
    assert table["preset"].tolist() == ["paper"] * 3 + ["rank2"] * 3 + ["paper", "rank2"]
    assert table["layer"].tolist() == ["1", "2", "output"] * 2 + ["output"] * 2
    first = table.iloc[3]
    assert (first["formulas"], first["active_nodes"], first["r2"], first["bound"]) == (
        *(2, 9, 0.97),
        0.99,
    )
    assert table["bound"].isna().tolist() == [False, True, False, False, True, False, True, True]
    assert table["agreement"].dropna().tolist() == [0.75, 1.0]
    regression = layer_r2().query("task == 'K0'")
    assert "agreement" not in fidelity_table.draw(regression)


def test_inputs_that_formulas_read():
    figure = inputs_used.draw(
        count_inputs(
            [fakes.run("F3", preset, seed) for preset in ("paper", "joint") for seed in (1, 2)]
        )
    )
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [
        f"{name} {preset}"
        for name in ("layer 1 (2)", "layer 2 (3)", "output (3)")
        for preset in ("paper", "joint")
    ]
    first = figure.axes[0].collections[0].get_array().reshape(6, -1)[0]
    assert (first[:300] == 1).all()  # the first of two inputs fills a half
    assert (first[300:] == 0).all()
    assert any("2 runs" in text for text in texts(figure))


def test_scalars_that_formulas_read():
    model = ranked.model(0, "scalars", (2, 3, 3, 1), (2, 2, 3))
    figure = inputs_used.draw(count_inputs([fakes.run("F3", "rank") | model.to_run()]))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["layer 1 (2)", "layer 2 (2)", "output (2)"]


def test_runs_are_counted_though_not_all_have_as_many_scalars():
    models = [ranked.model(0, "scalars", (2, 3, 3, 1), (2, rank, 3)) for rank in (2, 4)]
    runs = [fakes.run("F3", "rank", i) | model.to_run() for i, model in enumerate(models, 1)]
    figure = inputs_used.draw(count_inputs([run | {"task": "F3"} for run in runs]))
    assert any(text.endswith("brackets; 2 runs") for text in texts(figure))
    assert inside(figure)


def test_the_fitness_of_presets_on_one_task_fits_a_column():
    runs = [fakes.run("K0", preset) for preset in ("paper", "joint", "rank2")]
    runs.append(fakes.run("K0", "paper", seed=2))
    columns = ["task", "runs", "fitness_min", "fitness_median", "fitness_max"]
    published = pd.DataFrame([("K0", 30, 0.5, 1.0, 2.0)], columns=columns)
    figure = presets_compared.draw(history_table(runs), published)
    assert "published final fitness: median and range of 30 runs" in texts(figure)
    for preset, seeds in {"paper": "2 seeds", "joint": "1 seed"}.items():
        assert f"{preset}: median of {seeds}, band minimum to maximum" in texts(figure)
    assert inside(figure)
