"""What the package's wheel brings, installed alone in an environment of its own."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

import pytest
import yaml
from helpers.fakes import ROOT

import srnet

pytestmark = pytest.mark.slow

TINY = """
name: tiny
tasks: [K0]
seeds: 1
epochs: {K0: 50}
evolution:
  paper: {population: 10, generations: 5}
formulas: {time_limit: 5}
"""


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The folder with the sdist and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    return folder


@pytest.fixture(scope="module")
def command(dist, tmp_path_factory):
    """`srnet` of the wheel; what it depends on comes from the environment of the tests."""
    env = tmp_path_factory.mktemp("env")
    run(sys.executable, "-m", "venv", "--without-pip", str(env))
    [wheel] = dist.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", str(env), "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", str(wheel))
    [site_packages] = env.glob("lib/python*/site-packages")
    # the last in line, and a .pth in it is not read: the checkout cannot be imported
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    return str(env / "bin" / "srnet")


def run(*command, cwd=None, code=0):
    done = subprocess.run(
        command,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


# What the tests read beside the package, the workflow and the configurations: one file of a folder.
READ_BY_TESTS = {
    ".ci/run",
    ".dockerignore",
    ".github/workflows/ci.yml",
    ".snakemake-workflow-catalog.yml",
    "CITATION.cff",
    "Dockerfile",
    "Makefile",
    "environment.yml",
    "requirements.lock",
    "docs/clouds.md",
    "results/published/paper/README.md",
    "results/published/paper/figures/fitness_box.png",
}


def test_the_wheel_and_the_sdist_bring_the_workflow(dist):
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("config", "workflow")
        for path in (ROOT / folder).rglob("*.*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {"workflow/Snakefile"}
    [wheel], [sdist] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    assert wheel.name.startswith(f"srnet-{srnet.__version__}-")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {f"srnet/{file}" for file in files} <= set(names)
    assert not [name for name in names if not name.startswith(("srnet/", "srnet-"))]
    assert not [name for name in names if "__pycache__" in name]
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert files | READ_BY_TESTS <= names


def test_a_task_runs_from_its_network_to_a_figure(command, tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    options = ("--config", "tiny.yaml", "--cores", "2")
    figure = "results/tiny/figures/expressions/K0.pdf"
    run(command, "reproduce", *options, "--", figure, cwd=tmp_path)
    assert (tmp_path / "results/tiny/K0/srnet/paper/formulas.json").stat().st_size
    assert (tmp_path / figure).read_bytes().startswith(b"%PDF")


def test_a_configuration_of_the_package_has_a_name(command, tmp_path):
    options = ("--config", "demo", "--", "--dry-run", "--quiet", "rules")
    output = run(command, "reproduce", *options, cwd=tmp_path)
    tasks = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())["tasks"]
    assert f"\ntrain {len(tasks)}\n" in "\n".join(
        " ".join(line.split()) for line in output.splitlines()
    )


@pytest.mark.parametrize(
    ("option", "content", "sentence"),
    [
        (
            "dmo",
            None,
            "--config is 'dmo'; a YAML file or one of config, demo, images, presets is ",
        ),
        ("bad.yaml", "[", "bad.yaml: is not plain YAML"),
        ("bad.yaml", "seeds: 0", "the key 'seeds' is 0; at least 1 is needed"),
    ],
)
def test_a_bad_configuration_is_one_sentence(command, tmp_path, option, content, sentence):
    if content is not None:
        (tmp_path / option).write_text(content)
    output = run(command, "reproduce", "--config", option, cwd=tmp_path, code=2)
    assert sentence in output
    assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


def test_the_wheel_has_the_version(command):
    assert run(command, "--version").strip() == f"srnet, version {srnet.__version__}"
