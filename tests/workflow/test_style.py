import subprocess
import sys

from helpers.fakes import ROOT


def test_lint_is_clean(snakemake):
    run = snakemake(ROOT, "--lint")
    assert run.returncode == 0, run.stdout + run.stderr


def test_snakefmt_is_clean():
    run = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", "workflow"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_snakefile_stays_a_table_of_contents():
    assert len((ROOT / "workflow" / "Snakefile").read_text().splitlines()) <= 60


def test_what_the_snakefile_imports_is_light():
    code = (
        "import sys, srnet.io.schema, srnet.drawing.artifacts, srnet.io.fingerprint, "
        "srnet.search.settings, srnet.data.tasks;"
        "sys.exit(' '.join({'torch', 'numba', 'pandas', 'matplotlib', 'sympy'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert run.stderr.strip() == ""
