"""What a release is made of: one version everywhere, the menu of the documentation's versions, and
workflows of CI that only call what there is."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import srnet

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


# --- The version ----------------------------------------------------------------------------------


def test_the_version_is_the_same_everywhere() -> None:
    environment = yaml.safe_load(read("workflow/envs/srnet.yaml"))
    assert yaml.safe_load(read("CITATION.cff"))["version"] == srnet.__version__
    assert environment["dependencies"][-1]["pip"][-1] == f"srnet[compare]=={srnet.__version__}"
    assert re.findall(r'tag="v(.*?)"', read("docs/workflow.md")) == [srnet.__version__]
    assert "srnet:{__version__}" in read("workflow/rules/container.smk")
    assert 'path = "srnet/_version.py"' in read("pyproject.toml")


def test_the_repository_is_the_same_everywhere() -> None:
    urls = tomllib.loads(read("pyproject.toml"))["project"]["urls"]
    [name] = re.findall(r"docker://ghcr\.io/(.*?):", read("workflow/rules/container.smk"))
    owner, project = name.split("/")
    assert urls["Repository"] == f"https://github.com/{name}"
    assert urls["Documentation"] == f"https://{owner}.github.io/{project}/"
    assert yaml.safe_load(read("CITATION.cff"))["repository-code"] == urls["Repository"]


def test_the_citation_has_the_day_of_the_release() -> None:
    """And none before it."""
    released = re.findall(
        rf"^## \[{re.escape(srnet.__version__)}\] - (\S+)$", read("CHANGELOG.md"), re.MULTILINE
    )
    day = yaml.safe_load(read("CITATION.cff")).get("date-released")
    assert [str(day)] * (day is not None) == released


# --- The lock -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["environment.yml", "workflow/envs/srnet.yaml"])
def test_a_conda_environment_has_the_torch_of_the_makefile(path: str) -> None:
    """A build for CPUs: PyPI's for Linux bring gigabytes of CUDA libraries."""
    *torch, _ = yaml.safe_load(read(path))["dependencies"][-1]["pip"]
    assert f"TORCH='{' '.join(torch)}'\n" in read("Makefile")
    assert f"\nTORCH = {torch[-1]}\n" in read("Makefile")


def test_the_lock_has_what_torch_alone_needs() -> None:
    assert "sys_platform == 'none'" not in read("requirements.lock")


def test_the_lock_has_every_requirement_in_a_version_that_is_allowed() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    pins: dict[str, list[Requirement]] = {}
    for line in re.findall(r"^[^\s#].*==.*?(?= \\$)", read("requirements.lock"), re.MULTILINE):
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate():
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    texts = [
        *project["dependencies"],
        *(
            text
            for name in ("workflow", "cluster", "storage", "compare", "test", "docs")
            for text in extras[name]
        ),
    ]
    for needed in map(Requirement, texts):
        name = canonicalize_name(needed.name)
        if name in ("srnet", "torch") or (needed.marker and not needed.marker.evaluate()):
            continue  # torch is installed before, without the lock
        (pin,) = pins[name]
        (version,) = [part.version for part in pin.specifier]
        assert needed.specifier.contains(version, prereleases=True), (needed, version)


# --- The documentation's versions -----------------------------------------------------------------


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    for name in ("0.9.0", "0.10.0", "0.11.0rc1", "gallery"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").touch()
    (tmp_path / "0.12.0").mkdir()  # without pages
    return tmp_path


def test_the_menu_has_every_version_newest_first(pages: Path) -> None:
    command = [sys.executable, str(ROOT / "docs" / "versions.py"), str(pages)]
    subprocess.run([*command, "https://example.org/srnet/"], check=True)
    menu = json.loads((pages / "switcher.json").read_text())
    assert [entry["version"] for entry in menu] == ["0.11.0rc1", "0.10.0", "0.9.0"]
    assert [entry["version"] for entry in menu if entry["preferred"]] == ["0.10.0"]
    assert menu[1]["name"] == "0.10.0 (stable)"
    assert menu[2]["url"] == "https://example.org/srnet/0.9.0/"
    assert "url=0.10.0/" in (pages / "index.html").read_text()


# --- The workflows of CI --------------------------------------------------------------------------


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    return yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]


def scripts(workflow: Path) -> list[str]:
    """The shell scripts of its steps."""
    steps = [step for job in jobs(workflow).values() for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_well_formed(workflow: Path) -> None:
    content = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert content["permissions"] == {"contents": "read"}  # a job that needs more says so
    assert True in content  # YAML reads the key `on` as true
    for job in content["jobs"].values():
        needs = job.get("needs", [])
        assert {needs} if isinstance(needs, str) else set(needs) <= set(content["jobs"])
        for step in job["steps"]:
            assert len({"run", "uses"} & set(step)) == 1
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[\w./-]+", step.get("uses", "a/b@c"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_what_there_is(workflow: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE)
    made = (".venv/", "pages/", "dist/", "site", "srnet.sif")
    for script in scripts(workflow):
        checked = subprocess.run(
            ["bash", "-n"], input=script, text=True, capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
        assert "${{" not in script  # by way of `env`, a value is a word and no command
        assert set(re.findall(r"\bmake ([a-z-]+)", script)) <= set(targets)
        for path in re.findall(r"(?<![\w./$:-])([\w.-]+/[\w./-]+)", script):
            assert path.startswith(made) or (ROOT / path).exists(), path
    if workflow.stem == "ci":
        assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(
    ("file", "line", "variable", "value"),
    [
        ("srnet/_version.py", '__version__ = "1.2.3"', "GITHUB_REF_NAME", "v1.2.3"),
        ("CHANGELOG.md", "## [1.2.3] - 2027-01-31", "GITHUB_REF_NAME", "v1.2.3"),
        ("workflow/rules/container.smk", "docker://ghcr.io/a/b:1", "GITHUB_REPOSITORY", "a/b"),
    ],
)
def test_a_release_is_of_what_the_tag_names(
    file: str, line: str, variable: str, value: str
) -> None:
    release = read(".github/workflows/release.yml")
    [command] = re.findall(rf"^ *(grep .*) {re.escape(file)}$", release, re.MULTILINE)
    for given, code in ((value, 0), ("v9.9.9", 1)):
        environment = {**os.environ, variable: given}
        found = subprocess.run(
            ["bash", "-c", command], input=f"{line}\n", text=True, env=environment, check=False
        )
        assert found.returncode == code


def test_pages_of_a_release_have_the_menu() -> None:
    """`make docs` has none: there is no other version beside it."""
    tree = ast.parse(read("docs/conf.py"))
    [condition] = [node for node in tree.body if isinstance(node, ast.If)]
    assert ast.unparse(condition.test) == "tags.has('released')"
    assert "-t released" in read(".github/workflows/release.yml")
    assert "$(SPHINXOPTS)" in read("Makefile")
