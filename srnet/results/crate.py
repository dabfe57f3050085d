"""A published folder as a Workflow Run RO-Crate (https://w3id.org/ro/wfrun/workflow): its files and
the run that made them, in machine-readable form."""

import mimetypes
import shutil
from pathlib import Path

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from srnet.results.provenance import Provenance

CRATE = "ro-crate-metadata.json"
LICENSE = "https://spdx.org/licenses/MIT"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}


def write_crate(folder: Path, content: Provenance, snakefile: Path) -> None:
    """Write ro-crate-metadata.json about all files of a folder, and the Snakefile beside them.

    Parameters
    ----------
    content
        Of provenance.json.
    """
    (folder / "workflow").mkdir()
    shutil.copyfile(snakefile, folder / "workflow" / "Snakefile")
    crate = ROCrate()
    crate.name = f"SRNet: results of the configuration {content['name']}"
    crate.description = "Figures, tables, runs and report of a reproduction of SRNet"
    crate.license = LICENSE
    crate.root_dataset["datePublished"] = content["date"]
    workflow = crate.add_workflow(
        folder / "workflow" / "Snakefile", "workflow/Snakefile", main=True, lang="snakemake"
    )
    workflow["version"] = content["commit"] or content["version"]
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name != "workflow/Snakefile":
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            files[name] = crate.add_file(path, name, properties={"encodingFormat": kind})
    configuration = files.pop("configuration.yaml")
    action = ContextEntity(crate, "#run", {"@type": "CreateAction", "name": content["command"]})
    crate.add(action)
    action["instrument"], action["object"] = workflow, configuration
    action["result"], action["endTime"] = list(files.values()), content["date"]
    crate.root_dataset["mentions"] = action
    crate.root_dataset["conformsTo"] = [
        crate.add(ContextEntity(crate, url, {"@type": "CreativeWork", "name": name}))
        for url, name in PROFILES.items()
    ]
    crate.metadata.write(folder)
