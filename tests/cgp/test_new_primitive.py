"""A primitive is added by its entry and, where it calls a new function, a line of the kernel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import srnet

ENTRY = r"""
    Primitive(
        name="sinh",
        arity=1,
        value=lambda m, a: m.sinh(a),
        derivatives=(lambda m, g, a, y: g * m.cosh(a),),
        text="sinh({0})",
        latex=Latex(r"\sinh\left({}\right)"),
        c="sinh({0})",
        python="np.sinh({0})",
    ),
"""
KERNEL_LINE = "sinh, cosh = math.sinh, math.cosh\n"


@pytest.mark.slow
def test_a_primitive_is_its_entry_and_its_kernel_line(tmp_path: Path) -> None:
    """On a copy of the package, whose compile cache is its own: its sources are other ones."""
    package = tmp_path / "srnet"
    shutil.copytree(
        Path(srnet.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    entries, kernel = package / "cgp" / "primitives.py", package / "cgp" / "double_math.py"
    before, end, after = entries.read_text().partition("\n)\n")
    entries.write_text(before + ENTRY.rstrip() + end + after)
    kernel.write_text(kernel.read_text() + KERNEL_LINE)
    tests = Path(__file__).parents[1]
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(tests)]),
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }
    command = [sys.executable, str(tests / "helpers" / "new_primitive.py"), str(package)]
    found = subprocess.run(command, env=variables, cwd=tmp_path, text=True, capture_output=True)
    assert found.returncode == 0, found.stderr
