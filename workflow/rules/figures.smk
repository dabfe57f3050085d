# One rule per figure, each drawn from tidy tables.

for figure in DRAWINGS:
    if figure.artifact.kind == "figure":

        rule:
            name:
                figure.rule
            input:
                **drawn_frames(figure),
                caption=caption_template(figure),
            output:
                pdf=drawn_files(figure)["pdf"],
                png=in_report(figure, "png"),
                caption=drawn_files(figure)["rst"],
            log:
                f"<logs>/figures/{figure.name}.log",
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                name=figure.name,
                tasks=figure.tasks,
                filters_tasks=figure.filters_tasks,
                frames=figure.artifact.frames,
                module=figure.artifact.module_path,
                code=fingerprint(
                    drawing_module(figure),
                    "drawing/saving.py",
                    "drawing/captions.py",
                    "drawing/srnet.mplstyle",
                ),
            message:
                "Figure {params.name}"
            script:
                "../scripts/figure.py"
