import json

import numpy as np
import pandas as pd
import pytest
from helpers import fakes

from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.io.frames import read_table, write_table
from srnet.results.gather import (
    CURVE_POINTS,
    best_run,
    formulas_table,
    history_table,
    networks_table,
    read_networks,
    read_runs,
    runs_table,
    thin,
    training_table,
)


def runs_with(*histories):
    return [
        fakes.run(seed=seed)
        | {"history": history, "fitness": history[-1], "evaluations": 100 * len(history)}
        for seed, history in enumerate(histories, start=1)
    ]


def test_a_run_is_a_row_and_null_is_infinite():
    table = runs_table([fakes.run(seed=1), fakes.run(seed=2) | {"fitness": None, "r2": None}])
    assert table["seed"].tolist() == [1, 2]
    assert table["fitness"].iloc[1] == np.inf
    assert np.isnan(table["r2"].iloc[1])


@pytest.mark.filterwarnings("error")
def test_runs_and_networks_tell_their_software_and_a_mixture_warns(tmp_path):
    old, one, other = (
        {},
        {"software": {"numpy": "2.2", "processor": "A"}},
        {"software": {"numpy": "2.3", "processor": "A"}},
    )
    table = runs_table([fakes.run(seed=1) | one, fakes.run(seed=2) | one])
    assert table["software"].tolist() == ["numpy 2.2; processor A"] * 2
    with pytest.warns(UserWarning, match=r"^runs of .* \(1 with numpy 2\.2; 1 with numpy 2\.3"):
        runs_table([fakes.run(seed=1) | one, fakes.run(seed=2) | other])
    with pytest.warns(UserWarning, match=r"^networks of .* \(1 with unknown software"):
        networks_table(
            [fakes.network("K0") | old, fakes.network("F1") | one],
            [fakes.data(tmp_path / f"{task}.npz", task) for task in ("K0", "F1")],
            [fakes.task("K0"), fakes.task("F1")],
        )


def test_convergence_over_the_seeds():
    table = history_table(runs_with([4.0, 2.0, 1.0], [8.0, 6.0, 3.0]))
    assert table["generation"].tolist() == [1, 2, 3]
    assert table["min"].tolist() == [4, 2, 1]
    assert table["mean"].tolist() == [6, 4, 2]
    assert table["median"].tolist() == [6, 4, 2]
    assert table["max"].tolist() == [8, 6, 3]
    assert table["evaluations"].tolist() == [100, 200, 300]
    assert (table["runs"] == 2).all()


def test_a_run_that_stopped_early_keeps_its_last_fitness():
    table = history_table(runs_with([4.0, 2.0, 1.0], [0.5]))
    assert table["min"].tolist() == [0.5, 0.5, 0.5]
    assert table["evaluations"].tolist() == [100, 150, 200]


def test_fitness_that_is_not_finite_is_counted_and_not_averaged():
    table = history_table(runs_with([None, 2.0], [None, None], [4.0, 4.0]))
    assert table["finite"].tolist() == [1, 2]
    assert table["mean"].tolist() == [4, 3]
    assert table["median"].tolist() == [np.inf, 4]
    assert table["max"].tolist() == [np.inf, np.inf]


def test_tasks_and_presets_stay_apart_and_in_order():
    runs = [fakes.run("K2", "joint"), fakes.run("K0", "paper"), fakes.run("K0", "joint")]
    table = history_table(runs)
    assert list(table.groupby(["task", "preset"], sort=False).groups) == [
        ("K2", "joint"),
        ("K0", "paper"),
        ("K0", "joint"),
    ]


@pytest.mark.parametrize("length", [1, 2, 399, 400, 5000, 50000])
def test_thinning_keeps_both_ends(length):
    kept = thin(length)
    assert kept[0] == 0
    assert kept[-1] == length - 1
    assert len(kept) <= min(length, CURVE_POINTS)
    assert (np.diff(kept) > 0).all()


def test_every_run_that_cannot_be_used_is_named(tmp_path):
    write_json(tmp_path / "1.json", fakes.run(seed=1))
    (tmp_path / "2.json").write_text(json.dumps(fakes.run(seed=2))[:100])
    write_json(
        tmp_path / "4.json",
        {key: value for key, value in fakes.run(seed=4).items() if key != "history"},
    )
    write_json(tmp_path / "5.json", fakes.run(seed=5) | {"fitness": "low"})
    with pytest.raises(UserError) as caught:
        read_runs(tmp_path / f"{seed}.json" for seed in range(1, 6))
    sentence = str(caught.value)
    assert sentence.startswith("4 of 5 runs cannot be used")
    for part in (
        "2.json: is not plain JSON",
        "3.json: cannot be read",
        "4.json: the key 'history' is missing",
        "5.json: the key 'fitness' is 'low'; it must be of type number or null",
    ):
        assert part in sentence
    assert "1.json" not in sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizes": "1-3-1"}, "the key 'sizes' is '1-3-1'; it must be of type array"),
        ({"seconds": None}, "the key 'seconds' is None; it must be of type number"),
        ({"warnings": [1]}, "the key 'warnings.0' is 1; it must be of type string"),
        ({"history": [1.0]}, "'history' and 'history_epochs' must be of one length"),
        ({"history": [], "history_epochs": []}, "the key 'history.*' has 0 entries; at least 1"),
    ],
)
def test_a_report_that_is_none_is_refused(tmp_path, changes, words):
    write_json(tmp_path / "network.json", fakes.network(**changes))
    with pytest.raises(UserError, match=rf"network\.json: {words}"):
        read_networks([tmp_path / "network.json"])


@pytest.mark.parametrize(
    ("part", "changes", "words"),
    [
        ("network", {"mse": "0"}, "the key 'network.0.mse' is '0'; it must be of type number or"),
        ("layers", {"complexity": None}, "the key 'layers.0.complexity' is None"),
        ("layers", {"layer": "network"}, "the key 'layers.0.layer' is 'network'"),
        ("layers", {"layer": 0}, "the key 'layers.0.layer' is 0; at least 1 is needed"),
    ],
)
def test_formulas_that_are_none_are_refused(tmp_path, part, changes, words):
    write_json(tmp_path / "run.json", fakes.run("K0"))
    content = fakes.formulas("K0")
    content[part] = [content[part][0] | changes]
    write_json(tmp_path / "formulas.json", content)
    with pytest.raises(UserError, match=rf"formulas\.json: {words}"):
        formulas_table([tmp_path / "run.json"], [tmp_path / "formulas.json"])


def test_a_run_twice_is_refused(tmp_path):
    write_json(tmp_path / "1.json", fakes.run(seed=1))
    write_json(tmp_path / "2.json", fakes.run(seed=1))
    with pytest.raises(
        UserError, match=r"2\.json: is of task K0, preset paper, seed 1, as is .*1\.json"
    ):
        read_runs([tmp_path / "1.json", tmp_path / "2.json"])


def test_the_best_run(tmp_path):
    for seed, fitness in enumerate([3.0, None, 1.0, 1.0], start=1):
        write_json(tmp_path / f"{seed}.json", fakes.run(seed=seed) | {"fitness": fitness})
    paths = [tmp_path / f"{seed}.json" for seed in range(1, 5)]
    assert best_run(paths)["seed"] == 3
    with pytest.raises(
        UserError, match="task K0, preset paper: none of 1 runs found a formula of finite fitness"
    ):
        best_run(paths[1:2])


def test_networks_with_their_data(tmp_path):
    write_json(
        tmp_path / "network.json",
        fakes.network("F3", warnings=["failed to learn: R²", "constant network"]),
    )
    networks = read_networks([tmp_path / "network.json"])
    data = [fakes.data(tmp_path / "data.npz", "F3", rows=50)]
    table = networks_table(networks, data, [fakes.task("F3", epochs=300)])
    row = table.iloc[0]
    assert (row["rows"], row["inputs"], row["sizes"], row["family"]) == (
        50,
        2,
        "2-3-3-1",
        "Feynman",
    )
    assert (row["epochs"], row["full_epochs"]) == (100, 300)
    assert row["warnings"] == "failed to learn: R²; constant network"
    assert (row["kind"], row["predicted_counts"]) == ("regression", None)
    assert np.isnan(row["classes"])
    assert np.isnan(row["accuracy_test"])


def test_networks_of_classifications(tmp_path):
    write_json(tmp_path / "network.json", fakes.classifier("P0"))
    networks = read_networks([tmp_path / "network.json"])
    data = [fakes.data(tmp_path / "data.npz")]
    (row,) = networks_table(networks, data, [fakes.task("P0")]).to_dict("records")
    assert (row["kind"], row["classes"], row["predicted_classes"], row["predicted_counts"]) == (
        "classification",
        2,
        1,
        "0 / 200",
    )
    assert (row["accuracy_train"], row["accuracy_test"], row["majority_share"]) == (
        0.76,
        0.77,
        0.761,
    )
    assert np.isnan(row["r2_test"])


def test_training_names_the_epochs_that_were_kept():
    table = training_table(
        [fakes.network(epochs=3, history_epochs=[1, 50, 100], history=[4.0, None, 1.0])]
    )
    assert table["epoch"].tolist() == [1, 50, 100]
    assert table["loss"].tolist() == [4, np.inf, 1]


def test_formulas_by_layer_and_network(tmp_path):
    write_json(tmp_path / "run.json", fakes.run("K0"))
    write_json(tmp_path / "formulas.json", fakes.formulas("K0"))
    table = formulas_table([tmp_path / "run.json"], [tmp_path / "formulas.json"])
    assert table["layer"].tolist() == ["1", "2", "3", "network"]
    assert table["complexity"].tolist() == [3, 3, 3, 13]
    assert table["formula"].iloc[3] == "2*sin(x0**2) - 1"


def test_formulas_of_a_layer_of_several_have_its_number(tmp_path):
    write_json(tmp_path / "run.json", fakes.run("K0"))
    write_json(tmp_path / "formulas.json", fakes.formulas("K0", rank=2))
    table = formulas_table([tmp_path / "run.json"], [tmp_path / "formulas.json"])
    assert table["layer"].tolist() == ["1", "1", "2", "2", "3", "3", "network"]
    assert table["formula"].tolist()[:2] == ["1*sin(x0**2)", "2*sin(x0**2)"]
    assert table["complexity"].tolist() == [3] * 6 + [13]


def test_a_table_comes_back_as_it_was(tmp_path):
    table = pd.DataFrame(
        {"task": ["K0", "NA"], "fitness": [0.1 + 0.2, np.inf], "r2": [np.nan, 1.0]}
    )
    write_table(table, tmp_path / "table.csv")
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "table.csv"), table, check_dtype=False, check_exact=True
    )


def test_a_table_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no\.csv: cannot be read"):
        read_table(tmp_path / "no.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UserError, match=r"empty\.csv: is not a CSV table"):
        read_table(tmp_path / "empty.csv")
    (tmp_path / "head.csv").write_text("task,fitness\n")
    with pytest.raises(UserError, match=r"head\.csv: has no rows"):
        read_table(tmp_path / "head.csv")
