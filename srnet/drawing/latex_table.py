"""Tables for a paper in LaTeX: chosen columns of a frame, within the text width of an article.

The packages booktabs, longtable, array and amsmath set them: small type, on several pages if need
be. A column that the frame lacks, or that says nothing there, is left out.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from srnet.drawing.style import LATEX
from srnet.drawing.typesetting import break_lines, measure
from srnet.escaping import escape_latex
from srnet.wording import count_text, method_name

FORMULA_DIGITS = 38  # width of a line of a formula, which is set on FORMULA_WIDTH
LARGEST_PLAIN = 1e9  # with fixed digits; what is larger has an exponent
FORMULA_WIDTH = 0.53  # of a line

_TABLE = r"""% \usepackage{{amsmath,array,booktabs,longtable}}
{{\footnotesize\setlength{{\tabcolsep}}{{3pt}}\setlength{{\LTcapwidth}}{{\linewidth}}
\begin{{longtable}}{{@{{}}{columns}@{{}}}}
\caption[{{{title}}}]{{{title}. {caption}}}\label{{tab:{label}}}\\
\toprule
{heading} \\
\midrule
\endfirsthead
\toprule
{heading} \\
\midrule
\endhead
\bottomrule
\endlastfoot
{rows}
\end{{longtable}}
}}
"""


Texts = Callable[[pd.DataFrame], Iterable[str]]


@dataclass(frozen=True)
class Text:
    """A column of texts.

    Attributes
    ----------
    heading
        Of the column; a line end divides it.
    of
        The column of the frame, or what makes texts of the frame.
    width
        The share of a line on which longer texts are wrapped; none are where it is 0.
    show
        What is printed for a value.
    optional
        Whether it is left out where it is the same in all rows.
    """

    heading: str
    of: str | Texts
    width: float = 0.0
    show: Callable[[str], str] = str
    optional: bool = False

    @property
    def alignment(self) -> str:
        wrapped = rf">{{\raggedright\arraybackslash}}p{{{self.width:g}\linewidth}}"
        return wrapped if self.width else "l"

    def cells(self, frame: pd.DataFrame) -> list[str]:
        return [escape_latex(self.show(text)) for text in _texts(frame, self.of)]

    def says_nothing(self, frame: pd.DataFrame) -> bool:
        texts = set(_texts(frame, self.of)) - {""}
        return not texts or (self.optional and len(texts) == 1)


def _texts(frame: pd.DataFrame, of: str | Texts) -> list[str]:
    if callable(of):
        return list(of(frame))
    return ["" if pd.isna(value) else str(value) for value in frame[of]]


@dataclass(frozen=True)
class Number:
    """A column of numbers with fixed digits.

    Attributes
    ----------
    heading, of
        As of ``Text``; the heading has the unit.
    decimals
        Digits after the point; where it is None, three significant digits.
    times
        What the numbers are multiplied with.
    spread
        The column of what follows after ±.
    brackets
        The columns of what follows in brackets: an interquartile range, or the ends of an interval.
    """

    heading: str
    of: str
    decimals: int | None = None
    times: float = 1.0
    spread: str = ""
    brackets: tuple[str, ...] = ()

    @property
    def alignment(self) -> str:
        return "r"

    def cells(self, frame: pd.DataFrame) -> list[str]:
        columns = (self.of, *([self.spread] if self.spread else self.brackets))
        rows = frame[list(columns)].to_numpy(dtype=np.float64) * self.times
        if self.spread:
            return [self._spread(*row) for row in rows]
        texts = [[self._number(value) for value in row] for row in rows]
        form = "{} ({})" if len(self.brackets) == 1 else "{} [{}, {}]"
        return [
            form.format(*text) if self.brackets and not np.isnan(row).any() else text[0]
            for text, row in zip(texts, rows, strict=True)
        ]

    def says_nothing(self, frame: pd.DataFrame) -> bool:
        return bool(frame[self.of].isna().all())

    def _number(self, value: float) -> str:
        if np.isnan(value):
            return "--"
        if np.isinf(value):
            return r"$\infty$" if value > 0 else r"$-\infty$"
        exponent, decimals = self._form(value)
        if exponent:  # 10.0**exponent may be 0
            return _scaled(f"{value:.{decimals}e}".partition("e")[0], exponent)
        return _scaled(f"{value:.{decimals}f}", 0)

    def _spread(self, value: float, spread: float) -> str:
        if not (np.isfinite(value) and np.isfinite(spread)):
            return self._number(value)
        exponent, decimals = self._form(max(abs(value), spread))
        value, spread = value / 10.0**exponent, spread / 10.0**exponent
        text = rf"{value:.{decimals}f} \pm {spread:.{decimals}f}"
        return _scaled(f"({text})" if exponent else text, exponent)

    def _form(self, value: float) -> tuple[int, int]:
        """The exponent of ten that is set apart, and the digits after the point."""
        if self.decimals is not None and abs(value) < LARGEST_PLAIN:
            return 0, self.decimals
        magnitude = int(f"{value:.2e}".partition("e")[2])
        return (0, max(0, 2 - magnitude)) if -3 <= magnitude <= 3 else (magnitude, 2)


def _scaled(text: str, exponent: int) -> str:
    return f"${text}$" + f"e${exponent}$" * bool(exponent)


@dataclass(frozen=True)
class Formula:
    """The column of the formulas, in math mode and broken into lines."""

    heading: str = "Formula"
    of: str = LATEX

    @property
    def alignment(self) -> str:
        return rf">{{\raggedright\arraybackslash}}p{{{FORMULA_WIDTH}\linewidth}}"

    def cells(self, frame: pd.DataFrame) -> list[str]:
        return [_format_formula(latex) for latex in frame[self.of]]

    def says_nothing(self, frame: pd.DataFrame) -> bool:
        return False


def _format_formula(latex: str) -> str:
    lines = break_lines(latex, FORMULA_DIGITS)
    for line in lines:
        measure(line)  # a table of LaTeX takes what a figure takes, and no other command
    return r" \newline ".join(f"${line}$" for line in lines)


@dataclass(frozen=True)
class Paper:
    """How a table is printed in a paper.

    Attributes
    ----------
    caption
        After the title. A column of the frame in braces stands for its counts, ``{seeds}`` for
        ``30 seeds``.
    columns
        From left to right. In the first one a repeated text is not printed again.
    groups
        The column of the frame, or what makes texts of the frame, that are headings between the
        rows; none where it is empty.
    select
        Makes the rows that are printed of all rows.
    """

    caption: str
    columns: Sequence[Text | Number | Formula]
    groups: str | Texts = ""
    select: Callable[[pd.DataFrame], pd.DataFrame] | None = None


def to_latex(frame: pd.DataFrame, paper: Paper, title: str, label: str) -> str:
    """A table as LaTeX.

    Parameters
    ----------
    frame
        As the table's ``draw`` returns it.
    label
        For a reference: ``tab:{label}``.
    """
    frame = paper.select(frame) if paper.select else frame
    columns = [
        column
        for column in paper.columns
        if (callable(column.of) or column.of in frame)
        and (len(frame) == 0 or not column.says_nothing(frame))
    ]
    cells = [column.cells(frame) for column in columns]
    groups = _texts(frame, paper.groups) if paper.groups else [""] * len(frame)
    lines: list[str] = []
    before = first = ""
    for group, row in zip(groups, zip(*cells, strict=True), strict=True):
        shown = list(row)
        if group != before:
            lines += [r"\addlinespace"] * bool(lines)
            lines.append(
                rf"\multicolumn{{{len(columns)}}}{{@{{}}l}}{{\emph{{{escape_latex(group)}}}}} \\*"
            )
        elif row[0] == first:
            shown[0] = ""
        before, first = group, row[0]
        lines.append(f"{' & '.join(shown)} \\\\")
    return _TABLE.format(
        columns="".join(column.alignment for column in columns),
        title=escape_latex(title),
        caption=escape_latex(_fill_in(paper.caption, frame)),
        label=label,
        heading=" & ".join(_heading(column) for column in columns),
        rows="\n".join(lines),
    )


def _heading(column: Text | Number | Formula) -> str:
    lines = [escape_latex(line) for line in column.heading.split("\n")]
    if len(lines) == 1:
        return lines[0]
    side = "r" if column.alignment == "r" else "l"
    return rf"\shortstack[{side}]{{" + r"\\".join(lines) + "}"


def _fill_in(caption: str, frame: pd.DataFrame) -> str:
    def count(column: re.Match[str]) -> str:
        return count_text(frame[column[1]], column[1].removesuffix("s")) if len(frame) else "0"

    return re.sub(r"\{(\w+)\}", count, caption)


TASK = Text("Task", "task")
PRESET = Text("Preset", "preset", optional=True)
METHOD = Text("Method", "method", show=method_name)
