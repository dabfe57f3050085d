# One rule per figure, each drawn from tidy tables, some for every task.

# The process that draws for all scripts (workflow/scripts/drawing_server.py) ends with this one. In
# a container it would end with the first script, or lose its files.
if DeploymentMethod.APPTAINER not in METHODS:
    os.environ.update(SRNET_SNAKEMAKE=str(os.getpid()))

for figure in DRAWINGS:
    if figure.artifact.kind == "figure":

        rule:
            name:
                figure.rule
            input:
                **drawing_frames(figure),
                caption=caption_template(figure),
            output:
                pdf=drawing_files(figure)["pdf"],
                png=report_entry(figure, "png"),
                caption=drawing_files(figure)["rst"],
            log:
                f"<logs>/figures/{figure.name}.log",
            wildcard_constraints:
                task=names_pattern(figure.tasks),
            localrule: True
            conda:
                "../envs/srnet.yaml"
            params:
                tasks=drawn_tasks(figure),
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
                "Drawing {output.pdf}"
            script:
                script_file("figure.py")
