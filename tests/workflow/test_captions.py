"""Captions are filled in from the frames that are drawn."""

import jinja2
import numpy as np
import pytest
from helpers import fakes

from srnet.drawing.captions import fill_in
from srnet.results.gather import runs_table


def test_a_caption_counts_what_is_drawn():
    runs = runs_table([fakes.run("K0", seed=seed) for seed in (1, 2, 3)] + [fakes.run("F3")])
    template = (
        "{{ seeds }}, {{ count_text(runs['seed'], 'run') }}, {{ not_finite(runs['fitness']) }} of "
        "{{ runs | length }} on {{ tasks[0] }}"
    )
    runs.loc[0, "fitness"] = np.inf
    assert fill_in(template, {"runs": runs}, tasks=["K0"]) == "1–3 seeds, 1–3 runs, 1 of 4 on K0"


def test_a_caption_that_names_what_there_is_not_fails():
    with pytest.raises(jinja2.UndefinedError):
        fill_in("{{ runs }}", {})
