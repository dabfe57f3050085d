import importlib.util
import inspect
import itertools
import re

import pandas as pd
import pytest
from helpers.fakes import ROOT

from srnet.drawing.artifacts import ARTIFACTS, PUBLISHED, list_drawings

FRAMES = set(itertools.chain.from_iterable(artifact.frames for artifact in ARTIFACTS))
PAPER = {  # method.md's list of the paper's figures and tables
    "regression": {"convergence_regression", "regression_comparison", "rmse"},
    "classification": {"convergence_classification", "accuracy"},
    "all": {
        "dataset_overview",
        "training_curves",
        "fitness_box",
        "layer_heatmap",
        "hidden_semantics",
        "expressions",
        "runtime",
    },
}


@pytest.mark.parametrize(
    "artifact", ARTIFACTS, ids=lambda artifact: f"{artifact.kind}-{artifact.name}"
)
def test_every_artifact_has_its_module_and_its_caption(artifact):
    drawing = importlib.import_module(f"srnet.drawing.{artifact.module_path}")
    assert tuple(inspect.signature(drawing.draw).parameters) == artifact.frames
    assert (ROOT / "workflow" / "report" / f"{artifact.name}.rst").is_file()


def test_captions_name_only_modules_that_draw():
    named = {
        name
        for caption in (ROOT / "workflow" / "report").glob("*.rst")
        for name in re.findall(r'params\.module == "(.*?)"', caption.read_text("utf-8"))
    }
    assert named
    assert named <= {artifact.module_path for artifact in ARTIFACTS}


def test_names_are_unique_and_no_table_overwrites_a_frame():
    names = [(artifact.kind, artifact.name) for artifact in ARTIFACTS]
    assert len(set(names)) == len(names)
    assert not (FRAMES - set(PUBLISHED)) & {
        artifact.name for artifact in ARTIFACTS if artifact.kind == "table"
    }


@pytest.mark.parametrize("kind", PAPER)
def test_the_papers_figures_and_tables_are_there(kind):
    assert PAPER[kind] <= {artifact.name for artifact in ARTIFACTS if artifact.tasks == kind}


def test_the_report_can_tell_all_results_apart():
    kinds = {"K0": "regression", "K2": "regression", "P0": "classification", "tiny": "images"}
    made = list_drawings(kinds)
    results = {(each, each.name.format(task=task)) for each in made for task in each.tasks}
    labels = {each.label.format(task=task) for each in made for task in each.tasks}
    assert len(labels) == len(results)
    assert len({each.rule for each in made}) == len(made)


def test_only_what_the_tasks_allow_is_drawn():
    made = {
        drawing.name: drawing for drawing in list_drawings({"K0": "regression", "K2": "regression"})
    }
    assert made["convergence_regression"].tasks == ("K0", "K2")
    assert "convergence_classification" not in made
    assert made["layer_heatmap/{task}"].tasks == ("K0", "K2")


def test_a_drawing_of_a_kind_has_its_tasks_in_the_order_of_the_configuration():
    made = {
        drawing.name: drawing
        for drawing in list_drawings(
            {"P2": "classification", "K0": "regression", "P0": "classification"}
        )
    }
    assert made["convergence_classification"].tasks == ("P2", "P0")
    assert made["convergence_classification"].filters_tasks
    assert made["fitness_box"].tasks == ("P2", "K0", "P0")
    assert not made["fitness_box"].filters_tasks
    assert made["layer_heatmap/{task}"].filters_tasks


def test_the_networks_of_the_images_are_no_tasks():
    made = {
        drawing.artifact.name: drawing.tasks
        for drawing in list_drawings({"K0": "regression", "resnet18": "images"})
    }
    assert made["layer_heatmap"] == ("K0",)
    assert made["images_panels"] == ("resnet18",)


def test_a_drawing_shows_the_rows_of_its_tasks_and_of_all_together():
    spec = importlib.util.spec_from_file_location(
        "drawing_script", ROOT / "workflow" / "scripts" / "drawing.py"
    )
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    frame = pd.DataFrame({"task": ["K0", "P0", "all", "K2"], "x": range(4)})
    assert script.select_tasks(frame, ["K0", "K2"])["x"].tolist() == [0, 2, 3]
    assert script.select_tasks(frame.drop(columns="task"), ["K0"])["x"].tolist() == [0, 1, 2, 3]
