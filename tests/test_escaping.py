"""Hostile names in every language that they are shown in: they are text there, and all of it."""

import ast
import html.parser
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from helpers import fakes, made_up
from helpers.names import NAMES
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from matplotlib.figure import Figure

from srnet.cli import main
from srnet.drawing.captions import fill_in
from srnet.drawing.figures import explanation as explanation_figure
from srnet.drawing.latex_table import TASK, Formula, Paper, Text, to_latex
from srnet.drawing.saving import save_figure, to_html
from srnet.drawing.style import styled
from srnet.errors import UserError
from srnet.escaping import (
    escape_figure,
    escape_html,
    escape_latex,
    escape_markdown,
    escape_rst,
    printable,
)
from srnet.explanation.predict import summary as run_summary
from srnet.explanation.result import Explanation
from srnet.io.files import write_json
from srnet.io.frames import read_table, write_table
from srnet.io.schema import check, package_schema
from srnet.model.names import input_names_in, symbol_names
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.results.provenance import provenance
from srnet.results.summary import summary
from srnet.results.summary import to_html as summary_html
from srnet.results.summary import to_markdown as summary_markdown

CONFIG = yaml.safe_load((fakes.ROOT / "config" / "config.yaml").read_text())
CONFIG_SCHEMA = yaml.safe_load(
    (fakes.ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text()
)
# JSON can hold these; half a character is refused where a file is read.
WHOLE = [name for name in NAMES if name.isprintable() or "\ud800" not in name]

names = pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:30])
whole_names = pytest.mark.parametrize("name", WHOLE, ids=lambda name: ascii(name)[:30])


# --- Terminal -------------------------------------------------------------------------------------


@names
def test_a_terminal_gets_one_line_without_control(name: str) -> None:
    assert printable(name).isprintable()
    assert str(UserError(f"a.csv: {name}")).isprintable()
    assert printable(printable(name)) == printable(name)
    assert not name.isprintable() or printable(name) == name


def run_of(name: str) -> dict[str, Any]:
    """A RUN.json in which every text is the name."""
    run = fakes.run("F3") | {"task": name, "preset": name, "expressions": [name] * 3}
    run |= {"network_expressions": [name], "input_names": [name or "x", f"b{name}"]}
    run["consensus"] = {
        "runs": [{"seed": 0, "r2": None, "complexity": 1, "formulas": name}],
        "inputs": [{"input": name, "share": 1.0}],
        "formulas": [{"formula": name, "share": 0.5}],
    }
    return run | {"layer_names": [f"{name}."] * 3, "version": name}


@whole_names
def test_an_explanation_in_a_terminal(name: str, tmp_path: Path) -> None:
    result = Explanation(run_of(name))
    for text in (str(result), repr(result)):
        assert all(line.isprintable() for line in text.split("\n"))
    # and one that tells what a symbol stands for that is not the column's name
    more = len(str(result).split("\n")) - len(str(Explanation(run_of("K0"))).split("\n"))
    assert more == (result.input_names[0] != (name or "x"))
    write_json(tmp_path / "run.json", run_of(name))
    text = run_summary(SRNet.load(tmp_path / "run.json"), tmp_path / "run.json")
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("name", [name for name in WHOLE if name and "\0" not in name])
def test_commands_print_no_control_characters(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = name.replace("/", "_")[:100]
    write_json("run.json", run_of(name))
    for arguments in (
        ["show", "run.json"],
        ["show", "--", file],
        ["best", "--out", "best.json", "--", file],
        ["gather", "hidden-values", "--task", "K0", "--out", "a.csv", "--", file, "run.json"],
    ):
        result = CliRunner().invoke(main, arguments)
        assert "Traceback" not in result.output
        assert all(line.isprintable() for line in result.output.split("\n")), result.output
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_warning_of_a_command_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    CliRunner().invoke(main, ["show", "none.json"])
    line = warnings.formatwarning("of\na \x1b[31mfile\x07", UserWarning, "a.py", 1)
    assert line == "srnet: of a \\x1b[31mfile\\x07\n"


# --- Tables: HTML, LaTeX, CSV ---------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """The tags of a page with the names of their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[object] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(key for key, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@names
def test_html(name: str) -> None:
    def page(text: str) -> Page:
        return Page(to_html(pd.DataFrame({"task": [text], f"c{text}": [f"a {text}"]}), text))

    shown = page(name)
    assert shown.tags == page("K0").tags
    assert f"a {printable(name)}" in shown.text
    attribute = Page(f'<p class="{escape_html(name)}">')
    assert attribute.tags == [("p", "class")]


LATEX_TEXT = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textsuperscript{2}": "²",
    r"\textendash{}": "–",
    r"\textemdash{}": "—",
    r"\ldots{}": "…",
    **{r"$\leq$": "≤", r"$\geq$": "≥", r"$\pm$": "±", r"$\times$": "×", r"$\div$": "÷"},
    **{r"$\infty$": "∞", "$-$": "−"},
    **{f"\\{letter}": letter for letter in "&%$#_{}"},
}


def read_latex(text: str) -> str:
    """What LaTeX sets; fails where a character means something else."""
    pieces = re.findall("|".join(map(re.escape, LATEX_TEXT)) + r"|[^\\&%$#_{}~^]", text)
    assert "".join(pieces) == text
    set_text = "".join(LATEX_TEXT.get(piece, piece) for piece in pieces)
    return re.sub(r"U\+([0-9A-F]{4,6})", lambda code: chr(int(code[1], 16)), set_text)


@names
def test_latex(name: str) -> None:
    assert read_latex(escape_latex(name)) == printable(name)

    def table(text: str) -> list[str]:
        paper = Paper("caption", (TASK, Text(f"c{text}", "c")), groups="g")
        frame = pd.DataFrame({"task": [f"a{text}"], "c": ["x"], "g": [f"g{text}"]})
        return to_latex(frame, paper, f"t{text}", "label").splitlines()

    shown = table(name)
    assert len(shown) == len(table("plain"))
    (row,) = [line for line in shown if line.endswith(r" & x \\")]
    assert read_latex(row.removesuffix(r" & x \\")) == f"a{printable(name)}"


@pytest.mark.parametrize(
    "latex",
    [
        *(r"\input{/etc/passwd}", r"x + \include{a}", r"\write18{touch canary}", r"\def\a{b}"),
        *(r"x$ \input{a} $y", r"x % y", r"\text{\input a}", r"\text {a \input{b}}", r"\\$\input$"),
        *(r"\catcode`\%=1", r"\csname input\endcsname", "x#1", r"^^5cinput{a}"),
    ],
)
def test_a_formula_that_is_more_than_one_is_refused(latex: str) -> None:
    frame = pd.DataFrame({"task": ["K0"], "formula": ["x"], "latex": [latex]})
    paper = Paper("caption", (TASK, Formula()))
    for write in (
        lambda frame: to_latex(frame, paper, "title", "label"),
        lambda frame: to_html(frame, "title"),
    ):
        with pytest.raises(UserError, match="cannot be typeset"):
            write(frame)


@names
def test_csv(name: str, tmp_path: Path) -> None:
    """A row is a line, and what is printable comes back as it was."""
    write_table(pd.DataFrame({"task": [f"a{name}"], "value": [1.5]}), tmp_path / "a.csv")
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 2
    assert read_table(tmp_path / "a.csv").to_dict("records") == [
        {"task": f"a{printable(name)}", "value": 1.5}
    ]


# --- Markdown -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def markdown() -> Any:
    return pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")


def tokens(markdown: Any, text: str) -> list[str]:
    """The types of all tokens, but of line breaks within a text."""
    found = markdown.parse(text)
    inline = [child for token in found for child in token.children or ()]
    return [token.type for token in (*found, *inline) if token.type not in ("text", "text_special")]


@names
def test_markdown(name: str, markdown: Any) -> None:
    line = f"- {escape_markdown(f'a {name}')} b"
    assert tokens(markdown, line) == tokens(markdown, "- a K0 b")
    [inline] = [token for token in markdown.parse(line) if token.type == "inline"]
    text = "".join(child.content for child in inline.children)
    assert text == f"a {printable(name)} b"


@names
def test_the_summary(name: str, markdown: Any) -> None:
    def page(text: str) -> list[str]:
        text = f"a{text}"
        runs = {"task": [text], "preset": [text], "fitness": np.inf}
        networks = {"task": [text], "warnings": [text]}
        verdict = {"claim": [text], "task": [text], "method": "srnet", "preset": [text]}
        verdict |= {"kind": "order", "published_low": np.nan, "published_high": 1.0}
        verdict |= {"ours": 1.0, "ours_low": 0.5, "ours_high": 2.0}
        verdict |= {"verdict": "not reproduced", "reason": [text]}
        frames = {
            "runs": pd.DataFrame(runs),
            "networks": pd.DataFrame(networks),
            "verdict": pd.DataFrame(verdict),
        }
        content = provenance(text, {}, text, {}, Path("nowhere"), {})
        content["rules"] = {text: {"jobs": 1, "seconds": 1.0, "longest_seconds": 1.0}}
        shown = summary(text, frames, content)
        # in HTML nothing but the tags of a page
        tags = {tag for tag, *_ in Page(summary_html(shown)).tags}
        assert tags == {"h2", "h3", "p", "table", "tr", "th", "td", "ul", "li"}
        return tokens(markdown, summary_markdown(shown))

    assert [kind for kind in page(name) if kind != "code_inline"] == [
        kind for kind in page("K0") if kind != "code_inline"
    ]


# --- Captions: reStructuredText, twice through Jinja ----------------------------------------------


def elements(rst: str) -> tuple[set[str], str]:
    """The kinds of elements that docutils reads, and the text."""
    from docutils.core import publish_doctree

    document = publish_doctree(rst, settings_overrides={"report_level": 5, "halt_level": 5})
    return {node.tagname for node in document.findall()}, document.astext()


@names
def test_captions(name: str) -> None:
    template = "A {{ x }} and *b {{ x }}*: {{ [x, x] | join(', ') }}."
    caption = Environment().from_string(fill_in(template, {}, x=f"x{name}x")).render()
    kinds, text = elements(caption)
    assert kinds <= {"document", "paragraph", "#text", "emphasis"}
    shown = printable(re.sub(r"\s+", " ", f"x{name}x"))
    assert text == f"A {shown} and b {shown}: {shown}, {shown}."


@names
def test_a_name_at_the_start_of_a_caption(name: str) -> None:
    kinds, _ = elements(escape_rst(name))
    assert kinds <= {"document", "paragraph", "#text", "block_quote"}


# --- Figures --------------------------------------------------------------------------------------


@names
def test_a_text_in_a_figure(name: str) -> None:
    text = Figure().text(0, 0, escape_figure(name))
    shown, is_math = text._preprocess_math(text.get_text())  # type: ignore[attr-defined]
    assert not is_math or not shown
    assert shown == printable(name)


def test_figures_of_such_names(tmp_path: Path) -> None:
    @styled
    def draw(frame: pd.DataFrame) -> Figure:
        figure = Figure()
        for i, row in enumerate(frame.itertuples()):
            figure.text(0, i / len(frame), f"{row.task} {row.latex}")
        return figure

    tasks = [name[:100] for name in NAMES]
    latex = "$x_{0}$"
    drawn = draw(pd.DataFrame({"task": tasks, "latex": latex, "value": 1.0}))
    texts = [text.get_text() for text in drawn.texts]
    assert texts == [f"{escape_figure(task)} {latex}" for task in tasks]
    inputs = pd.DataFrame({"input": tasks, "first_order": 0.1, "total_order": 0.2})
    pairs = pd.DataFrame({"first": tasks[:1], "second": tasks[-1:], "interaction": 0.1})
    layers = explanation_figure.draw(tasks, [0.5] * len(tasks), np.eye(2), np.eye(2), inputs, pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of glyphs that the font lacks
        for figure in (drawn, layers):
            save_figure(figure, str(tmp_path / "a.pdf"), str(tmp_path / "a.png"))


# --- Source code ----------------------------------------------------------------------------------


def explanation_of(name: str) -> Explanation:
    """An explanation whose inputs, of which formulas read one, are called so."""
    return Explanation(run_of(name))


@whole_names
def test_names_of_inputs_are_identifiers(name: str) -> None:
    found = input_names_in({"input_names": [f"a{name}", f"a{name}", f"{name}b"]}, 3)
    assert len(set(found)) == 3
    assert all(each.isidentifier() for each in found)
    assert symbol_names(found) == found


@whole_names
def test_numpy_source(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = explanation_of(name)
    source = result.to_numpy()
    tree = ast.parse(source)
    assert [type(node) for node in tree.body] == [ast.Expr, ast.Import, ast.FunctionDef]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert all(function.startswith("np.") for function in called)
    space: dict[str, Any] = {}
    exec(source, space)
    x = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    np.testing.assert_allclose(space["network"](x), result.predict(x))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_c_source(tmp_path: Path) -> None:
    """All of them in one file; the compiler sees one function and no other call than of math.h."""
    parts = []
    for i, name in enumerate(WHOLE):
        source = explanation_of(name).to_c().replace("#include <math.h>", "")
        parts.append(re.sub(r"\bvoid network\(", f"void network{i}(", source))
    (tmp_path / "a.c").write_text("#include <math.h>\n" + "\n".join(parts))
    command = ["gcc", "-Wall", "-Werror=implicit-function-declaration", "-c", "a.c", "-o", "a.o"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    if shutil.which("nm") is not None:
        symbols = subprocess.run(
            ["nm", "a.o"], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.split("\n")
        undefined = {line.split()[-1] for line in symbols if " U " in line}
        assert undefined <= {"sin", "_GLOBAL_OFFSET_TABLE_"}
        assert sum(" T " in line for line in symbols) == len(WHOLE)
    assert not list(tmp_path.glob("canary*"))


@whole_names
def test_formulas_in_latex(name: str) -> None:
    latex = explanation_of(name).latex()
    assert not re.search(r"(?<!\\)[$%#&~]", latex)
    assert not re.search(r"<[^{]|&[^{]", latex)
    commands = set(re.findall(r"\\[A-Za-z]+", latex))
    of_names = {r"\mathrm", r"\text", r"\backslash", r"\sim", r"\hat"}
    assert commands <= {r"\sin", r"\left", r"\right", r"\cdot", *of_names}, commands


# --- Configuration and files ----------------------------------------------------------------------

TASK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{,99}")


@names
@pytest.mark.parametrize(
    "place",
    [
        lambda name: {"name": name},
        lambda name: {"tasks": ["K0", name]},
        lambda name: {"epochs": {name: 5}},
        lambda name: {"explainers": CONFIG["explainers"] | {"lines": [name]}},
        lambda name: {"explainers": CONFIG["explainers"] | {"plane": name}},
    ],
)
def test_names_of_a_configuration(name: str, place: Callable[[str], dict[str, Any]]) -> None:
    if TASK_NAME.fullmatch(name):
        if place(name).get("tasks") != ["K0", "K0"]:
            check(CONFIG | place(name), CONFIG_SCHEMA, "configuration")
    else:
        with pytest.raises(UserError):
            check(CONFIG | place(name), CONFIG_SCHEMA, "configuration")


@names
@pytest.mark.parametrize(
    "key", ["tasks_file", "pmlb_cache", "published", "published_classification", "verdict"]
)
def test_paths_of_a_configuration(name: str, key: str) -> None:
    """What steers a terminal or Snakemake is refused; anything else is a file's name."""
    try:
        check(CONFIG | {key: name}, CONFIG_SCHEMA, "configuration")
    except UserError:
        assert re.search(r"[{}<>\n]|^$", name) or not name.isprintable()
    else:
        assert not re.search(r"[{}<>\n\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", name)


@names
def test_names_of_tasks(name: str) -> None:
    tasks = yaml.safe_load((fakes.ROOT / "config" / "tasks.yaml").read_text())
    schema = package_schema("tasks")
    if TASK_NAME.fullmatch(name):
        check({name: tasks["K0"]}, schema, "tasks.yaml")
    else:
        with pytest.raises(UserError):
            check({name: tasks["K0"]}, schema, "tasks.yaml")
    box = {"train": [-1, 1], "valid": [-2, 2], "test": [-3, 3]}
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{,99}", name):
        with pytest.raises(UserError):
            check({"A": tasks["K0"] | {"inputs": {name: box}}}, schema, "tasks.yaml")


def patterns(schema: Any) -> set[str]:
    """Every pattern of a schema."""
    if isinstance(schema, list):
        return set().union(*map(patterns, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return own.union(*map(patterns, schema.values()))


SCHEMAS = [*fakes.ROOT.glob("srnet/schemas/*.yaml"), *fakes.ROOT.glob("workflow/schemas/*.yaml")]
PATTERNS = sorted(set().union(*(patterns(yaml.safe_load(path.read_text())) for path in SCHEMAS)))


@pytest.mark.parametrize("pattern", PATTERNS)
@given(data=st.data())
def test_no_pattern_lets_a_line_end_through(pattern: str, data: st.DataObject) -> None:
    name = data.draw(st.from_regex(pattern))
    assert re.search(pattern, name)
    assert "\n" not in name
    for wrong in (f"{name}\n", f"\n{name}", f"{name}\n{name}", f"{name}\r\n"):
        assert not re.search(pattern, wrong)


def test_there_are_patterns() -> None:
    assert len(SCHEMAS) >= 6
    assert len(PATTERNS) >= 5


@pytest.mark.parametrize("name", [name for name in NAMES if name and not set(name) & set("/\0")])
def test_a_file_gives_its_task_a_name_that_can_be_read_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name[:100].replace(chr(0xD800), chr(0xDCFF))}.npz"
    made_up.layers(rows=5, valid=3).save(path)
    task = Layers.load(path).name
    assert task.isprintable()
    assert task.encode()
