# One rule per figure, each drawn from tidy tables.

for figure in ARTIFACTS:
    if figure.kind == "figure":

        rule:
            name:
                f"figure_{figure.name}"
            input:
                **artifact_frames(figure),
            output:
                pdf=artifact_files(figure)["pdf"],
                png=report(
                    artifact_files(figure)["png"],
                    category=figure.category,
                    labels={"artifact": figure.title, "kind": "figure"},
                    caption=f"../report/{figure.name}.rst",
                ),
            log:
                f"<logs>/figure_{figure.name}.log",
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                name=figure.name,
                code=fingerprint(f"drawing/{figure.name}.py", "drawing/saving.py", "drawing/srnet.mplstyle"),
            message:
                "Figure {params.name}"
            script:
                "../scripts/figure.py"
