"""`srnet verdict` and `srnet summary`: one road from tidy tables to the page."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result
from helpers import fakes, made_images

from srnet.cli import main
from srnet.io.files import write_json
from srnet.io.frames import write_table
from srnet.results.gather import formulas_table, networks_table, runs_table
from srnet.results.provenance import write_provenance

RULES = fakes.ROOT / "config" / "verdict.yaml"
PUBLISHED = {
    "published": fakes.ROOT / "config" / "published_regression.csv",
    "published_classification": fakes.ROOT / "config" / "published_classification.csv",
}


def srnet(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def options(tables: dict[str, Path]) -> list[object]:
    return [word for table in tables.items() for word in ("--table", *table)]


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Path]:
    """The tidy tables of a made-up K0, and of explained images."""
    runs = [fakes.run("K0", "paper", seed) for seed in range(1, 31)]
    data = fakes.data(tmp_path / "data.npz")
    write_json(tmp_path / "run.json", runs[0])
    write_json(tmp_path / "formulas.json", fakes.formulas("K0"))
    frames = {
        "runs": runs_table(runs),
        "networks": networks_table([fakes.network("K0")], [data], [fakes.task()]),
        "formulas": formulas_table([tmp_path / "run.json"], [tmp_path / "formulas.json"]),
        "images_runs": made_images.runs(["resnet18"], ["cat"], [], seeds=5),
    }
    for name, frame in frames.items():
        write_table(frame, tmp_path / f"{name}.csv")
    return {name: tmp_path / f"{name}.csv" for name in frames}


def judged(tmp_path: Path, tables: dict[str, Path], *more: object) -> pd.DataFrame:
    out = tmp_path / "verdict.csv"
    words = ("verdict", "--rules", RULES, *options(tables), "--preset", "paper", "--out", out)
    result = srnet(*words, *more)
    assert (result.exit_code, result.output) == (0, ""), result.output
    return pd.read_csv(out, keep_default_na=False)


def test_all_rules_are_judged_at_once_the_images_among_them(
    tmp_path: Path, tables: dict[str, Path]
) -> None:
    del tables["formulas"]
    table = judged(tmp_path, tables | PUBLISHED)
    claims = [rule["name"] for rule in yaml.safe_load(RULES.read_text())["rules"]]
    explained = [name for name in claims if "DenseNet" not in name and "MobileNet" not in name]
    assert list(dict.fromkeys(table["claim"])) == explained
    fitness = table[table["claim"] == "final fitness"].set_index("task")["verdict"]
    assert len(fitness) == 12
    assert fitness["K0"] == "not reproduced"
    assert set(fitness.drop("K0")) == {"not run"}
    fast = table[table["claim"] == "explains an image within a minute"]
    assert fast["verdict"].tolist() == ["reproduced"]


def test_the_images_alone_are_judged_as_among_all(tmp_path: Path, tables: dict[str, Path]) -> None:
    del tables["formulas"]
    everything = judged(tmp_path, tables | PUBLISHED)
    images = judged(tmp_path, {"images_runs": tables["images_runs"]}, "--only", "images")
    assert 0 < len(images) < len(everything)
    assert images.equals(everything.tail(len(images)).reset_index(drop=True))


def test_without_images_their_claims_are_not_run(tmp_path: Path, tables: dict[str, Path]) -> None:
    del tables["formulas"], tables["images_runs"]
    table = judged(tmp_path, tables | PUBLISHED)
    images = table[table["claim"].str.contains("image|probability")]
    assert set(images["verdict"]) == {"not run"}
    assert len(images) == 10 - 1 + len(["lime", "lime-200"])


def test_the_page(tmp_path: Path, tables: dict[str, Path]) -> None:
    images = tables.pop("images_runs")
    formulas = tables.pop("formulas")
    judged(tmp_path, {name: tables[name] for name in ("runs", "networks")} | PUBLISHED)
    page, origin = tmp_path / "summary.md", tmp_path / "provenance.json"
    write_provenance(origin, "made_up", {}, "snakemake", {"runs": tables["runs"]}, tmp_path, {})
    command = ("summary", "--name", "made up", "--provenance", origin, "--out", page)
    complete = tables | {"verdict": tmp_path / "verdict.csv"}
    html = tmp_path / "summary.html"
    result = srnet(*command, "--html", html, *options(complete))
    assert (result.exit_code, result.output) == (0, "")
    assert html.read_text().startswith("<h2>made up: what came out</h2>\n<p>1 task, 30 runs: ")
    assert page.read_text().startswith("# made up: what came out\n\n1 task, 30 runs: ")
    assert "\n\nMade on " in page.read_text()
    page.unlink()
    for wrong, words in (
        (tables, "summary: the table verdict is missing; give it as --table"),
        (complete | {"formulas": formulas}, "there is no table formulas; allowed are runs, n"),
        (complete | {"images_runs": images}, "there is no table images_runs; allowed are runs,"),
        (complete | {"runs": tables["networks"]}, "networks.csv: lacks the column 'preset'; it h"),
    ):
        result = srnet(*command, *options(wrong))
        assert result.exit_code == 2
        assert result.stderr.startswith("srnet: ")
        assert words in result.stderr
        assert not page.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"runs": "none.csv"}, "none.csv: cannot be read"),
        ({"published": "runs"}, "runs.csv: lacks the column 'runs'; it has task, preset, seed"),
        ({"images_runs": "runs"}, "table images_runs lacks the column 'network'; it has task"),
        ({"runs": "networks"}, "the table runs lacks the column 'fitness'; it has task, kind"),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_no_file(
    tmp_path: Path, tables: dict[str, Path], changes: dict[str, str], words: str
) -> None:
    wrong = {name: tables.get(file, tmp_path / file) for name, file in changes.items()}
    out = tmp_path / "verdict.csv"
    result = srnet(
        *("verdict", "--rules", RULES, *options(tables | PUBLISHED | wrong)),
        *("--preset", "paper", "--out", out),
    )
    assert result.exit_code == 2
    assert result.stderr.startswith("srnet: ")
    assert words in result.stderr
    assert not out.exists()


def test_rules_that_are_none_are_a_sentence(tmp_path: Path, tables: dict[str, Path]) -> None:
    result = srnet(
        *("verdict", "--rules", tables["runs"], *options(tables), "--preset", "paper"),
        *("--out", tmp_path / "verdict.csv"),
    )
    assert result.exit_code == 2
    assert result.stderr.startswith("srnet: ")
