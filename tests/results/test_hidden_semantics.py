import numpy as np
import pytest
from helpers import fakes, made_up, ranked
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.networks.mlp import Network
from srnet.results.hidden_semantics import (
    DISTANCES,
    POINTS,
    ROWS,
    best_models,
    error_by_distance,
    hidden_values,
    inputs_used,
    layer_r2,
)


@pytest.fixture
def models():
    return best_models([fakes.run("F3"), fakes.run("F3", "joint")])


def test_hidden_values_are_the_networks_over_the_formulas(layers, models):
    table = hidden_values(layers, models)
    assert list(dict.fromkeys(table["source"])) == ["network", "paper", "joint"]
    assert table["layer"].unique().tolist() == [1, 2]
    assert len(table) == 2 * 3 * ROWS * 3
    train = layers.splits["train"]
    order = np.argsort(train[-1][:, 0], kind="stable")
    first = table[(table["row"] == 0) & (table["source"] == "network") & (table["layer"] == 1)]
    np.testing.assert_allclose(first["value"], train[1][order[0]])
    symbolic = models["paper"].layers(train[0][order[-1:]])[1][0]
    last = table[(table["row"] == ROWS - 1) & (table["source"] == "paper") & (table["layer"] == 2)]
    np.testing.assert_allclose(last["value"], symbolic)


def test_normalised_values_are_those_of_the_networks_layer(layers, models):
    table = hidden_values(layers, models)
    network = table[table["source"] == "network"]
    assert network["normalised"].between(0, 1).all()
    low, high = layers.splits["train"][1].min(), layers.splits["train"][1].max()
    part = table[table["layer"] == 1]
    np.testing.assert_allclose(part["normalised"], (part["value"] - low) / (high - low), rtol=1e-6)


def test_few_rows_are_all_shown(models):
    table = hidden_values(made_up.layers(rows=4), models)
    assert sorted(table["row"].unique()) == [0, 1, 2, 3]


def test_a_run_of_other_layers_is_refused(layers):
    with pytest.raises(
        UserError,
        match=r"preset paper: the run explains layers of the widths \[1, 3, 3, 1\]",
    ):
        hidden_values(layers, best_models([fakes.run("K0")]))


def test_inputs_that_are_read():
    runs = [fakes.run("F3", seed=seed) for seed in (1, 2, 3)]
    # one of them reads the second input as well
    runs[0]["programs"][0] = {"inputs": 2, "constants": [], "nodes": [["add", [0, 1]]], "output": 2}
    table = inputs_used(runs).set_index(["layer", "input"])
    assert table.loc[(1, 0), "used"] == 3
    assert table.loc[(1, 1), "used"] == 1
    assert table.loc[(3, 2), "used"] == 0
    assert (table["runs"] == 3).all()


def test_a_constant_formula_reads_nothing():
    run = fakes.run("K0")
    run["programs"][1] = {"inputs": 3, "constants": [0.5], "nodes": [], "output": 3}
    table = inputs_used([run])
    assert table.loc[table["layer"] == 2, "used"].sum() == 0


def test_inputs_that_any_formula_of_a_layer_reads():
    """Of units or of scalars, as many as there are."""
    for reads, inputs in (("units", 3), ("scalars", 2)):
        model = ranked.model(2, reads, (2, 3, 3, 1), (2, 2, 2))
        run = fakes.run("F3") | model.to_run()
        table = inputs_used([run, run]).set_index(["layer", "input"])
        assert table.index.tolist() == [
            (layer, i) for layer in (1, 2, 3) for i in range(2 if layer == 1 else inputs)
        ]
        for layer, programs in enumerate(model.programs, start=1):
            read = {node for program in programs for node in program.used_inputs()}
            used = [i for (of, i), count in table["used"].items() if of == layer and count == 2]
            assert set(used) == read
        assert set(table["used"]) == {0, 2}


def test_hidden_values_and_errors_of_several_formulas(layers, network):
    model = ranked.model(0, "scalars", (2, 3, 3, 1), (2, 2, 2))
    table = hidden_values(layers, {"rank": model})
    x = layers.splits["train"][0]
    order = np.argsort(layers.splits["train"][-1][:, 0], kind="stable")
    last = table[(table["row"] == ROWS - 1) & (table["source"] == "rank") & (table["layer"] == 2)]
    np.testing.assert_allclose(last["value"], ranked.values(model, x[order[-1:]])[1][1][0])
    errors = error_by_distance("F3", network, x, {"rank": model})
    assert np.isfinite(errors["rms"]).all()


def test_r2_by_number_of_formulas(layers, models):
    """Beside scikit-learn's R² and principal components."""
    several = ranked.model(0, "scalars", (2, 3, 3, 1), (2, 4, 2))
    table = layer_r2(layers, models | {"rank": several})
    assert table["source"].unique().tolist() == ["components", "paper", "joint", "rank"]
    ranks = table[table["source"] == "rank"].set_index("layer")["formulas"]
    assert ranks.to_dict() == {1: 2, 2: 4, 3: 2}
    assert table["agreement"].isna().all()
    for layer, values in enumerate(ranked.values(several, layers.values(0))[1], start=1):
        h = layers.values(layer)
        part = table[table["layer"] == layer].set_index(["source", "formulas"])["r2"]
        given = r2_score(h, values, multioutput="variance_weighted")
        assert part["rank", ranks[layer]] == pytest.approx(given, rel=1e-9)
        assert part["components"].index.tolist() == [1, 2, 3, 4]
        held = PCA().fit(h).explained_variance_ratio_.cumsum()
        np.testing.assert_allclose(part["components"][: h.shape[1]], held, rtol=1e-6)


def test_no_formulas_pass_the_components(layers):
    x, f = layers.values(0), (lambda x: np.sin(x[:, 0]), lambda x: x[:, 0] * x[:, 1])
    programs = [
        Program(2, (), (("sin", (0,)),), 2),
        Program(2, (), (("mul", (0, 1)),), 2),
    ]
    for count in (1, 2):
        columns = np.column_stack([np.ones(len(x)), *(g(x) for g in f[:count])])
        weights = np.linalg.lstsq(columns, layers.values(1), rcond=None)[0]
        one = Layers({split: values[:2] for split, values in layers.splits.items()})
        model = SRNet((tuple(programs[:count]),), (weights[1:],), (weights[0],))
        r2 = layer_r2(one, {"best": model}).set_index(["source", "formulas"])["r2"]
        assert 0 < r2["best", count] <= r2["components", count]


def test_the_output_of_a_classification_has_an_agreement_in_the_place_of_r2():
    layers = made_up.classifier()
    model = ranked.model(1, "scalars", (2, 3, 3, 2), (1, 2, 1), "cross_entropy")
    output = layer_r2(layers, {"rank": model}).query("layer == 3")
    assert output["source"].tolist() == ["rank"]
    assert output["r2"].isna().all()
    classes = ranked.values(model, layers.values(0))[1][-1].argmax(axis=1)
    expected = (classes == layers.values(-1).argmax(axis=1)).mean()
    assert output["agreement"].tolist() == [expected]


def test_a_layer_that_is_constant_has_no_r2_and_one_that_is_not_finite_the_lowest():
    run = fakes.run("K9")
    run["programs"][0] = {"inputs": 1, "constants": [], "nodes": [["ln", [0]]], "output": 1}
    splits = {
        split: [values[0], np.ones_like(values[1]), values[2]]
        for split, values in made_up.layers((1, 3, 1)).splits.items()
    }
    table = layer_r2(Layers(splits), best_models([run])).set_index(["layer", "source"])["r2"]
    assert np.isnan(table[1, "paper"])
    assert (1, "components") not in table.index
    assert table[2, "paper"] == -np.inf


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"programs": None}, "lacks the key 'programs'"),
        ({"programs": [{"inputs": 1}]}, "layer 1: a program is not"),
        ({"programs": [[fakes.run()["programs"][0], {"inputs": 1}]]}, "layer 1: a program is not"),
    ],
)
def test_runs_without_programs_are_named(change, sentence):
    with pytest.raises(UserError, match=f"task K0, preset paper, seed 1.*{sentence}"):
        inputs_used([fakes.run("K0") | change])


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    shapes = [(3, 2), (3, 3), (1, 3)]
    weights = tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return Network(weights, tuple(np.zeros(shape[0], np.float32) for shape in shapes), "regression")


def test_error_by_distance(network, models):
    rows = np.random.default_rng(1).uniform([0, -4], [2, 4], (200, 2))
    table = error_by_distance("F3", network, rows, models)
    assert table["distance"].unique().tolist() == list(DISTANCES)
    assert (table["points"] == POINTS).all()
    assert (table["q1"] <= table["median"]).all()
    assert (table["median"] <= table["q3"]).all()
    assert table.equals(error_by_distance("F3", network, rows, models))


def test_points_lie_where_they_are_said_to_lie(network):
    seen = []

    class Spy(SRNet):
        def predict(self, x):
            seen.append(x)
            return super().predict(x)

    model = SRNet.from_run(fakes.run("F3"))
    rows = np.array([[0.0, -4.0], [2.0, 4.0]])
    error_by_distance(
        "F3", network, rows, {"paper": Spy(model.programs, model.weights, model.biases)}
    )
    before = 0.0
    for distance, points in zip(DISTANCES, seen, strict=True):
        outside = (np.abs((points - [1, 0]) / [1, 4]) - 1).max(axis=1)
        assert outside.max() <= distance + 1e-6
        assert distance == 0 or outside.min() >= before - 1e-6
        before = distance


def test_a_formula_that_is_its_network_has_no_error():
    # y = sin(0.5 x) by hand as both
    run = fakes.run("K9") | {
        "programs": fakes.run("K9")["programs"][:1],
        "weights": [[1.0]],
        "biases": [[0.0]],
    }
    model = SRNet.from_run(run)

    class Same(Network):
        def layers(self, x):
            return [x, model.predict(x)]

    network = Same((np.ones((1, 1), np.float32),), (np.zeros(1, np.float32),), "regression")
    table = error_by_distance("K9", network, np.linspace(-1, 1, 9)[:, None], {"paper": model})
    assert table["rms"].max() == 0


def test_points_without_a_value_are_counted(network):
    run = fakes.run("F3")
    run["programs"][0] = {"inputs": 2, "constants": [], "nodes": [["ln", [0]]], "output": 2}
    rows = np.random.default_rng(1).uniform(0.5, 2, (50, 2))
    table = error_by_distance("F3", network, rows, best_models([run])).set_index("distance")
    assert table.loc[0.0, "nonfinite"] == 0
    assert table.loc[4.0, "nonfinite"] > 0
    assert np.isfinite(table["rms"]).all()


def test_one_hidden_layer_is_enough():
    table = hidden_values(made_up.layers((1, 3, 1)), best_models([fakes.run("K9")]))
    assert table["layer"].unique().tolist() == [1]
    assert isinstance(made_up.layers(), Layers)
