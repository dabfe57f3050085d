"""Every `snakemake` command in the documentation can be typed as it stands."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.fakes import ROOT
from snakemake.cli import parse_args

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "config").glob("*.*")),
    *sorted((ROOT / "docs").glob("*.md")),
]
# What has no dry run, or asks a scheduler: tests/workflow/test_profiles.py, test_report.py,
# test_slurm.py.
ELSEWHERE = {"--unlock", "--report", "--profile"}


def documented() -> list[list[str]]:
    """The words behind `snakemake`, of commands in a block, a comment or between backticks, each
    once."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += re.findall(
            r"^(?:#  | {4})\s*snakemake (.*?)(?:\s+#.*)?$", text, flags=re.MULTILINE
        )
        found += re.findall(r"`snakemake ([^`…]*)`", text)
    commands = {tuple(shlex.split(command.replace("--cores N", "--cores 2"))) for command in found}
    return [list(words) for words in sorted(commands) if not ELSEWHERE & set(words)]


def configured() -> dict[tuple[str, ...], set[str]]:
    """The targets of all documented commands, by the options that say which configuration they are
    of."""
    targets: dict[tuple[str, ...], set[str]] = {}
    for words in documented():
        _, arguments = parse_args(words)
        files = [str(file) for file in arguments.configfile or []]
        options = (
            *(["--configfile", *files] if files else []),
            *(["--config", *arguments.config] if arguments.config else []),
        )
        targets.setdefault(options, set()).update(arguments.targets)
    return targets


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, copy_tree: Callable[[Path], Path]) -> Path:
    """The project, with the task that the documentation adds."""
    tree = copy_tree(tmp_path_factory.mktemp("commands"))
    page = (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8")
    (entry,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    with open(tree / "config" / "tasks.yaml", "a", encoding="utf-8") as tasks:
        tasks.write("\n" + entry)
    (tree / "config" / "melting.csv").write_text(
        "carbon,temperature\n" + "".join(f"{i},{2 * i}\n" for i in range(20))
    )
    return tree


def test_options_are_where_they_do_not_take_the_targets_for_their_own() -> None:
    """Snakemake reads every word behind --configfile and --config as one more of them."""
    commands = documented()
    assert {"--configfile", "--config", "images", "table_presets", "tables"} <= {
        word for words in commands for word in words
    }
    for words in commands:
        _, arguments = parse_args(words)
        assert all(str(file).endswith(".yaml") for file in arguments.configfile or []), words
        assert all("=" in entry for entry in arguments.config or []), words


def test_a_command_may_name_thousands_of_files(
    tmp_path: Path, snakemake: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """More than Linux takes as one word: Snakemake puts a long command into a file."""
    names = [f"{'a' * 60}{number}.csv" for number in range(2000)]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(f"task,seed\nK0,{number}\n")
    (tmp_path / "Snakefile").write_text(
        f"rule all:\n    input: {names!r}\n    output: 'out.csv'\n"
        "    shell: 'srnet gather comparisons {input:q} --out {output:q}'\n"
    )
    run = snakemake(tmp_path, "--cores", "1", "--quiet", "all")
    assert run.returncode == 0, run.stdout[-500:] + run.stderr[-500:]
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1 + len(names)


@pytest.mark.parametrize("options", configured(), ids=" ".join)
def test_what_a_documented_command_asks_for_can_be_made(
    options: tuple[str, ...], tree: Path, snakemake: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    run = snakemake(tree, *sorted(configured()[options]), "--dry-run", "--cores", "1", *options)
    assert run.returncode == 0, run.stdout + run.stderr
