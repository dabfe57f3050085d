# The best run of every task and preset, and its formulas: simplified, in LaTeX, checked.


rule best:
    input:
        runs=lambda w: run_files([w.task], [w.preset]),
        layers="<runs>/{task}/layers.npz",
    output:
        "<runs>/{task}/srnet/{preset}/best.json",
    log:
        "<logs>/{task}/srnet/{preset}/best.log",
    localrule: True
    conda:
        "../envs/srnet.yaml"
    params:
        code=fingerprint("results/gather.py"),
    message:
        "Best run of task {wildcards.task}, preset {wildcards.preset}"
    shell:
        "srnet best {input.runs:q} --layers {input.layers:q} --out {output:q} > {log:q} 2>&1"


rule formulas:
    input:
        run="<runs>/{task}/srnet/{preset}/best.json",
        layers="<runs>/{task}/layers.npz",
        data="<runs>/{task}/data.npz",
    output:
        "<runs>/{task}/srnet/{preset}/formulas.json",
    log:
        "<logs>/{task}/srnet/{preset}/formulas.log",
    benchmark:
        "<benchmarks>/{task}/srnet/{preset}/formulas.tsv"
    conda:
        "../envs/srnet.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=lambda w, attempt: minutes(config["formulas"]["time_limit"], attempt),
    params:
        time_limit=config["formulas"]["time_limit"],
        code=fingerprint("model/simplify.py"),
    message:
        "Formulas of task {wildcards.task}, preset {wildcards.preset}"
    shell:
        "srnet formulas {input.run:q} --layers {input.layers:q} --data {input.data:q}"
        " --time-limit {params.time_limit:q} --out {output:q} > {log:q} 2>&1"
