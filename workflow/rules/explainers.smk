# LIME, MAPLE, SRNet's runs and two floors on the same points of every network, and the data of the
# figures that compare them.


include: "explained.smk"


wildcard_constraints:
    explainer="|".join(SEEDED),


rule compare:
    input:
        **WHAT_IS_EXPLAINED,
    output:
        scores="<results>/{task}/{explainer}/{seed}.csv",
        answers="<results>/{task}/{explainer}/{seed}.answers.csv",
    log:
        "<logs>/{task}/{explainer}/{seed}.log",
    benchmark:
        "<benchmarks>/{task}/{explainer}/{seed}.tsv"
    group:
        "compare-{task}-{explainer}"
    conda:
        "../envs/srnet.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb,
        runtime=lambda w, attempt: minutes(120, attempt),
    params:
        options=explained("points", "rows", "samples"),
        code=lambda w: comparison_code(w.explainer),
    message:
        "Explaining task {wildcards.task} by {wildcards.explainer}, seed {wildcards.seed}"
    shell:
        "srnet compare {wildcards.explainer} --task {wildcards.task} --tasks {input.tasks} --data {input.data}"
        " --network {input.network} --layers {input.layers} --seed {wildcards.seed} {params.options}"
        " --out {output.scores} --answers {output.answers} > {log} 2>&1"


rule compare_floors:
    input:
        **WHAT_IS_EXPLAINED,
    output:
        scores="<results>/{task}/floors.csv",
        answers="<results>/{task}/floors.answers.csv",
    log:
        "<logs>/{task}/floors.log",
    benchmark:
        "<benchmarks>/{task}/floors.tsv"
    conda:
        "../envs/srnet.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=lambda w, attempt: minutes(20, attempt),
    params:
        options=explained("points"),
        code=comparison_code("baselines"),
    message:
        "Explaining task {wildcards.task} by a linear model and a constant"
    shell:
        "srnet compare floors --task {wildcards.task} --tasks {input.tasks} --data {input.data}"
        " --network {input.network} --layers {input.layers} {params.options}"
        " --out {output.scores} --answers {output.answers} > {log} 2>&1"


rule compare_srnet:
    input:
        **WHAT_IS_EXPLAINED,
        runs=expand("<results>/{{task}}/srnet/{{preset}}/{seed}.json", seed=SEEDS),
    output:
        scores="<results>/{task}/srnet/{preset}/compared.csv",
        answers="<results>/{task}/srnet/{preset}/compared.answers.csv",
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
        options=explained("points"),
        runs=lambda w, input: " ".join(f"--run {run}" for run in input.runs),
        code=comparison_code("srnet"),
    message:
        "Explaining task {wildcards.task} by the runs of preset {wildcards.preset}"
    shell:
        "srnet compare srnet --task {wildcards.task} --tasks {input.tasks} --data {input.data}"
        " --network {input.network} --layers {input.layers} {params.options} {params.runs}"
        " --out {output.scores} --answers {output.answers} > {log} 2>&1"


for frame, kind in {"fidelity": "regression", "agreement": "classification"}.items():
    if COMPARED[kind]:

        rule:
            name:
                f"gather_{frame}"
            input:
                said(
                    COMPARED[kind],
                    "{seed}.csv",
                    "compared.csv",
                    EXPLAINERS["seeds"],
                    ["<results>/{task}/floors.csv"],
                ),
            output:
                f"<results>/tables/{frame}.csv",
            log:
                f"<logs>/gather_{frame}.log",
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                code=fingerprint("results/gather.py"),
            message:
                "Gathering what explanations are worth"
            script:
                "../scripts/gather_explained.py"


rule gather_costs:
    input:
        said(TASKS, "{seed}.csv", "compared.csv", EXPLAINERS["seeds"]),
    output:
        "<results>/tables/costs.csv",
    log:
        "<logs>/gather_costs.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        columns=["task", "method", "preset", "seed", "seconds_once", "seconds_per_point", "terms"],
        code=fingerprint("results/gather.py"),
    message:
        "Gathering what explanations cost"
    script:
        "../scripts/gather_explained.py"


rule gather_answers:
    input:
        said(
            TASKS,
            "{seed}.answers.csv",
            "compared.answers.csv",
            min(EXPLAINERS["seeds"], EXPLAINERS["stability_seeds"]),
        ),
    output:
        "<results>/tables/answers.csv",
    log:
        "<logs>/gather_answers.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        most=EXPLAINERS["stability_seeds"],
        code=fingerprint("results/gather.py"),
    message:
        "Gathering what is said of the same points with other seeds"
    script:
        "../scripts/gather_explained.py"


rule curves:
    input:
        **WHAT_IS_EXPLAINED,
        runs=expand("<results>/{{task}}/srnet/{preset}/best.json", preset=config["presets"]),
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
        line=lambda w: w.task in EXPLAINERS["lines"],
        samples=EXPLAINERS["samples"],
        code=fingerprint("comparison/curves.py", without=["results/gather.py"]),
    message:
        "What is said of task {wildcards.task} along lines"
    script:
        "../scripts/curves.py"


rule gather_curves:
    input:
        expand("<results>/{task}/curves.csv", task=COMPARED["regression"]),
    output:
        "<results>/tables/curves.csv",
    log:
        "<logs>/gather_curves.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("results/gather.py"),
    message:
        "Gathering the curves"
    script:
        "../scripts/gather_explained.py"


rule plane:
    input:
        **{
            name: WHAT_IS_EXPLAINED[name].replace("{task}", "".join(PLANE))
            for name in ("data", "network", "layers")
        },
        tasks=WHAT_IS_EXPLAINED["tasks"],
        runs=expand(
            "<results>/{task}/srnet/{preset}/best.json", task=PLANE, preset=config["presets"][:1]
        ),
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
        task="".join(PLANE),
        samples=EXPLAINERS["samples"],
        code=fingerprint("comparison/tsne_plane.py", without=["results/gather.py"]),
    message:
        "The rows of task {params.task} in a plane"
    script:
        "../scripts/plane.py"


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
    script:
        "../scripts/undersampling.py"
