"""The simulation of more cores: known answers, and the bounds of list scheduling."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import yaml
from helpers.fakes import ROOT

PATH = ROOT / "tests" / "benchmarks" / "scaling.py"


@pytest.fixture(scope="module")
def scaling():
    spec = importlib.util.spec_from_file_location("scaling", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["scaling"] = module
    spec.loader.exec_module(module)
    return module


CONFIG = {
    "tasks": ["A", "B"],
    "presets": ["paper"],
    "seeds": 4,
    "evolution": {},
    "explainers": {"seeds": 2, "plane": "B"},
}
TIMES = {
    ("A", "evolve/paper"): 5.0,
    ("B", "evolve/paper"): 20.0,
    ("A", "formulas/paper"): 3.0,
    ("B", "formulas/paper"): 4.0,
}
TIMES |= {
    (task, step): 1.0
    for task in "AB"
    for step in ("layers", "baselines", "lime/2", "maple/2", "compared/paper")
}
TIMES |= {("A", "curves"): 2.0, ("A", "train"): 9.0, ("B", "train"): 9.0}
TIMES |= {
    ("all", "data"): 0.5,
    ("all", "best"): 0.5,
    ("all", "plane"): 6.0,
    ("all", "usdb"): 8.0,
    ("all", "drawing"): 10.0,
}
TASK = (
    0.5 + 10 + 1 + 2 * 1 + 1 + 0.5
)  # of a task, what does not differ: rows, network, baselines, LIME and MAPLE, comparison, best run
WORK = 2 * TASK + 4 * 25 + 7 + 2 + 6 + 8 + 10
CHAIN = 0.5 + 10 + 20 + 0.5 + 6  # rows, network, search, best run, plane; then the drawing
LATEST = 6.0  # until an end is seen


@pytest.fixture
def jobs(scaling):
    return scaling.workflow(TIMES, CONFIG)


def test_one_core_does_all_one_after_the_other(scaling, jobs):
    scaling.set_tails(jobs, 0)
    assert scaling.simulate(jobs, 1) == pytest.approx(WORK)
    assert sum(job.seconds for job in jobs) == pytest.approx(WORK)


def test_many_cores_take_the_longest_chain(scaling, jobs):
    assert scaling.set_tails(jobs, 0) == pytest.approx(CHAIN + 10 / scaling.PARTS)
    assert scaling.simulate(jobs, 1000) == pytest.approx(CHAIN + 10 / scaling.PARTS)
    names = [job.name for job in scaling.longest_chain(jobs)]
    assert names == ["data-B", "network-B", "evolve-B-paper", "best-B-paper", "plane", "drawing"]


def test_a_cluster_sees_ends_later_and_draws_on_the_login_node(scaling, jobs):
    # rows, best run and drawing are on the login node; the ends of network, search and plane are
    # seen later
    assert scaling.set_tails(jobs, LATEST) == pytest.approx(CHAIN + 10 / scaling.PARTS + 3 * LATEST)
    assert scaling.simulate(jobs, 1000, notice=LATEST, login=2) == pytest.approx(
        CHAIN + 10 / 2 + 3 * LATEST
    )


@pytest.mark.parametrize("cores", [2, 3, 5])
def test_between_them_it_is_within_the_bound_of_graham(scaling, jobs, cores):
    chain = scaling.set_tails(jobs, 0)
    assert max(chain, WORK / cores) - 1e-9 <= scaling.simulate(jobs, cores) <= WORK / cores + chain


def test_a_queue_of_one_job_is_one_core(scaling, jobs):
    scaling.set_tails(jobs, 0)
    assert scaling.simulate(jobs, 100, queue=1) == pytest.approx(WORK)


def test_submissions_take_their_time(scaling, jobs):
    scaling.set_tails(jobs, 0)
    assert scaling.simulate(jobs, 100, rate=0.01) > (len(jobs) - 1) * 100


@pytest.mark.parametrize(("size", "searches"), [(1, 4), (3, 2), (4, 1)])
def test_packing_makes_fewer_jobs_of_the_same_steps(scaling, size, searches):
    jobs = scaling.workflow(TIMES, CONFIG, scaling.Packing(size, job=100.0, member=7.0))
    names = [job.name for job in jobs]
    assert names.count("evolve-B-paper") == searches
    assert names.count("lime-A") == 1
    overhead = sum(job.seconds for job in jobs) - WORK
    remote = sum(not job.local for job in jobs)
    steps = 2 * (2 + 1 + 2 + 4 + 1 + 1) + 3
    assert overhead == pytest.approx(100 * remote + 7 * steps)


def test_a_preset_may_have_fewer_runs_than_its_tasks(scaling):
    jobs = scaling.workflow(TIMES, CONFIG | {"evolution": {"paper": {"seeds": 3}}})
    assert [job.name for job in jobs].count("evolve-A-paper") == 3


def test_the_image_branch_waits_for_its_networks_and_pictures(scaling):
    images = {
        "networks": ["n"],
        "trainings": 2,
        "named": ["cat", "dog"],
        "seeds": 15,
        "test_set": {"images": 13, "seeds": 1},
    }
    times = TIMES | {
        ("n", "image-train"): 50.0,
        ("n", "image-named/1-10"): 20.0,
        ("n", "image-named/11-15"): 10.0,
    }
    times |= {("n", "image-test/10"): 5.0, ("n", "image-test/3"): 3.0, ("all", "images"): 2.0}
    times |= {(f"{name}-2", step): seconds for (name, step), seconds in times.items()}
    jobs = scaling.workflow(times, CONFIG | {"images": images})
    work = WORK + 50 + 2 * 30 + 8 + 2  # the second training explains no named image
    assert sum(job.seconds for job in jobs) == pytest.approx(work + 50 + 8)
    assert scaling.set_tails(jobs, 0) == pytest.approx(50 + 20 + 10 / scaling.PARTS)


def test_a_missing_time_is_named(scaling):
    with pytest.raises(KeyError, match="evolve/joint"):
        scaling.workflow(TIMES, CONFIG | {"presets": ["joint"]})


def test_benchmarks_of_the_workflow_are_read(scaling, tmp_path):
    expected = {}
    for names, key in {
        ("K0/train",): ("K0", "train"),
        ("K0/layers",): ("K0", "layers"),
        ("K0/srnet/paper/1", "K0/srnet/paper/2"): ("K0", "evolve/paper"),
        ("K0/srnet/paper/formulas",): ("K0", "formulas/paper"),
        ("K0/srnet/joint/compared",): ("K0", "compared/joint"),
        ("K0/lime/1-10", "K0/lime/11-20"): ("K0", "lime/10"),
        ("K0/maple/1-1",): ("K0", "maple/1"),
        ("K0/baselines",): ("K0", "baselines"),
        ("K0/curves",): ("K0", "curves"),
        ("plane",): ("all", "plane"),
        ("usdb",): ("all", "usdb"),
        ("images/resnet18/train",): ("resnet18", "image-train"),
        ("images/resnet18/cat/1-10", "images/resnet18/coffee/1-10"): (
            "resnet18",
            "image-named/1-10",
        ),
        ("images/resnet18/test_set/1-10", "images/resnet18/test_set/11-20"): (
            "resnet18",
            "image-test/10",
        ),
        ("images/resnet18-2/test_set/1-5",): ("resnet18-2", "image-test/5"),
    }.items():
        for number, name in enumerate(names):
            file = tmp_path / f"{name}.tsv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"s\th:m:s\tcpu_time\n{len(expected) + number}\t0:00:00\t1\n")
        expected[key] = len(expected) + (len(names) - 1) / 2
    assert scaling.read_benchmarks(tmp_path, "s") == expected
    assert set(scaling.read_benchmarks(tmp_path, "cpu_time").values()) == {1.0}
    scaling.write_times(tmp_path / "times.csv", expected)
    assert scaling.read_times(tmp_path / "times.csv") == expected


def test_every_benchmark_of_the_workflow_has_a_step(scaling):
    """A rule with a new benchmark file would be missing in the simulation."""
    wildcards = {
        "{task}": "K0",
        "{explainer}": "lime",
        "{preset}": "paper",
        "{seed}": "1",
        "{network}": "resnet18",
        "{images}": "cat",
    }
    wildcards["{part}"] = "1-10"
    names = [
        name
        for file in (ROOT / "workflow" / "rules").glob("*.smk")
        for name in re.findall(r'"<benchmarks>/(.+)"', file.read_text())
    ]
    assert len(names) > 10
    for name in names:
        for wildcard, value in wildcards.items():
            name = name.replace(wildcard, value)
        assert scaling.step_of(Path(name)), name


def test_every_step_of_the_configuration_has_a_time(scaling):
    times = scaling.read_times(scaling.TIMES)
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    images = yaml.safe_load((ROOT / "config" / "images.yaml").read_text())
    assert scaling.workflow(times, scaling.merged(config, images))
