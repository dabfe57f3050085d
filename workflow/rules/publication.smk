# Where the results come from, and the folder in which they are published.


rule provenance:
    input:
        **available_frames(*FRAMES),
    output:
        report(
            "<results>/provenance.json",
            category=numbered("Provenance"),
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
            {name: file for name, file in input.items() if name in TELLS_SOFTWARE}
        ),
        folder=lambda w, output: (
            Path(output[0]).parent.parent / config.get("runs", config["name"]) / "benchmarks"
        ),
        rules=lambda w: repeat_option("--rule", *zip(*benchmark_patterns().items())),
        code=fingerprint("results/provenance.py"),
    message:
        "Provenance of {params.name}"
    shell:
        "srnet provenance --name {params.name:q} --benchmarks {params.folder:q}"
        " {params.tables} {params.rules} --out {output:q} > {log:q} 2>&1"


# Without an output, which Snakemake would delete before a job and after one that failed: what was
# published stays until srnet publish replaces it.
rule publish:
    input:
        artifact_files("figure", "table"),
        "<results>/summary.md",
        provenance="<results>/provenance.json",
        network=f"<runs>/{next(iter(TASKS))}/network.json",
        template=local(os.path.relpath(resource("workflow/report/reproduction.md"))),
    log:
        "<logs>/publish.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        results=subpath(input.provenance, parent=True),
        runs=subpath(input.network, ancestor=2),
        workflow=subpath(input.template, ancestor=2),
        out=f"{config['publish']}/{config['name']}",
    message:
        "Publishing in {params.out}"
    shell:
        "srnet publish {params.results:q} --runs {params.runs:q} --workflow {params.workflow:q}"
        " --out {params.out:q} > {log:q} 2>&1"
