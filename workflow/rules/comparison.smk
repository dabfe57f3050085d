# LIME, MAPLE, SRNet's runs and two baselines on the same points of every network, and the data of
# the figures that compare them.


rule compare:
    input:
        **CASE,
    output:
        scores="<runs>/{task}/{explainer}/{part}.csv",
        answers="<runs>/{task}/{explainer}/{part}.answers.csv",
    log:
        "<logs>/{task}/{explainer}/{part}.log",
    benchmark:
        "<benchmarks>/{task}/{explainer}/{part}.tsv"
    conda:
        "../envs/srnet.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb,
        runtime=lambda w, attempt: minutes(120 * PER_JOB, attempt),
    params:
        tasks=config["tasks_file"],
        options=lambda w: compare_options(w.task, *SEEDED[w.explainer]),
        code=lambda w: comparison_code(w.explainer),
    message:
        "Explaining task {wildcards.task} by {wildcards.explainer}, seeds {wildcards.part}"
    shell:
        "srnet compare {wildcards.explainer} --task {wildcards.task}"
        " --tasks {params.tasks:q} --data {input.data:q} --network {input.network:q}"
        " --layers {input.layers:q} --seeds {wildcards.part} {params.options}"
        " --out {output.scores:q} --answers {output.answers:q} > {log:q} 2>&1"


rule compare_baselines:
    input:
        **CASE,
    output:
        scores="<runs>/{task}/baselines.csv",
        answers="<runs>/{task}/baselines.answers.csv",
    log:
        "<logs>/{task}/baselines.log",
    benchmark:
        "<benchmarks>/{task}/baselines.tsv"
    conda:
        "../envs/srnet.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=lambda w, attempt: minutes(20, attempt),
    params:
        tasks=config["tasks_file"],
        options=lambda w: compare_options(w.task, "points"),
        code=comparison_code("baselines"),
    message:
        "Explaining task {wildcards.task} by a linear model and a constant"
    shell:
        "srnet compare baselines --task {wildcards.task}"
        " --tasks {params.tasks:q} --data {input.data:q} --network {input.network:q}"
        " --layers {input.layers:q} {params.options}"
        " --out {output.scores:q} --answers {output.answers:q} > {log:q} 2>&1"


rule compare_srnet:
    input:
        **CASE,
        runs=lambda w: run_files([w.task], [w.preset]),
    output:
        scores="<runs>/{task}/srnet/{preset}/compared.csv",
        answers="<runs>/{task}/srnet/{preset}/compared.answers.csv",
    log:
        "<logs>/{task}/srnet/{preset}/compared.log",
    benchmark:
        "<benchmarks>/{task}/srnet/{preset}/compared.tsv"
    conda:
        "../envs/srnet.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=lambda w, attempt: minutes(20, attempt),
    params:
        tasks=config["tasks_file"],
        method="srnet",
        options=lambda w: compare_options(w.task, "points"),
        runs=lambda w, input: repeat_option("--run", input.runs),
        code=comparison_code("srnet"),
    message:
        "Explaining task {wildcards.task} by the runs of preset {wildcards.preset}"
    shell:
        "srnet compare {params.method:q} --task {wildcards.task}"
        " --tasks {params.tasks:q} --data {input.data:q} --network {input.network:q}"
        " --layers {input.layers:q} {params.options} {params.runs}"
        " --out {output.scores:q} --answers {output.answers:q} > {log:q} 2>&1"


use rule compare_srnet as compare_local with:
    output:
        scores="<runs>/{task}/local/{preset}/compared.csv",
        answers="<runs>/{task}/local/{preset}/compared.answers.csv",
    log:
        "<logs>/{task}/local/{preset}/compared.log",
    benchmark:
        "<benchmarks>/{task}/local/{preset}/compared.tsv"
    params:
        tasks=config["tasks_file"],
        method="local",
        options=lambda w: compare_options(w.task, "points"),
        runs=lambda w, input: repeat_option("--run", input.runs),
        code=comparison_code("local"),
    message:
        "Explaining task {wildcards.task} near its points by the runs of preset {wildcards.preset}"


for frame, kind in {"fidelity": "regression", "agreement": "classification"}.items():
    if TASKS_BY_KIND[kind]:

        rule:
            name:
                f"gather_{frame}"
            input:
                comparison_files(TASKS_BY_KIND[kind]),
                expand("<runs>/{task}/baselines.csv", task=TASKS_BY_KIND[kind]),
            output:
                f"<results>/tables/{frame}.csv",
            log:
                f"<logs>/gather_{frame}.log",
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                code=fingerprint("comparison/tables.py"),
            message:
                "Gathering the scores of explanations"
            shell:
                "srnet gather comparisons {input:q} --out {output:q} > {log:q} 2>&1"


rule gather_costs:
    input:
        comparison_files(TASKS),
    output:
        "<results>/tables/costs.csv",
    log:
        "<logs>/gather_costs.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        columns="task,method,preset,seed,seconds_once,seconds_per_point,terms",
        code=fingerprint("comparison/tables.py"),
    message:
        "Gathering the costs of explanations"
    shell:
        "srnet gather comparisons {input:q} --columns {params.columns:q} --out {output:q}"
        " > {log:q} 2>&1"


rule gather_answers:
    input:
        comparison_files(TASKS, "answers.csv", max_seed=EXPLAINERS["stability_seeds"]),
    output:
        "<results>/tables/answers.csv",
    log:
        "<logs>/gather_answers.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        # a file may have more seeds than are compared
        max_seed=EXPLAINERS["stability_seeds"],
        code=fingerprint("comparison/tables.py"),
    message:
        "Gathering the answers at the same points with other seeds"
    shell:
        "srnet gather comparisons {input:q} --max-seed {params.max_seed:q} --out {output:q}"
        " > {log:q} 2>&1"


rule curves:
    input:
        **CASE,
        runs=expand("<runs>/{{task}}/srnet/{preset}/best.json", preset=config["presets"]),
    output:
        "<results>/{task}/curves.csv",
    log:
        "<logs>/{task}/curves.log",
    benchmark:
        "<benchmarks>/{task}/curves.tsv"
    conda:
        "../envs/srnet.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=lambda w, attempt: minutes(60, attempt),
    params:
        tasks=config["tasks_file"],
        options=lambda w: compare_options(w.task, "samples"),
        code=fingerprint("comparison/curves.py", without=("results/gather.py",)),
    message:
        "Explanations of task {wildcards.task} along lines"
    shell:
        "srnet curves {input.runs:q} --task {wildcards.task}"
        " --tasks {params.tasks:q} --data {input.data:q} --network {input.network:q}"
        " --layers {input.layers:q} {params.options} --out {output:q} > {log:q} 2>&1"


rule gather_curves:
    input:
        expand("<results>/{task}/curves.csv", task=TASKS_BY_KIND["regression"]),
    output:
        "<results>/tables/curves.csv",
    log:
        "<logs>/gather_curves.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("comparison/tables.py"),
    message:
        "Gathering the curves"
    shell:
        "srnet gather comparisons {input:q} --out {output:q} > {log:q} 2>&1"


if PLANE_TASK:

    rule plane:
        input:
            **{name: file.replace("{task}", PLANE_TASK) for name, file in CASE.items()},
            run=f"<runs>/{PLANE_TASK}/srnet/{config['presets'][0]}/best.json",
        output:
            rows="<results>/tables/plane.csv",
            lines="<results>/tables/plane_lines.csv",
        log:
            "<logs>/plane.log",
        benchmark:
            "<benchmarks>/plane.tsv"
        conda:
            "../envs/srnet.yaml"
        resources:
            mem_mb=lambda w, attempt: attempt * 2000,
            runtime=lambda w, attempt: minutes(120, attempt),
        params:
            task=PLANE_TASK,
            tasks=config["tasks_file"],
            samples=EXPLAINERS["samples"],
            code=fingerprint("comparison/tsne_plane.py", without=("results/gather.py",)),
        message:
            "The rows of task {params.task} in a plane"
        shell:
            "srnet plane {input.run:q} --task {params.task:q}"
            " --tasks {params.tasks:q} --data {input.data:q} --network {input.network:q}"
            " --layers {input.layers:q} --samples {params.samples:q}"
            " --out {output.rows:q} --lines {output.lines:q} > {log:q} 2>&1"


rule undersampling:
    output:
        "<results>/tables/usdb.csv",
    log:
        "<logs>/usdb.log",
    benchmark:
        "<benchmarks>/usdb.tsv"
    conda:
        "../envs/srnet.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * 1500,
        runtime=lambda w, attempt: minutes(30, attempt),
    params:
        code=fingerprint("networks/boundary_toy.py"),
    message:
        "Points near the decision boundary of a toy"
    shell:
        "srnet boundary-toy --out {output:q} > {log:q} 2>&1"
