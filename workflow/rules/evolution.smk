# One search per task, preset and seed.


rule evolve:
    input:
        "<results>/{task}/layers.npz",
    output:
        "<results>/{task}/srnet/{preset}/{seed}.json",
    log:
        "<logs>/{task}/srnet/{preset}/{seed}.log",
    benchmark:
        "<benchmarks>/{task}/srnet/{preset}/{seed}.tsv"
    conda:
        "../envs/srnet.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=240,
    params:
        options=lambda w: search_options(w.preset),
        settings=lambda w: repr(SEARCHES[w.preset]),
        code=lambda w: search_code(w.preset),
    message:
        "Evolving task {wildcards.task}, preset {wildcards.preset}, seed {wildcards.seed}"
    shell:
        # the checkpoint, {output}.checkpoint, is no declared output: Snakemake would delete it before a run that goes on from it
        "srnet evolve {input} --task {wildcards.task} --preset {wildcards.preset} --seed {wildcards.seed} {params.options}"
        " --threads {threads} --out {output} > {log} 2>&1"
