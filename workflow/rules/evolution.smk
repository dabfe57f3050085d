# One search per task, preset and seed.


rule evolve:
    input:
        "<runs>/{task}/layers.npz",
    output:
        "<runs>/{task}/srnet/{preset}/{seed}.json",
    log:
        "<logs>/{task}/srnet/{preset}/{seed}.log",
    benchmark:
        "<benchmarks>/{task}/srnet/{preset}/{seed}.tsv"
    group:
        "evolve-{task}-{preset}"  # how many runs make a job of a cluster says its profile
    conda:
        "../envs/srnet.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb,
        runtime=minutes_of_search,
    params:
        options=lambda w: f"--loss {output_loss(w.task)} {search_options(w.preset)}",
        settings=lambda w: repr(
            search_settings(w.preset, loss=output_loss(w.task), **search_values(w.preset))
        ),
        code=lambda w: search_code(w.preset),
    message:
        "Evolving task {wildcards.task}, preset {wildcards.preset}, seed {wildcards.seed}"
    shell:
        # the checkpoint, {output}.checkpoint, is no declared output: Snakemake would delete it
        # before a run that goes on from it
        "srnet evolve {input:q} --task {wildcards.task} --preset {wildcards.preset}"
        " --seed {wildcards.seed} {params.options} --threads {threads} --out {output:q}"
        " > {log:q} 2>&1"
