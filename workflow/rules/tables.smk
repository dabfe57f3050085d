# Results gathered into tidy tables, and the tables of the paper made from them.


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
        code=fingerprint("results.py"),
    message:
        "Gathering the networks of {config[tasks]}"
    script:
        "../scripts/gather_networks.py"


rule gather_runs:
    input:
        expand("<results>/{task}/srnet/{preset}/{seed}.json", task=TASKS, preset=config["presets"], seed=SEEDS),
    output:
        runs="<results>/tables/runs.csv",
        history="<results>/tables/history.csv",
    log:
        "<logs>/gather_runs.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("results.py"),
    message:
        "Gathering the runs of {config[tasks]}"
    script:
        "../scripts/gather_runs.py"


rule gather_formulas:
    input:
        runs=expand("<results>/{task}/srnet/{preset}/best.json", task=TASKS, preset=config["presets"]),
        formulas=expand("<results>/{task}/srnet/{preset}/formulas.json", task=TASKS, preset=config["presets"]),
    output:
        formulas="<results>/tables/formulas.csv",
    log:
        "<logs>/gather_formulas.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("results.py"),
    message:
        "Gathering the formulas of {config[tasks]}"
    script:
        "../scripts/gather_formulas.py"


for table in ARTIFACTS:
    if table.kind == "table":

        rule:
            name:
                f"table_{table.name}"
            input:
                **artifact_frames(table),
            output:
                csv=artifact_files(table)["csv"],
                tex=artifact_files(table)["tex"],
                html=report(
                    artifact_files(table)["html"],
                    category=table.category,
                    labels={"artifact": table.title, "kind": "table"},
                    caption=f"../report/{table.name}.rst",
                ),
            log:
                f"<logs>/table_{table.name}.log",
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                name=table.name,
                title=table.title,
                code=fingerprint(f"drawing/{table.name}.py", "drawing/saving.py"),
            message:
                "Table {params.name}"
            script:
                "../scripts/table.py"
