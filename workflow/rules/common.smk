# What the rules share: the checked configuration, the tasks, the searches, and the names of files.
import re
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

from srnet.config import check
from srnet.drawing.artifacts import ARTIFACTS
from srnet.errors import UserError
from srnet.fingerprint import fingerprint
from srnet.settings import preset as search_settings
from srnet.tasks import Csv, load_tasks


def checked():
    """The tasks and the settings of the searches, by name.

    Raises
    ------
    UserError
        If the configuration breaks its schema, or names a task or preset that there is not.
    """
    schema = Path(workflow.basedir) / "schemas" / "config.schema.yaml"
    check(config, yaml.safe_load(schema.read_text()), "configuration")
    known = load_tasks(config["tasks_file"])
    for key in ("tasks", "epochs"):
        for name in config[key]:
            if name not in known:
                raise UserError(
                    f"configuration: '{key}' names the unknown task '{name}'; {config['tasks_file']} has {', '.join(known)}"
                )
    searches = {name: search_settings(name, **options) for name, options in config["evolution"].items()}
    return (
        {name: known[name] for name in config["tasks"]},
        {name: searches.get(name) or search_settings(name) for name in config["presets"]},
    )


try:
    TASKS, SEARCHES = checked()
except UserError as error:  # one sentence, no traceback
    raise WorkflowError(str(error)) from None

SEEDS = range(1, config["seeds"] + 1)


def search_code(preset):
    """The fingerprint of what a preset runs: without its settings, a parameter of their own, and without the other search."""
    other = {"layerwise": ["joint.py"], "joint": []}[SEARCHES[preset].search]
    return fingerprint("evolution.py", without=["settings.py", *other])


def search_options(preset):
    """The options of `srnet evolve` that the configuration gives for a preset."""
    return " ".join(f"--{name} {value}" for name, value in sorted(config["evolution"].get(preset, {}).items()))


def artifact_files(artifact):
    """The files of a figure or table, by their kind."""
    folder, kinds = {"figure": ("figures", ("pdf", "png")), "table": ("tables", ("csv", "tex", "html"))}[artifact.kind]
    return {kind: f"<results>/{folder}/{artifact.name}.{kind}" for kind in kinds}


def artifact_frames(artifact):
    """The tidy tables that a figure or table is made from, by name."""
    return {name: config["published"] if name == "published" else f"<results>/tables/{name}.csv" for name in artifact.frames}


def files_of(*kinds):
    """All files of all figures, of all tables, or of both."""
    return [file for artifact in ARTIFACTS if artifact.kind in kinds for file in artifact_files(artifact).values()]
