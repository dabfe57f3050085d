from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import fakes

from srnet.results.gather import networks_table, runs_table
from srnet.results.provenance import provenance
from srnet.results.summary import summary, to_html, to_markdown


@pytest.fixture
def frames(tmp_path):
    runs = [
        fakes.run(task, preset, seed)
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


def made(tmp_path, **seconds):
    """The provenance of one job per rule."""
    for rule, time in seconds.items():
        (tmp_path / f"{rule}.tsv").write_text(f"s\n{time}\n")
    rules = {rule: rf"{rule}\.tsv" for rule in seconds}
    return provenance("demo", {}, "snakemake", {}, tmp_path, rules)


def page(frames):
    return to_markdown(summary("demo", frames, made(Path("nowhere"))))


def test_a_page_on_one_screen_with_the_published_search_first(frames):
    text = page(frames)
    assert text.startswith("# demo: what came out\n\n2 tasks, 12 runs: presets paper and joint, 3 ")
    assert "| claim | of | reproduced | better | not reproduced | not comparable |" in text
    assert (
        "| final fitness | paper | 1 |  |  | 1 |\n| final fitness | joint |  | 1 | 1 |  |" in text
    )
    assert "- final fitness, joint: F3 6 [5, ∞] (at most 4, 1 of 3 runs not finite)" in text
    assert "- network trained for 3 of 9 epochs, paper: F3" in text
    assert "- F3: failed to learn: its R² is 0.1" in text
    assert text.index("## Verdict") < text.index("## Cost") < text.index("## Warnings")
    assert len(text.splitlines()) < 50


def test_what_every_rule_cost_and_the_short_ones_together(frames, tmp_path):
    content = made(tmp_path, train=600, evolve=3000, data=1, best=2)
    text = to_markdown(summary("demo", frames, content))
    assert (
        "| evolve | 1 | 50.0 min | 83 % |\n| train | 1 | 10.0 min | 17 % |\n"
        "| 2 other rules | 2 | 3.0 s | 0 % |\n\nMade on "
    ) in text
    assert "All jobs together took 60.0 min by the clock." in text
    assert "| rule |" not in page(frames)  # of runs that were made elsewhere


def test_where_higher_is_better_the_published_range_is_told(frames):
    frames["verdict"] = frames["verdict"].assign(claim="accuracy", kind="mean")
    text = page(frames)
    assert "- accuracy, joint: F3 6 [5, ∞] (published 2 to 4, 1 of 3" in text
    assert "at most" not in text


def test_methods_without_presets_stand_for_themselves(frames):
    verdict = frames["verdict"].assign(
        claim="closer", kind="order", method="elime against lime", preset=np.nan
    )
    verdict["task"] = verdict["task"].replace("F3", "resnet18")
    text = page(frames | {"verdict": verdict})
    assert "| closer | E-LIME | 1 | 1 | 1 | 1 |" in text
    assert "- closer, E-LIME: ResNet-18 / LIME 6 [5, ∞] (below 4" in text


def test_a_reason_of_some_presets_names_them(frames):
    text = page(frames)
    assert "- network trained for 3 of 9 epochs, paper: F3\n" in text
    alone = frames["verdict"][frames["verdict"]["preset"] == "paper"]
    assert "- network trained for 3 of 9 epochs: F3\n" in page(frames | {"verdict": alone})


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
    text = to_html(summary("demo & more", frames, made(Path("nowhere"))))
    assert text.startswith("<h2>demo &amp; more: what came out</h2>")
    assert text.count("<tr>") == 3 + 6
    assert "<li>network trained for 3 of 9 epochs, paper: F3</li>" in text
