"""``srnet predict`` and ``srnet show``: new rows through a run's formulas."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import made_up, ranked

from srnet.cgp.program import Program
from srnet.data.dataset import Data
from srnet.errors import UserError
from srnet.explanation.predict import read_rows, summary, write_predictions
from srnet.io.files import read_json, write_json
from srnet.model.srnet import READS, SRNet
from srnet.search.run import evolve
from srnet.search.settings import preset

MODEL = SRNet(
    ((Program(2, (0.5,), (("div", (0, 1)), ("add", (3, 2))), 4),),),
    (np.array([[2.0, -1.0]]),),
    (np.array([0.0, 10.0]),),
    "made-up",
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_json(
        tmp_path / "run.json",
        {
            "task": "made-up",
            "preset": "paper",
            "seed": 3,
            "fitness": 0.25,
            "layer_losses": [0.25],
            "programs": [program.to_json() for (program,) in MODEL.programs],
            "weights": [w.tolist() for (w,) in MODEL.weights],
            "biases": [b.tolist() for b in MODEL.biases],
        },
    )
    return tmp_path / "run.json"


def test_outputs_of_a_csv_and_of_an_npz_are_the_models(tmp_path: Path, run: Path) -> None:
    x = np.random.default_rng(0).normal(0, 1, (7, 2))
    np.savez(tmp_path / "x.npz", x=x)
    (tmp_path / "x.csv").write_text("a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in x.tolist()))
    for name in ("x.npz", "x.csv"):
        write_predictions(run, tmp_path / name, tmp_path / "y.csv")
        lines = (tmp_path / "y.csv").read_text().splitlines()
        assert lines[0] == "y0,y1"
        got = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]])
        np.testing.assert_array_equal(got, MODEL.predict(x))  # to the last bit: repr keeps it


def test_an_output_has_its_own_number(tmp_path: Path) -> None:
    program = Program(1, (), (("square", (0,)),), 1).to_json()
    run = {"programs": [program], "weights": [[1.0]], "biases": [[0.5]], "output": 2}
    write_json(tmp_path / "run.json", run)
    np.savez(tmp_path / "x.npz", x=np.array([[3.0]]))
    write_predictions(tmp_path / "run.json", tmp_path / "x.npz", tmp_path / "y.csv")
    assert (tmp_path / "y.csv").read_text() == "y2\n9.5\n"
    assert summary(SRNet.load(tmp_path / "run.json"), tmp_path / "run.json").endswith(
        "y2 = (1.0 * (x0)**2 + 0.5)"
    )


def test_texts_that_look_like_numbers_stay_texts(tmp_path: Path, run: Path) -> None:
    changes = {
        "columns": ["v", "code=1"],
        "input_names": ["v", "code_1"],
        "input_texts": {"code": ["01", "1"]},
    }
    write_json(run, {**read_json(run), **changes})
    (tmp_path / "x.csv").write_text("code,v\n01,2\n1,3\n")
    write_predictions(run, tmp_path / "x.csv", tmp_path / "y.csv")
    got = np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(got, MODEL.predict(np.array([[2.0, 0.0], [3.0, 1.0]])))


def test_what_is_not_defined_is_said_so(tmp_path: Path, run: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,0\n0,0\n")
    write_predictions(run, tmp_path / "x.csv", tmp_path / "y.csv")
    assert (tmp_path / "y.csv").read_text() == "y0,y1\ninf,-inf\nnan,nan\n"


@pytest.mark.parametrize(
    "text", ["\ufeffa,b\n1,2\n\n3,4\n\n", "0,1\n1,2\n3,4\n", "a, b\n 1,2\n3, 4"]
)
def test_what_spreadsheets_and_pandas_write_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    rows, header = read_rows(tmp_path / "x.csv", 2)
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4]])
    assert header == (["0", "1"] if text.startswith("0") else ["a", "b"])


def test_columns_are_found_by_their_names(tmp_path: Path, run: Path) -> None:
    """Where the run has names; other columns are refused and nothing is written."""
    write_json(run, read_json(run) | {"input_names": ["a", "b"]})
    (tmp_path / "x.csv").write_text("b,a\n4,3\n")
    write_predictions(run, tmp_path / "x.csv", tmp_path / "y.csv")
    np.testing.assert_array_equal(
        np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1),
        MODEL.predict(np.array([[3.0, 4.0]]))[0],
    )
    (tmp_path / "x.csv").write_text("a,c\n3,4\n")
    with pytest.raises(UserError, match=r"x.csv: the columns are a, c; the formulas read a, b"):
        write_predictions(run, tmp_path / "x.csv", tmp_path / "z.csv")
    write_json(run, read_json(run) | {"input_names": ["a"]})
    with pytest.raises(UserError, match=r"run.json: a run has 'input_names' .*a list of 2 names"):
        write_predictions(run, tmp_path / "x.csv", tmp_path / "z.csv")
    assert not (tmp_path / "z.csv").exists()


def arrays(**values: Any) -> dict[str, Any]:
    return values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty; a header line and rows are needed"),
        ("a,b\n", "has a header and no row"),
        ("a,b\n1,2\n3\n", "line 3 has 1 cells; the header has 2"),
        ("a,b\n1,2,3\n", "line 2 has 3 cells"),
        ("a,a\n1,2\n", "x.csv: has the column 'a' twice"),
        ("a,b\n1,\n", "line 2, column 'b' is empty"),
        ("a,b\n1,nan\n", "line 2, column 'b' is 'nan'; a finite number is needed"),
        ("a;b\n0,5;1,5\n", r"its first line is a;b, one column; cells that commas separate"),
        ("a\tb\n1\t2\n", r"its first line is a\\tb, one column"),
        ("1,2\n3,4\n", r"its first line holds numbers only \(1, 2\); a header"),
        ("a,b\n1,two\n", "line 2, column 'b' is 'two'"),
        ("a\n1\n", r"shape \(1, 1\); rows × 2 columns"),
        ("a,b,c\n1,2,3\n", r"shape \(1, 3\); rows × 2 columns"),
        ("a,b\n\n", "has a header and no row"),
    ],
)
def test_a_bad_csv_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        read_rows(tmp_path / "x.csv", 2)
    assert str(tmp_path / "x.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (arrays(y=np.ones((2, 2))), "lacks the array 'x'; it has y"),
        (arrays(), "lacks the array 'x'; it has none"),
        (arrays(x=np.ones(2)), r"shape \(2,\)"),
        (arrays(x=np.ones((3, 5))), "rows × 2 columns"),
        (arrays(x=np.array([["a", "b"]])), "'x' holds <U1"),
        (arrays(x=np.array([[None, 1]], dtype=object)), "Object arrays"),
    ],
)
def test_a_bad_npz_is_a_sentence(tmp_path: Path, content: dict[str, Any], words: str) -> None:
    np.savez(tmp_path / "x.npz", **content)
    with pytest.raises(UserError, match=words):
        read_rows(tmp_path / "x.npz", 2)


def test_other_bad_files_are_sentences_and_write_nothing(tmp_path: Path, run: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    (tmp_path / "nul.csv").write_bytes(b"a,b\n1,\x00\n")
    for name in ("none.csv", "none.npz", "binary.csv", "nul.csv", "."):
        with pytest.raises(UserError):
            write_predictions(run, tmp_path / name, tmp_path / "y.csv")
    assert not (tmp_path / "y.csv").exists()


def test_summary_names_every_layer_and_output(run: Path) -> None:
    lines = summary(SRNet.load(run), run).splitlines()
    assert lines[0] == "task made-up, preset paper, seed 3, fitness 0.25"
    write_json(robust := run.with_name("robust.json"), read_json(run) | {"test_robust_r2": 0.9})
    assert summary(MODEL, robust).startswith(f"{lines[0]}, robust R² 0.9\n")
    assert lines[1] == "y: f = ((x0 / x1) + 0.5), MSE 0.25"
    write_json(run, read_json(run) | {"input_names": ["mass", "speed"]})
    assert "y: f = ((mass / speed) + 0.5)" in summary(SRNet.load(run), run)
    write_json(run, read_json(run) | {"columns": ["mass", "wind speed"]})
    write_json(run, read_json(run) | {"input_names": ["mass", "wind_speed"]})
    assert summary(SRNet.load(run), run).splitlines()[-1] == "(wind_speed is 'wind speed')"
    assert lines[2:] == [
        "y0 = (2.0 * ((x0 / x1) + 0.5) + 0.0)",
        "y1 = ((-1.0) * ((x0 / x1) + 0.5) + 10.0)",
    ]


@pytest.mark.parametrize("reads", READS)
def test_summary_and_outputs_of_several_formulas(tmp_path: Path, reads: str) -> None:
    model = ranked.model(5, reads, (2, 3, 2), (2, 1))
    path = tmp_path / "run.json"
    write_json(path, model.to_run() | {"layer_losses": [0.5, 0.25], "input_names": ["a", "b"]})
    (first, second), (only,) = model.formula_texts(["a", "b"])
    outputs = model.network_expressions(["a", "b"])
    labels = ("z0", "z1") if reads == "scalars" else ("f1", "f2")  # as the output reads them
    assert summary(SRNet.load(path), path).splitlines()[1:] == [
        f"h1: {labels[0]} = {first}; {labels[1]} = {second}, MSE 0.5",
        f"y: f = {only}, MSE 0.25",
        f"y0 = {outputs[0]}",
        f"y1 = {outputs[1]}",
    ]
    (tmp_path / "x.csv").write_text("b,a\n0.5,-1\n2,0.25\n")
    write_predictions(path, tmp_path / "x.csv", tmp_path / "y.csv")
    np.testing.assert_allclose(
        np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1),
        ranked.values(model, np.array([[-1, 0.5], [0.25, 2]]))[1][-1],
        rtol=1e-12,
    )


def test_rows_in_their_own_units_are_standardised_as_those_of_the_task(
    tmp_path: Path, run: Path
) -> None:
    rng = np.random.default_rng(1)
    train, rows = rng.normal(100, 7, (20, 2)), rng.normal(100, 7, (5, 2))
    classes = np.arange(20)[:, None] % 2
    data = Data(
        train, classes, train[:4], classes[:4], train[:0], train[:0], ("a", "b"), ("no", "yes")
    )
    data.save(tmp_path / "data.npz")
    np.savez(tmp_path / "x.npz", x=rows)
    write_predictions(
        run, tmp_path / "x.npz", tmp_path / "y.csv", standardise=tmp_path / "data.npz"
    )
    expected = MODEL.predict((rows - train.mean(axis=0)) / train.std(axis=0))
    np.testing.assert_allclose(np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1), expected)
    Data(
        train[:, :1],
        classes,
        train[:4, :1],
        classes[:4],
        train[:0, :1],
        train[:0, :1],
        ("a",),
        ("no", "yes"),
    ).save(tmp_path / "other.npz")
    with pytest.raises(
        UserError,
        match=r"other.npz: has 1 input\(s\), but .*run.json has 2; take the data of its task",
    ):
        write_predictions(
            run, tmp_path / "x.npz", tmp_path / "z.csv", standardise=tmp_path / "other.npz"
        )
    assert not (tmp_path / "z.csv").exists()


@pytest.mark.slow
def test_of_a_classifier_probabilities_are_written_and_logits_are_shown(tmp_path: Path) -> None:
    layers = made_up.classifier((2, 3, 3))
    content = evolve(layers, preset("paper", loss="cross_entropy", population=10, generations=5), 1)
    write_json(tmp_path / "run.json", content)
    np.savez(tmp_path / "x.npz", x=layers.splits["train"][0])
    write_predictions(tmp_path / "run.json", tmp_path / "x.npz", tmp_path / "y.csv")
    written = np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1)
    model = SRNet.load(tmp_path / "run.json")
    np.testing.assert_array_equal(written, model.predict(layers.splits["train"][0]))
    np.testing.assert_allclose(written.sum(axis=1), 1)
    assert (
        np.mean(written.argmax(axis=1) == layers.splits["train"][-1].argmax(axis=1))
        == content["accuracy"]
    )
    text = summary(model, tmp_path / "run.json")
    assert f"cross-entropy {content['layer_losses'][-1]}" in text
    assert f"logit of y2 = {content['network_expressions'][2]}" in text
