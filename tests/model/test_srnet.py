"""The model: composition, least squares, text, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import formula_text, made_up, oracle
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.primitives import PRIMITIVES
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.model.fitting import fit, fitness, least_squares
from srnet.model.srnet import LOSSES, READS, SRNet
from srnet.networks.layers import Layers
from srnet.search.settings import BY_LOSS

SINE = Program(2, (0.5,), (("mul", (0, 2)), ("sin", (3,)), ("add", (1, 4))), 5)  # x1 + sin(0.5·x0)
SQUARE = Program(3, (), (("square", (2,)), ("sub", (3, 0))), 4)  # h2² − h0
MODEL = SRNet(
    ((SINE,), (SQUARE,)),
    (np.array([[1.0, -2.0, 0.5]]), np.array([[3.0, -1e-3]])),
    (np.array([0.0, 1.0, -0.25]), np.array([-1.0, 2.0])),
)
X = np.random.default_rng(0).uniform(-2, 2, (30, 2))


def test_layers_and_outputs() -> None:
    h = np.outer(X[:, 1] + np.sin(0.5 * X[:, 0]), [1, -2, 0.5]) + [0, 1, -0.25]
    y = np.outer(h[:, 2] ** 2 - h[:, 0], [3, -1e-3]) + [-1, 2]
    np.testing.assert_allclose(MODEL.layers(X)[0], h, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(MODEL.predict(X), y, rtol=1e-13, atol=1e-14)
    assert MODEL.complexity == 5


def test_costs_count_in_the_complexity() -> None:
    model = replace(MODEL, costs={"sin": 4, "sub": 1, "square": 2})
    assert model.complexity == 5 + 3 + 1
    content = json.loads(json.dumps(model.to_run()))
    assert content["costs"] == {"sin": 4, "square": 2}
    assert SRNet.from_run(content).complexity == 9
    assert "costs" not in MODEL.to_run()
    with pytest.raises(UserError, match="'costs' has the unknown key 'sinus'"):
        SRNet.from_run(content | {"costs": {"sinus": 2}})
    with pytest.raises(UserError, match=r"'costs.sin' is 0"):
        SRNet.from_run(content | {"costs": {"sin": 0}})


def test_text_computes_the_model() -> None:
    assert MODEL.expressions() == ["(x1 + sin((x0 * 0.5)))", "((h2)**2 - h0)"]
    texts = MODEL.network_expressions()
    assert len(texts) == 2
    for column, text in enumerate(texts):
        np.testing.assert_allclose(
            formula_text.evaluate(text, formula_text.inputs(X)),
            MODEL.predict(X)[:, column],
            rtol=1e-13,
        )


@pytest.mark.parametrize("shape", [(30,), (30, 3), (2, 2, 2)])
def test_inputs_of_another_width_are_a_sentence(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="rows × 2 columns"):
        MODEL.predict(np.zeros(shape))


@given(st.integers(0, 10**6), st.integers(2, 50), st.integers(1, 4))
def test_least_squares_is_the_exact_newton_step(seed: int, rows: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    f, h = rng.normal(3, 1, rows), rng.normal(0, 1, (rows, width))
    (w,), b = least_squares([f], h)
    expected = np.linalg.lstsq(np.column_stack([f, np.ones(rows)]), h, rcond=None)[0]
    left = np.sum((np.outer(f, w) + b - h) ** 2)
    assert left == pytest.approx(
        np.sum((np.outer(f, expected[0]) + expected[1] - h) ** 2), rel=1e-9, abs=1e-18
    )
    for a, o in zip((w, b), oracle.least_squares(f, h, rows), strict=True):
        np.testing.assert_allclose(a, o, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1e30, 1e308])  # the last has no finite mean
def test_a_constant_formula_gets_no_weight(value: float) -> None:
    h = np.arange(12.0).reshape(6, 2)
    with np.errstate(all="ignore"):
        w, b = least_squares([np.full(6, value)], h)
    np.testing.assert_array_equal(w, 0)
    np.testing.assert_allclose(b, h.mean(axis=0))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_formula_whose_square_overflows_to_nan_is_not_fitted() -> None:
    overflowing = np.tile([1.7e308, -1.7e308], 8)
    for f in ([overflowing], [np.arange(16.0), overflowing], [overflowing, np.arange(16.0)]):
        w, b = least_squares(f, np.arange(16.0)[:, None])
        assert not (np.isfinite(w).all() and np.isfinite(b).all())


def test_a_small_spread_far_from_zero_is_no_constant() -> None:
    w, _ = least_squares([1e6 + 1e-3 * np.arange(6)], np.arange(6.0).reshape(6, 1))
    np.testing.assert_allclose(w, 1e3, rtol=1e-5)


def test_fitting_follows_the_layers() -> None:
    layers = made_up.layers((2, 3, 1))
    model = fit(MODEL.programs, layers)
    assert model is not None
    x = np.vstack([layers.splits[split][0] for split in ("train", "valid")]).astype(np.float64)
    losses = []
    for i, program in enumerate([SINE, SQUARE]):
        h = np.vstack([layers.splits[split][i + 1] for split in ("train", "valid")]).astype(
            np.float64
        )
        w, b = oracle.least_squares(program(x), h, layers.rows())
        np.testing.assert_allclose(model.weights[i], [w], rtol=1e-9)
        np.testing.assert_allclose(model.biases[i], b, rtol=1e-9)
        x = np.outer(program(x), w) + b
        losses.append(float(np.mean((x - h) ** 2)))
    assert model.losses(layers) == pytest.approx(losses, rel=1e-9)


def test_a_layer_that_a_formula_is_has_no_loss() -> None:
    values = {
        split: [v[0], *MODEL.layers(v[0])] for split, v in made_up.layers((2, 3, 1)).splits.items()
    }
    layers = Layers(
        {split: [v.astype(np.float32) for v in all_values] for split, all_values in values.items()}
    )
    model = fit(MODEL.programs, layers)
    assert model is not None
    assert max(model.losses(layers)) < 1e-11
    np.testing.assert_allclose(model.weights[1][0, 0], MODEL.weights[1][0, 0], rtol=1e-4)


@pytest.mark.parametrize("split", ["train", "valid"])
def test_a_row_that_is_not_finite_makes_the_loss_infinite(split: str) -> None:
    logarithm = Program(2, (), (("ln", (0,)),), 2)
    layers = made_up.layers((2, 1))
    for values in layers.splits.values():
        values[0][:] = np.abs(values[0]) + 0.1
    assert fit([[logarithm]], layers) is not None
    layers.splits[split][0][-1, 0] = 0
    assert fit([[logarithm]], layers) is None


def test_fitness_is_the_output_loss_and_the_mean_of_the_hidden_ones() -> None:
    assert fitness([1.0, 3.0, 10.0]) == 12.0
    assert fitness([10.0]) == 10.0


def run() -> dict[str, Any]:
    return {
        "task": "made-up",
        "programs": [program.to_json() for (program,) in MODEL.programs],
        "weights": [w.tolist() for (w,) in MODEL.weights],
        "biases": [b.tolist() for b in MODEL.biases],
    }


def test_a_run_is_the_model(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", run())
    model = SRNet.load(tmp_path / "run.json")
    assert model.programs == MODEL.programs
    assert model.task == "made-up"
    np.testing.assert_array_equal(model.predict(X), MODEL.predict(X))


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": [[1.0, 1.0, 1.0]]},
        {"weights": [[1.0, 1.0], [1.0, 1.0]]},
        {"weights": [[1.0, 1.0, "1"], [1.0, 1.0]]},
        {"weights": [[1.0, 1.0, None], [1.0, 1.0]]},
        {"weights": [[1.0, 1.0, 10**400], [1.0, 1.0]]},
        {"weights": None},
        {"weights": [[[1.0], [1.0], [1.0]], [1.0, 1.0]]},
        {"biases": [[0.0, 0.0], [0.0, 0.0]]},
        {"biases": [[0.0, 0.0, float("inf")], [0.0, 0.0]]},
        {"programs": []},
        {"programs": [SINE.to_json()] * 2},
        {"programs": 3},
        {"programs": "sin"},
    ],
)
def test_a_run_that_is_no_model_is_a_sentence_that_names_the_file(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run() | changes).replace("Infinity", "1e400"))
    with pytest.raises(UserError, match=r"run\.json") as caught:
        SRNet.load(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_loss_is_a_sentence() -> None:
    with pytest.raises(UserError, match="'loss' is 'hinge'; allowed are mse, cross_entropy"):
        SRNet(MODEL.programs, MODEL.weights, MODEL.biases, loss="hinge")
    assert set(BY_LOSS) == set(LOSSES)


def test_a_run_without_a_loss_is_one_of_the_mean_squared_error() -> None:
    assert SRNet.from_run(run()).loss == "mse"
    classifier = SRNet.from_run(run() | {"loss": "cross_entropy"})
    np.testing.assert_array_equal(classifier.layers(X)[-1], MODEL.predict(X))
    np.testing.assert_allclose(classifier.predict(X).sum(axis=1), 1)


numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def programs(draw: st.DrawFn, inputs: int) -> Program:
    """Any program: nodes that nothing reads are left out, as ``Program.from_json`` wants it."""
    constants = tuple(draw(st.lists(numbers, max_size=2)))
    nodes: list[tuple[str, tuple[int, ...]]] = []
    address = draw(st.integers(0, inputs + len(constants) - 1))
    for primitive in draw(st.lists(st.sampled_from(PRIMITIVES), max_size=4)):
        others = [
            draw(st.integers(0, inputs + len(constants) + len(nodes) - 1))
            for _ in range(primitive.arity - 1)
        ]
        nodes.append((primitive.name, (address, *others)))
        address = inputs + len(constants) + len(nodes) - 1
    return Program(inputs, constants, tuple(nodes), address)


@st.composite
def models(draw: st.DrawFn) -> SRNet:
    """Any model of one to three layers of one to three formulas."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    ranks = [draw(st.integers(1, 3)) for _ in widths[1:]]
    reads = draw(st.sampled_from(READS))
    inputs = [widths[0], *(ranks if reads == "scalars" else widths[1:])]
    vectors = [st.lists(numbers, min_size=width, max_size=width) for width in widths[1:]]
    return SRNet(
        tuple(
            tuple(draw(programs(k)) for _ in range(rank))
            for k, rank in zip(inputs, ranks, strict=False)
        ),
        tuple(
            np.array([draw(vector) for _ in range(rank)])
            for vector, rank in zip(vectors, ranks, strict=True)
        ),
        tuple(np.array(draw(vector)) for vector in vectors),
        draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=10)),
        draw(st.sampled_from(LOSSES)),
        reads,
    )


@given(models(), st.booleans())
def test_from_run_is_the_inverse_of_to_run(model: SRNet, text: bool) -> None:
    again = SRNet.from_run(json.loads(json.dumps(model.to_run(text), allow_nan=False)))
    for name in ("programs", "task", "loss", "reads"):
        assert getattr(again, name) == getattr(model, name)
    for old, new in zip(model.weights + model.biases, again.weights + again.biases, strict=True):
        assert old.shape == new.shape
        assert old.tobytes() == new.tobytes()
        assert new.dtype == np.float64


def test_the_model_part_of_a_run() -> None:
    content = MODEL.to_run()
    assert content["complexity"] == MODEL.complexity
    assert content["expressions"] == MODEL.expressions()
    assert content["network_expressions"] == MODEL.network_expressions()
    assert content["constants"] == [[0.5], []]
    assert content.keys() - MODEL.to_run(text=False).keys() == {
        "expressions",
        "network_expressions",
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": None}, "the key 'weights' is None; it must be of type array"),
        (
            {"weights": [[True]]},
            "the key 'weights.0.0' is True; it must be of type number or array",
        ),
        ({"biases": [[0.0], "1"]}, "the key 'biases.1' is '1'; it must be of type array"),
        (
            {"programs": ["sin"]},
            "the key 'programs.0' is 'sin'; it must be of type object or array",
        ),
        ({"task": 3}, "the key 'task' is 3; it must be of type string"),
        ({"loss": "hinge"}, "the key 'loss' is 'hinge'; allowed are mse, cross_entropy"),
    ],
)
def test_the_key_that_breaks_the_schema_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        SRNet.from_run(run() | changes)


# A run of the task F3, as every version before several formulas wrote it.
OLD: dict[str, Any] = {
    "task": "F3",
    "loss": "mse",
    "complexity": 12,
    "programs": [
        {
            "inputs": 2,
            "constants": [-0.04941699281334877],
            "nodes": [
                ["add", [1, 1]],
                ["sin", [2]],
                ["add", [0, 1]],
                ["sub", [4, 3]],
                ["sub", [5, 6]],
            ],
            "output": 7,
        },
        {
            "inputs": 3,
            "constants": [0.25522640347480774],
            "nodes": [["tan", [2]], ["sin", [1]], ["tan", [4]], ["sub", [6, 5]]],
            "output": 7,
        },
        {
            "inputs": 3,
            "constants": [0.3432352542877197],
            "nodes": [["tan", [1]], ["cos", [4]], ["sin", [5]]],
            "output": 6,
        },
    ],
    "weights": [
        [0.0027012496716454625, 0.047102135116214014, 0.01589091305377504],
        [-0.3118171382196772, -1.8223867238707436, -1.8550193706234877],
        [-49.335210858592475],
    ],
    "biases": [
        [0.9076344647525619, -0.2588257484062075, -0.10007704386363893],
        [-0.03964620409011005, 0.34054358773400145, -0.13419850751483003],
        [40.82435511767906],
    ],
    "constants": [[-0.04941699281334877], [0.25522640347480774], [0.3432352542877197]],
    "expressions": [
        "((x0 + x1) - (sin(-0.04941699281334877) - (x1 + x1)))",
        "(tan(tan(h2)) - sin(h1))",
        "sin(cos(tan(h1)))",
    ],
    "network_expressions": [
        "((-49.335210858592475) * sin(cos(tan(((-1.8223867238707436) * "
        "(tan(tan((0.01589091305377504 * ((x0 + x1) - (sin(-0.04941699281334877) - (x1 + x1))) + "
        "(-0.10007704386363893)))) - sin((0.047102135116214014 * ((x0 + x1) - "
        "(sin(-0.04941699281334877) - (x1 + x1))) + (-0.2588257484062075)))) + "
        "0.34054358773400145)))) + 40.82435511767906)"
    ],
}


def test_a_run_of_an_older_version_is_read_and_written_as_it_was() -> None:
    model = SRNet.from_run(OLD)
    assert model.ranks == [1, 1, 1]
    assert model.to_run() == OLD
    assert json.dumps(model.to_run()["weights"]) == json.dumps(OLD["weights"])
    found = formula_text.evaluate(OLD["network_expressions"][0], formula_text.inputs(X))
    np.testing.assert_allclose(model.predict(X)[:, 0], found, rtol=1e-12)


RANKED: dict[str, Any] = {
    "programs": [[SINE.to_json(), SINE.to_json()], SQUARE.to_json()],
    "weights": [[[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]], [3.0, -1e-3]],
    "biases": [[0.0, 1.0, -0.25], [-1.0, 2.0]],
}


def test_a_layer_of_several_formulas_has_lists_and_one_of_one_has_not() -> None:
    model = SRNet.from_run(RANKED)
    assert model.ranks == [2, 1]
    content = model.to_run()
    assert {key: content[key] for key in RANKED} == RANKED
    assert content["constants"] == [[[0.5], [0.5]], []]
    assert content["expressions"] == [["(x1 + sin((x0 * 0.5)))"] * 2, "((h2)**2 - h0)"]
    assert content["complexity"] == 3 + 3 + 1 + 2
    assert "reads" not in content
    scalars = SRNet.from_run(
        RANKED
        | {
            "programs": [RANKED["programs"][0], [SINE.to_json()]],  # a list of one is read, too
            "weights": [RANKED["weights"][0], [[3.0, -1e-3]]],
            "reads": "scalars",
        }
    )
    content = scalars.to_run()
    assert content["reads"] == "scalars"
    assert content["programs"][1] == SINE.to_json()
    assert content["weights"][1] == [3.0, -1e-3]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": [[[1.0, 1.0, 1.0], [1.0]], [1.0, 1.0]]}, "of different lengths"),
        ({"weights": [[[1.0, 1.0, 1.0], 1.0], [1.0, 1.0]]}, "of different lengths"),
        ({"weights": [[[1.0, 1.0, 1.0]], [1.0, 1.0]]}, "layer 1 has 2 formula.*shape .1, 3."),
        ({"weights": [[[1.0, 1.0, 1.0]] * 3, [1.0, 1.0]]}, "layer 1 has 2 formula.*shape .3, 3."),
        ({"weights": [[1.0, 1.0, 1.0], [1.0, 1.0]]}, "layer 1 has 2 formula.*shape .1, 3."),
        ({"weights": [[[1.0, 1.0]] * 2, [1.0, 1.0]]}, "layer 1 has 2 formula.*shape .2, 2."),
        ({"weights": [[[], []], [1.0, 1.0]]}, "layer 1 has 2 formula.*shape .2, 0."),
        ({"weights": [[], [1.0, 1.0]]}, "the key 'weights.0' has 0 entries"),
        ({"weights": [[[1.0] * 3, [1.0, None, 1.0]], [1.0, 1.0]]}, "'weights.0.1.1' is None"),
        ({"weights": [[[[1.0] * 3]] * 2, [1.0, 1.0]]}, "'weights.0.1.0' is .* must be of type"),
        ({"biases": [[[0.0, 1.0, -0.25]], [-1.0, 2.0]]}, "'biases.0.0' is"),
        ({"programs": [[], SQUARE.to_json()]}, "the key 'programs.0' has 0 entries"),
        ({"programs": [[[SINE.to_json()]] * 2, SQUARE.to_json()]}, "'programs.0.1' is"),
        ({"programs": [[SINE.to_json(), "sin"], SQUARE.to_json()]}, "'programs.0.1' is 'sin'"),
        (
            {"programs": [[SINE.to_json(), SQUARE.to_json()], SQUARE.to_json()]},
            "layer 1 has formulas of different numbers of inputs",
        ),
        ({"reads": "x"}, "the key 'reads' is 'x'; allowed are units, scalars"),
        ({"reads": None}, "the key 'reads' is None; allowed are units, scalars"),
        ({"reads": "scalars"}, "layer 2 reads 3 values, layer 1 gives 2"),
    ],
)
def test_a_run_of_several_formulas_that_do_not_fit_is_a_sentence(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words) as caught:
        SRNet.from_run(RANKED | changes)
    assert "\n" not in str(caught.value)


def test_units_that_nothing_reads_do_not_count_as_text() -> None:
    chain = (Program(1, (), tuple(("mul", (i, i)) for i in range(10)), 10),)
    weights, biases = (np.ones((1, 20_000)), np.ones((1, 1))), (np.zeros(20_000), np.zeros(1))
    model = SRNet((chain, chain), weights, biases, reads="scalars")
    assert len(model.network_expressions()[0]) > 2**20
    model = SRNet((chain, (Program(20_000, (), (), 0),)), weights, biases)
    with pytest.raises(UserError, match="operations when written out; at most 10000000 can be"):
        model.network_expressions()
    assert model.to_run()["network_expressions"][0].startswith("not written: the formulas")
