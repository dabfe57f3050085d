"""The comparison's tables on small tidy frames."""

import numpy as np
import pandas as pd
import pytest

from srnet.drawing.tables import accuracy, rmse, stability

METHODS = [("srnet", "paper"), ("lime", np.nan), ("constant", np.nan)]


@pytest.fixture
def fidelity():
    rows = [
        {
            "task": task,
            "method": method,
            "preset": preset,
            "seed": seed,
            "box": box,
            "points": 100,
            "nonfinite": int(seed == 3),
            "rmse": seed * factor,
            "rmse_near": 2 * seed * factor,
            "terms": 3.0,
            "support": 5.0,
        }
        for task in ("F3", "K0")
        for method, preset in METHODS
        for seed in (1, 2, 3)
        for box, factor in (("train", 1.0), ("valid", 10.0), ("test", 100.0))
    ]
    return pd.DataFrame(rows)


def test_rmse_is_the_median_over_the_seeds_with_its_spread(fidelity):
    table = rmse.draw(fidelity)
    assert table[["task", "method", "preset"]].to_numpy().tolist()[:3] == [
        ["F3", "srnet", "paper"],
        ["F3", "lime", ""],
        ["F3", "constant", ""],
    ]
    row = table.iloc[0]
    assert (row["seeds"], row["points"], row["nonfinite"]) == (3, 100, 3)
    assert (row["train"], row["test"], row["test_near"]) == (2, 200, 400)
    # one of three seeds is not finite at some point, as the verdict sees it
    assert row["valid_iqr"] == np.inf
    finite = rmse.draw(fidelity.assign(nonfinite=0)).iloc[0]
    assert (finite["train"], finite["valid_iqr"]) == (2, 20)


def test_rmse_of_formulas_that_are_nowhere_finite(fidelity):
    fidelity.loc[fidelity["method"] == "srnet", "rmse"] = np.nan
    row = rmse.draw(fidelity).iloc[0]
    assert row["test"] == np.inf
    assert row["nonfinite"] == 3


@pytest.fixture
def agreement():
    rows = [
        {
            "task": task,
            "method": method,
            "preset": preset,
            "seed": seed,
            "split": split,
            "rows": 20,
            "nonfinite": 0,
            "accuracy": 0.5 + 0.1 * seed,
        }
        for task in ("P0", "P2s")
        for method, preset in METHODS
        for seed in (1, 3)
        for split in ("train", "test")
    ]
    return pd.DataFrame(rows)


def test_every_accuracy_stands_beside_the_network_the_majority_and_the_published_one(agreement):
    networks = pd.DataFrame(
        {
            "task": ["P0", "P2s"],
            "accuracy_train": [0.76, 1.0],
            "accuracy_test": [0.77, 0.99],
            "majority_share": [0.76, 0.52],
            "predicted_classes": [1.0, 2.0],
        }
    )
    published = pd.DataFrame(
        {
            "task": ["P0"],
            "method": ["LIME"],
            "train_accuracy_percent": [84.47],
            "train_std": [2.3],
            "test_accuracy_percent": [71.33],
        }
    )
    claims = pd.DataFrame(
        {
            "task": "P2s",
            "method": ["lime", "maple"],
            "preset": np.nan,
            "verdict": ["not comparable", "better"],
            "reason": ["too few rows (9 of 30)", ""],
        }
    )
    table = accuracy.draw(agreement, networks, published, claims).set_index(["task", "method"])
    row = table.loc[("P0", "lime")]
    assert (row["train"], row["train_std"], row["train_rows"]) == (
        pytest.approx(70),
        pytest.approx(10),
        20,
    )
    assert (row["train_published"], row["test_published"]) == (84.47, 71.33)
    assert (row["network_test"], row["largest_class"], row["predicted_classes"]) == (77, 76, 1)
    assert row["train_published_std"] == 2.3
    assert row["remark"] == "constant network"
    assert table.loc[("P2s", "lime"), "remark"] == "not comparable: too few rows (9 of 30)"
    assert table.loc[("P2s", "constant"), "remark"] == ""
    assert np.isnan(table.loc[("P2s", "lime"), "test_published"])


def test_stability_is_the_spread_over_seeds():
    rows = [
        {
            "task": "K0",
            "method": "lime",
            "preset": np.nan,
            "seed": seed,
            "point": point,
            "quantity": quantity,
            "answer": answer,
        }
        for seed in (1, 2)
        for point in (0, 1, 2)
        for quantity, answer in (("value", 2.0 * seed), ("x0", 3.0 * seed), ("x1", 4.0 * seed))
    ]
    table = stability.draw(pd.DataFrame(rows))
    assert table.iloc[0].to_dict() == {
        "task": "K0",
        "method": "lime",
        "preset": "",
        "seeds": 2,
        "points": 3,
        "value_moves": 1,
        "slopes_move": 2.5,
        "nonfinite": 0,
    }
    rows[0]["answer"] = np.inf
    assert stability.draw(pd.DataFrame(rows)).iloc[0]["nonfinite"] == 1
    alone = stability.draw(pd.DataFrame(rows[9:])).iloc[0]
    assert alone["seeds"] == 1
    assert np.isnan(alone["value_moves"])
