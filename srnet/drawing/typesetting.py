"""Breaks long LaTeX formulas into lines and sets them with matplotlib; no formula is cut off.

Each line has balanced braces, so LaTeX and matplotlib's mathtext can set it on its own. A part that
is too wide for a line is opened up: growing brackets become plain, a fraction a quotient and a root
a power. Lines then break before + and − and after brackets.
"""

import functools
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import matplotlib.style
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser

from srnet.drawing.style import STYLE
from srnet.errors import UserError

POINTS = 72.0  # per inch
SIZE = 7.0  # font size of a formula, in points
INDENT = r"\quad "
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
_WIDTHS = {
    "+": 2.2,
    "-": 2.2,
    "=": 2.2,
    r"\cdot": 1.2,
    r"\times": 2.2,
    ".": 0.5,
    ",": 0.8,
    "(": 0.7,
    ")": 0.7,
    "|": 0.6,
}
# What ends a formula, or is a command that mathtext takes for a text.
_ESCAPES = re.compile(r"(?<!\\)(?:\\\\)*[$%#]|\\text\s*\{[^}]*\\")
_PARSER: MathTextParser = MathTextParser("path")
_FONTS = {r"\operatorname", r"\mathrm", r"\text", r"\mathit"}


@dataclass
class _Node:
    """A part of a formula: its LaTeX on one line, its width in digits, and what it consists of.

    ``kind`` says how it is opened up if it is too wide.
    """

    latex: str
    width: float
    kind: str = "atom"
    parts: list["_Node"] = field(default_factory=list)


@dataclass
class _Chunk:
    """A piece of LaTeX that stays on one line."""

    latex: str
    width: float
    breaks: bool = False  # a line may start with it


def break_lines(latex: str, width: float) -> list[str]:
    """Break a formula into lines for math mode, all but the first indented.

    Parameters
    ----------
    latex
        The formula, without dollar signs.
    width
        Width of a line in digits. A symbol that is wider has a line to itself.

    Raises
    ------
    UserError
        If the formula ends too early, or is nested too deeply.
    """
    lines: list[str] = []
    for step in _split_steps(latex):
        tokens = _TOKEN.findall(step)
        try:
            row = _join_nodes(_parse_sequence(tokens, 0, ())[0])
            chunks = [] if row.width <= width else list(_split_chunks(row, width))
        except (IndexError, RecursionError) as error:
            raise UserError(
                f"the formula '{step[:200]}' cannot be typeset ({type(error).__name__})"
            ) from error
        parts = _fill_lines(chunks, width) if chunks else [step]
        lines += [parts[0], *(INDENT + line for line in parts[1:])]
    return lines


@functools.lru_cache(maxsize=4096)
def measure(latex: str, size: float = SIZE) -> tuple[float, float, float]:
    """Measure a formula as matplotlib sets it.

    Returns
    -------
    Width, height above the baseline and depth below it, in inches.

    Raises
    ------
    UserError
        If it holds another command than those of mathtext, which neither read nor write a file.
    """
    try:
        if _ESCAPES.search(latex):
            raise ValueError("it is no formula alone")
        with matplotlib.rc_context({"mathtext.fontset": "dejavusans"}):  # as in the style file
            box = _PARSER.parse(
                f"${space_functions(latex)}$",
                dpi=POINTS,
                prop=FontProperties(family="DejaVu Sans", size=size),
            )
    except ValueError as error:
        raise UserError(
            f"the formula '{latex[:200]}' cannot be typeset ({' '.join(str(error).split())})"
        ) from error
    return box.width / POINTS, (box.height - box.depth) / POINTS, box.depth / POINTS


def space_functions(latex: str) -> str:
    """Put a space after a factor: mathtext, unlike TeX, sets none before a function, and
    neither does before a name of several letters."""
    return re.sub(
        r"(?<=[\d})\]])\s*(?=\\(?:sin|cos|tan|ln|log|operatorname|mathrm)\b)", r"\\, ", latex
    )


def fit_lines(latex: str, inches: float, size: float = SIZE, prefix: str = "") -> list[str]:
    """Break a formula into lines that matplotlib sets no wider than ``inches``.

    The first line starts with ``prefix``.
    """
    digit = measure("0", size)[0]
    width = inches / digit
    while True:
        lines = break_lines(prefix + latex, width)
        widest = max(measure(line, size)[0] for line in lines)
        if widest <= inches or width < 12:
            return lines
        width *= min(0.97, inches / widest)


def to_svg(latex: str, inches: float, size: float = SIZE + 2) -> str:
    """Set a formula as an SVG element, broken into lines no wider than ``inches``."""
    lines = [(line, *measure(line, size)) for line in fit_lines(latex, inches, size)]
    width = max(line[1] for line in lines) + 0.04
    height = sum(above + below + 0.06 for _, _, above, below in lines)
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(width, height))
        y = height
        for line, _, above, below in lines:
            y -= above + 0.03
            figure.text(
                0.02 / width, y / height, f"${space_functions(line)}$", fontsize=size, va="baseline"
            )
            y -= below + 0.03
        file = io.StringIO()
        figure.savefig(
            file, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    text = file.getvalue()
    return text[text.index("<svg") :]


def _split_steps(latex: str) -> list[str]:
    """Split ``\\begin{aligned} f_{1} &= … \\\\ … \\end{aligned}`` into its steps."""
    aligned = re.fullmatch(
        r"(?:(.*?)=)?\s*\\begin\{aligned\}(.*)\\end\{aligned\}\s*", latex, flags=re.DOTALL
    )
    if not aligned:
        return [latex]
    return [step.replace("&", "").strip() for step in aligned[2].split(r"\\")]


def _join_nodes(nodes: list[_Node]) -> _Node:
    """One node of consecutive nodes, with spaces between them where mathtext needs them."""
    latex = ""
    for node in nodes:
        glued = not latex or latex.endswith(("(", "[", "|")) or node.latex in ",)"
        latex += node.latex if glued else f" {node.latex}"
    return _Node(latex, sum(node.width for node in nodes), "row", nodes)


def _parse_sequence(tokens: list[str], i: int, ends: tuple[str, ...]) -> tuple[list[_Node], int]:
    """Parse the nodes from token ``i`` to one of ``ends``; return them and the end's index."""
    nodes: list[_Node] = []
    while i < len(tokens) and tokens[i] not in ends:
        if tokens[i] in "^_" and nodes:
            script, j = _parse_primary(tokens, i + 1)
            base = nodes.pop()
            shown = script.latex if script.kind == "brace" else f"{{{script.latex}}}"
            node = _Node(
                f"{base.latex}{tokens[i]}{shown}", base.width + 0.7 * script.width, "script", [base]
            )
            node.parts.append(_Node(f"{tokens[i]}{shown}", 0.7 * script.width))
            nodes.append(node)
            i = j
        else:
            node, i = _parse_primary(tokens, i)
            nodes.append(node)
    return nodes, i


def _parse_primary(tokens: list[str], i: int) -> tuple[_Node, int]:
    """Parse the node that starts at token ``i``; return it and the index of the next token."""
    token = tokens[i]
    if token == "{":
        nodes, i = _parse_sequence(tokens, i + 1, ("}",))
        row = _join_nodes(nodes)
        return _Node(f"{{{row.latex}}}", row.width, "brace", [row]), i + 1
    if token == r"\left":
        opening = tokens[i + 1]
        nodes, i = _parse_sequence(tokens, i + 2, (r"\right",))
        row, closing = _join_nodes(nodes), tokens[i + 1]
        ends = [_Node(delimiter, 0.7) for delimiter in (opening, closing)]
        return _Node(
            rf"\left{opening}{row.latex} \right{closing}",
            row.width + 1.6,
            "fence",
            [ends[0], row, ends[1]],
        ), i + 2
    if token == r"\frac":
        above, i = _parse_primary(tokens, i + 1)
        below, i = _parse_primary(tokens, i)
        node = _Node(
            rf"\frac{above.latex}{below.latex}",
            max(above.width, below.width) + 0.6,
            "frac",
            [above, below],
        )
        return node, i
    if token == r"\sqrt":
        degree = _Node("2", 0.0)
        if tokens[i + 1] == "[":
            nodes, i = _parse_sequence(tokens, i + 2, ("]",))
            degree = _join_nodes(nodes)
        inner, i = _parse_primary(tokens, i + 1)
        shown = f"[{degree.latex}]" * (degree.width > 0)
        width = inner.width + 0.7 * degree.width + 1.2
        return _Node(rf"\sqrt{shown}{inner.latex}", width, "root", [inner, degree]), i
    if token in _FONTS:
        inner, i = _parse_primary(tokens, i + 1)
        return _Node(f"{token}{inner.latex.replace(' ', '')}", inner.width), i
    letters = len(token) - token.startswith("\\")
    return _Node(token, _WIDTHS.get(token, letters - 0.4 * token.count("."))), i + 1


def _split_chunks(node: _Node, width: float) -> Iterator[_Chunk]:
    """Split a node into chunks for lines of a width; small nodes stay whole, large ones open."""
    if node.kind == "row":
        for i, part in enumerate(node.parts):
            binary = i > 0 and part.latex in ("+", "-")
            for j, chunk in enumerate(_split_chunks(part, width)):
                yield _Chunk(chunk.latex, chunk.width, chunk.breaks or (binary and j == 0))
    elif node.kind == "atom" or node.width <= 0.4 * width:
        yield _Chunk(node.latex, node.width)
    elif node.kind == "brace":
        yield from _split_chunks(node.parts[0], width)
    elif node.kind == "fence":
        yield from _split_bracketed(node.parts[0].latex, node.parts[1], node.parts[2].latex, width)
    elif node.kind == "frac":
        yield _Chunk("[", 0.7)
        yield from _split_bracketed("(", node.parts[0], ")", width)
        yield _Chunk("/", 1.0, breaks=True)
        yield from _split_bracketed("(", node.parts[1], ")", width)
        yield _Chunk("]", 0.7)
    elif node.kind == "root":
        inner, degree = node.parts
        yield from _split_bracketed("(", inner, f")^{{1/{degree.latex}}}", width)
    else:  # a script: its exponent or index belongs to the last chunk
        base, script = node.parts
        chunks = list(_split_chunks(base, width))
        yield from chunks[:-1]
        last = chunks[-1]
        yield _Chunk(last.latex + script.latex, last.width + script.width, last.breaks)


def _split_bracketed(opening: str, inner: _Node, closing: str, width: float) -> Iterator[_Chunk]:
    yield _Chunk(opening, 0.7)
    for i, chunk in enumerate(_split_chunks(inner, width)):
        yield _Chunk(chunk.latex, chunk.width, chunk.breaks or i == 0)
    yield _Chunk(closing, 0.7 if len(closing) == 1 else 2.5)


def _fill_lines(chunks: list[_Chunk], width: float) -> list[str]:
    """Put as many chunks on a line as fit, and break at the last chunk that may start a line."""
    lines: list[str] = []
    line: list[_Chunk] = []
    for chunk in chunks:
        line.append(chunk)
        while sum(part.width for part in line) > width - 2 * bool(lines):
            starts = [i for i, part in enumerate(line) if i > 0 and part.breaks]
            if not starts:
                break
            lines.append(" ".join(part.latex for part in line[: starts[-1]]))
            line = line[starts[-1] :]
    return [*lines, " ".join(part.latex for part in line)]
