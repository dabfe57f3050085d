import re

import numpy as np
import pandas as pd
from helpers import fakes

from srnet.results.gather import runs_table
from srnet.results.provenance import provenance
from srnet.results.published import read_frame
from srnet.results.report import error_ratios, fill_in_report, verdict_table

TEMPLATE = (fakes.ROOT / "workflow" / "report" / "reproduction.md").read_text(encoding="utf-8")


def row(verdict, task="K0", preset="paper", kind="quantiles", claim="final fitness", **changes):
    return {
        "claim": claim,
        "kind": kind,
        "task": task,
        "method": "srnet",
        "preset": preset,
        "published": 0.001,
        "published_low": 0.0008,
        "published_high": 0.0012,
        "ours": 0.0001234,
        "ours_low": 0.0001,
        "ours_high": 0.0002,
        "verdict": verdict,
        "reason": "",
    } | changes


def report(tmp_path, rows, **frames):
    networks = pd.DataFrame(
        {"task": ["K0", "P0"], "predicted_classes": [np.nan, 1], "majority_share": [np.nan, 0.7]}
    )
    tables = {
        "verdict": pd.DataFrame(rows),
        "runs": runs_table([fakes.run("K0", "paper", seed) for seed in (1, 2)]),
        "networks": networks,
        "published": read_frame("published", fakes.ROOT / "config" / "published_regression.csv"),
    }
    configuration = {"presets": ["paper"], "verdict": "config/verdict.yaml"}
    content = provenance("pap|er", configuration, "snakemake", {}, tmp_path, {})
    return fill_in_report(TEMPLATE, tables | frames, content)


def section(text, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def test_what_came_out_is_said_by_the_verdict(tmp_path):
    verdicts = ["reproduced", "better", "not reproduced"]
    texts = {verdict: report(tmp_path, [row(verdict)]) for verdict in verdicts}
    for verdict, text in texts.items():
        assert f"Preset paper: 1 {verdict}." in text
        line = (
            "final fitness, K0, paper: ours 0.000123 [0.0001, 0.0002], published 0.0008 to 0.0012"
        )
        failed = section(text, "What did not reproduce, and why")
        assert (line.replace("K0, paper", "K0, srnet, paper") in failed) == (
            verdict == "not reproduced"
        )
        assert (line in section(text, "What is better")) == (verdict == "better")
    assert section(texts["better"], "What is better").count("| paper | 0.123 | 1 |") == 1
    assert "# Report of the reproduction: pap\\|er\n" in texts["better"]


def test_what_has_no_run_is_not_run(tmp_path):
    gone = {"ours": np.nan, "ours_low": np.nan, "ours_high": np.nan}
    rows = [
        row("reproduced"),
        row("not run", claim="images", kind="bound", preset="", reason="no table", **gone),
    ]
    text = report(tmp_path, rows)
    assert "- images: 1 row (no table)" in section(text, "What was not run")
    assert "### images" not in text
    assert "Errors of regressions: not run." in text
    assert "Classifications" not in text
    assert "nan" not in text.replace("explanation", "")


def test_lime_and_maple_stand_apart(tmp_path):
    fidelity = pd.DataFrame(
        [
            (method, preset, box, rmse, support)
            for box, factor, support in (("train", 1, 40.0), ("valid", 2, 20.0), ("test", 4, 1.1))
            for method, preset, rmse in (
                ("srnet", "paper", 0.2 * factor**2),
                ("lime", "", 0.4 * factor),
                ("maple", "", 0.1 * factor),
            )
        ],
        columns=["method", "preset", "box", "rmse", "support"],
    ).assign(task="K0", nonfinite=0)
    text = section(report(tmp_path, [row("reproduced")], fidelity=fidelity), "LIME and MAPLE")
    assert "| paper | LIME | 0.5 (1 of 1 tasks below 1) | 1 (0 of 1 tasks below 1) | 2 (0" in text
    assert "| paper | MAPLE | 2 (0 of 1 tasks below 1) |" in text
    assert "| 40 | 20 | 1.1 |" in text
    broken = fidelity.assign(nonfinite=(fidelity["method"] == "srnet").astype(int))
    assert error_ratios(broken, "test", "lime", "paper").tolist() == [np.inf]


def test_classifications_stand_by_preset(tmp_path):
    agreement = pd.DataFrame(
        {
            "task": "P0",
            "method": ["srnet", "srnet", "lime"],
            "preset": ["paper", "joint", ""],
            "split": "test",
            "accuracy": [0.9, 0.8, 0.5],
        }
    )
    text = report(tmp_path, [row("reproduced")], agreement=agreement)
    assert "| task | SRNet, paper | LIME |" in text
    assert "| P0 | 90 | 50 | not run | not run | not run | 70 |" in text


def test_tasks_behind_a_failed_order_are_one_line(tmp_path):
    order = {"kind": "order", "claim": "nearer", "published_low": np.nan}
    rows = [row("not reproduced", task=task, **order) for task in ("K0", "vit", "all")]
    failed = section(report(tmp_path, rows), "What did not reproduce, and why")
    assert "- nearer, srnet, paper: K0, small ViT\n" in failed
    assert "- nearer, all, srnet, paper: ours" in failed
    assert failed.count("- nearer") == 2


def test_constant_networks_and_infinite_runs_are_named(tmp_path):
    runs = runs_table([fakes.run("K0") | {"fitness": None}, fakes.run("K0", seed=2)])
    failed = section(
        report(tmp_path, [row("reproduced")], runs=runs), "What did not reproduce, and why"
    )
    assert "The networks of P0 predict one class" in failed
    assert "1 of 2 runs have no finite fitness (K0)." in failed


def test_tables_are_tables(tmp_path):
    rows = [
        row("reproduced"),
        row("better", task="K1"),
        row("not reproduced", kind="order", claim="a|b", task="all", published_low=np.nan),
    ]
    text = report(tmp_path, rows)
    assert "| a\\|b | paper |  |  | 1 |" in text
    assert "| all | srnet | paper | below 0.0012 |" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [line.replace("\\|", "") for line in table.splitlines()]
        assert len({line.count("|") for line in lines}) == 1, table
        assert set(lines[1]) <= set("|- ")


def test_a_verdict_without_any_preset_has_a_table():
    table = verdict_table(pd.DataFrame([row("better") | {"preset": np.nan}]))
    assert table.splitlines()[-1] == "| final fitness | SRNet | 1 |"


def test_a_claim_of_which_nothing_was_run_has_no_line():
    rows = [row("better"), row("not run"), row("not run", claim="images")]
    table = verdict_table(pd.DataFrame(rows))
    assert table.splitlines()[2:] == ["| final fitness | paper | 1 | 1 |"]
    assert verdict_table(pd.DataFrame(rows[2:])) == ""
