"""Where results come from: commit, software, machine, configuration and time, in provenance.json.

The page is of the moment in which it is made; what the runs themselves were made with is counted
from them, ``software`` in RUN.json.
"""

import importlib.metadata
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from srnet._version import __version__
from srnet.errors import UserError
from srnet.io.files import check_readable, read_json, write_json
from srnet.io.frames import read_table
from srnet.io.schema import check_json
from srnet.io.software import count_cores, describe_mixture, processor
from srnet.typing import StrPath
from srnet.wording import count_text, duration_text

Provenance = dict[str, Any]

PACKAGE = Path(__file__).resolve().parents[1]
SHORT = 12  # digits of a commit that is shown
PROCESSOR = "processor "  # begins the part of a description that names it
# Tables that a text names by other words.
WORDS = {"images_networks_trained": "image classifiers"}


def provenance(
    name: str,
    configuration: Mapping[str, Any],
    command: str,
    tables: Mapping[str, pd.DataFrame],
    benchmarks: StrPath,
    rules: Mapping[str, str],
) -> Provenance:
    """The content of provenance.json.

    Parameters
    ----------
    name, configuration, command
        Of the workflow: the configuration with its name, and how Snakemake was called.
    tables
        The tidy tables whose rows say with what software they were made, by name.
    benchmarks, rules
        The folder of Snakemake's benchmark files, and by rule the pattern of its paths there.
    """
    packages = {
        package.metadata["Name"]: package.version for package in importlib.metadata.distributions()
    }
    return {
        "name": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **_commit(PACKAGE),
        "command": command,
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": count_cores(),
        "made_with": {
            table: {
                str(text): int(count) for text, count in rows["software"].value_counts().items()
            }
            for table, rows in tables.items()
        },
        "rules": _times(Path(benchmarks), rules),
        "configuration": dict(configuration),
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
    }


def write_provenance(
    out: StrPath,
    name: str,
    configuration: Mapping[str, Any],
    command: str,
    tables: Mapping[str, StrPath],
    benchmarks: StrPath,
    rules: Mapping[str, str],
) -> None:
    """Write provenance.json (the command ``srnet provenance``); the arguments are those of
    ``provenance``, tables as files.

    Raises
    ------
    UserError
        If a table or a benchmark file cannot be read, or the content would break its schema.
    """
    frames = {table: read_table(path, ["software"]) for table, path in tables.items()}
    content = provenance(name, configuration, command, frames, benchmarks, rules)
    check_json(content, "provenance")
    write_json(out, content)


def read_provenance(path: StrPath) -> Provenance:
    """Read provenance.json; UserError if it breaks its schema."""
    content = read_json(path)
    check_json(content, "provenance", path)
    return content


def describe_provenance(content: Provenance) -> str:
    """One paragraph: when, from which commit, with what and how long.

    It ends with the processor of runs and networks that were made on another one, and with a
    warning where they are of different software.
    """
    commit = content["commit"]
    code = f"commit {commit[:SHORT]}" if commit else "no git checkout"
    if content["dirty"]:
        code += " with uncommitted changes"
    clock = duration_text(sum(rule["seconds"] for rule in content["rules"].values()))
    # where jobs have no folder in common with Snakemake, their benchmarks are not at hand
    times = (
        f"All jobs together took {clock} by the clock."
        if content["rules"]
        else "How long the jobs took is not recorded."
    )
    made_with = {WORDS.get(table, table): found for table, found in content["made_with"].items()}
    mixtures = [describe_mixture(found, what.capitalize()) for what, found in made_with.items()]
    return " ".join(
        [
            f"Made on {content['date'][:10]} with srnet {content['version']} ({code}) and Python "
            f"{content['python']} on {count_text(content['cores'], 'core')} "
            f"({content['processor']}). {times}",
            *_describe_origins(made_with, content["processor"]),
            *(f"{mixture}." for mixture in mixtures if mixture),
        ]
    )


def _describe_origins(made_with: Mapping[str, Mapping[str, int]], here: str) -> list[str]:
    """Sentences on tables whose rows all come from one processor, which is not the page's."""
    origins: dict[str, list[str]] = {}
    for what, found in made_with.items():
        parts = {part for text in found for part in text.split("; ")}
        processors = {part for part in parts if part.startswith(PROCESSOR)}
        if len(processors) == 1:
            origin = processors.pop().removeprefix(PROCESSOR)
            origins.setdefault(origin, []).append(what)
    return [
        f"The {' and '.join(tables)} were made on another processor ({origin})."
        for origin, tables in origins.items()
        if origin != here
    ]


def times_table(content: Provenance) -> pd.DataFrame:
    """One row per rule of the workflow: jobs, seconds by the clock, those of the longest
    job."""
    return pd.DataFrame([{"rule": rule, **times} for rule, times in content["rules"].items()])


def _commit(folder: Path) -> dict[str, Any]:
    """The commit that a folder's files are of, and whether they differ from it; None of files that
    are not tracked, as an installed package's."""
    try:
        if not _git(folder, "ls-files", "--", "__init__.py"):
            return {"commit": None, "dirty": None}
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ":/")
    except (OSError, subprocess.SubprocessError):  # no git, or no checkout
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    process = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return process.stdout.strip()


def _times(folder: Path, rules: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """By rule the number and the times of its jobs; a rule without a job is left out."""
    times = {}
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.tsv"))}
    for rule, pattern in rules.items():
        try:
            form = re.compile(pattern)
        except re.error as error:
            raise UserError(f"--rule {rule} has the pattern {pattern!r} ({error})") from error
        files = [path for name, path in paths.items() if form.fullmatch(name)]
        if files:
            jobs = pd.concat([_read_benchmark(file) for file in files])
            times[rule] = {
                "jobs": len(jobs),
                "seconds": float(jobs["s"].sum()),
                "longest_seconds": float(jobs["s"].max()),
            }
    return times


def _read_benchmark(path: Path) -> pd.DataFrame:
    """The times of one job, or of several tries, by the clock.

    Snakemake's sample of the processor time, every half minute, misses the end of a job.
    """
    check_readable(path)
    try:
        jobs = pd.read_csv(path, sep="\t")[["s"]].astype(float)
    except (OSError, ValueError, KeyError) as error:  # pandas' own errors are ValueErrors
        raise UserError(
            f"{path}: is no benchmark file of Snakemake ({error}); delete it and its output"
        ) from error
    if not (np.isfinite(jobs["s"]) & (jobs["s"] >= 0)).all() or jobs.empty:
        raise UserError(f"{path}: has a time that is none; delete it and its output")
    return jobs
