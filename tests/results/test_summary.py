import numpy as np
import pandas as pd
import pytest
from helpers import fakes

from srnet.results.gather import networks_table, runs_table
from srnet.results.summary import summary, to_html, to_markdown


@pytest.fixture
def frames(tmp_path):
    runs = [
        fakes.run(task, preset, seed) | {"processor_seconds": 9.0}
        for task in ("K0", "F3")
        for preset in ("joint", "paper")
        for seed in (1, 2, 3)
    ]
    networks = [
        fakes.network("K0"),
        fakes.network("F3", warnings=["failed to learn: its R² is 0.1"]),
    ]
    data = [fakes.data(tmp_path / f"{task}.npz", task) for task in ("K0", "F3")]
    verdict = {
        "claim": "final fitness",
        "kind": "quantiles",
        "task": ["K0", "F3", "K0", "F3"],
        "method": "srnet",
        "preset": ["joint", "joint", "paper", "paper"],
        "published_low": [1.0, 2.0] * 2,
        "published_high": [3.0, 4.0] * 2,
        "ours": [1.0, 6.0, 1.0, 1.0],
        "ours_low": [0.5, 5.0, 0.5, 0.5],
        "ours_high": [2.0, np.inf, 2.0, 2.0],
        "verdict": ["better", "not reproduced", "reproduced", "not comparable"],
        "reason": [np.nan, "1 of 3 runs not finite", "", "network trained for 3 of 9 epochs"],
    }
    return {
        "runs": runs_table(runs),
        "networks": networks_table(networks, data, [fakes.task("K0"), fakes.task("F3")]),
        "verdict": pd.DataFrame(verdict),
    }


def page(frames):
    return to_markdown(summary("demo", frames, "Made by a test."))


def test_a_page_on_one_screen_with_the_published_search_first(frames):
    text = page(frames)
    assert text.startswith("# demo: what came out\n\n2 tasks, 12 runs: presets paper and joint, 3 ")
    assert "| claim | of | reproduced | better | not reproduced | not comparable |" in text
    assert (
        "| final fitness | paper | 1 |  |  | 1 |\n| final fitness | joint |  | 1 | 1 |  |" in text
    )
    assert "- final fitness, joint: F3 6 [5, ∞] (at most 4, 1 of 3 runs not finite)" in text
    assert "- network trained for 3 of 9 epochs: F3" in text
    assert "- F3: failed to learn: its R² is 0.1" in text
    assert text.index("## Verdict") < text.index("## Cost") < text.index("## Warnings")
    assert len(text.splitlines()) < 50


def test_the_cost_by_the_clock_and_of_the_processor(frames):
    text = page(frames)
    assert "| training of the networks | 7.0 s | – |" in text
    assert "| searches, paper | 72.0 s | 54.0 s |" in text
    runs = frames["runs"].assign(seconds=600.0, processor_seconds=np.nan)
    assert "| searches, paper | 60.0 min | – |" in page(frames | {"runs": runs})
    runs = runs.assign(seconds=6000.0)
    assert "| searches, paper | 10.0 h | – |" in page(frames | {"runs": runs})


def test_where_higher_is_better_the_published_range_is_told(frames):
    frames["verdict"] = frames["verdict"].assign(claim="accuracy", kind="mean")
    text = page(frames)
    assert "- accuracy, joint: F3 6 [5, ∞] (published 2 to 4, 1 of 3" in text
    assert "at most" not in text


def test_methods_without_presets_stand_for_themselves(frames):
    verdict = frames["verdict"].assign(
        claim="closer", kind="order", method="elime against lime", preset=np.nan
    )
    text = page(frames | {"verdict": verdict})
    assert "| closer | E-LIME | 1 | 1 | 1 | 1 |" in text
    assert "- closer, E-LIME: F3 / LIME 6 [5, ∞] (below 4" in text


def test_claims_of_which_nothing_was_run_are_named(frames):
    verdict = frames["verdict"]
    absent = verdict.assign(claim="accuracy", verdict="not run", ours=np.nan)
    text = page(frames | {"verdict": pd.concat([verdict, absent], ignore_index=True)})
    assert "Not run in this configuration: accuracy." in text
    assert "| accuracy" not in text
    assert "| claim" not in page(frames | {"verdict": absent})


def test_what_is_wrong_is_said(frames):
    runs = frames["runs"].copy()
    runs.loc[[0, 1], "fitness"] = np.inf
    text = page(frames | {"runs": runs})
    assert "- K0, joint: 2 of 3 runs not finite" in text
    networks = frames["networks"].assign(warnings="none")
    assert "Warnings" not in page(frames | {"networks": networks})


def test_long_lists_are_counted(frames):
    many = pd.concat(
        [frames["verdict"].assign(claim=f"claim {i}") for i in range(20)], ignore_index=True
    )
    assert "- and 12 more" in page(frames | {"verdict": many})


def test_the_same_in_html(frames):
    text = to_html(summary("demo & more", frames, "Made by a test."))
    assert text.startswith("<h2>demo &amp; more: what came out</h2>")
    assert text.count("<tr>") == 3 + 4 + 6
    assert "<li>network trained for 3 of 9 epochs: F3</li>" in text
