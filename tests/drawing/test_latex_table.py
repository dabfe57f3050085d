"""Tables of LaTeX: every one of them, with the widest texts and numbers, fits an article."""

import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from srnet.drawing.artifacts import ARTIFACTS
from srnet.drawing.latex_table import Formula, Number, Paper, Text, to_latex

TABLES = [artifact for artifact in ARTIFACTS if artifact.kind == "table"]
# The widest that a column of texts holds, by its name.
WIDE = {
    "task": ["P4s", "iris"],
    "method": ["maple", "constant"],
    "preset": ["paper", "rank3"],
    "claim": ["interpolates more accurately, validation box", "accuracy of 50 % & more_"],
    "layer": ["1", "output"],
    "sizes": ["7-200-100-100-2", "117-100-100-2"],
    "trained": ["300/20000", "50000"],
    "warnings": ["none", "constant network, failed to learn, failed to generalise"],
    "remark": ["", "not comparable: network trained for 300 of 20000 epochs"],
    "network": ["DenseNet-121", "MobileNetV2"],
    "image": ["motorcycle", "cat"],
    "unit": ["", "s"],
}
LONG_REASON = "search of 30000 of 1000000 evaluations per layer"
IMAGE_METHODS = ["E-LIME, published, ≤ 500 passes", "LIME, 1000 passes"]
CLAIM_METHODS = ["E-LIME, published against LIME, 1000 passes", "E-LIME, sparse"]
NUMBERS = [2.35e-8, 2.35e18]
DECIMALS = {0: [30.0, 5000.0], 1: [0.85, 100.0], 2: [0.01, 1.0], 3: [-12.5, 0.999], 4: [0.5, 1.0]}
FORMULA = (
    r"- \frac{1.234 x_{0}^{2} \sin{\left(x_{1} + 0.5678 \right)}}{x_{0} + 2.345}"
    r" + \ln{\left(\left|{x_{1}}\right| \right)}"
)


def paper_of(name: str) -> Paper:
    artifact = next(table for table in TABLES if table.name == name)
    paper: Paper = import_module(f"srnet.drawing.{artifact.module_path}").PAPER
    return paper


def wide(name: str, paper: Paper) -> pd.DataFrame:
    """A frame that fills the columns of a table; every number has its spread or interval."""
    columns: dict[str, object] = {"seeds": [30, 10], "runs": [30, 28], "points": [10, 10]}
    columns |= {"optimiser": ["adam", "sgd"], "lr": [0.003, 0.1]}
    others = {"network_fit": "accuracy|major", "network_accuracy": "r2"}.get(name, "none")
    columns |= {name: WIDE[name] for name in ("task", "claim", "network", "remark", "unit")}
    columns |= {"verdict": ["not comparable"] * 2, "reason": ["", LONG_REASON]}
    for column in paper.columns:
        match column:
            case Formula():
                columns[column.of] = [FORMULA, " + ".join([FORMULA] * 9)]
            case Text(of=str(of)):
                columns |= {of: WIDE[of]} if of in WIDE else {}
            case Number():
                shown = NUMBERS if column.decimals is None else DECIMALS[column.decimals]
                values = [value / column.times for value in shown]
                columns[column.of] = values
                columns |= {other: values for other in (column.spread, *column.brackets) if other}
    if name == "images_differences":
        columns |= {"reference": IMAGE_METHODS[:1] * 2, "method": IMAGE_METHODS}
        for measure in ("insertion", "deletion", "best_iou"):
            columns[f"{measure}_verdict"] = ["too few images", "better"]
    if name in ("images_methods", "images_named"):
        columns["method"] = IMAGE_METHODS
    if name == "reproduction":
        columns["method"] = ["elime-published", "srnet against lime-200"]
    if name == "images_verdict":
        columns["method"] = CLAIM_METHODS
    if name == "presets":
        columns["verdict"] = ["reproduced", f"not comparable: {LONG_REASON}"]
    return pd.DataFrame(columns).filter(regex=f"^(?!{others})")


@pytest.fixture(params=[table.name for table in TABLES])
def written(request: pytest.FixtureRequest) -> str:
    paper = paper_of(request.param)
    return to_latex(wide(request.param, paper), paper, "A title [of 5 %]", request.param)


def rows_of(latex: str) -> list[str]:
    body = latex.partition("\\endlastfoot\n")[2].partition("\\end{longtable}")[0]
    return [line for line in body.splitlines() if line.endswith("\\\\")]


def test_every_row_has_every_column_and_characters_that_latex_has(written: str) -> None:
    columns = re.search(r"\\begin{longtable}{@{}(.*)@{}}", written)
    assert columns
    count = len(re.sub(r">{[^}]*}p{[^}]*}", "l", columns[1]))
    rows = rows_of(written)
    assert len(rows) == 2
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {count - 1}
    assert written.isascii()
    plain = re.sub(r"\\[{}\\]", "", written)
    assert plain.count("{") == plain.count("}")
    assert len(re.findall(r"(?<!\\)\$", plain)) % 2 == 0
    assert r"\caption[{A title [of 5 \%]}]" in written
    assert r"\label{tab:" in written


ENGINE = shutil.which("pdflatex") or shutil.which("tectonic")


@pytest.mark.skipif(ENGINE is None, reason="no LaTeX engine")
def test_every_table_compiles_within_the_text_width(tmp_path: Path) -> None:
    tables = [
        to_latex(wide(table.name, paper_of(table.name)), paper_of(table.name), table.title, str(i))
        for i, table in enumerate(TABLES)
    ]
    packages = r"\usepackage{amsmath,array,booktabs,longtable}"
    document = rf"\documentclass{{article}}{packages}\begin{{document}}"
    (tmp_path / "all.tex").write_text("\n\n".join([document, *tables, r"\end{document}"]))
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in str(ENGINE) else []
    for _ in range(2):  # longtable finds its widths at the second time
        run = subprocess.run(
            [str(ENGINE), *options, "all.tex"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        assert run.returncode == 0, run.stdout[-2000:]
    assert "Overfull" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("column", "values", "cells"),
    [
        (Number("", "a"), [0.0, 123.456, 0.001234], ["$0.00$", "$123$", "$0.00123$"]),
        (Number("", "a"), [2.351e8, -1e-12], ["$2.35$e$8$", "$-1.00$e$-12$"]),
        (Number("", "a", decimals=1, times=100), [0.5, np.inf], ["$50.0$", r"$\infty$"]),
        (Number("", "a", decimals=1, spread="s"), [50.0, np.nan], [r"$50.0 \pm 2.0$", "--"]),
        (Number("", "a", spread="s"), [23.56, 1e5], [r"$23.6 \pm 2.0$", r"$(1.00 \pm 0.00)$e$5$"]),
        (Number("", "a", brackets=("s",)), [5.0, np.nan], ["$5.00$ ($2.00$)", "--"]),
        (Number("", "a", brackets=("s", "s")), [5.0], ["$5.00$ [$2.00$, $2.00$]"]),
    ],
)
def test_numbers_have_fixed_digits(column: Number, values: list[float], cells: list[str]) -> None:
    frame = pd.DataFrame({"a": values, "s": 2.0})
    assert column.cells(frame) == cells


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1e300, 2, "$1.00$e$300$"),
        (-1e300, 0, "$-1.00$e$300$"),
        (5e-324, None, "$4.94$e$-324$"),
        (12345.678, 2, "$12345.68$"),
    ],
)
def test_a_huge_or_tiny_number_has_an_exponent(value, decimals, text):
    assert Number("a", "a", decimals=decimals).cells(pd.DataFrame({"a": [value]})) == [text]
