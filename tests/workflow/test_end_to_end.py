"""The whole workflow on a tiny configuration, with the real commands."""

import csv
import json

from srnet.drawing.artifacts import list_drawings

KINDS = {"K0": "regression"}


def test_every_figure_and_table_is_there(tiny):
    results = tiny.tree / "results" / "tiny"
    for made in list_drawings(KINDS):
        folder = results / f"{made.artifact.kind}s"
        if made.artifact.kind == "figure":
            assert (folder / f"{made.name}.pdf").read_bytes().startswith(b"%PDF")
            assert (folder / f"{made.name}.png").read_bytes().startswith(b"\x89PNG")
        else:
            for kind in ("csv", "tex", "html"):
                assert (folder / f"{made.name}.{kind}").stat().st_size > 0
        caption = (folder / f"{made.name}.rst").read_text()
        assert caption.strip()
        assert "{{" not in caption


def test_the_tables_say_what_the_runs_say(tiny):
    results = tiny.tree / "results" / "tiny"
    with open(results / "tables" / "runs.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["task"], row["preset"], row["seed"]) for row in rows] == [
        ("K0", "paper", "1"),
        ("K0", "paper", "2"),
    ]
    runs = [
        json.loads((results / "K0" / "srnet" / "paper" / f"{seed}.json").read_text())
        for seed in (1, 2)
    ]
    assert [float(row["fitness"]) for row in rows] == [run["fitness"] for run in runs]
    best = json.loads((results / "K0" / "srnet" / "paper" / "best.json").read_text())
    assert best["fitness"] == min(run["fitness"] for run in runs)
    assert not list(results.glob("**/*.checkpoint"))


def test_every_published_number_has_a_line_in_the_verdict(tiny):
    with open(tiny.tree / "results" / "tiny" / "tables" / "reproduction.csv") as file:
        rows = list(csv.DictReader(file))
    fitness = {row["task"]: row for row in rows if row["claim"] == "final fitness"}
    assert len(fitness) == 12
    assert fitness["K0"]["verdict"] == "not comparable"  # two seeds
    assert {row["verdict"] for task, row in fitness.items() if task != "K0"} == {"not run"}
    assert sum(row["claim"].startswith("accuracy") for row in rows) == 30


def test_the_summary_says_what_came_out(tiny):
    text = (tiny.tree / "results" / "tiny" / "summary.md").read_text()
    assert text.startswith(
        "# tiny: what came out\n\n1 task, 2 runs: preset paper, 2 seeds per task and preset."
    )
    for heading in ("## Verdict", "## Warnings", "## Best formulas", "## Fidelity to the network"):
        assert heading in text
    assert len(text.splitlines()) < 80


def test_nothing_is_left_to_do(tiny, snakemake):
    run = snakemake(tiny.tree, *tiny.options, "--dry-run")
    assert "Nothing to be done" in run.stdout + run.stderr
