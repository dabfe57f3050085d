# A task's rows, the network trained on them, and the values of its layers.


rule data:
    input:
        table=lambda w: (
            [local(str(TASKS[w.task].source.path))]
            if isinstance(TASKS[w.task].source, Csv)
            else []
        ),
    output:
        "<runs>/{task}/data.npz",
    log:
        "<logs>/{task}/data.log",
    localrule: True  # short, and a node of a cluster may not reach the internet
    conda:
        "../envs/srnet.yaml"
    params:
        tasks=config["tasks_file"],
        entry=lambda w: f"{TASKS[w.task].source!r} {TASKS[w.task].seed}",
        code=fingerprint("data/dataset.py"),
    message:
        "Rows of task {wildcards.task}"
    shell:
        "srnet data {wildcards.task} --tasks {params.tasks:q} --out {output:q} > {log:q} 2>&1"


rule train:
    input:
        data="<runs>/{task}/data.npz",
    output:
        network="<runs>/{task}/network.pt",
        report="<runs>/{task}/network.json",
    log:
        "<logs>/{task}/train.log",
    benchmark:
        "<benchmarks>/{task}/train.tsv"
    group:
        "network-{task}"
    conda:
        "../envs/srnet.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb,
        runtime=minutes_of_training,
    params:
        tasks=config["tasks_file"],
        entry=lambda w: repr(TASKS[w.task].network),
        epochs=lambda w: (
            f"--epochs {config['epochs'][w.task]}" if w.task in config["epochs"] else ""
        ),
        code=fingerprint("networks/training.py"),
    message:
        "Training the network of task {wildcards.task}"
    shell:
        "srnet train {input.data:q} --task {wildcards.task} --tasks {params.tasks:q}"
        " {params.epochs} --out {output.network:q} --report {output.report:q} > {log:q} 2>&1"


rule layers:
    input:
        network="<runs>/{task}/network.pt",
        data="<runs>/{task}/data.npz",
    output:
        "<runs>/{task}/layers.npz",
    log:
        "<logs>/{task}/layers.log",
    benchmark:
        "<benchmarks>/{task}/layers.tsv"
    group:
        "network-{task}"
    conda:
        "../envs/srnet.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=lambda w, attempt: minutes(10, attempt),
    params:
        tasks=config["tasks_file"],
        code=fingerprint("networks/extraction.py"),
    message:
        "Layers of the network of task {wildcards.task}"
    shell:
        "srnet layers {input.network:q} {input.data:q} --task {wildcards.task}"
        " --tasks {params.tasks:q} --out {output:q} > {log:q} 2>&1"
