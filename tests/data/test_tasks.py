"""Tasks: the paper's, rows from every source, and bad input."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from srnet.data.dataset import Data, make_data, write_data
from srnet.data.expressions import evaluate
from srnet.data.tasks import load_task, load_tasks, number_by_task
from srnet.errors import UserError

TASKS_FILE = Path(__file__).parents[2] / "config" / "tasks.yaml"
TASKS = load_tasks(TASKS_FILE)
NETWORK = "network: {hidden: [3], optimiser: adam, lr: 0.01, epochs: 5, batch: 30}"
ENTRY = f"""
own:
  formula: a * b + 1
  inputs:
    a: {{train: [0, 1], valid: [0, 2], test: [0, 4]}}
    b: {{train: [1, 2], valid: [1, 3], test: [1, 5]}}
  rows: 50
  {NETWORK}
  seed: 3
"""

# One point each, worked out by hand.
KNOWN = {
    "K0": ([1], math.sin(1) + math.sin(2)),
    "K1": ([math.pi / 2, math.pi / 3], 1),
    "K2": ([-(math.e**2)], 7.26),
    "K3": ([1, -1], 1),
    "K4": ([1, 0.5, 2], -15 / 36),
    "K5": ([1, 2], 2),
    "F0": ([3, 3, 5], 3.75),
    "F1": ([2, 4, 0.5, 2], 1 / math.pi),
    "F2": ([2, 3, 5, 4, 2], 7.5),
    "F3": ([3, 4], 24),
    "F4": ([2, 2, 1, 3, 1], -115.2),
    "F5": ([2, 1, 3, 2, 1], 12 - 2 / (9 * math.pi)),
}
# rows, sizes, optimiser, learning rate, epochs of the paper.
PAPER = {
    "K0": (200, [1, 3, 3], "sgd", 0.01, 10000),
    "K1": (200, [2, 3, 3], "sgd", 0.1, 20000),
    "K2": (200, [1, 5, 5], "sgd", 0.03, 50000),
    "K3": (25, [2, 4, 4, 4], "sgd", 0.03, 50000),
    "K4": (1000, [3, 4, 4], "adam", 0.003, 50000),
    "K5": (20, [2, 5, 5], "adam", 0.003, 50000),
    "F0": (9000, [3, 3, 3], "adam", 0.01, 20000),
    "F1": (9000, [4, 3, 3], "adam", 0.01, 20000),
    "F2": (10000, [5, 3, 3], "adam", 0.01, 20000),
    "F3": (9000, [2, 3, 3], "adam", 0.01, 20000),
    "F4": (10000, [5, 5, 5], "adam", 0.03, 50000),
    "F5": (10000, [5, 5, 5, 5], "adam", 0.001, 50000),
}
# data set, hidden layers, learning rate, epochs of the paper.
PAPER_CLASSES = {
    "P0": ("adult", (100, 100), 0.03, 100),
    "P1": ("analcatdata_aids", (200, 100, 100), 0.1, 25000),
    "P2": ("agaricus_lepiota", (100, 100), 0.03, 8000),
    "P3": ("breast", (100, 100), 0.01, 5000),
    "P4": ("car", (100, 100, 100), 0.03, 5000),
}


def write(folder: Path, text: str, name: str = "tasks.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_tasks_are_those_of_the_paper_and_the_standardised() -> None:
    assert list(TASKS) == [*PAPER, *PAPER_CLASSES, *(f"{name}s" for name in PAPER_CLASSES), "iris"]


@pytest.mark.parametrize("name", PAPER_CLASSES)
def test_settings_of_the_classifications(name: str) -> None:
    dataset, hidden, lr, epochs = PAPER_CLASSES[name]
    task, scaled = TASKS[name], TASKS[f"{name}s"]
    assert task.kind == scaled.kind == "classification"
    assert task.source.dataset == scaled.source.dataset == dataset
    assert task.network.hidden == scaled.network.hidden == hidden
    assert (task.network.optimiser, task.network.lr, task.network.epochs, task.network.batch) == (
        "sgd",
        lr,
        epochs,
        0.5,
    )
    assert (task.network.standardise, scaled.network.standardise) == (False, True)
    assert task.seed == scaled.seed  # the same rows
    assert task.network.batch_rows(37) == 19
    assert TASKS["K0"].network.batch_rows(37) == 300


@pytest.mark.parametrize("name", PAPER)
def test_settings_are_the_papers(name: str) -> None:
    rows, sizes, optimiser, lr, epochs = PAPER[name]
    task = TASKS[name]
    assert task.source.rows == rows
    assert [len(task.source.inputs), *task.network.hidden] == sizes
    assert (task.network.optimiser, task.network.lr, task.network.epochs, task.network.batch) == (
        optimiser,
        lr,
        epochs,
        300,
    )
    assert not task.network.standardise


@pytest.mark.parametrize("name", KNOWN)
def test_formula_at_a_known_point(name: str) -> None:
    point, value = KNOWN[name]
    assert TASKS[name].truth(np.array([point], float)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", PAPER)
def test_rows_lie_in_their_boxes(name: str) -> None:
    task, data = TASKS[name], make_data(TASKS[name])
    rows = PAPER[name][0]
    assert len(data.train_x) == rows * 8 // 10
    assert len(data.x) == len(data.y) == rows
    assert len(data.valid_x) == max(10, rows * 3 // 10)
    assert len(data.test_x) == 1000
    assert data.inputs == task.source.inputs
    assert data.classes == ()
    for split, points in {"train": data.x, "valid": data.valid_x, "test": data.test_x}.items():
        low, high = np.transpose(task.source.boxes[split])
        assert (points >= low).all()
        assert (points <= high).all()
        if len(points) >= 200:  # and fill them
            assert (np.ptp(points, axis=0) > 0.9 * (high - low)).all()
    np.testing.assert_allclose(data.y, task.truth(data.x), rtol=1e-14)


def test_diagonal_is_the_grid_of_the_paper() -> None:
    x = make_data(TASKS["K3"]).x
    np.testing.assert_allclose(x[:, 0], -5 + 0.4 * np.arange(25))
    np.testing.assert_array_equal(x[:, 0], x[:, 1])


def test_rows_are_a_function_of_the_seed() -> None:
    first, again, other = (
        make_data(TASKS["K1"]),
        make_data(TASKS["K1"]),
        make_data(TASKS["K1"], seed=1),
    )
    for name in ("train_x", "valid_x", "test_x"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert not np.isin(getattr(first, name), getattr(other, name)).any()
    assert not np.isin(first.train_x, first.valid_x).any()


def test_adding_a_task_is_adding_an_entry(tmp_path: Path) -> None:
    path = write(tmp_path, TASKS_FILE.read_text(encoding="utf-8") + ENTRY)
    write_data("own", path, tmp_path / "data.npz")
    data = Data.load(tmp_path / "data.npz")
    np.testing.assert_array_equal(data.y[:, 0], data.x[:, 0] * data.x[:, 1] + 1)
    task = load_task("own", path)
    assert (task.label, task.family, task.kind, task.seed) == ("own", "Own", "regression", 3)


def test_data_file_keeps_everything(tmp_path: Path) -> None:
    data = make_data(
        load_task("iris", write(tmp_path, f"iris: {{sklearn: iris, {NETWORK}, seed: 0}}"))
    )
    data.save(tmp_path / "data.npz")
    again = Data.load(tmp_path / "data.npz")
    assert (again.inputs, again.classes) == (data.inputs, data.classes)
    for name in ("train_x", "train_y", "holdout_x", "holdout_y", "valid_x", "test_x"):
        np.testing.assert_array_equal(getattr(again, name), getattr(data, name))
    assert again.dropped == 0
    dataclasses.replace(data, dropped=7).save(tmp_path / "data.npz")
    assert Data.load(tmp_path / "data.npz").dropped == 7


def test_a_classification_trains_on_three_quarters_and_has_no_boxes(tmp_path: Path) -> None:
    data = make_data(
        load_task("iris", write(tmp_path, f"iris: {{sklearn: iris, {NETWORK}, seed: 0}}"))
    )
    assert (data.train_x.shape, data.holdout_x.shape) == ((112, 4), (38, 4))
    assert data.valid_x.shape == data.test_x.shape == (0, 4)
    with pytest.raises(UserError, match="iris: has the key 'widen', but a classification"):
        load_tasks(
            write(
                tmp_path,
                f"iris: {{sklearn: iris, widen: {{valid: 2, test: 2}}, {NETWORK}, seed: 0}}",
            )
        )


def test_standardised_inputs(tmp_path: Path) -> None:
    rows = "".join(f"{i},0.1,{i % 2}\n" for i in range(40))
    data = csv_task(tmp_path, "a,same,y\n" + rows, "classification", "y")
    assert data.constant_inputs == ("same",)
    scaled = data.standardised(data.train_x)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), [1, 0], atol=1e-12)
    mean, std = data.scaler
    np.testing.assert_array_equal(data.standardised(data.holdout_x), (data.holdout_x - mean) / std)
    assert (
        std[1] == 1
    )  # 0.1 has no exact mean: its deviation would be 1e-17, and what is read no constant


# Formulas


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("-x**2", -9),
        ("+x - -1", 4),
        ("x**-2", 1 / 9),
        ("2 * pi", 2 * math.pi),
        ("ln(exp(2)) + log(exp(1))", 3),
        ("abs(-sqrt(4)) + tan(0)", 2),
        ("1 / 0", math.inf),
        ("9**9**9**9", math.inf),
    ],
)
def test_evaluate(formula: str, value: float) -> None:
    assert evaluate(formula, {"x": np.float64(3)}) == pytest.approx(value)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("sinh(x)", "function 'sinh' is unknown"),
        ("x + z", "'z' is unknown"),
        ("__import__('os')", "function '__import__' is unknown"),
        ("x.real", "'x.real' is not allowed"),
        ("x[0]", "not allowed"),
        ("x < 1", "not allowed"),
        ("x % 2", "not allowed"),
        ("'x'", "not allowed"),
        ("True", "not allowed"),
        ("1j", "not allowed"),
        ("(lambda: x)()", "not allowed"),
        ("sin(x, x)", "takes one argument"),
        ("sin(*x)", "not allowed"),
        ("x +", "not a formula"),
        ("1" + "0" * 400, "too large"),
        ("(" * 1000 + "x" + ")" * 1000, "formula"),
        ("-" * 5000 + "x", "formula"),
        ("x\0", "formula"),
    ],
)
def test_bad_formulas(formula: str, said: str) -> None:
    with pytest.raises(UserError, match="formula") as caught:
        evaluate(formula, {"x": np.float64(3)})
    assert said in str(caught.value)


# Tables


def csv_task(
    folder: Path, table: str | bytes, kind: str = "regression", target: str = "price"
) -> Data:
    (folder / "table.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    path = write(
        folder, f"own: {{csv: table.csv, target: {target}, kind: {kind}, {NETWORK}, seed: 0}}"
    )
    return make_data(load_task("own", path))


ROWS = [f"{i},{i * i},{'yes' if i % 3 else 'no'}" for i in range(12)]
TABLE = "\n".join(["size,price,sold", *ROWS]) + "\n"
NUMBERS = "\n".join(["size,price", *(f"{i},{i * i}" for i in range(12))]) + "\n"


def test_csv_regression(tmp_path: Path) -> None:
    data = csv_task(tmp_path, b"\xef\xbb\xbf" + NUMBERS.replace("\n", "\r\n").encode())
    assert data.inputs == ("size",)
    assert len(data.train_x) == 9
    assert len(data.holdout_x) == 3
    np.testing.assert_array_equal(data.y, data.x**2)
    assert (
        sorted(data.x[:, 0]) == list(range(12)) != list(data.x[:, 0])
    )  # shuffled: a table is often sorted


def test_csv_boxes_widen_the_tables_own(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(NUMBERS)
    wide = (
        f"own: {{csv: table.csv, target: price, kind: regression, widen: {{valid: 1, test: 3}}, "
        f"{NETWORK}, seed: 0}}"
    )
    data = make_data(load_task("own", write(tmp_path, wide)))
    assert data.valid_x.min() >= 0
    assert data.valid_x.max() <= 11
    assert -11 <= data.test_x.min() < -10
    assert 21 < data.test_x.max() <= 22


def test_csv_classification(tmp_path: Path) -> None:
    data = csv_task(
        tmp_path,
        "\n".join(["size,sold", *(f"{i},{10 if i % 3 else 9}" for i in range(12))]),
        "classification",
        "sold",
    )
    assert data.classes == ("9", "10")  # in numeric order
    np.testing.assert_array_equal(data.y[:, 0], (data.x[:, 0] % 3 != 0).astype(float))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (NUMBERS.replace("\n3,9", "\n3,"), "line 5, column 'price' is empty"),
        (TABLE, "line 2, column 'sold' is 'no'"),
        (NUMBERS.replace("\n3,9", "\nnan,9"), "line 5, column 'size' is 'nan'"),
        (NUMBERS.replace("\n3,9", "\n3,inf"), "line 5, column 'price' is 'inf'"),
        (NUMBERS.replace("\n3,9", "\n3,9,9"), "line 5 has 3 cells"),
        (NUMBERS.replace(",", ";"), "the one column 'size;price'"),
        ("price\n" + "1\n" * 12, "the one column 'price'"),
        (NUMBERS.replace("size", "price"), "column 'price' 2 time(s)"),
        (NUMBERS.replace("size", ""), "column '' 1 time(s)"),
        (NUMBERS.replace("price", "cost"), "no column 'price'"),
        ("size,price\n" + "".join(f"{i},7\n" for i in range(12)), "is 7 in every row"),
        (
            "size,price\n" + "".join(f"{i},{'7' if i else '7.0'}\n" for i in range(12)),
            "in every row",
        ),
        ("size,price\n1,2\n", "1 row(s)"),
        ("", "is empty"),
        (b"size,price\n\xff\xfe,1\n", "UTF-8"),
        ('size,price\n"1,2\n', "comma-separated"),
    ],
)
def test_bad_tables(tmp_path: Path, table: str | bytes, said: str) -> None:
    with pytest.raises(UserError, match="table.csv") as caught:
        csv_task(tmp_path, table)
    assert said in str(caught.value)


def test_bad_classes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="class 'maybe' of column 'sold' has 1 row"):
        csv_task(tmp_path, TABLE.replace("0,0,no", "0,0,maybe"), "classification", "sold")
    with pytest.raises(UserError, match="is yes in every row"):
        csv_task(
            tmp_path,
            "size,sold\n" + "".join(f"{i},yes\n" for i in range(12)),
            "classification",
            "sold",
        )


def test_missing_table(tmp_path: Path) -> None:
    path = write(
        tmp_path, f"own: {{csv: none.csv, target: y, kind: regression, {NETWORK}, seed: 0}}"
    )
    with pytest.raises(UserError, match="none.csv: cannot be read"):
        write_data("own", path, tmp_path / "data.npz")
    assert not (tmp_path / "data.npz").exists()


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("diabetes", (442, 10), 0),
        ("iris", (150, 4), 3),
        ("wine", (178, 13), 3),
        ("breast_cancer", (569, 30), 2),
    ],
)
def test_sklearn(tmp_path: Path, name: str, shape: tuple[int, int], classes: int) -> None:
    task = load_task("own", write(tmp_path, f"own: {{sklearn: {name}, {NETWORK}, seed: 0}}"))
    data = make_data(task)
    assert data.x.shape == shape
    assert len(data.inputs) == shape[1]
    assert len(data.classes) == classes
    assert task.kind == ("classification" if classes else "regression")
    assert task.network.standardise
    if classes:
        assert set(data.train_y[:, 0]) == set(range(classes))


# Bad tasks files


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rows: 50", "rows: 1", ["own.rows", "1", "2"]),
        ("rows: 50", "rows: 2.5", ["own.rows", "2.5", "integer"]),
        ("rows: 50", "rows: 50\n  rose: 1", ["rose", "own", "rows"]),
        ("rows: 50", "rows: 50\n  csv: a.csv", ["own", "formula and csv"]),
        ("hidden:", "hiden:", ["own.network", "hiden"]),
        ("a: {train", "a: {trian: [0, 1], train", ["own.inputs.a", "trian"]),
        ("train: [0, 1]", "train: [1, 1]", ["own.inputs.a.train", "[1, 1]", "less"]),
        ("valid: [1, 3]", "valid: [3, 1]", ["own.inputs.b.valid", "[3, 1]", "less"]),
        ("train: [0, 1]", "train: [0, .nan]", [".nan", "finite"]),
        ("train: [0, 1]", "train: [0]", ["own.inputs.a.train"]),
        ("a * b + 1", "a * b + z", ["own.formula", "'z' is unknown"]),
        ("a * b + 1", "sinh(a)", ["own.formula", "'sinh' is unknown", "sqrt"]),
        ("    a:", "    sin:", ["own.inputs", "'sin'"]),
        ("    a:", "    a b:", ["own.inputs", "a b"]),
        ("    a:", "    on:", ["key", "True"]),
        ("optimiser: adam", "optimiser: lbfgs", ["own.network.optimiser", "lbfgs", "sgd, adam"]),
        ("lr: 0.01", "lr: 0", ["own.network.lr", "0"]),
        ("batch: 30", "batch: 0", ["own.network.batch", "0"]),
        ("batch: 30", "batch: 30.5", ["own.network.batch", "30.5", "integer"]),
        ("hidden: [3]", "hidden: []", ["own.network.hidden"]),
        ("hidden: [3]", "hidden: [0]", ["own.network.hidden.0", "1"]),
        ("seed: 3", "seed: -1", ["own.seed", "-1", "0"]),
        ("seed: 3", "", ["own", "seed"]),
        ("seed: 3", "seed: 3\n  seed: 4", ["'seed' occurs 2 times"]),
        ("own:", "7:", ["key 7"]),
        ("own:", "../own:", ["../own"]),
        ("formula: a * b + 1", "sampling: uniform", ["own", "formula, csv, sklearn, pmlb", "none"]),
    ],
)
def test_bad_entries(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    assert old in ENTRY
    path = write(tmp_path, ENTRY.replace(old, new))
    with pytest.raises(UserError) as caught:
        load_tasks(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert all(part in message.replace(str(path), "") for part in said), message


@pytest.mark.parametrize(
    "text",
    ["", "[]", "own: 3", "own: {", "a: &a [*a]", "own: !!python/object/apply:os.getcwd []", "\x00"],
)
def test_not_a_tasks_file(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UserError, match="tasks.yaml"):
        load_tasks(path)


def test_small_numbers_may_be_written_with_an_exponent(tmp_path: Path) -> None:
    assert load_task("own", write(tmp_path, ENTRY.replace("0.01", "1e-3"))).network.lr == 1e-3


def test_unknown_task_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no task 'k0'; its tasks are K0, K1"):
        load_task("k0", TASKS_FILE)
    with pytest.raises(UserError, match="none.yaml: cannot be read"):
        load_tasks(tmp_path / "none.yaml")


def test_formula_that_is_not_finite_in_its_box(tmp_path: Path) -> None:
    path = write(tmp_path, ENTRY.replace("a * b + 1", "ln(a - 0.5) * b"))
    with pytest.raises(UserError, match=r"not finite at a = 0\.\d+, b = "):
        write_data("own", path, tmp_path / "data.npz")
    assert not (tmp_path / "data.npz").exists()
    with pytest.raises(UserError, match="'seed' is -1"):
        make_data(TASKS["K0"], seed=-1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train_x": None}, "lacks the array 'train_x'"),
        ({"train_y": np.zeros((3, 1))}, "'train_y' has shape (3, 1)"),
        ({"valid_x": np.zeros((3, 2))}, "'valid_x' has shape (3, 2)"),
        ({"test_x": np.zeros((0, 1))}, "'test_x' has shape (0, 1)"),
        ({"dropped": np.zeros(2)}, "'dropped' has shape (2,)"),
        ({"test_x": np.full((3, 1), np.nan)}, "'test_x' has a value that is not a finite number"),
        ({"classes": np.array(["a", "b"])}, "not the number of a class"),
    ],
)
def test_bad_data_files(tmp_path: Path, change: dict[str, np.ndarray | None], said: str) -> None:
    path = tmp_path / "data.npz"
    make_data(TASKS["K0"]).save(path)
    with np.load(path) as file:
        arrays = {key: value for key, value in (dict(file) | change).items() if value is not None}
    np.savez(path, **arrays)
    with pytest.raises(UserError) as caught:
        Data.load(path)
    assert said in str(caught.value)


def test_a_number_by_task():
    assert number_by_task(3, ["K0", "K1"], "seeds") == {"K0": 3, "K1": 3}
    by_task = {"default": 30, "K1": 10, "K2": 5}
    assert number_by_task(by_task, ["K0", "K1"], "seeds") == {"K0": 30, "K1": 10}
    with pytest.raises(UserError, match="'seeds' has no number for the task 'K0'; add it or"):
        number_by_task({"K1": 10}, ["K0", "K1"], "seeds")
