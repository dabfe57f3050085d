import numpy as np
import pandas as pd
import pytest
from helpers import fakes

from srnet.io.files import write_json
from srnet.results.gather import formulas_table, networks_table, runs_table
from srnet.results.summary import summary


@pytest.fixture
def frames(tmp_path):
    runs = [fakes.run(task, "paper", seed) for task in ("K0", "F3") for seed in (1, 2, 3)]
    networks = [
        fakes.network("K0"),
        fakes.network("F3", warnings=["failed to learn: its R² is 0.1"]),
    ]
    data = [fakes.data(tmp_path / f"{task}.npz", task) for task in ("K0", "F3")]
    write_json(tmp_path / "run.json", runs[0])
    write_json(tmp_path / "formulas.json", fakes.formulas("K0"))
    verdict = {
        "claim": ["final fitness"] * 2,
        "kind": "quantiles",
        "task": ["K0", "F3"],
        "method": "srnet",
        "preset": "paper",
        "published_low": [1.0, 2.0],
        "published_high": [3.0, 4.0],
        "ours": [1.0, 6.0],
        "ours_low": [0.5, 5.0],
        "ours_high": [2.0, np.inf],
        "verdict": ["reproduced", "not reproduced"],
        "reason": ["", "1 of 3 runs not finite"],
    }
    return {
        "runs": runs_table(runs),
        "networks": networks_table(networks, data, [fakes.task("K0"), fakes.task("F3")]),
        "formulas": formulas_table([tmp_path / "run.json"], [tmp_path / "formulas.json"]),
        "verdict": pd.DataFrame(verdict),
    }


def test_a_page_that_is_read_in_two_minutes(frames):
    text = summary("demo", frames)
    assert text.startswith("# demo: what came out\n")
    assert (
        "2 tasks, 6 runs: preset paper, 3 seeds per task and preset. Most generations of a run: "
        "paper 50" in text
    )
    assert "| final fitness | 1 | 1 |" in text
    assert (
        "- final fitness, F3 srnet paper: ours 6 [5, ∞], at most 4; 1 of 3 runs not finite" in text
    )
    assert "- F3: failed to learn: its R² is 0.1" in text
    assert "`2*sin(x0**2) - 1`" in text
    assert "Fidelity" not in text
    assert len(text.splitlines()) < 60


def test_where_higher_is_better_the_published_range_is_told(frames):
    frames["verdict"] = frames["verdict"].assign(claim="accuracy", kind="mean")
    text = summary("demo", frames)
    assert "- accuracy, F3 srnet paper: ours 6 [5, ∞], published 2 to 4; 1 of 3" in text
    assert "at most" not in text


def test_presets_are_listed(frames):
    for presets, words in (
        (("a", "b"), "presets a and b,"),
        (("a", "b", "c"), "presets a, b and c,"),
    ):
        runs = pd.concat([frames["runs"].assign(preset=preset) for preset in presets])
        assert words in summary("demo", frames | {"runs": runs})


def test_claims_of_which_nothing_was_run_are_counted(frames):
    verdict = frames["verdict"]
    absent = verdict.assign(claim="accuracy", verdict="not run", ours=np.nan)
    text = summary("demo", frames | {"verdict": pd.concat([verdict, absent], ignore_index=True)})
    assert "Nothing was run of: accuracy (2)." in text
    assert "| accuracy" not in text
    assert "| claim" not in summary("demo", frames | {"verdict": absent})


def test_what_is_wrong_is_said(frames):
    runs = frames["runs"].copy()
    runs.loc[[0, 1], "fitness"] = np.inf
    networks = frames["networks"].assign(predicted_classes=[1, np.nan])
    text = summary("demo", frames | {"runs": runs[:4], "networks": networks})
    assert (
        "- K0: constant network, one class for every row; agreement with it is no evidence" in text
    )
    assert "- K0, paper: 2 of 3 runs without a finite fitness" in text
    assert "- F3, paper: a single seed, no interval" in text
    assert "1 to 3 seeds" in text


def test_nothing_wrong_is_said_too(frames):
    networks = frames["networks"].assign(warnings="none")
    assert "## Warnings\n\nNone." in summary("demo", frames | {"networks": networks})


def test_fidelity_and_agreement(frames):
    fidelity = pd.DataFrame(
        {
            "task": "K0",
            "method": ["srnet", "srnet", "lime", "lime"],
            "preset": ["paper", "paper", np.nan, np.nan],
            "box": ["valid", "test", "valid", "test"],
            "points": 100,
            "nonfinite": [0, 7, 0, 0],
            "rmse": [0.12345, 1.0, 2.0, 3.0],
        }
    )
    agreement = pd.DataFrame(
        {
            "task": "P0",
            "method": "maple",
            "preset": np.nan,
            "split": ["train", "test"],
            "accuracy": [0.9, 0.8],
        }
    )
    text = summary("demo", frames | {"fidelity": fidelity, "agreement": agreement})
    assert "| K0 | 0.123 / ∞ | 2 / 3 |" in text
    assert (
        "- K0, srnet paper: not finite on 7.0% of the points of the test box, in 1 run(s)" in text
    )
    assert "| P0 | 90.0 / 80.0 |" in text


def test_long_lists_are_counted(frames):
    many = pd.concat([frames["verdict"]] * 20, ignore_index=True)
    assert "- and 8 more" in summary("demo", frames | {"verdict": many})
