# Where the results come from, and the folder in which they are published.
import sys

from snakemake.io import regex_from_filepattern

# How Snakemake was called and configured. By way of the environment and not of a rule's parameters:
# a page about it is no reason to make anything again. A job's Snakemake is called otherwise.
os.environ.setdefault("SRNET_COMMAND", shlex.join(["snakemake", *sys.argv[1:]]))
os.environ["SRNET_CONFIGURATION"] = json.dumps(config)

# The tidy tables of all figures and tables, but those of one task each.
FRAMES = available_frames(
    *sorted(
        {frame for drawing in DRAWINGS for frame in drawing.artifact.frames}
        - PER_TASK
        - set(PUBLISHED)
    )
)
# The tables whose rows say with what software they were made.
MADE = ("runs", "networks", "images_networks_trained")


def benchmark_patterns():
    """The patterns of the benchmark files of every rule, below their folder."""
    paths = {
        each.name: regex_from_filepattern(str(each.benchmark))
        for each in workflow.rules
        if each.benchmark
    }
    return {
        name: path.partition("/benchmarks/")[2].removesuffix("$") for name, path in paths.items()
    }


rule provenance:
    input:
        **FRAMES,
    output:
        report(
            "<results>/provenance.json",
            category="Provenance",
            labels={"result": "Where the results come from (JSON)"},
        ),
    log:
        "<logs>/provenance.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        name=config["name"],
        tables=lambda w, input: table_options(
            {name: file for name, file in input.items() if name in MADE}
        ),
        folder=f"results/{config.get('runs', config['name'])}/benchmarks",
        rules=lambda w: repeat_option("--rule", benchmark_patterns(), benchmark_patterns().values()),
        code=fingerprint("results/provenance.py"),
    message:
        "Provenance of {params.name}"
    shell:
        "srnet provenance --name {params.name:q} --benchmarks {params.folder:q}"
        " {params.tables} {params.rules} --out {output:q} > {log:q} 2>&1"


rule publish:
    input:
        artifact_files("figure", "table"),
        "<results>/summary.md",
        provenance="<results>/provenance.json",
        template=os.path.relpath(Path(workflow.basedir) / "report" / "reproduction.md"),
    output:
        directory(f"{config['publish']}/{config['name']}"),
    log:
        "<logs>/publish.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        results=subpath(input.provenance, parent=True),
        runs=f"results/{config.get('runs', config['name'])}",
        workflow=os.path.relpath(workflow.basedir),
        code=fingerprint("results/publication.py"),
    message:
        "Publishing {config[name]} in {output}"
    shell:
        "srnet publish {params.results:q} --runs {params.runs:q} --workflow {params.workflow:q}"
        " --out {output:q} > {log:q} 2>&1"
