import importlib
import inspect

import pytest
from fakes import ROOT

from srnet.drawing.artifacts import ARTIFACTS

FRAMES = {"runs", "history", "networks", "training", "formulas", "published"}


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact.name)
def test_every_artifact_has_its_module_and_its_caption(artifact):
    drawing = importlib.import_module(f"srnet.drawing.{artifact.name}")
    assert tuple(inspect.signature(drawing.draw).parameters) == artifact.frames
    assert set(artifact.frames) <= FRAMES
    assert (ROOT / "workflow" / "report" / f"{artifact.name}.rst").is_file()


def test_names_are_unique():
    names = [artifact.name for artifact in ARTIFACTS]
    assert len(set(names)) == len(names)
    assert not FRAMES & {artifact.name for artifact in ARTIFACTS if artifact.kind == "table"}
