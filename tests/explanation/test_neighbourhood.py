"""Formulas of a model near one point."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import srnet
from srnet.errors import UserError
from srnet.explanation.explain import explain
from srnet.explanation.neighbourhood import describe_point, draw_neighbours, read_point
from srnet.explanation.predict import summary
from srnet.explanation.result import Explanation
from srnet.model.srnet import SRNet

RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (300, 3))
SMALL: dict[str, Any] = {"budget": 20_000, "progress": False, "threads": 1}


def bent(x: Any) -> Any:
    """One law where x0 is below 0, another above."""
    return np.where(x[:, 0] < 0, 3 * x[:, 1] ** 2, x[:, 0] * x[:, 2])


@pytest.mark.parametrize(
    ("point", "law"),
    [
        ([-1.5, 0.5, 0.5], lambda x: 3 * x[:, 1] ** 2),
        ([1.5, 0.5, 0.5], lambda x: x[:, 0] * x[:, 2]),
    ],
)
def test_the_law_near_the_point_is_found(point: list[float], law: Any, tmp_path: Path) -> None:
    found = explain(bent, X, point=point, **SMALL)
    near = np.array(point) + RNG.uniform(-0.3, 0.3, (100, 3))
    np.testing.assert_allclose(found.predict(near), law(near)[:, None], atol=0.02)
    assert (found.r2 or 0) > 0.999
    assert found.run["point"] == {"x": point, "width": 0.25}
    shown = f"near x0 = {point[0]:g}, x1 = 0.5, x2 = 0.5: up to 0.25 of the way"
    assert shown in str(found)
    assert "on 200 held-out rows near the point" in str(found)
    found.save(tmp_path / "run.json")
    assert shown in str(Explanation.load(tmp_path / "run.json"))
    assert shown in summary(SRNet.load(tmp_path / "run.json"), tmp_path / "run.json")
    assert shown in found.to_html()
    assert found.resume(1000, progress=False).run["point"] == found.run["point"]


def test_validation_rows_that_are_given_need_not_be_near() -> None:
    found = explain(bent, X, point=[1.5, 0.5, 0.5], validation=X[:50], **SMALL)
    assert "on validation rows " in found.quality
    assert "near the point" not in found.quality


def test_a_wider_neighbourhood_is_less_like_its_point() -> None:
    close, far = (explain(bent, X, point=[0.2, 1.0, 1.0], width=w, **SMALL) for w in (0.05, 1.0))
    assert (close.r2 or 0) > 0.999 > (far.r2 or 1)


@given(
    st.integers(0, 5),
    st.floats(0.01, 1.0),
    st.lists(st.floats(-1, 1), min_size=4, max_size=4),
)
def test_neighbours_lie_on_the_way_to_rows(seed: int, width: float, point: list[float]) -> None:
    rng = np.random.default_rng(seed)
    rows = np.column_stack(
        [rng.normal(size=200), rng.uniform(3, 4, 200), rng.integers(0, 2, (200, 1))]
    )
    rows = np.column_stack([rows, 1 - rows[:, 2]])  # kinds that exclude each other
    at = np.array([*point[:2], 1.0, 0.0])
    drawn = draw_neighbours(rows, at, width, seed)
    assert drawn.shape == (1000, 4)
    assert (drawn[:, 2] + drawn[:, 3] == 1).all()
    for i in (0, 1):
        reach = width * np.abs(rows[:, i] - at[i]).max()
        assert (np.abs(drawn[:, i] - at[i]) <= reach + 1e-12).all()
    # expected share of the point's kind: 1 - the mean share × the rows of the other kind
    others = (rows[:, 2] != 1).mean()
    assert (drawn[:, 2] != 1).mean() == pytest.approx(others * width / 2, abs=0.06)
    np.testing.assert_array_equal(drawn, draw_neighbours(rows, at, width, seed))


def test_correlated_inputs_stay_so() -> None:
    rows = RNG.normal(size=(500, 1)) * [1.0, 2.0]
    drawn = draw_neighbours(rows, np.array([0.5, 1.0]), 0.5, 0)
    np.testing.assert_allclose(drawn[:, 1], 2 * drawn[:, 0])


def test_a_model_of_columns_of_text_is_asked_for_rows_that_it_reads() -> None:
    frame = pd.DataFrame(
        {
            "size": RNG.integers(1, 90, 300),
            "colour": RNG.choice(["red", "green", "blue"], 300),
            "weight": RNG.uniform(1, 2, 300),
        }
    )
    asked: list[pd.DataFrame] = []

    def model(rows: pd.DataFrame) -> np.ndarray:
        asked.append(rows)
        return np.asarray(rows["weight"] ** 2 + rows["size"] * (rows["colour"] == "red"))

    found = explain(model, frame, point=frame.iloc[3], **SMALL)
    last = pd.concat(asked)
    assert set(last["colour"]) <= {"red", "green", "blue"}
    assert last["size"].between(1, 89).all()
    assert all(each["size"].dtype.kind == "i" for each in asked)
    row = frame.iloc[[3]]
    assert found.predict(row)[0, 0] == pytest.approx(float(model(row)[0]), abs=1.0)
    assert found.run["point"]["x"][0] == frame["size"][3]


def test_of_a_network_the_point_may_be_a_tensor() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    rows = torch.tensor(X, dtype=torch.float32)
    first, second = (
        srnet.explain(net, rows, point=point, seed=4, **SMALL | {"budget": 2000})
        for point in (rows[7], rows[7:8].numpy())
    )
    assert first.run["programs"] == second.run["programs"]
    assert (first.r2 or 0) > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"point": [1.0, 2.0]}, r"'point' has the shape \(1, 2\), but the network reads 3"),
        ({"point": X[:2]}, "'point' has 2 rows; one point is needed"),
        ({"point": [1.0, 2.0, np.nan]}, "'point' has .*nan|'point'.*finite"),
        ({"point": X[0], "width": 0}, "'width' is 0; a number above 0 and at most 1"),
        ({"point": X[0], "width": 2}, "'width' is 2; a number above 0 and at most 1"),
        ({"width": 0.5}, "'width' is 0.5 without a point"),
        ({"point": X[0], "sample_weight": np.ones(300)}, "'point' and 'sample_weight' are both"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        explain(bent, X, **SMALL | options)


def test_points_are_read_in_every_form() -> None:
    frame = pd.DataFrame(X[:3], columns=["a", "b", "c"])
    names = list(frame.columns)
    forms: list[Any] = [
        frame.iloc[1],
        frame.iloc[[1]],
        frame.iloc[1][["c", "a", "b"]],
        X[1],
        X[1].tolist(),
        tuple(X[1].tolist()),
        torch.tensor(X[1]),
        (X[1, :2][None], X[1, 2:][None]),
    ]
    for form in forms:
        np.testing.assert_array_equal(read_point(form, 3, {}, names, "x"), X[1])


@pytest.mark.parametrize("point", [3, {"x": [1.0], "width": 1}, {"x": ["a", "b"], "width": 1}, {}])
def test_a_damaged_point_is_said(point: Any) -> None:
    run = json.loads(json.dumps({"point": point, "input_names": ["a", "b"]}))
    with pytest.raises(UserError, match="a run has 'point'"):
        describe_point(run)
