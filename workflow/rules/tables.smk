# Results gathered into tidy tables, and the tables of the paper made from them.


REGRESSIONS = [name for name, task in TASKS.items() if task.kind == "regression"]


rule gather_networks:
    input:
        networks=expand("<results>/{task}/network.json", task=TASKS),
        data=expand("<results>/{task}/data.npz", task=TASKS),
    output:
        networks="<results>/tables/networks.csv",
        training="<results>/tables/training.csv",
    log:
        "<logs>/gather_networks.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        families=[TASKS[task].family for task in TASKS],
        code=fingerprint("results/gather.py"),
    message:
        "Gathering the networks of {config[tasks]}"
    script:
        "../scripts/gather_networks.py"


rule gather_runs:
    input:
        expand(of_runs("<results>/{task}/srnet/{preset}/{seed}.json"), seed=SEEDS),
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
        "Gathering the runs of {config[tasks]}"
    script:
        "../scripts/gather_runs.py"


rule gather_inputs:
    input:
        expand(of_runs("<results>/{task}/srnet/{preset}/{seed}.json"), seed=SEEDS),
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
    script:
        "../scripts/gather_inputs.py"


rule gather_distance:
    input:
        data=expand("<results>/{task}/data.npz", task=REGRESSIONS),
        networks=expand("<results>/{task}/network.pt", task=REGRESSIONS),
        runs=expand(
            "<results>/{task}/srnet/{preset}/best.json", task=REGRESSIONS, preset=config["presets"]
        ),
    output:
        "<results>/tables/distance.csv",
    log:
        "<logs>/gather_distance.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        tasks=REGRESSIONS,
        code=fingerprint("results/hidden_semantics.py"),
    message:
        "Errors of the best formulas beyond the training box"
    script:
        "../scripts/gather_distance.py"


rule gather_formulas:
    input:
        runs=of_runs("<results>/{task}/srnet/{preset}/best.json"),
        formulas=of_runs("<results>/{task}/srnet/{preset}/formulas.json"),
    output:
        formulas="<results>/tables/formulas.csv",
    log:
        "<logs>/gather_formulas.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("results/gather.py"),
    message:
        "Gathering the formulas of {config[tasks]}"
    script:
        "../scripts/gather_formulas.py"


rule gather_hidden_values:
    input:
        layers="<results>/{task}/layers.npz",
        runs=expand("<results>/{{task}}/srnet/{preset}/best.json", preset=config["presets"]),
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
    script:
        "../scripts/gather_hidden_values.py"


rule verdict:
    input:
        **compared_frames("runs", "networks", "fidelity", "agreement", "images_claims"),
        **{key: config[key] for key in PUBLISHED.values()},
        rules=config["verdict"],
    output:
        "<results>/tables/verdict.csv",
    log:
        "<logs>/verdict.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        presets=config["presets"],
        code=fingerprint("results/verdict.py"),
    message:
        "Verdict on every published number"
    script:
        "../scripts/verdict.py"


rule summary:
    input:
        **compared_frames("runs", "networks", "formulas", "fidelity", "agreement", "verdict"),
    output:
        "<results>/summary.md",
    log:
        "<logs>/summary.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        name=config["name"],
        code=fingerprint("results/summary.py"),
    message:
        "Summary of {params.name}"
    script:
        "../scripts/summary.py"


for table in DRAWINGS:
    if table.artifact.kind == "table":

        rule:
            name:
                table.rule
            input:
                **drawn_frames(table),
                caption=caption_template(table),
            output:
                csv=drawn_files(table)["csv"],
                tex=drawn_files(table)["tex"],
                html=in_report(table, "html"),
                caption=drawn_files(table)["rst"],
            log:
                f"<logs>/tables/{table.name}.log",
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                name=table.name,
                tasks=table.tasks,
                filters_tasks=table.filters_tasks,
                frames=table.artifact.frames,
                module=table.artifact.module_path,
                title=table.artifact.title,
                code=fingerprint(drawing_module(table), "drawing/saving.py", "drawing/captions.py"),
            message:
                "Table {params.name}"
            script:
                "../scripts/table.py"
