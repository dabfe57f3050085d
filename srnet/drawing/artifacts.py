"""The one list of figures and tables: the workflow makes a rule, and the report an entry, of each.

A new one is an entry here, a module of its name beside this one with a function ``draw``, and a caption
``workflow/report/{name}.rst``. Only the standard library is imported: Snakemake reads this list whenever it starts.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Artifact:
    """A figure or a table.

    Attributes
    ----------
    name
        Of its files, its module and its caption.
    frames
        The tidy tables that ``draw`` takes, by name: ``{name}.csv`` below tables/, or ``published``.
    category
        Where the report lists it.
    title
        What the report calls it.
    """

    name: str
    kind: Literal["figure", "table"]
    frames: tuple[str, ...]
    category: str
    title: str


ARTIFACTS = (
    Artifact("dataset_overview", "figure", ("networks",), "Tasks and networks", "Tasks by rows and inputs"),
    Artifact("training_curves", "figure", ("training", "networks"), "Tasks and networks", "Training of the networks"),
    Artifact("network_fit", "table", ("networks",), "Tasks and networks", "The networks and how well they fit"),
    Artifact("convergence_regression", "figure", ("history",), "Search", "Convergence of the search"),
    Artifact("fitness_box", "figure", ("runs", "published"), "Search", "Final fitness over the seeds"),
    Artifact("runtime", "table", ("runs", "networks", "published"), "Search", "Seconds per run"),
    Artifact("presets_compared", "figure", ("history", "published"), "Presets", "Fitness by evaluations"),
    Artifact("presets", "table", ("runs", "published"), "Presets", "Presets and the published runs"),
    Artifact("hidden_semantics", "table", ("formulas",), "Formulas", "The formula of every layer"),
    Artifact("expressions", "table", ("formulas",), "Formulas", "The formula of every network"),
)
