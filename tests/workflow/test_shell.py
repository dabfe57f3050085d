"""What a configuration says is a word of a command, never a command of its own."""

import re
import shlex

import pytest
from helpers.fakes import ROOT

RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
# Words already: numbers, names that a schema or a rule limits, and what `repeat_option` quotes.
WORDS = re.compile(
    r"wildcards\.\w+|threads"
    r"|params\.(options|epochs|runs|networks|masks|tables|history|layers|rules)"
)
# In the one rule that repeats them as options.
REPEATED = {"params.named", "params.tests"}


def commands() -> list[tuple[str, str]]:
    """The shell commands of all rules, each with the name of its file."""
    found = []
    for path in RULES:
        for block in re.findall(
            r"^ *shell:\n((?: +(?:\"|#).*\n)+)", path.read_text(), re.MULTILINE
        ):
            found.append((path.name, " ".join(re.findall(r'"(.*)"', block))))
    return found


def test_every_command_is_looked_at() -> None:
    assert len(commands()) == sum(path.read_text().count("shell:\n") for path in RULES)


@pytest.mark.parametrize(("file", "command"), commands())
def test_what_is_no_word_is_quoted(file: str, command: str) -> None:
    for place in re.findall(r"\{([^{}]*)\}", command):
        if command.startswith("srnet gather images") and place in REPEATED:
            continue
        assert place.endswith(":q") or WORDS.fullmatch(place), f"{file}: {{{place}}} is not quoted"


HOSTILE = "config/a b'$(touch canary)`touch canary`;touch canary&\"é.yaml"


def test_a_path_with_anything_in_it_is_one_word(snakemake, copy_tree, tmp_path) -> None:
    tree = copy_tree(tmp_path)
    (tree / "config" / "tasks.yaml").rename(tree / HOSTILE)
    (tree / "config" / "verdict.yaml").rename(tree / f"{HOSTILE}.verdict")
    (tree / "c.yaml").write_text(
        "name: q\ntasks: [K0, iris]\nseeds: 1\n"
        f"tasks_file: {yaml_text(HOSTILE)}\nverdict: {yaml_text(HOSTILE + '.verdict')}\n"
    )
    run = snakemake(tree, "-n", "-p", "--configfile", "c.yaml", "--cores", "1")
    assert run.returncode == 0, run.stdout + run.stderr
    lines = re.findall(r"^(?:Shell command: |\s*)(srnet .*)$", run.stdout + run.stderr, re.M)
    shown = [shlex.split(line) for line in lines]
    assert sum(HOSTILE in words for words in shown) >= 2 * 7
    # of all claims, and of those about runs and about agreement
    assert sum(f"{HOSTILE}.verdict" in words for words in shown) == 3
    run = snakemake(tree, "results/q/K0/data.npz", "--configfile", "c.yaml", "--cores", "1")
    assert run.returncode == 0, run.stdout + run.stderr
    assert not list(tree.rglob("canary"))


def yaml_text(text: str) -> str:
    """A text in single quotes."""
    return "'" + text.replace("'", "''") + "'"
