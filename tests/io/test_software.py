from pathlib import Path

import numpy
import pytest

from srnet import __version__
from srnet.io.software import UNKNOWN, describe_mixture, describe_software, processor, software


def test_it_names_versions_and_the_processor():
    found = software("numpy", "no-such-package")
    assert found["srnet"] == __version__
    assert found["numpy"] == numpy.__version__
    assert found["no-such-package"] == "unknown"
    assert list(found)[-1] == "processor"
    assert all(found.values())


def test_a_result_of_an_older_version_says_that_it_does_not_know():
    assert describe_software({}) == UNKNOWN
    assert describe_software({"software": {"numpy": "2.2", "processor": "A"}}) == (
        "numpy 2.2; processor A"
    )


ONE, OTHER = "numpy 2.2; processor A", "numpy 2.2; processor B"


@pytest.mark.parametrize(
    ("described", "part"),
    [
        ([ONE, OTHER, OTHER], "(2 with processor B; 1 with processor A)"),
        ([ONE, UNKNOWN], "(1 with numpy 2.2, processor A; 1 with unknown software)"),
        ([ONE, f"scipy 1; {ONE}"], "(1 with numpy 2.2, processor A; 1 with scipy 1)"),
    ],
)
def test_a_mixture_is_described_by_what_differs(described, part):
    assert part in describe_mixture(described, "runs")


def test_results_of_one_software_are_no_mixture():
    assert describe_mixture([ONE, ONE], "runs") == ""
    assert describe_mixture([], "runs") == ""


def test_the_processor_is_told_by_model_and_number(monkeypatch):
    """A virtual machine's model name alone is that of several generations."""
    cpuinfo = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD  EPYC\n\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: cpuinfo + cpuinfo.replace("17", "1"))
    assert processor.__wrapped__() == "AMD EPYC, cpu family 25, model 17"
