# What the rules of explainers.smk share: what is explained, by whom, and the names of the files
# that say so.

EXPLAINERS = config["explainers"]
# The explainers that read a seed.
SEEDED = ("lime", "maple")
COMPARED = {
    kind: [name for name in TASKS if TASKS[name].kind == kind]
    for kind in ("regression", "classification")
}
# The classification whose decision boundary is drawn.
PLANE = [name for name in COMPARED["classification"] if name == EXPLAINERS["plane"]] or COMPARED[
    "classification"
][:1]
WHAT_IS_EXPLAINED = dict(
    data="<results>/{task}/data.npz",
    network="<results>/{task}/network.pt",
    layers="<results>/{task}/layers.npz",
    tasks=ancient(config["tasks_file"]),
)


def explained(*names):
    """Options of `srnet compare`: what is explained of a task."""
    numbers = [f"--{name} {EXPLAINERS[name]}" for name in names]
    return lambda w: " ".join(numbers + ["--line"] * (w.task in EXPLAINERS["lines"]))


def comparison_code(explainer):
    """The fingerprint of a comparison without the other explainers, and without the reading and writing of tables."""
    others = {"lime", "maple", "srnet", "baselines"} - {explainer}
    return fingerprint(
        "comparison/scores.py",
        without=["results/gather.py", *(f"comparison/explainers/{other}.py" for other in others)],
    )


def said(tasks, seeded, formulas, seeds, floors=()):
    """Files of every task: of LIME and MAPLE one per seed, of SRNet one per preset, of the floors one."""
    return [
        *expand(
            f"<results>/{{task}}/{{explainer}}/{seeded}",
            task=tasks,
            explainer=SEEDED,
            seed=range(1, seeds + 1),
        ),
        *of_runs(f"<results>/{{task}}/srnet/{{preset}}/{formulas}", tasks),
        *expand(floors, task=tasks),
    ]
