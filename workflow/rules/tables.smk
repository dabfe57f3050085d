# Results gathered into tidy tables, and the tables of the paper made from them.


rule gather_networks:
    input:
        networks=expand("<runs>/{task}/network.json", task=TASKS),
        data=expand("<runs>/{task}/data.npz", task=TASKS),
    output:
        networks="<results>/tables/networks.csv",
        training="<results>/tables/training.csv",
    log:
        "<logs>/gather_networks.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        tasks=config["tasks_file"],
        entries=[(TASKS[task].family, TASKS[task].network.epochs) for task in TASKS],
        networks=lambda w, input: repeat_option("--network", input.networks, input.data),
        code=fingerprint("results/gather.py"),
    message:
        f"Gathering the networks of {config['tasks']}"
    shell:
        "srnet gather networks {params.networks} --tasks {params.tasks:q}"
        " --out-networks {output.networks:q} --out-training {output.training:q} > {log:q} 2>&1"


rule gather_runs:
    input:
        runs=run_files(),
        # made after every run's fitness was checked
        best=expand_presets("<runs>/{task}/srnet/{preset}/best.json"),
    output:
        runs="<results>/tables/runs.csv",
        history="<results>/tables/history.csv",
        pareto="<results>/tables/pareto.csv",
    log:
        "<logs>/gather_runs.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("results/gather.py"),
    message:
        f"Gathering the runs of {config['tasks']}"
    shell:
        "srnet gather runs {input.runs:q} --out-runs {output.runs:q} --out-history {output.history:q}"
        " --out-pareto {output.pareto:q} > {log:q} 2>&1"


rule gather_inputs:
    input:
        run_files(),
    output:
        "<results>/tables/inputs_used.csv",
    log:
        "<logs>/gather_inputs.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("results/hidden_semantics.py"),
    message:
        "Gathering the inputs that formulas read"
    shell:
        "srnet gather inputs {input:q} --out {output:q} > {log:q} 2>&1"


rule gather_distance:
    input:
        data=expand("<runs>/{task}/data.npz", task=TASKS_BY_KIND["regression"]),
        networks=expand("<runs>/{task}/network.pt", task=TASKS_BY_KIND["regression"]),
        runs=expand(
            "<runs>/{task}/srnet/{preset}/best.json",
            task=TASKS_BY_KIND["regression"],
            preset=config["presets"],
        ),
    output:
        "<results>/tables/distance.csv",
    log:
        "<logs>/gather_distance.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        networks=lambda w, input: repeat_option(
            "--network", TASKS_BY_KIND["regression"], input.networks, input.data
        ),
        code=fingerprint("results/hidden_semantics.py"),
    message:
        "Errors of the best formulas beyond the training box"
    shell:
        "srnet gather distance {input.runs:q} {params.networks} --out {output:q} > {log:q} 2>&1"


rule gather_layer_r2:
    input:
        layers=expand("<runs>/{task}/layers.npz", task=TASKS),
        runs=expand_presets("<runs>/{task}/srnet/{preset}/best.json"),
    output:
        "<results>/tables/layer_r2.csv",
    log:
        "<logs>/gather_layer_r2.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        layers=lambda w, input: repeat_option("--layers", TASKS, input.layers),
        code=fingerprint("results/hidden_semantics.py"),
    message:
        f"R² of the layers of {config['tasks']} by number of formulas"
    shell:
        "srnet gather layer-r2 {input.runs:q} {params.layers} --out {output:q} > {log:q} 2>&1"


rule gather_formulas:
    input:
        runs=expand_presets("<runs>/{task}/srnet/{preset}/best.json"),
        formulas=expand_presets("<runs>/{task}/srnet/{preset}/formulas.json"),
    output:
        "<results>/tables/formulas.csv",
    log:
        "<logs>/gather_formulas.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        runs=lambda w, input: repeat_option("--run", input.runs, input.formulas),
        code=fingerprint("results/gather.py"),
    message:
        f"Gathering the formulas of {config['tasks']}"
    shell:
        "srnet gather formulas {params.runs} --out {output:q} > {log:q} 2>&1"


rule gather_hidden_values:
    input:
        layers="<runs>/{task}/layers.npz",
        runs=expand("<runs>/{{task}}/srnet/{preset}/best.json", preset=config["presets"]),
    output:
        "<results>/tables/hidden_values/{task}.csv",
    log:
        "<logs>/hidden_values/{task}.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("results/hidden_semantics.py"),
    message:
        "Hidden values of task {wildcards.task}"
    shell:
        "srnet gather hidden-values {input.layers:q} {input.runs:q} --task {wildcards.task}"
        " --out {output:q} > {log:q} 2>&1"


# The verdict on all claims, and on those about one table, which wait for no other.
CLAIMS = {
    "verdict": (
        "runs",
        "networks",
        "fidelity",
        "agreement",
        "images_runs",
        "images_networks_trained",
    ),
    "runs_claims": ("runs", "networks"),
    "agreement_claims": ("agreement", "runs", "networks"),
    "images_claims": ("images_runs", "images_networks_trained"),
}

for claims, frames in CLAIMS.items():
    if claims == "verdict" or available_frames(claims):

        rule:
            name:
                claims
            input:
                **available_frames(*frames),
                **{key: config_file(key) for key in PUBLISHED.values()},
                rules=config_file("verdict"),
            output:
                f"<results>/tables/{claims}.csv",
            log:
                f"<logs>/{claims}.log",
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                tables=lambda w, input: table_options(input),
                options=repeat_option("--preset", config["presets"])
                + (f" --only {claims.removesuffix('_claims')}" if claims != "verdict" else ""),
                code=fingerprint(
                    "results/verdict.py",
                    "images/results.py",
                    without=("images/comparison/scores.py",),
                ),
            message:
                "Verdict on published numbers ({output})"
            shell:
                "srnet verdict --rules {input.rules:q} {params.tables} {params.options}"
                " --out {output:q} > {log:q} 2>&1"


rule summary:
    input:
        **available_frames("runs", "networks", "verdict"),
        provenance="<results>/provenance.json",
    output:
        page="<results>/summary.md",
        # the report's front page
        html=report(
            "<results>/summary.html", category=numbered("Verdict"), labels={"result": "Summary"}
        ),
    log:
        "<logs>/summary.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        name=config["name"],
        tables=lambda w, input: table_options(input),
        code=fingerprint("results/summary.py"),
    message:
        "Summary of {params.name}"
    shell:
        "srnet summary --name {params.name:q} {params.tables} --provenance {input.provenance:q}"
        " --out {output.page:q} --html {output.html:q} > {log:q} 2>&1"


for table in DRAWINGS:
    if table.artifact.kind == "table":

        rule:
            name:
                table.rule
            input:
                **drawing_frames(table),
                caption=caption_template(table),
            output:
                csv=drawing_files(table)["csv"],
                tex=drawing_files(table)["tex"],
                html=report_entry(table, "html"),
                caption=drawing_files(table)["rst"],
            log:
                f"<logs>/tables/{table.name}.log",
            wildcard_constraints:
                task=names_pattern(table.tasks),
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                tasks=drawn_tasks(table),
                filters_tasks=table.filters_tasks,
                frames=table.artifact.frames,
                module=table.artifact.module_path,
                title=table.artifact.title,
                code=fingerprint(drawing_module(table), "drawing/saving.py", "drawing/captions.py"),
            message:
                "Making {output.html}"
            script:
                script_file("table.py")
