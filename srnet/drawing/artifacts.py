"""The one list of figures and tables: each gets a rule of the workflow and entries in the report.

To add one, write an entry here, a module with a function ``draw`` (in ``figures`` or ``tables``
under the name of the entry; in ``images`` without the prefix ``images_``) and a caption,
``workflow/report/{name}.rst``. The module of a table also has a ``PAPER``, which says what of it a
paper prints. This module imports the standard library only, because Snakemake reads it at every
start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# Sections of the report in the order in which one reads.
CATEGORIES = (
    *("Verdict", "Comparison", "Search", "Formulas", "Presets", "Beyond the paper"),
    *("Tasks and networks", "Images", "Provenance"),
)


@dataclass(frozen=True)
class Artifact:
    """A figure or a table.

    Attributes
    ----------
    name
        Name of its files, its module and its caption.
    kind
        ``figure`` or ``table``.
    frames
        Names of the tidy tables that ``draw`` takes: ``{name}.csv`` in tables/, or a table of
        published numbers (``PUBLISHED``).
    category
        Section of the report that lists it.
    title
        Title in the report.
    tasks
        The kind of tasks that it shows; it is not made if a configuration has none of them. The
        networks of the image branch count as tasks of the kind ``images``; ``all`` leaves them out.
    per_task
        Whether there is one for every task, in a folder of its name.
    module
        Name of the module that draws it, if it differs from the artifact's.
    """

    name: str
    kind: Literal["figure", "table"]
    frames: tuple[str, ...]
    category: str
    title: str
    tasks: Literal["all", "regression", "classification", "images"] = "all"
    per_task: bool = False
    module: str = ""

    @property
    def section(self) -> str:
        """Its category with a number in front: a report sorts them by name."""
        return numbered(self.category)

    @property
    def module_path(self) -> str:
        """Dotted path of its module within ``srnet.drawing``, such as ``figures.fitness_box``."""
        folder = "images" if self.tasks == "images" else f"{self.kind}s"
        return f"{folder}.{self.module or self.name.removeprefix('images_')}"


def numbered(category: str) -> str:
    """A category as the report shows it, ``1 Verdict``."""
    return f"{CATEGORIES.index(category) + 1} {category}"


@dataclass(frozen=True)
class Drawing:
    """A figure or table of a configuration: one, or one for every task.

    Attributes
    ----------
    artifact
        Its entry in the list.
    tasks
        Names of the tasks that it shows, together or each for itself.
    """

    artifact: Artifact
    tasks: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of its files without suffix: ``fitness_box``; ``layer_heatmap/{task}``, to be filled
        in with the name of a task, if there is one per task."""
        return self.artifact.name + "/{task}" * self.artifact.per_task

    @property
    def rule(self) -> str:
        """Name of its rule in the workflow."""
        return f"{self.artifact.kind}_{self.artifact.name}"

    @property
    def label(self) -> str:
        """Its label in the report, to be filled in as the name."""
        return f"{self.artifact.title}{', {task}' * self.artifact.per_task} ({self.artifact.kind})"

    @property
    def filters_tasks(self) -> bool:
        """Whether it shows only the rows of its tasks instead of the whole frames."""
        return self.artifact.per_task or self.artifact.tasks in ("regression", "classification")


def list_drawings(kinds: Mapping[str, str]) -> list[Drawing]:
    """List all figures and tables of a configuration, in the order of ``ARTIFACTS``.

    Parameters
    ----------
    kinds
        The kind of each task, ``regression`` or ``classification``, and of each network of the
        image branch, ``images``.
    """
    drawings = []
    for artifact in ARTIFACTS:
        tasks = tuple(
            task
            for task, kind in kinds.items()
            if artifact.tasks == kind or (artifact.tasks == "all" and kind != "images")
        )
        if tasks:
            drawings.append(Drawing(artifact, tasks))
    return drawings


# Tables of published numbers, each with the configuration key that names its file.
PUBLISHED = {"published": "published", "published_classification": "published_classification"}

# Tidy tables that exist once per task, as ``{frame}/{task}.csv``.
PER_TASK = frozenset({"hidden_values", "images_pixels"})

ARTIFACTS = (
    Artifact(
        "dataset_overview",
        "figure",
        ("networks",),
        "Tasks and networks",
        "Tasks by rows and inputs",
    ),
    Artifact(
        "training_curves",
        "figure",
        ("training", "networks"),
        "Tasks and networks",
        "Training of the networks",
    ),
    Artifact(
        "network_fit",
        "table",
        ("networks",),
        "Tasks and networks",
        "The regression networks and how well they fit",
        tasks="regression",
    ),
    Artifact(
        "network_accuracy",
        "table",
        ("networks",),
        "Tasks and networks",
        "The classification networks and how well they classify",
        tasks="classification",
        module="network_fit",
    ),
    Artifact(
        "convergence_regression",
        "figure",
        ("history",),
        "Search",
        "Convergence of the search, regression",
        tasks="regression",
        module="convergence",
    ),
    Artifact(
        "convergence_classification",
        "figure",
        ("history",),
        "Search",
        "Convergence of the search, classification",
        tasks="classification",
        module="convergence",
    ),
    Artifact(
        "fitness_box", "figure", ("runs", "published"), "Search", "Final fitness over the seeds"
    ),
    Artifact(
        "runtime",
        "table",
        ("runs", "networks", "published", "costs"),
        "Search",
        "Seconds per run and per explained point",
    ),
    Artifact(
        "presets_compared", "figure", ("history", "published"), "Presets", "Fitness by evaluations"
    ),
    Artifact(
        "presets",
        "table",
        ("runs", "published", "runs_claims"),
        "Presets",
        "Presets and the published runs",
    ),
    Artifact("hidden_semantics", "table", ("formulas",), "Formulas", "The formula of every layer"),
    Artifact(
        "layer_heatmap",
        "figure",
        ("hidden_values",),
        "Formulas",
        "Hidden values, network and formulas",
        per_task=True,
    ),
    Artifact(
        "expressions",
        "figure",
        ("formulas",),
        "Formulas",
        "Formulas of the best runs, typeset",
        per_task=True,
    ),
    Artifact("expressions", "table", ("formulas",), "Formulas", "The formula of every network"),
    Artifact(
        "rmse",
        "table",
        ("fidelity",),
        "Comparison",
        "Error of SRNet, LIME and MAPLE",
        tasks="regression",
    ),
    Artifact(
        "accuracy",
        "table",
        ("agreement", "networks", "published_classification", "agreement_claims"),
        "Comparison",
        "Accuracy of SRNet, LIME and MAPLE",
        tasks="classification",
    ),
    Artifact(
        "stability", "table", ("answers",), "Comparison", "How much explanations move with the seed"
    ),
    Artifact(
        "regression_comparison",
        "figure",
        ("curves",),
        "Comparison",
        "SRNet, LIME and MAPLE along lines",
        tasks="regression",
    ),
    Artifact(
        "decision_boundary",
        "figure",
        ("plane", "plane_lines"),
        "Comparison",
        "Decision boundaries in a plane",
        tasks="classification",
    ),
    Artifact(
        "undersampling",
        "figure",
        ("usdb",),
        "Comparison",
        "Points near the decision boundary",
        tasks="classification",
    ),
    Artifact("pareto", "figure", ("pareto",), "Beyond the paper", "Fitness against complexity"),
    Artifact(
        "fidelity_by_formulas",
        "figure",
        ("layer_r2",),
        "Beyond the paper",
        "Fidelity of every layer by number of formulas",
    ),
    Artifact(
        "fidelity_by_formulas",
        "table",
        ("layer_r2",),
        "Beyond the paper",
        "Fidelity of every layer by number of formulas",
    ),
    Artifact(
        "fidelity_by_distance",
        "figure",
        ("distance",),
        "Beyond the paper",
        "Error by distance from the training box",
        tasks="regression",
    ),
    Artifact(
        "inputs_used",
        "figure",
        ("inputs_used",),
        "Beyond the paper",
        "Inputs that the formula of a layer reads",
    ),
    Artifact(
        "reproduction", "figure", ("verdict",), "Verdict", "Every published number beside ours"
    ),
    Artifact(
        "reproduction",
        "table",
        ("verdict",),
        "Verdict",
        "Every published number beside ours, with reasons",
    ),
    Artifact(
        "images_networks",
        "table",
        ("images_networks_trained",),
        "Images",
        "The explained classifiers",
        tasks="images",
    ),
    Artifact(
        "images_panels",
        "figure",
        ("images_pixels",),
        "Images",
        "The named images and their explanations",
        tasks="images",
        per_task=True,
    ),
    Artifact(
        "images_convergence",
        "figure",
        ("images_history",),
        "Images",
        "Convergence of E-LIME",
        tasks="images",
    ),
    Artifact(
        "images_probabilities",
        "figure",
        ("images_runs",),
        "Images",
        "Probabilities over the runs",
        tasks="images",
    ),
    Artifact(
        "images_quality",
        "figure",
        ("images_runs",),
        "Images",
        "Quality by network passes",
        tasks="images",
    ),
    Artifact(
        "images_costs",
        "figure",
        ("images_runs",),
        "Images",
        "Quality by network passes and seconds",
        tasks="images",
    ),
    Artifact(
        "images_differences",
        "table",
        ("images_paired",),
        "Images",
        "E-LIME against every other method",
        tasks="images",
    ),
    Artifact(
        "images_wrong",
        "table",
        ("images_runs",),
        "Images",
        "Wrong predictions and their true class",
        tasks="images",
    ),
    Artifact(
        "images_methods",
        "table",
        ("images_runs", "images_agreement"),
        "Images",
        "Methods on the test set",
        tasks="images",
    ),
    Artifact(
        "images_named",
        "table",
        ("images_runs", "images_agreement"),
        "Images",
        "Methods on the named images",
        tasks="images",
    ),
    Artifact(
        "images_verdict",
        "table",
        ("images_claims",),
        "Images",
        "The claims about E-LIME",
        tasks="images",
    ),
)
