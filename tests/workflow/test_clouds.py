"""The pages about clouds: their profiles have keys that Snakemake or the plugin knows."""

import re

import pytest
import yaml
from helpers.fakes import ROOT
from snakemake.cli import get_argument_parser

import srnet

PAGE = (ROOT / "docs" / "clouds.md").read_text()
# The pages of the services, in the order of the table.
SERVICES = re.findall(r"^\| \[.*?\]\((clouds/.*?\.md)\)", PAGE, re.MULTILINE)
# Settings of the plugins, in the versions that the page names: in their sources, the fields of
# ExecutorSettings and StorageProviderSettings.
SETTINGS = {
    "kubernetes": """namespace cpu-scalar service-account-name privileged persistent-volumes
        omit-job-cleanup""",
    "aws-batch": "region job-queue job-role tags task-timeout",
    "googlebatch": """project region container docker-password docker-username machine-type labels
        image-family image-project work-tasks cpu-milli boot-disk-gb network subnetwork
        service-account boot-disk-type boot-disk-image work-tasks-per-node memory mount-path
        retry-count max-run-duration snippets""",
    "htcondor": "jobdir shared-fs-prefixes held-timeout",
    "sge": """queue pe project disable-group-jobs-as-array array-limit logdir keep-successful-logs
        delete-logfiles-older-than hold-jid hold-jid-ad init-seconds-before-status-checks
        status-attempts disable-qacct jobname-prefix""",
    "storage-s3": "endpoint-url region access-key secret-key token signature-version retries",
    "storage-gcs": "project stay-on-remote retries",
}
NEEDED = {
    "aws-batch": {"region", "job-queue", "job-role"},
    "googlebatch": {"project", "region"},
    "storage-gcs": {"project"},
}
PROFILES = [
    yaml.safe_load(block)
    for page in SERVICES
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
]
NAMES = [profile["executor"] for profile in PROFILES]


def settings(profile: dict, plugin: str) -> set[str]:
    return {key.removeprefix(f"{plugin}-") for key in profile if key.startswith(f"{plugin}-")}


def test_every_service_has_a_page_with_a_profile():
    assert NAMES == ["kubernetes", "aws-batch", "googlebatch", "htcondor", "sge"]
    for name in NAMES:
        assert f"`snakemake-executor-plugin-{name}`" in PAGE


@pytest.mark.parametrize("profile", PROFILES, ids=NAMES)
def test_a_plugin_knows_its_keys(profile):
    plugins = [profile["executor"]]
    if storage := profile.get("default-storage-provider"):
        plugins.append(f"storage-{storage}")
    for plugin in plugins:
        given = settings(profile, plugin)
        assert NEEDED.get(plugin, set()) <= given <= set(SETTINGS[plugin].split())


@pytest.mark.parametrize("profile", PROFILES, ids=NAMES)
def test_snakemake_knows_the_other_keys(profile, tmp_path):
    prefixes = tuple(f"{plugin}-" for plugin in SETTINGS)
    own = {key: value for key, value in profile.items() if not key.startswith(prefixes)}
    for key in ("executor", "default-storage-provider"):  # plugins, which are not installed
        own.pop(key, None)
    assert "jobs" in own
    for content, known in ((own, True), (own | {"jbos": 3}, False)):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
        _, unknown = get_argument_parser(profiles=[tmp_path]).parse_known_args([])
        assert (unknown == []) is known


@pytest.mark.parametrize("profile", PROFILES, ids=NAMES)
def test_the_image_is_that_of_this_version_and_the_groups_those_of_the_rules(profile):
    image = profile.get("container-image", profile.get("googlebatch-container"))
    without = profile["executor"] in ("htcondor", "sge")
    assert image == (None if without else f"ghcr.io/srnet-developers/srnet:{srnet.__version__}")
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    assert all(f'"{group}"' in rules for group in profile["group-components"])
