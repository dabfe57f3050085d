"""The figures of an example. They are drawn without pyplot, where sphinx-gallery would look."""

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def save_figures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save every new figure among the variables of an example; return the text that shows them."""
    variables = block_vars["example_globals"]
    shown = variables.setdefault("_shown", [])
    paths = []
    for value in list(variables.values()):
        if isinstance(value, Figure) and value not in shown:
            shown.append(value)
            paths.append(next(block_vars["image_path_iterator"]))
            value.savefig(paths[-1], dpi=100)
    return figure_rst(paths, gallery_conf["src_dir"])
