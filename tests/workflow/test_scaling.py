"""The simulation of more cores: known answers, and the bounds of list scheduling."""

import importlib.util
import sys

import pytest
from fakes import ROOT

PATH = ROOT / "tests" / "benchmarks" / "scaling.py"
NO_CLUSTER = {"notice": 0.0, "rate": 1e9, "queue": 10**6}


@pytest.fixture(scope="module")
def scaling():
    spec = importlib.util.spec_from_file_location("scaling", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["scaling"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def jobs(scaling):
    times = {(task, "train"): 10.0 for task in "AB"}
    times |= {("A", "evolve/paper"): 5.0, ("B", "evolve/paper"): 20.0, ("A", "formulas/paper"): 3.0, ("B", "formulas/paper"): 4.0}
    return scaling.workflow(times, ["A", "B"], ["paper"], seeds=4, pack=1, long=60, job=0, member=0, drawing=7)


def test_one_core_does_all_one_after_the_other(scaling, jobs):
    scaling.set_tails(jobs, 0)
    assert scaling.simulate(jobs, 1, **NO_CLUSTER) == pytest.approx(20 + 4 * 25 + 7 + 7)


def test_many_cores_take_the_longest_chain(scaling, jobs):
    assert scaling.set_tails(jobs, 0) == 10 + 20 + 4 + 7
    assert scaling.simulate(jobs, 100, **NO_CLUSTER) == pytest.approx(41)
    assert scaling.set_tails(jobs, 6) == 41 + 3 * 6
    assert scaling.simulate(jobs, 100, **NO_CLUSTER | {"notice": 6.0}) == pytest.approx(59)


@pytest.mark.parametrize("cores", [2, 3, 5])
def test_between_them_it_is_within_the_bound_of_graham(scaling, jobs, cores):
    chain = scaling.set_tails(jobs, 0) - 7
    work = sum(job.seconds for job in jobs) - 7
    seconds = scaling.simulate(jobs, cores, **NO_CLUSTER) - 7
    assert max(chain, work / cores) <= seconds <= work / cores + chain


def test_a_queue_of_one_job_is_one_core(scaling, jobs):
    scaling.set_tails(jobs, 0)
    assert scaling.simulate(jobs, 100, **NO_CLUSTER | {"queue": 1}) == scaling.simulate(jobs, 1, **NO_CLUSTER)


def test_submissions_take_their_time(scaling, jobs):
    scaling.set_tails(jobs, 0)
    assert scaling.simulate(jobs, 100, **NO_CLUSTER | {"rate": 0.01}) > 11 * 100


def test_benchmarks_of_the_workflow_are_read(scaling, tmp_path):
    for name, seconds in {
        "K0/train": [2],
        "K0/srnet/paper/1": [3],
        "K0/srnet/paper/2": [5],
        "K0/srnet/paper/formulas": [9],
    }.items():
        file = tmp_path / f"{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("s\th:m:s\tcpu_time\n" + "".join(f"{value}\t0:00:00\t1\n" for value in seconds))
    expected = {("K0", "train"): 2.0, ("K0", "evolve/paper"): 4.0, ("K0", "formulas/paper"): 9.0}
    assert scaling.read_benchmarks(tmp_path, "s") == expected
    scaling.write_times(tmp_path / "times.csv", expected)
    assert scaling.read_times(tmp_path / "times.csv") == expected
