"""Every published number beside ours, judged by the rules of the configuration."""

import pandas as pd
from drawing import read_frame
from logged import logged

from srnet.io.frames import write_table
from srnet.results.verdict import load_rules, verdict

with logged(snakemake.log[0]):
    frames = {
        name: read_frame(name, path) for name, path in snakemake.input.items() if name != "rules"
    }
    rules = load_rules(snakemake.input.rules)
    claims = frames.pop("images_claims", None)
    if claims is not None:  # judged already, by the same rules
        rules["rules"] = [rule for rule in rules["rules"] if rule["ours"]["frame"] != "images"]
    write_table(
        pd.concat([verdict(rules, frames, snakemake.params.presets), claims], ignore_index=True),
        snakemake.output[0],
    )
