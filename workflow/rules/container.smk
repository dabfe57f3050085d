# The container of every rule, for --sdm apptainer: everything in one image, in the version of the
# workflow.
from snakemake.settings.types import DeploymentMethod

from srnet._version import __version__

IMAGE = f"docker://ghcr.io/srnet-developers/srnet:{__version__}"
METHODS = workflow.deployment_settings.deployment_method

if DeploymentMethod.APPTAINER in METHODS:
    if DeploymentMethod.CONDA in METHODS:
        logger.error("--sdm has conda and apptainer; either has all software of srnet: give one")
        sys.exit(2)
    # The rules read schemas, captions and configurations of the package, which may lie anywhere.
    # Apptainer reads the first variable, Singularity the second.
    for variable in ("APPTAINER_BIND", "SINGULARITY_BIND"):
        binds = (os.getenv(variable), str(resource("workflow").parent))
        os.environ[variable] = ",".join(filter(None, binds))


container: config.get("container", IMAGE)
