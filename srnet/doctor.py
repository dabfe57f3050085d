"""``srnet doctor``: what this machine has of what SRNet needs, and how to mend what is missing.

Nothing is changed, except that the folder of the compile cache is made. torch is not imported: that
takes seconds.
"""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import srnet
from srnet.errors import UserError
from srnet.escaping import printable
from srnet.io.software import count_cores
from srnet.wording import size_text

if TYPE_CHECKING:
    from packaging.requirements import Requirement

State = Literal["ok", "missing", "note"]

PYTHON = (3, 11)
# One search of 13,000 rows beside a Snakemake; results of the paper with room for checkpoints.
MEMORY, DISK = 2 * 2**30, 2**30
SLURM_TIMEOUT = 20.0  # seconds
# What Linux calls the instructions for bfloat16 of Intel, AMD and ARM.
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    state
        ``ok``; ``missing`` if it is needed; ``note`` if only some need it.
    detail, remedy
        What there is, and what to do about it (empty if nothing).
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


def examine(pmlb_cache: str | None = None, tasks_file: str = "config/tasks.yaml") -> list[Finding]:
    """All findings, in the order of the report; ``pmlb_cache`` as ``srnet data`` takes it."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        versions,
        processor,
        compile_cache,
        disk,
        lambda: data_sets(pmlb_cache, tasks_file),
        slurm,
    )
    return [finding for check in checks for finding in check()]


def report(findings: list[Finding]) -> str:
    """The findings as lines, with the remedy below each."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<7}  {finding.name:<{width}}  {finding.detail}")
        if finding.remedy:
            lines.append(f"{'':<7}  {'':<{width}}  → {finding.remedy}")
    missing = [finding.name for finding in findings if finding.state == "missing"]
    lines.append(
        f"missing: {', '.join(missing)}" if missing else "everything that is needed is here"
    )
    return "\n".join(map(printable, lines))


def as_json(findings: list[Finding]) -> dict[str, Any]:
    """The findings for a bug report."""
    return {
        "ok": not any(finding.state == "missing" for finding in findings),
        "findings": [asdict(f) for f in findings],
    }


# --- Versions -------------------------------------------------------------------------------------


def versions() -> Iterator[Finding]:
    """Python, this package, and the packages that its metadata requires."""
    python = f"{platform.python_version()} on {platform.platform()}"
    if sys.version_info >= PYTHON:
        yield Finding("python", "ok", python)
    else:
        yield Finding(
            "python", "missing", python, f"install Python {'.'.join(map(str, PYTHON))} or later"
        )
    yield Finding("srnet", "ok", f"{srnet.__version__} in {Path(srnet.__file__).parent}")
    try:
        from packaging.requirements import Requirement

        requirements = [Requirement(text) for text in importlib.metadata.requires("srnet") or []]
    except ImportError as error:  # also if srnet runs from a folder and is not installed
        yield Finding("packages", "missing", f"not known: {error}", "pip install -e '.[workflow]'")
        return
    for requirement in requirements:
        for extra in ("", "workflow"):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                yield _package(requirement, extra)
                break


def _package(requirement: "Requirement", extra: str) -> Finding:
    name = requirement.name
    state: State = "note" if extra else "missing"
    package = f"srnet[{extra}]" if extra else f"{name}{requirement.specifier}"
    remedy = f"pip install '{package}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        reason = f"not installed{', the workflow needs it' if extra else ''}"
        return Finding(name, state, reason, remedy)
    if not requirement.specifier.contains(version, prereleases=True):
        return Finding(name, state, f"{version}, {requirement.specifier} is needed", remedy)
    return Finding(name, "ok", f"{version}{_torch_build() if name == 'torch' else ''}")


def _torch_build() -> str:
    """What torch was built for, from the file that says so."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return ""
    cuda = re.search(r"^cuda\b[^=\n]*=\s*['\"]([^'\"]+)", text, flags=re.MULTILINE)
    return f", built for CUDA {cuda[1]}" if cuda else ", built for CPUs"


# --- The machine ----------------------------------------------------------------------------------


def processor() -> Iterator[Finding]:
    """Cores and threads, memory, instructions for bfloat16."""
    threads = os.environ.get("OMP_NUM_THREADS")
    yield Finding(
        "cores",
        "ok",
        f"{count_cores()}, OMP_NUM_THREADS {threads or 'not set'}; a search takes one thread "
        f"unless told otherwise",
    )
    available = _available_memory()
    if available is None:
        yield Finding("memory", "note", "this system does not say")
    elif available < MEMORY:
        yield Finding(
            "memory",
            "missing",
            f"{size_text(available)} available",
            f"end other programs: {size_text(MEMORY)} are needed",
        )
    else:
        yield Finding("memory", "ok", f"{size_text(available)} available")
    flags = _processor_flags()
    if flags is None:
        yield Finding("bfloat16", "note", "this system does not say")
    elif flags & BFLOAT16:
        yield Finding("bfloat16", "ok", "the processor has instructions for it")
    else:
        yield Finding(
            "bfloat16",
            "note",
            "the processor has no instructions for it",
            "explain images with precision 'fused', which is several times faster here",
        )


def _processor_flags() -> set[str] | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(
            set(line.partition(":")[2].split())
            for line in lines
            if line.startswith(("flags", "Features"))
        )
    except (OSError, StopIteration, ValueError):
        return None


def _available_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(
            int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")
        )
    except (OSError, StopIteration, ValueError):
        return None


def compile_cache() -> Iterator[Finding]:
    """Where the compiled search lies, and whether it is there."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    try:
        from platformdirs import user_cache_path

        from srnet.cgp.compiling import FOLDER, damaged_files
    except ImportError as error:
        yield Finding(
            "compile cache",
            "missing",
            f"cannot be looked for ({error})",
            "install what is missing above",
        )
        return
    folder = FOLDER
    compiled = list(folder.rglob("*.nb[ic]"))
    preferred = Path(chosen) if chosen else user_cache_path("srnet")
    damaged = damaged_files()
    if damaged:
        yield Finding(
            "compile cache",
            "note",
            f"{folder} holds {len(damaged)} damaged file(s)",
            "nothing to do: the next search sets them aside and compiles them again",
        )
    elif not folder.is_relative_to(preferred):
        remedy = (
            f"make {preferred} writable for you alone, or set NUMBA_CACHE_DIR to a folder that is"
        )
        yield Finding("compile cache", "note", f"{preferred} cannot be used, {folder} is", remedy)
    elif compiled:
        size = size_text(sum(path.stat().st_size for path in compiled))
        yield Finding("compile cache", "ok", f"{folder}, {len(compiled)} files of {size}")
    else:
        yield Finding(
            "compile cache",
            "ok",
            f"{folder}, empty: the first search compiles, for about half a minute, or minutes on "
            f"a busy machine",
        )


def disk() -> Iterator[Finding]:
    """Free space for results, temporary files and the compile cache."""
    places = {"results": Path("results"), "temporary files": Path(tempfile.gettempdir())}
    numba = sys.modules.get("numba")
    if numba is not None and numba.config.CACHE_DIR:
        places["compile cache"] = Path(numba.config.CACHE_DIR)
    for name, place in places.items():
        folder = next(
            path for path in (place.absolute(), *place.absolute().parents) if path.exists()
        )
        free = shutil.disk_usage(folder).free
        if not os.access(folder, os.W_OK):
            yield Finding(
                f"disk: {name}",
                "missing",
                f"{folder} cannot be written",
                "choose a folder of yours",
            )
        elif free < DISK:
            yield Finding(
                f"disk: {name}",
                "missing",
                f"{size_text(free)} free in {folder}",
                f"make room: {size_text(DISK)} are needed",
            )
        else:
            yield Finding(f"disk: {name}", "ok", f"{size_text(free)} free in {folder}")


# --- Data sets and the cluster --------------------------------------------------------------------


def data_sets(
    pmlb_cache: str | None = None, tasks_file: str = "config/tasks.yaml"
) -> Iterator[Finding]:
    """The PMLB data sets that the tasks name: whether they are in the cache, whole."""
    try:
        from srnet.data.pmlb import VARIABLE, cache_folder, check_cached
        from srnet.data.tasks import Pmlb, load_tasks
    except ImportError as error:
        yield Finding(
            "PMLB", "note", f"cannot be looked for ({error})", "install what is missing above"
        )
        return
    folder = cache_folder(pmlb_cache)
    try:
        names = sorted(
            {
                task.source.dataset
                for task in load_tasks(tasks_file).values()
                if isinstance(task.source, Pmlb)
            }
        )
    except UserError as error:
        yield Finding(
            "PMLB", "note", f"{folder}; which data sets are needed is not known ({error})"
        )
        return
    states = {name: check_cached(name, folder) for name in names}
    damaged = [
        f"{name} ({state})" for name, state in states.items() if state not in ("whole", "absent")
    ]
    absent = [name for name, state in states.items() if state == "absent"]
    if damaged:
        remedy = "delete it; it is downloaded when a task needs it"
        yield Finding("PMLB", "missing", f"{folder} has {', '.join(damaged)}", remedy)
    if absent:
        remedy = (
            f"nothing where there is a network: they are downloaded when a task needs them; or "
            f"name a cache that has them in {VARIABLE}"
        )
        yield Finding("PMLB", "note", f"{folder} lacks {', '.join(absent)}", remedy)
    if not damaged and not absent:
        yield Finding(
            "PMLB",
            "ok",
            f"{folder} has {', '.join(names) or 'nothing to have: no task names a data set'}",
        )


def slurm() -> Iterator[Finding]:
    """Whether Slurm answers."""
    if shutil.which("sinfo") is None or shutil.which("squeue") is None:
        yield Finding("slurm", "note", "not on this machine; only the profile slurm needs it")
        return
    try:
        version = _run("sinfo", "--version")
        partitions = _run("sinfo", "--noheader", "--format=%P %D nodes %t").replace("\n", ", ")
        jobs = len(_run("squeue", "--noheader", "--format=%i").splitlines())
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        yield Finding(
            "slurm",
            "note",
            f"does not answer ({reason})",
            "see whether munged and slurmctld run, and slurm.conf names them",
        )
        return
    yield Finding(
        "slurm", "ok", f"{version}: {partitions or 'no partition'}; {jobs} job(s) in the queue"
    )


def _run(*command: str) -> str:
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=SLURM_TIMEOUT, check=True
    )
    return process.stdout.strip()
