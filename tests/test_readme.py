"""What the README and its neighbours show is true."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy
import yaml

from srnet import __version__
from srnet.data.dataset import make_data
from srnet.data.tasks import load_task

ROOT = Path(__file__).resolve().parents[1]


def test_adding_a_task_is_adding_its_entry(tmp_path: Path) -> None:
    """The documented entry, behind the project's own tasks, with the table that it names."""
    page = (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8")
    (entry,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (name,) = yaml.safe_load(entry)
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 1, (40, 3))
    lines = [
        "carbon,silicon,temperature",
        *(",".join(f"{value:.6f}" for value in row) for row in rows),
    ]
    (tmp_path / "melting.csv").write_text("\n".join(lines))
    tasks = tmp_path / "tasks.yaml"
    tasks.write_text((ROOT / "config" / "tasks.yaml").read_text(encoding="utf-8") + "\n" + entry)
    task = load_task(name, tasks)
    data = make_data(task)
    assert data.x.shape == (40, 2)
    assert sorted(data.x[:, 0]) == sorted(np.round(rows[:, 0], 6))
    assert load_task("K0", tasks).name == "K0"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_pictures_and_pages_that_it_links_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link.split("#")[0]).exists()] == []


def test_its_picture_and_verdict_are_the_published_ones() -> None:
    published = ROOT / "results" / "published" / "paper"
    if not published.is_dir():
        pytest.skip("no complete run is published yet")
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    first, *_ = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", page)
    assert first.startswith("results/published/paper/figures/")
    table = re.findall(r"^\|.*", (published / "README.md").read_text(encoding="utf-8"), re.M)
    for line in table[: table.index("| file | content |")]:
        assert line in page, "the verdict of results/published/paper/README.md is another"


def read_formulas(text: str) -> dict[str, sympy.Expr]:
    """Lines such as ``g = 0.2 x + sin(x)²``, by what stands before the equals sign."""
    lines = re.findall(r"^    (?:[^=]*: +)?(\w) = (.*?)(?:  .*)?$", text, re.M)
    return {
        # a space between factors is a product
        name: sympy.sympify(re.sub(r"(?<=[\w)]) (?=[\w(])", "*", formula.replace("²", "**2")))
        for name, formula in lines
    }


@pytest.mark.parametrize("page", ["README.md", "docs/reading.md"])
def test_its_example_is_the_best_published_run(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    tables = ROOT / "results" / "published" / "paper" / "tables"
    layers, network = (
        pd.read_csv(tables / f"{name}.csv").query("task == 'K0' and preset == 'paper'")
        for name in ("hidden_semantics", "expressions")
    )
    assert f"snakemake results/paper/K0/srnet/paper/{network['seed'].item()}.json" in text
    shown = re.findall(r"^    (layer \d|output): +f = (.*?)  +MSE (.*)$", text, re.M)
    assert len(shown) == len(layers)
    h1, h2 = np.random.default_rng(0).uniform(0.2, 0.8, (2, 50))
    for (_, formula, error), row in zip(shown, layers.itertuples(), strict=True):
        assert float(error) == float(f"{row.mse:.2g}")
        [ours] = read_formulas(f"    f = {formula}").values()
        for x, first, second in zip(np.linspace(-1, 1, 50), h1, h2, strict=True):
            values = {"x": x, "h1": first, "h2": second}
            assert float(ours.subs(values)) == pytest.approx(
                float(sympy.sympify(row.formula).subs(values)), abs=1e-3
            )


def test_the_composed_example_is_the_best_published_run() -> None:
    text = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    network = pd.read_csv(ROOT / "results" / "published" / "paper" / "tables" / "expressions.csv")
    [published] = network.query("task == 'K0' and preset == 'paper'").itertuples()
    assert f"fitness {published.fitness:.7f}" in text
    lines = read_formulas(text[text.index("compose to") :])
    composed = lines["y"]
    for name in ("u", "s", "g"):
        composed = composed.subs(name, lines[name])
    exact = sympy.sympify(published.formula)
    for x in np.linspace(-1, 1, 21):
        assert float(composed.subs("x", x)) == pytest.approx(float(exact.subs("x", x)), abs=1e-3)


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
