"""Text from anywhere (names of files, tasks, columns and classes), made safe for the place where it
is shown: a function per language."""

import html
import re

_LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "²": r"\textsuperscript{2}",
    "…": r"\ldots{}",
    "−": "$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "∞": r"$\infty$",
}
# Letters of Latin-1 that LaTeX sets whatever the font's encoding.
_LATIN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")


def printable(text: str) -> str:
    """For a terminal or a log: one line in which line ends, escape sequences, marks that turn the
    direction of writing and half characters are spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def escape_html(text: str) -> str:
    """For the text or an attribute of an HTML page."""
    return html.escape(printable(text))


def escape_latex(text: str) -> str:
    """For a cell of a LaTeX table; a character that pdfLaTeX may lack is spelled out, U+4E2D."""
    return "".join(
        _LATEX.get(c) or (c if c.isascii() or c in _LATIN else f"U+{ord(c):04X}")
        for c in printable(text)
    )


def escape_markdown(text: str) -> str:
    """For a line or the cell of a table in Markdown."""
    return re.sub(r"[\\`*_<>#|~$&]|\](?=[(\[:])", r"\\\g<0>", printable(text))


def escape_rst(text: str) -> str:
    """For a line of reStructuredText, also where it is a Jinja template before, as the captions of
    a report are: no bracket stands beside another one.

    White space, which a backslash would delete, stays, but no line ends.
    """
    line = printable(re.sub(r"\s+", " ", text))
    return re.sub(r"[!-+:-@\[-`{-~•‣⁃—-]|\.(?!\d)", r"\\\g<0>", line)


def escape_figure(text: str) -> str:
    """For a text in a figure of matplotlib, where dollar signs begin a formula."""
    return printable(text).replace("$", r"\$")
