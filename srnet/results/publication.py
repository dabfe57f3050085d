"""The folder in which results are published: figures, tables, pages, and what it takes to redraw or
continue them."""

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import UndefinedError
from PIL import Image

from srnet.drawing.artifacts import PER_TASK, PUBLISHED, Drawing, list_drawings
from srnet.errors import UserError
from srnet.escaping import escape_markdown
from srnet.io.files import check_readable, read_yaml
from srnet.io.frames import read_table, write_table
from srnet.io.schema import check
from srnet.results.archive import PACKED, RUNS, TABLES, pack_table, pack_task
from srnet.results.crate import CRATE, write_crate
from srnet.results.provenance import Provenance, describe_provenance, read_provenance, times_table
from srnet.results.published import read_frame
from srnet.results.report import fill_in_report, verdict_table
from srnet.typing import StrPath

MOST_PICTURES = 15e6  # bytes of all pictures together
COLOURS = 256  # of a picture that is no photograph


def publish(results: StrPath, runs: StrPath, workflow: StrPath, out: StrPath) -> None:
    """Write the folder, whole or not at all; what was there is replaced.

    Parameters
    ----------
    results, runs
        Finished results of a configuration, and its networks and runs.
    workflow
        The folder of the workflow: its Snakefile, and the report that numbers are filled into.

    Raises
    ------
    UserError
        If a file of the results is missing or cannot be read, the pictures take more than 15 MB, or
        what would be replaced is no published folder.
    """
    results, runs, workflow, out = Path(results), Path(runs), Path(workflow), Path(out)
    if os.path.lexists(out) and not (_is_empty(out) or (out / CRATE).is_file()):
        raise UserError(f"{out}: is no published folder, and would be replaced; choose another one")
    template = workflow / "report" / "reproduction.md"
    content = read_provenance(results / "provenance.json")
    schema = read_yaml(workflow / "schemas" / "config.schema.yaml")
    check(content["configuration"], schema, f"{results / 'provenance.json'}: configuration")
    drawings = _drawings(results, content)
    frames = _read_frames(results, content, drawings)
    with _replacing(out) as folder:
        for drawing in drawings:
            for name in _names(drawing):
                _copy_artifact(results, drawing, name, folder)
        pictures = sum(path.stat().st_size for path in folder.rglob("*.png"))
        if pictures > MOST_PICTURES:
            raise UserError(
                f"{results}: its figures take {pictures / 1e6:.1f} MB as PNG; at most "
                f"{MOST_PICTURES / 1e6:.0f} MB are published"
            )
        for name in _frame_files(drawings):
            pack_table(results / "tables" / f"{name}.csv", folder / TABLES / f"{name}{PACKED}")
        tasks = content["configuration"]["tasks"]
        presets = content["configuration"]["presets"]
        for task in [*tasks, *["images"] * bool(content["configuration"].get("images"))]:
            pack_task(runs, task, presets, folder / RUNS / f"{task}.tar.xz")
        for name in ("summary.md", "provenance.json"):
            shutil.copyfile(results / name, folder / name)
        write_table(times_table(content), folder / "wall_times.csv")
        (folder / "configuration.yaml").write_text(
            yaml.safe_dump(content["configuration"], sort_keys=False, allow_unicode=True),
            encoding="utf-8",
        )
        try:
            report = fill_in_report(template.read_text(encoding="utf-8"), frames, content)
            page = _readme(content, frames, drawings, results)
        except UserError:
            raise
        # a column that is missing, or holds texts in the place of numbers
        except (UndefinedError, LookupError, TypeError, ValueError) as error:
            raise UserError(
                f"{results / 'tables'}: a table lacks what the report prints ({error}); make the "
                f"tables again"
            ) from error
        (folder / "reproduction.md").write_text(report, encoding="utf-8")
        (folder / "README.md").write_text(page, encoding="utf-8")
        write_crate(folder, content, workflow / "Snakefile")


def _drawings(results: Path, content: Provenance) -> list[Drawing]:
    """The figures and tables of the configuration."""
    path = results / "tables" / "networks.csv"
    networks = read_table(path, ["task", "kind"])
    kinds = dict(zip(networks["task"], networks["kind"], strict=True))
    for task in content["configuration"]["tasks"]:
        if task not in kinds:
            raise UserError(f"{path}: lacks the task '{task}'; finish the run first")
    images = content["configuration"].get("images") or {}
    return list_drawings(
        {task: kinds[task] for task in content["configuration"]["tasks"]}
        | dict.fromkeys(images.get("networks", []), "images")
    )


def _names(drawing: Drawing) -> list[str]:
    """The names of a figure's or table's files, one or one of every task."""
    return list(dict.fromkeys(drawing.name.format(task=task) for task in drawing.tasks))


def _frame_files(drawings: Sequence[Drawing]) -> list[str]:
    """The names of the tidy tables that the figures and tables are made from."""
    return list(
        dict.fromkeys(
            f"{frame}/{task}" if frame in PER_TASK else frame
            for drawing in drawings
            for frame in drawing.artifact.frames
            if frame not in PUBLISHED
            for task in (drawing.tasks if frame in PER_TASK else [""])
        )
    )


def _read_frames(
    results: Path, content: Provenance, drawings: Sequence[Drawing]
) -> dict[str, pd.DataFrame]:
    """The tidy tables about all tasks, and the published numbers beside them."""
    frames = {name: results / "tables" / f"{name}.csv" for name in _frame_files(drawings)}
    frames |= {name: Path(content["configuration"][key]) for name, key in PUBLISHED.items()}
    return {name: read_frame(name, path) for name, path in frames.items() if "/" not in name}


def _copy_artifact(results: Path, drawing: Drawing, name: str, folder: Path) -> None:
    if drawing.artifact.kind == "table":
        for ending in ("csv", "tex"):
            _copy(results / "tables" / f"{name}.{ending}", folder / "tables" / f"{name}.{ending}")
        return
    out = folder / "figures" / f"{name}.png"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(
        _optimise(
            results / "figures" / f"{name}.png", photographs=drawing.artifact.tasks == "images"
        )
    )


def _optimise(path: Path, photographs: bool) -> bytes:
    """A picture without transparency, and with a palette unless it has photographs: a figure loses
    nothing visible by it."""
    check_readable(path)
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            shown = picture.convert("RGB")
    # Pillow's decoders raise SyntaxError, struct.error, zlib.error and others for damaged files
    except Exception as error:
        raise UserError(f"{path}: is no picture that can be read ({error})") from error
    if not photographs:
        shown = shown.quantize(COLOURS, dither=Image.Dither.NONE)
    file = io.BytesIO()
    shown.save(file, "PNG", optimize=True)
    return file.getvalue()


def _copy(source: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, out)
    except OSError as error:
        raise UserError(
            f"{source}: cannot be read ({error.strerror or error}); finish the run first"
        ) from error


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """A temporary folder beside ``out`` that takes its place when the block succeeds."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            folder = Path(temporary, out.name)
            folder.mkdir()
            yield folder
            before = Path(temporary, "before")
            if out.exists():
                os.replace(out, before)
            try:
                os.replace(folder, out)
            except BaseException:
                if before.exists():
                    os.replace(before, out)
                raise
    except OSError as error:
        raise UserError(
            f"{error.filename or out}: cannot be read or written ({error.strerror or error})"
        ) from error


# --- The page -------------------------------------------------------------------------------------

_README = """# Published results: {name}

{provenance}

{verdict}

[The report](reproduction.md) discusses this claim by claim; [the summary](summary.md) fits on one
screen. Nothing here is written by hand: `snakemake publish` makes the folder from a finished run.

| file | content |
|---|---|
| [`reproduction.md`](reproduction.md) | what was reproduced, what was not and why, the cost |
| [`summary.md`](summary.md) | the same on one screen |
| `figures/*.png` | all figures; [below](#figures) |
| `tables/*.csv`, `tables/*.tex` | all tables, with all digits and as a paper prints them |
| `frames/*.csv.xz` | the tidy tables from which they are made |
| `runs/TASK.tar.xz` | networks, RUN.json of every seed, formulas, scores of LIME and MAPLE |
| `configuration.yaml` | the complete configuration |
| [`provenance.json`](provenance.json) | commit, versions, processor, command, seconds by rule |
| `ro-crate-metadata.json` | all of it in machine-readable form: a Workflow Run RO-Crate |
| `wall_times.csv` | seconds of every rule by the clock |

Redraw all figures and tables in `results/redrawn`, without a run:

    make figures-from-published PUBLISHED=results/published/{name}

Continue from these runs, for example with more seeds:

    make runs-from-published PUBLISHED=results/published/{name}

Repeat some of them, and see whether they are the same to the last bit:

    snakemake --cores 2 --until evolve --configfile results/published/{name}/configuration.yaml \\
        --config 'tasks=[{tasks}]' seeds=3
    srnet diff results/published/{name}/runs results/{runs}

## Figures

{figures}

## Tables

{tables}
"""


def _readme(
    content: Provenance,
    frames: Mapping[str, pd.DataFrame],
    drawings: Sequence[Drawing],
    results: Path,
) -> str:
    configuration = content["configuration"]
    named: dict[str, Any] = {
        "name": content["name"],
        "runs": configuration.get("runs", content["name"]),
        "tasks": ",".join(configuration["tasks"][:3]),
    }
    verdict = frames.get("verdict")
    parts = {
        kind: "\n\n".join(
            _entry(drawing, results) for drawing in drawings if drawing.artifact.kind == kind
        )
        for kind in ("figure", "table")
    }
    return _README.format(
        **named,
        provenance=escape_markdown(describe_provenance(content)),
        verdict="" if verdict is None else verdict_table(verdict),
        figures=parts["figure"],
        tables=parts["table"],
    )


def _entry(drawing: Drawing, results: Path) -> str:
    """Title, picture and caption of a figure or table; of one per task, links."""
    artifact = drawing.artifact
    folder, ending = ("figures", "png") if artifact.kind == "figure" else ("tables", "csv")
    title = f"### {artifact.title}"
    names = _names(drawing)
    if artifact.per_task:
        links = (
            f"[{escape_markdown(Path(name).name)}]({folder}/{name}.{ending})" for name in names
        )
        return f"{title}\n\n{', '.join(links)}"
    path = results / folder / f"{names[0]}.rst"
    try:
        caption = _as_markdown(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is no text ({error})") from error
    if artifact.kind == "figure":
        return f"{title}\n\n![{artifact.title}](figures/{names[0]}.png)\n\n{caption}"
    return f"{title}\n\n[`{names[0]}.csv`](tables/{names[0]}.csv): {caption}"


def _as_markdown(caption: str) -> str:
    """A caption in reStructuredText, which differs in what a backslash may stand before."""
    return re.sub(r"\\([^\x21-\x7e])", r"\1", " ".join(caption.split()))
