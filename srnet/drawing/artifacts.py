"""The one list of figures and tables: the workflow makes a rule, and the report an entry, of each.

A new one is an entry here, a module of its name in ``figures``, ``tables`` or ``images`` with a
function ``draw``, and a caption ``workflow/report/{name}.rst``. Only the standard library is
imported: Snakemake reads this list whenever it starts.
"""

from collections.abc import Mapping
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
        The tidy tables that ``draw`` takes, by name: ``{name}.csv`` below tables/, or one with
        published numbers.
    category
        Where the report lists it.
    title
        What the report calls it.
    tasks
        The kind of tasks that it shows; where a configuration has none of them, it is not made. The
        networks of the image branch stand for tasks of the kind ``images``, which ``all`` does not
        include.
    per_task
        Whether there is one for every task, in a folder of its name.
    module
        What draws it, where that is not the module of its name: two artifacts can be drawn alike.
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
    def drawn_by(self) -> str:
        """The module below ``srnet.drawing`` that has its ``draw``: ``figures.fitness_box``."""
        folder = "images" if self.tasks == "images" else f"{self.kind}s"
        return f"{folder}.{self.module or self.name.removeprefix('images_')}"


@dataclass(frozen=True)
class Drawing:
    """One figure or table of a configuration.

    Attributes
    ----------
    name
        Of its files, without an ending: ``fitness_box``, or ``layer_heatmap/K0`` of an artifact per
        task.
    tasks
        That it shows.
    """

    artifact: Artifact
    name: str
    tasks: tuple[str, ...]

    @property
    def rule(self) -> str:
        """The name of its rule."""
        return f"{self.artifact.kind}_{self.name.replace('/', '_')}"

    @property
    def label(self) -> str:
        """What the report calls it."""
        return (
            f"{self.artifact.title}{f', {self.tasks[0]}' if self.artifact.per_task else ''} "
            f"({self.artifact.kind})"
        )

    @property
    def selects(self) -> bool:
        """Whether it shows the rows of its tasks only, and not all of its frames."""
        return self.artifact.per_task or self.artifact.tasks in ("regression", "classification")


def drawings(kinds: Mapping[str, str]) -> list[Drawing]:
    """All figures and tables of a configuration, in the order of the list.

    Parameters
    ----------
    kinds
        By task, regression or classification; by network of the image branch, images.
    """
    made = []
    for artifact in ARTIFACTS:
        tasks = tuple(
            task
            for task, kind in kinds.items()
            if artifact.tasks == kind or (artifact.tasks == "all" and kind != "images")
        )
        if artifact.per_task:
            made += [Drawing(artifact, f"{artifact.name}/{task}", (task,)) for task in tasks]
        elif tasks:
            made.append(Drawing(artifact, artifact.name, tasks))
    return made


# The tidy tables with published numbers, and the key of the configuration that names their file.
PUBLISHED = {"published": "published", "published_classification": "published_classification"}

# The tidy tables of which there is one for every task: ``{frame}/{task}.csv``.
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
        "presets", "table", ("runs", "published"), "Presets", "Presets and the published runs"
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
        ("agreement", "networks", "published_classification"),
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
