"""Snakemake in a fork of a process that has imported it: half of a dry run is to start it."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

IMPORTED = (
    "pandas",
    "snakemake.cli",
    "snakemake_executor_plugin_cluster_generic",
    "snakemake_executor_plugin_slurm",
    "snakemake_storage_plugin_s3",
)
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([*IMPORTED])


def run_snakemake(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str], modules: Sequence[Path]
) -> "subprocess.CompletedProcess[str]":
    """What ``python -m snakemake`` says in a folder, with modules that lie in these folders."""
    with tempfile.TemporaryDirectory() as said:
        streams = [Path(said, name) for name in ("stdout", "stderr")]
        given = (folder, [*arguments], {**environment}, [*map(str, modules)], streams)
        process = _SERVER.Process(target=_run, args=given)
        process.start()
        process.join()
        stdout, stderr = (stream.read_text() for stream in streams)
    return subprocess.CompletedProcess([*arguments], process.exitcode or 0, stdout, stderr)


def _run(
    folder: Path,
    arguments: list[str],
    environment: dict[str, str],
    modules: list[str],
    streams: list[Path],
) -> None:
    from snakemake.cli import main

    for number, stream in enumerate(streams, 1):
        with open(stream, "wb") as file:
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = (
        os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2)
    )
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # as Python begins: the working folder, then PYTHONPATH
    sys.path[:] = [str(folder), *modules, *(each for each in sys.path if each not in modules)]
    warnings.simplefilter("error", RuntimeWarning)
    sys.argv[:] = ["snakemake", *arguments]  # the provenance tells the command
    main(arguments)
