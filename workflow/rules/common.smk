# What the rules share: the checked configuration, the tasks, the searches, and the names of files.
import json
import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path

import yaml
from snakemake.io import regex_from_filepattern
from snakemake.logging import logger
from snakemake.sourcecache import HostingProviderFile, LocalSourceFile
from snakemake.utils import update_config

from srnet.data.pmlb import VARIABLE
from srnet.data.tasks import Csv, count_runs, load_tasks, number_by_task
from srnet.drawing.artifacts import PER_TASK, PUBLISHED, list_drawings, numbered
from srnet.errors import UserError
from srnet.images.pictures.plan import (
    image_names,
    list_methods,
    name_test_images,
    network_names,
    split_name,
    training_options,
)
from srnet.io.fingerprint import fingerprint
from srnet.io.schema import check
from srnet.resources import find_config, resource
from srnet.search.settings import PRESETS, preset as search_settings

# What is no task's name: folders of the results, the rows about all tasks together, and the seeds
# of all other tasks.
TAKEN = ("all", "benchmarks", "default", "figures", "images", "logs", "tables")

# The keys that name a file: the user's own, or one that comes with the package.
CONFIG_FILES = ("tasks_file", "published", "published_classification", "verdict")

SCRIPTS = workflow.current_basedir.join("../scripts")
# Snakemake fetches a script of a remote module alone; those beside it are in the package, too.
if not isinstance(SCRIPTS, LocalSourceFile):
    folders = (str(resource("workflow/scripts")), os.getenv("PYTHONPATH"))
    os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, folders)))

# Thousands of jobs have a few dozens of fingerprints, and no code changes under a workflow.
fingerprint = cache(fingerprint)


configfile: find_config("config/config.yaml")


include: "termination.smk"


def read_values(value):
    """A nested value of --config with its numbers and truth values, which Snakemake leaves as
    texts."""
    if isinstance(value, dict):
        return {key: read_values(part) for key, part in value.items()}
    if isinstance(value, list):
        return [read_values(part) for part in value]
    try:
        number = yaml.safe_load(value)
    except (AttributeError, yaml.YAMLError):  # a number already, or no YAML
        return value
    # YAML takes no and on, which may be names, for truth values too
    return number if type(number) in (int, float) or value in ("true", "false") else value


def named_tasks(value):
    """The tasks that numbers by task name."""
    return [name for name in value if name != "default"] if isinstance(value, dict) else []


def search_values(preset):
    """What the configuration changes in the settings of a preset."""
    values = config["evolution"].get(preset, {})
    return {name: value for name, value in values.items() if name != "seeds"}


def read_search(preset):
    """The settings of a preset; an error names the configuration's key."""
    try:
        return search_settings(preset, **search_values(preset))
    except UserError as error:
        # "'costs' has …" is about evolution.{preset}.costs
        about = str(error).removeprefix("'")
        join = "." if about != str(error) else "': "
        raise UserError(f"configuration: 'evolution.{preset}{join}{about}") from None


def check_folders():
    """Refuse to publish into what results are made in, or around it; UserError then."""
    out = Path(os.path.abspath(config["publish"]), config["name"])
    for key in ("name", "runs"):
        folder = Path(os.path.abspath("results"), config.get(key, config["name"]))
        if folder in (out, *out.parents) or out in folder.parents:
            raise UserError(
                f"configuration: '{key}' is '{folder.name}', and 'publish' is "
                f"'{config['publish']}': what is published would lie in results/{folder.name}, or "
                f"around it; change one of them"
            )


def load_configuration():
    """The tasks and the settings of the searches, by name; the configuration's numbers of seeds are
    told by task from now on.

    Raises
    ------
    UserError
        If the configuration breaks its schema, names an unknown task or preset or a file that is
        not there, or a task has a name that stands for something else among the results.
    """
    options = workflow.config_settings.config
    if options.keys() <= config.keys():  # not so of a module whose configuration is another one
        update_config(config, read_values(options))
    schema = resource("workflow/schemas/config.schema.yaml")
    check(config, yaml.safe_load(schema.read_text()), "configuration")
    for key in CONFIG_FILES:
        config[key] = find_config(config[key])
    check_folders()
    known = load_tasks(config["tasks_file"])
    networks = (config.get("images") or {}).get("networks", [])
    for name in config["tasks"]:
        if name in (*networks, *TAKEN):
            raise UserError(
                f"configuration: 'tasks' has the task '{name}', the name of an image network or of "
                f"something else ({', '.join((*networks, *TAKEN))}); rename it in "
                f"{config['tasks_file']}"
            )
    given = workflow.config_settings.overwrite_config
    # with a tasks file of one's own those of config.yaml are unknown
    named = given if "tasks_file" in given else config
    explainers = named.get("explainers", {})
    for key, names in {
        "tasks": config["tasks"],
        "epochs": config["epochs"],
        "seeds": named_tasks(named.get("seeds")),
        "explainers.seeds": named_tasks(explainers.get("seeds")),
        "explainers.lines": explainers.get("lines", []),
        "explainers.plane": [explainers["plane"]] if "plane" in explainers else [],
    }.items():
        for name in names:
            if name not in known:
                raise UserError(
                    f"configuration: '{key}' names the unknown task '{name}'; "
                    f"{config['tasks_file']} has {', '.join(known)}"
                )
    # Snakemake asks for no input of what is already made
    for key in CONFIG_FILES:
        if not Path(config[key]).is_file():
            raise UserError(
                f"configuration: '{key}' names the file '{config[key]}', which is not there"
            )
    for key in ("presets", "evolution"):
        for name in config[key]:
            if name not in PRESETS:
                raise UserError(
                    f"configuration: '{key}' names the unknown preset '{name}'; known are "
                    f"{', '.join(PRESETS)}"
                )
    searches = {name: read_search(name) for name in (*config["presets"], *config["evolution"])}
    searches = {name: searches[name] for name in config["presets"]}
    tasks = {name: known[name] for name in config["tasks"]}
    for part, key in ((config, "seeds"), (config["explainers"], "explainers.seeds")):
        part["seeds"] = number_by_task(part["seeds"], tasks, key)
    classifications = [name for name, task in tasks.items() if task.kind == "classification"]
    for preset, settings in searches.items():
        if classifications and getattr(settings, "hold_out", False):
            raise UserError(
                f"configuration: 'presets' has {preset}, which chooses formulas by validation rows; "
                f"the classification {classifications[0]} has none (without: the presets rank2 and "
                f"rank3)"
            )
    return tasks, searches


try:
    TASKS, SEARCHES = load_configuration()
except UserError as error:  # one sentence, no traceback, and the exit code of srnet's commands
    logger.error(str(error))
    sys.exit(2)

# By way of the environment and not of a rule's parameters: rows from another cache are the same
# rows.
os.environ[VARIABLE] = os.environ.get(VARIABLE) or config["pmlb_cache"]

TASKS_BY_KIND = {
    kind: [name for name in TASKS if TASKS[name].kind == kind]
    for kind in ("regression", "classification")
}


def names_pattern(names):
    """A pattern that these names match, and nothing where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def repeat_option(option, *files):
    """A shell's words: the option with each of these files, or with each pair of two lists."""
    return " ".join(shlex.join([option, *map(str, each)]) for each in zip(*files, strict=True))


def search_code(preset):
    """The fingerprint of what a preset runs: without its settings, a parameter of their own, and
    without the searches that it does not."""
    ranks = ["search/rank.py", "search/pursuit.py"]
    other = {
        "layerwise": ["search/joint.py", *ranks],
        "joint": ranks,
        "pursuit": [],
    }[SEARCHES[preset].search]
    return fingerprint("search/run.py", without=("search/settings.py", *other))


def search_options(preset):
    """The options of `srnet evolve` that the configuration gives for a preset."""
    return shlex.join(
        word
        for name, value in sorted(search_values(preset).items())
        for word in (f"--{name.replace('_', '-')}", json.dumps(value))
    )


def expand_presets(pattern, tasks=TASKS):
    """A file of every task and preset."""
    return expand(pattern, task=tasks, preset=config["presets"], allow_missing=True)


def run_files(tasks=TASKS, presets=config["presets"]):
    """The runs of every task, preset and seed."""
    return [
        file
        for task in tasks
        for preset in presets
        for file in expand(
            "<runs>/{task}/srnet/{preset}/{seed}.json",
            task=task,
            preset=preset,
            seed=range(1, count_runs(config, task, preset) + 1),
        )
    ]


def output_loss(task):
    """The loss of the output layer: a classifier predicts a class."""
    return "cross_entropy" if TASKS[task].kind == "classification" else "mse"


def config_file(key):
    """A file that the configuration names, as an input that no prefix of a module goes before. Only
    of local rules: without a shared folder, Snakemake runs a job with such an input itself."""
    return local(config[key])


EXPLAINERS = config["explainers"]
# The explainers that take a seed, with the numbers that each reads.
SEEDED = {"lime": ("points", "rows", "samples"), "maple": ("points", "rows")}
PER_JOB = 10  # a seed, or an image, takes seconds, as the start of Python does
# The classification whose decision boundary is drawn.
PLANE_TASK = "".join(
    [name for name in TASKS_BY_KIND["classification"] if name == EXPLAINERS["plane"]]
    or TASKS_BY_KIND["classification"][:1]
)
# The files of a network that is explained.
CASE = dict(
    data="<runs>/{task}/data.npz",
    network="<runs>/{task}/network.pt",
    layers="<runs>/{task}/layers.npz",
)


def compare_options(task, *names):
    """Options of `srnet compare`: those numbers that a task of this kind reads, and where its
    points lie. A number that is changed explains no other task again."""
    other = "rows" if TASKS[task].kind == "regression" else "points"
    numbers = [f"--{name} {EXPLAINERS[name]}" for name in names if name != other]
    return " ".join(numbers + ["--line"] * (task in EXPLAINERS["lines"]))


def comparison_code(explainer):
    """The fingerprint of a comparison without the other explainers, and without the reading and
    writing of tables."""
    others = sorted({"lime", "maple", "srnet", "local", "baselines"} - {explainer})
    return fingerprint(
        "comparison/scores.py",
        without=("results/gather.py", *(f"comparison/explainers/{other}.py" for other in others)),
    )


def number_ranges(count):
    """The seeds, or images, 1 … count in jobs: 1-10, 11-20, …"""
    return [f"{first}-{min(first + PER_JOB - 1, count)}" for first in range(1, count + 1, PER_JOB)]


def comparison_files(tasks, ending="csv", max_seed=None):
    """The comparisons of every task: of LIME and MAPLE one per range of seeds, without the ranges
    beyond a seed; of SRNet one per preset."""
    files = []
    for task in tasks:
        ranges = number_ranges(EXPLAINERS["seeds"][task])
        files += expand(
            "<runs>/{task}/{explainer}/{part}.{ending}",
            task=task,
            explainer=SEEDED,
            part=ranges if max_seed is None else ranges[: len(number_ranges(max_seed))],
            ending=ending,
        )
    for method in ("srnet", "local") if EXPLAINERS["local"] else ("srnet",):
        files += expand_presets(f"<runs>/{{task}}/{method}/{{preset}}/compared.{ending}", tasks)
    return files


IMAGES = config.get("images") or {}


def named_comparisons(ending="csv"):
    """The comparisons on the named images, a file per network, image and range of seeds."""
    return expand(
        "<runs>/images/{network}/{image}/{part}.{ending}",
        network=IMAGES["networks"],
        image=IMAGES["named"],
        part=number_ranges(IMAGES["seeds"]),
        ending=ending,
    )


def test_comparisons():
    """The comparisons on the test set, a file per training of a network and range of images."""
    return expand(
        "<runs>/images/{network}/test_set/{part}.csv",
        network=network_names(IMAGES),
        part=number_ranges(IMAGES["test_set"]["images"]),
    )


def comparison_images(images, part):
    """The names of the images of a comparison: a named one, or a range of the test set, whose first
    image is 1."""
    if images != "test_set":
        return [images]
    first, last = map(int, part.split("-"))
    return name_test_images(last)[first - 1 :]


def comparison_options(network, images, part):
    """The options of `srnet compare-explanations`. Of the test set, the true classes are known."""
    test_set = images == "test_set"
    methods = list_methods(IMAGES, network) if test_set else IMAGES["methods"]
    options = {
        "methods": ",".join(methods),
        "seeds": f"1-{IMAGES['test_set']['seeds']}" if test_set else part,
        "training": split_name(network)[1],
        "baseline-seeds": IMAGES["baseline_seeds"],
        **{key: IMAGES[key] for key in ("segmentation", "fill", "precision")},
    }
    classes = comparison_images(images, part) if test_set else []
    return shlex.join(
        [f"--{key}={value}" for key, value in options.items()]
        + [f"--true-class={name.partition('-')[2]}" for name in classes]
    )


# the networks of the image branch stand beside the tasks: what is drawn per task is drawn per
# network there
DRAWINGS = list_drawings(
    {name: task.kind for name, task in TASKS.items()}
    | dict.fromkeys(IMAGES.get("networks", []), "images")
)


def drawing_files(drawing):
    """The files of a figure or table, by their kind; its caption, numbers filled in, is one."""
    folder, kinds = {
        "figure": ("figures", ("pdf", "png", "rst")),
        "table": ("tables", ("csv", "tex", "html", "rst")),
    }[drawing.artifact.kind]
    return {kind: f"<results>/{folder}/{drawing.name}.{kind}" for kind in kinds}


def drawing_frames(drawing):
    """The tidy tables that a figure or table is made from, by name."""

    def path(frame):
        if frame in PUBLISHED:
            return config_file(PUBLISHED[frame])
        name = f"{frame}/{{task}}" if frame in PER_TASK else frame
        return f"<results>/tables/{name}.csv"

    return {frame: path(frame) for frame in drawing.artifact.frames}


def drawn_tasks(drawing):
    """The tasks that one file of a figure or table shows, by its wildcards."""
    return lambda w: [w.task] if drawing.artifact.per_task else list(drawing.tasks)


def available_frames(*names):
    """Those of the named tidy tables that this configuration has, for they are drawn."""
    available = {frame for drawing in DRAWINGS for frame in drawing.artifact.frames}
    return {name: f"<results>/tables/{name}.csv" for name in names if name in available}


def table_options(input):
    """The options of a command that reads tidy tables by their names."""
    others = ("rules", "provenance")
    tables = {name: file for name, file in input.items() if name not in others}
    return repeat_option("--table", tables, tables.values())


def drawing_module(drawing):
    """The module that draws a figure or table, as `fingerprint` takes it."""
    return f"drawing/{drawing.artifact.module_path.replace('.', '/')}.py"


def caption_template(drawing):
    """The caption of a figure or table, numbers to be filled in."""
    return local(os.path.relpath(resource(f"workflow/report/{drawing.artifact.name}.rst")))


def script_file(name):
    """A script with its whole path: Snakemake 9.27 fails to find one that is relative to a rule of
    git+file://. What lies on GitHub or GitLab has no path that it could read."""
    hosted = isinstance(SCRIPTS, HostingProviderFile)
    return f"../scripts/{name}" if hosted else str(SCRIPTS.join(name))


def report_entry(drawing, kind):
    """A file of a figure or table as the report shows it."""
    return report(
        drawing_files(drawing)[kind],
        category=drawing.artifact.section,
        # one label: of a second one with two values, each of half of the results, the report makes
        # a switch, and finds no result where the switch does not apply
        labels={"result": drawing.label},
        caption="../report/caption.rst",
    )


def artifact_files(*kinds, tasks=None):
    """All files of all figures, of all tables, or of both; those only that show a kind of tasks."""
    return [
        file
        for drawing in DRAWINGS
        if drawing.artifact.kind in kinds and tasks in (None, drawing.artifact.tasks)
        for pattern in drawing_files(drawing).values()
        for file in expand(pattern, task=drawing.tasks)
    ]


# The tidy tables that are drawn, but those of one task each, and those whose rows say with what
# software they were made.
FRAMES = sorted(
    {frame for drawing in DRAWINGS for frame in drawing.artifact.frames} - PER_TASK - set(PUBLISHED)
)
TELLS_SOFTWARE = ("runs", "networks", "images_networks_trained")

# How Snakemake was called and configured. By way of the environment and not of a rule's parameters:
# a page about it is no reason to make anything again. A job's own Snakemake is called otherwise.
os.environ.setdefault("SRNET_COMMAND", shlex.join(["snakemake", *sys.argv[1:]]))
os.environ.update(SRNET_CONFIGURATION=json.dumps(config))


def benchmark_patterns():
    """The patterns of the benchmark files of every rule, below their folder."""
    paths = {
        each.name: regex_from_filepattern(str(each.benchmark))
        for each in workflow.rules
        if each.benchmark
    }
    return {
        name: path.partition("benchmarks/")[2].removesuffix("$") for name, path in paths.items()
    }


# All here, before the first rule: any that came later would be lost for outputs in a storage
# (Snakemake 9.27), and two rules would make the same file.
wildcard_constraints:
    task=names_pattern(TASKS),
    preset=names_pattern(SEARCHES),
    explainer=names_pattern(SEEDED),
    seed=r"[1-9]\d*",
    part=r"\d+-\d+",  # seeds, of an image too


include: "resources.smk"
