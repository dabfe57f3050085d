"""LaTeX formulas broken into lines: a formula is never cut, however long it is.

A line holds balanced braces, so that LaTeX and matplotlib's mathtext can set it alone. What is too
wide for a line is opened: brackets that grow become plain ones, a fraction a quotient, a root a
power; breaks then come before + and − and after brackets.
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

POINTS = 72.0  # per inch
SIZE = 7.0  # of a formula's letters, in points
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
_PARSER: MathTextParser = MathTextParser("path")
_FONTS = {r"\operatorname", r"\mathrm", r"\text", r"\mathit"}


@dataclass
class _Node:
    """A piece of a formula: ``latex`` as it stands on one line, ``width`` in digits, and how it is
    opened when it is too wide."""

    latex: str
    width: float
    kind: str = "atom"
    parts: list["_Node"] = field(default_factory=list)


@dataclass
class _Chunk:
    latex: str
    width: float
    breaks: bool = False  # a line may begin with it


def broken(latex: str, width: float) -> list[str]:
    """The lines of a formula, each for math mode; those after the first are indented.

    Parameters
    ----------
    width
        Of a line, in digits. A single symbol that is wider stands on a line of its own.
    """
    lines: list[str] = []
    for step in _steps(latex):
        tokens = _TOKEN.findall(step)
        nodes, _ = _sequence(tokens, 0, ())
        row = _row(nodes)
        found = [step] if row.width <= width else _fill(list(_chunks(row, width)), width)
        lines += [found[0], *(INDENT + line for line in found[1:])]
    return lines


@functools.lru_cache(maxsize=4096)
def measured(latex: str, size: float = SIZE) -> tuple[float, float, float]:
    """Width, height above and depth below the base line of a formula in inches, as matplotlib sets
    it."""
    with matplotlib.rc_context({"mathtext.fontset": "dejavusans"}):  # as in the style file
        box = _PARSER.parse(
            f"${spaced(latex)}$", dpi=POINTS, prop=FontProperties(family="DejaVu Sans", size=size)
        )
    return box.width / POINTS, (box.height - box.depth) / POINTS, box.depth / POINTS


def spaced(latex: str) -> str:
    """For mathtext, which unlike TeX sets no space between a factor and the name of a function."""
    return re.sub(r"(?<=[\d})\]])\s*(?=\\(?:sin|cos|tan|ln|log|operatorname)\b)", r"\\, ", latex)


def fitted(latex: str, inches: float, size: float = SIZE, prefix: str = "") -> list[str]:
    """The lines of a formula, none wider than ``inches`` as matplotlib sets it, the first beginning
    with ``prefix``."""
    digit = measured("0", size)[0]
    width = inches / digit
    while True:
        lines = broken(prefix + latex, width)
        widest = max(measured(line, size)[0] for line in lines)
        if widest <= inches or width < 12:
            return lines
        width *= min(0.97, inches / widest)


def svg(latex: str, inches: float, size: float = SIZE + 2) -> str:
    """A formula as an SVG element, broken to a width."""
    lines = [(line, *measured(line, size)) for line in fitted(latex, inches, size)]
    width = max(line[1] for line in lines) + 0.04
    height = sum(above + below + 0.06 for _, _, above, below in lines)
    with matplotlib.style.context(["default", STYLE, {"svg.hashsalt": "srnet"}]):
        figure = Figure(figsize=(width, height))
        y = height
        for line, _, above, below in lines:
            y -= above + 0.03
            figure.text(0.02 / width, y / height, f"${spaced(line)}$", fontsize=size, va="baseline")
            y -= below + 0.03
        file = io.StringIO()
        figure.savefig(
            file, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    text = file.getvalue()
    return text[text.index("<svg") :]


def _steps(latex: str) -> list[str]:
    """A formula that is written in steps has one per line: \\begin{aligned} f_{1} &= … \\\\ f_{2}
    &= … \\end{aligned}."""
    found = re.fullmatch(
        r"(?:(.*?)=)?\s*\\begin\{aligned\}(.*)\\end\{aligned\}\s*", latex, flags=re.DOTALL
    )
    return [step.replace("&", "").strip() for step in found[2].split(r"\\")] if found else [latex]


def _row(nodes: list[_Node]) -> _Node:
    latex = ""
    for node in nodes:
        glued = not latex or latex.endswith(("(", "[", "|")) or node.latex in ",)"
        latex += node.latex if glued else f" {node.latex}"
    return _Node(latex, sum(node.width for node in nodes), "row", nodes)


def _sequence(tokens: list[str], i: int, ends: tuple[str, ...]) -> tuple[list[_Node], int]:
    """The nodes up to one of the ends, and the place of that end."""
    nodes: list[_Node] = []
    while i < len(tokens) and tokens[i] not in ends:
        if tokens[i] in "^_" and nodes:
            script, j = _primary(tokens, i + 1)
            base = nodes.pop()
            shown = script.latex if script.kind == "brace" else f"{{{script.latex}}}"
            node = _Node(
                f"{base.latex}{tokens[i]}{shown}", base.width + 0.7 * script.width, "script", [base]
            )
            node.parts.append(_Node(f"{tokens[i]}{shown}", 0.7 * script.width))
            nodes.append(node)
            i = j
        else:
            node, i = _primary(tokens, i)
            nodes.append(node)
    return nodes, i


def _primary(tokens: list[str], i: int) -> tuple[_Node, int]:
    token = tokens[i]
    if token == "{":
        nodes, i = _sequence(tokens, i + 1, ("}",))
        row = _row(nodes)
        return _Node(f"{{{row.latex}}}", row.width, "brace", [row]), i + 1
    if token == r"\left":
        opening = tokens[i + 1]
        nodes, i = _sequence(tokens, i + 2, (r"\right",))
        row, closing = _row(nodes), tokens[i + 1]
        ends = [_Node(delimiter, 0.7) for delimiter in (opening, closing)]
        return _Node(
            rf"\left{opening}{row.latex} \right{closing}",
            row.width + 1.6,
            "fence",
            [ends[0], row, ends[1]],
        ), i + 2
    if token == r"\frac":
        above, i = _primary(tokens, i + 1)
        below, i = _primary(tokens, i)
        node = _Node(
            rf"\frac{above.latex}{below.latex}",
            max(above.width, below.width) + 0.6,
            "frac",
            [above, below],
        )
        return node, i
    if token == r"\sqrt" and tokens[i + 1] == "{":
        inner, i = _primary(tokens, i + 1)
        return _Node(rf"\sqrt{inner.latex}", inner.width + 1.2, "sqrt", [inner]), i
    if token in _FONTS:
        inner, i = _primary(tokens, i + 1)
        return _Node(f"{token}{inner.latex.replace(' ', '')}", inner.width), i
    letters = len(token) - token.startswith("\\")
    return _Node(token, _WIDTHS.get(token, letters - 0.4 * token.count("."))), i + 1


def _chunks(node: _Node, width: float) -> Iterator[_Chunk]:
    """What a line is filled with: small pieces whole, large ones opened."""
    if node.kind == "row":
        for i, part in enumerate(node.parts):
            binary = i > 0 and part.latex in ("+", "-")
            for j, chunk in enumerate(_chunks(part, width)):
                yield _Chunk(chunk.latex, chunk.width, chunk.breaks or (binary and j == 0))
    elif node.kind == "atom" or node.width <= 0.4 * width:
        yield _Chunk(node.latex, node.width)
    elif node.kind == "brace":
        yield from _chunks(node.parts[0], width)
    elif node.kind == "fence":
        yield from _bracketed(node.parts[0].latex, node.parts[1], node.parts[2].latex, width)
    elif node.kind == "frac":
        yield _Chunk("[", 0.7)
        yield from _bracketed("(", node.parts[0], ")", width)
        yield _Chunk("/", 1.0, breaks=True)
        yield from _bracketed("(", node.parts[1], ")", width)
        yield _Chunk("]", 0.7)
    elif node.kind == "sqrt":
        yield from _bracketed("(", node.parts[0], ")^{1/2}", width)
    else:  # a power: its exponent belongs to the last chunk
        base, script = node.parts
        chunks = list(_chunks(base, width))
        yield from chunks[:-1]
        last = chunks[-1]
        yield _Chunk(last.latex + script.latex, last.width + script.width, last.breaks)


def _bracketed(opening: str, inner: _Node, closing: str, width: float) -> Iterator[_Chunk]:
    yield _Chunk(opening, 0.7)
    for i, chunk in enumerate(_chunks(inner, width)):
        yield _Chunk(chunk.latex, chunk.width, chunk.breaks or i == 0)
    yield _Chunk(closing, 0.7 if len(closing) == 1 else 2.5)


def _fill(chunks: list[_Chunk], width: float) -> list[str]:
    """As many chunks on a line as it holds, broken at the last place where a line may begin."""
    lines: list[str] = []
    line: list[_Chunk] = []
    for chunk in chunks:
        line.append(chunk)
        while sum(part.width for part in line) > width - 2 * bool(lines):
            places = [i for i, part in enumerate(line) if i > 0 and part.breaks]
            if not places:
                break
            lines.append(" ".join(part.latex for part in line[: places[-1]]))
            line = line[places[-1] :]
    return [*lines, " ".join(part.latex for part in line)]
