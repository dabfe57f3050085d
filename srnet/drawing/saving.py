"""Writes figures and tables to files, whole or not at all."""

from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from srnet.drawing.latex_table import Paper, to_latex
from srnet.drawing.style import LATEX, STYLE
from srnet.drawing.typesetting import to_svg
from srnet.escaping import escape_html
from srnet.io.files import writing
from srnet.io.frames import write_table

HTML_WIDTH = 7.0  # inches
# What files say of when and by what they were drawn.
_ORIGINS = {"png": ("Software",), "pdf": ("CreationDate",), "svg": ("Date", "Creator")}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 1.5em; color: #222; background: #fff; }}
table {{ border-collapse: collapse; }}
caption {{ text-align: left; font-weight: 600; padding-bottom: .6em; }}
th, td {{ padding: .25em .8em; text-align: left; vertical-align: top;
          border-bottom: 1px solid #ddd; }}
th {{ border-bottom: 2px solid #222; white-space: nowrap; }}
td.formula {{ font-family: ui-monospace, monospace; font-size: 12px; overflow-wrap: anywhere;
              min-width: 24em; }}
td.formula svg {{ display: block; max-width: 100%; height: auto; }}
td.formula details {{ color: #666; }}
</style>
</head>
<body>
{table}
</body>
</html>
"""


def save_figure(figure: Figure, *paths: str) -> None:
    """Write a figure: as PNG at 200 dpi, as PDF with embedded fonts, or as SVG, by the ends of the
    names; the same figure is the same file.

    Raises
    ------
    UserError
        If a file cannot be written.
    """
    with matplotlib.style.context(["default", STYLE]):
        for path in sorted(paths, key=lambda path: not path.endswith(".png")):
            kind = Path(path).suffix[1:]
            with writing(path, "wb") as file:
                figure.savefig(file, format=kind, metadata=dict.fromkeys(_ORIGINS[kind]))
            figure.set_layout_engine("none")  # what is laid out, first the PNG, stays so


def save_table(
    frame: pd.DataFrame, paper: Paper, title: str, label: str, csv: str, tex: str, html: str
) -> None:
    """Write a table: complete as CSV and, rounded to four digits, as HTML; as a paper prints it as
    LaTeX.

    Parameters
    ----------
    label
        Of the LaTeX table, ``tab:{label}``.

    Raises
    ------
    UserError
        If a file cannot be written.
    """
    write_table(frame, csv)
    with writing(tex) as file:
        file.write(to_latex(frame, paper, title, label))
    with writing(html) as file:
        file.write(to_html(frame, title))


def to_html(frame: pd.DataFrame, title: str) -> str:
    """Format a table as an HTML page; each formula is typeset above its text, which unfolds."""
    shown = frame.drop(columns=LATEX, errors="ignore")
    lines = [f"<table>\n<caption>{escape_html(title)}</caption>"]
    lines.append(
        "<tr>" + "".join(f"<th>{escape_html(_heading(column))}</th>" for column in shown) + "</tr>"
    )
    for i, row in enumerate(shown.itertuples(index=False)):
        texts = {
            name: escape_html(_format_value(value))
            for name, value in zip(shown.columns, row, strict=True)
        }
        if LATEX in frame:
            texts["formula"] = (
                f"{to_svg(frame[LATEX].iloc[i], HTML_WIDTH)}"
                f"<details><summary>text</summary>{texts['formula']}</details>"
            )
        cells = [f'<td class="{escape_html(name)}">{text}</td>' for name, text in texts.items()]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return _PAGE.format(title=escape_html(title), table="\n".join([*lines, "</table>"]))


def _heading(column: object) -> str:
    return str(column).replace("_", " ").replace("r2", "R²")


def _format_value(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        return "–" if np.isnan(value) else "∞" if np.isinf(value) else _round(float(value))
    return "–" if value is None or value == "" else str(value)


def _round(value: float) -> str:
    """Round to four significant digits, with an exponent only if a plain number would be long."""
    return f"{float(f'{value:.4g}'):.10g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.4g}"
