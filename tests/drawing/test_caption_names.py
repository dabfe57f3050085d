"""The captions of the report: what they name is what they are filled in with."""

import re

import pytest
from helpers.fakes import ROOT
from jinja2 import Environment, meta

from srnet.drawing.artifacts import ARTIFACTS

CAPTIONS = sorted((ROOT / "workflow" / "report").glob("*.rst"))
GIVEN = {"tasks", "snakemake", "seeds", "count_text", "name_presets", "not_finite"}


def text(name: str) -> str:
    return (ROOT / "workflow" / "report" / f"{name}.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "artifact", ARTIFACTS, ids=lambda artifact: f"{artifact.kind}-{artifact.name}"
)
def test_a_caption_names_only_frames_that_its_artifact_shows(artifact) -> None:
    named = meta.find_undeclared_variables(Environment().parse(text(artifact.name)))
    shared = [other.frames for other in ARTIFACTS if other.name == artifact.name]
    assert named <= GIVEN.union(*shared)


def test_a_caption_of_two_artifacts_tells_them_apart() -> None:
    """A figure and a table of one name share a caption."""
    modules = {artifact.module_path: artifact.name for artifact in ARTIFACTS}
    compared = {
        (module, caption.stem)
        for caption in CAPTIONS
        for module in re.findall(r'params\.module == "([^"]+)"', caption.read_text("utf-8"))
    }
    assert compared
    assert compared <= set(modules.items())
