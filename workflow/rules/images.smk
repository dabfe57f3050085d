# The image branch (E-LIME): images with masks, the networks trained on them, every explanation of
# every image.

if IMAGES:

    rule images:
        input:
            artifact_files("figure", "table", tasks="images"),
        localrule: True
        message:
            f"The figures and tables of the image branch of {config['name']}"

    rule make_images:
        output:
            expand(
                "<runs>/images/data/{image}{mask}.png",
                image=image_names(IMAGES),
                mask=["", "_mask"],
            ),
        log:
            "<logs>/images/data.log",
        localrule: True
        conda:
            "../envs/srnet.yaml"
        params:
            folder=subpath(output[0], parent=True),
            named=",".join(IMAGES["named"]),
            tests=IMAGES["test_set"]["images"],
            size=IMAGES["size"],
            seed=IMAGES["seed"],
            code=fingerprint("images/pictures/dataset.py"),
        message:
            "Images to explain, with the masks of their objects"
        shell:
            "srnet make-images {params.folder:q} --named {params.named:q} --count {params.tests:q}"
            " --size {params.size:q} --seed {params.seed:q} > {log:q} 2>&1"

    rule train_classifier:
        output:
            network="<runs>/images/{network}/network.pt",
            report="<runs>/images/{network}/network.json",
        log:
            "<logs>/images/{network}/train.log",
        benchmark:
            "<benchmarks>/images/{network}/train.tsv"
        wildcard_constraints:
            network="|".join(network_names(IMAGES)),
        conda:
            "../envs/srnet.yaml"
        # one thread, so that a network does not depend on the number of cores
        threads: 1
        resources:
            mem_mb=lambda w, attempt: 3000 * attempt,
            runtime=lambda w, attempt: 240 * attempt,
        params:
            architecture=lambda w: split_name(w.network)[0],
            options=lambda w: " ".join(
                f"--{key} {value}" for key, value in training_options(IMAGES, w.network).items()
            ),
            code=fingerprint("images/networks/training.py"),
        message:
            "Training {wildcards.network} on made images"
        shell:
            "srnet train-classifier {params.architecture:q} {params.options} --threads {threads}"
            " --out {output.network:q} --report {output.report:q} > {log:q} 2>&1"

    rule compare_explanations:
        input:
            network="<runs>/images/{network}/network.pt",
            images=lambda w: expand(
                "<runs>/images/data/{image}.png", image=comparison_images(w.images, w.part)
            ),
            masks=lambda w: expand(
                "<runs>/images/data/{image}_mask.png", image=comparison_images(w.images, w.part)
            ),
        output:
            runs="<runs>/images/{network}/{images}/{part}.csv",
            history="<runs>/images/{network}/{images}/{part}.history.csv",
        log:
            "<logs>/images/{network}/{images}/{part}.log",
        benchmark:
            "<benchmarks>/images/{network}/{images}/{part}.tsv"
        wildcard_constraints:
            network="|".join(network_names(IMAGES)),
            images="|".join([*IMAGES["named"], "test_set"]),
        conda:
            "../envs/srnet.yaml"
        threads: 1
        resources:
            mem_mb=lambda w, attempt: 2000 * attempt,
            runtime=lambda w, attempt: 240 * attempt,
        params:
            masks=lambda w, input: repeat_option("--mask", input.masks),
            options=lambda w: comparison_options(w.network, w.images, w.part),
            # what writes and draws an explanation does not change it
            code=fingerprint(
                "images/comparison/scores.py",
                without=("drawing/images/explanation.py", "drawing/saving.py"),
            ),
        message:
            "Explaining {wildcards.images} for {wildcards.network}, {wildcards.part}"
        shell:
            "srnet compare-explanations {input.network:q} {input.images:q} {params.masks}"
            " {params.options} --threads {threads}"
            " --out {output.runs:q} --history {output.history:q} > {log:q} 2>&1"

    rule gather_images:
        input:
            networks=expand("<runs>/images/{network}/network.json", network=network_names(IMAGES)),
            named=named_comparisons(),
            tests=test_comparisons(),
            history=named_comparisons("history.csv"),
        output:
            networks="<results>/tables/images_networks_trained.csv",
            runs="<results>/tables/images_runs.csv",
            agreement="<results>/tables/images_agreement.csv",
            paired="<results>/tables/images_paired.csv",
            history="<results>/tables/images_history.csv",
        log:
            "<logs>/gather_images.log",
        localrule: True
        conda:
            "../envs/srnet.yaml"
        params:
            networks=lambda w, input: repeat_option("--network", input.networks),
            named=lambda w, input: repeat_option("--named", input.named),
            tests=lambda w, input: repeat_option("--test", input.tests),
            history=lambda w, input: repeat_option("--history", input.history),
            code=fingerprint("images/results.py", without=("images/comparison/scores.py",)),
        message:
            "Gathering the explanations of images"
        shell:
            "srnet gather images {params.networks} {params.named} {params.tests} {params.history}"
            " --out-networks {output.networks:q} --out-runs {output.runs:q}"
            " --out-agreement {output.agreement:q} --out-paired {output.paired:q}"
            " --out-history {output.history:q} > {log:q} 2>&1"

    rule gather_image_pixels:
        input:
            runs="<results>/tables/images_runs.csv",
            images=expand(
                "<runs>/images/data/{image}{mask}.png",
                image=IMAGES["named"],
                mask=["", "_mask"],
            ),
        output:
            "<results>/tables/images_pixels/{network}.csv",
        log:
            "<logs>/images_pixels/{network}.log",
        wildcard_constraints:
            network="|".join(IMAGES["networks"]),
        localrule: True
        conda:
            "../envs/srnet.yaml"
        params:
            folder=lambda w, input: Path(input.images[0]).parent,
            named=",".join(IMAGES["named"]),
            segmentation=IMAGES["segmentation"],
            code=fingerprint("images/results.py", without=("images/comparison/scores.py",)),
        message:
            "Pixels of the explanations for {wildcards.network}"
        shell:
            "srnet gather pixels {input.runs:q} --network {wildcards.network}"
            " --images {params.folder:q} --named {params.named:q}"
            " --segmentation {params.segmentation:q} --out {output:q} > {log:q} 2>&1"
