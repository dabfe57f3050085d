"""The documentation: `make docs` builds it into site/. API pages are made from the docstrings, the
gallery by running docs/examples, and published/ from results/published."""

import sys
from pathlib import Path

from srnet import __version__

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside this one

project = "SRNet"
author = "SRNet developers"
copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "docstrings",
    "published",
]
templates_path = ["templates"]
exclude_patterns = ["examples", "templates"]

myst_heading_anchors = 4
default_role = "code"
autodoc_default_options = {
    "members": True,
    # scikit-learn's own, whose text links pages of its own
    "exclude-members": "set_fit_request, set_predict_request, set_score_request",
}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_ivar = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",  # all of them run
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "image_scrapers": ("figures.save_figures",),
    "capture_repr": (),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "SRNet"
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["srnet.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system
html_theme_options = {
    "logo": {"text": "SRNet"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}
if tags.has("released"):  # noqa: F821
    # of Sphinx's option -t; each version is a folder, and docs/versions.py writes the menu beside
    html_theme_options |= {
        "navbar_start": ["navbar-logo", "version-switcher"],
        "switcher": {"json_url": "../switcher.json", "version_match": version},
        "check_switcher": False,
    }
