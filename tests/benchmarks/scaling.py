"""How long the complete workflow takes on more cores, by simulation: list scheduling of its jobs with measured times.

    python tests/benchmarks/scaling.py                                           # the times in job_seconds.csv beside this file
    python tests/benchmarks/scaling.py --benchmarks results/paper/benchmarks     # your own, as the workflow's `benchmark:` wrote them
    python tests/benchmarks/scaling.py --presets paper joint --pack 1 10 --seconds F0/evolve/joint=12

A job is: the network of a task; so many runs of one task and preset; the formulas of a best run. Networks come first, then the runs,
then the formulas, and when all is there the figures and tables, on the login node. What a cluster adds is a parameter each; the defaults
were measured on a Slurm of one node (docs/cluster.md).
"""

import argparse
import csv
import heapq
import statistics
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TIMES = Path(__file__).with_name("job_seconds.csv")


@dataclass
class Job:
    """A job, its seconds on a core (what the cluster adds included), and the jobs that wait for it."""

    name: str
    seconds: float
    local: bool = False
    needs: int = 0
    then: list["Job"] = field(default_factory=list)
    tail: float = 0.0  # seconds from its beginning to the end of all that waits for it

    def before(self, other: "Job") -> None:
        self.then.append(other)
        other.needs += 1


def read_benchmarks(folder: Path, column: str) -> dict[tuple[str, str], float]:
    """The median of a column of the benchmark files by (task, step): train, evolve/PRESET, formulas/PRESET."""
    found = defaultdict(list)
    for file in folder.glob("**/*.tsv"):
        task, *path, last = file.relative_to(folder).with_suffix("").parts
        if path[:1] == ["srnet"]:
            step = f"formulas/{path[1]}" if last == "formulas" else f"evolve/{path[1]}"
        elif last == "train" and not path:
            step = last
        else:
            continue
        with open(file) as lines:
            found[task, step].append(float(next(csv.DictReader(lines, delimiter="\t"))[column]))
    return {key: statistics.median(values) for key, values in found.items()}


def read_times(path: Path) -> dict[tuple[str, str], float]:
    with open(path) as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {(row["task"], row["step"]): float(row["seconds"]) for row in rows}


def write_times(path: Path, times: dict[tuple[str, str], float]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "step", "seconds"])
        writer.writerows([*key, f"{seconds:.3g}"] for key, seconds in sorted(times.items()))


def workflow(times: dict[tuple[str, str], float], tasks: list[str], presets: list[str], seeds: int, pack: int, long: float, job: float, member: float,
             drawing: float) -> list[Job]:  # fmt: skip
    """The jobs of a complete reproduction.

    Parameters
    ----------
    pack
        Runs in one job,
    long
        but of runs with more seconds than this one.
    job, member
        Seconds that a job costs besides, and each of its steps.
    drawing
        Seconds of the figures and tables.
    """
    figures = Job("figures", drawing, local=True)
    jobs = [figures]
    for task in tasks:
        network = Job(f"network-{task}", job + 2 * member + times[task, "train"])
        jobs.append(network)
        for preset in presets:
            formulas = Job(f"formulas-{task}-{preset}", job + member + times[task, f"formulas/{preset}"])
            formulas.before(figures)
            jobs.append(formulas)
            size = 1 if times[task, f"evolve/{preset}"] > long else pack
            for first in range(0, seeds, size):
                runs = min(size, seeds - first)
                search = Job(f"evolve-{task}-{preset}", job + runs * (member + times[task, f"evolve/{preset}"]))
                network.before(search)
                search.before(formulas)
                jobs.append(search)
    return jobs


def set_tails(jobs: list[Job], notice: float) -> float:
    """The longest chain in seconds: what no number of cores makes shorter."""
    done: set[int] = set()

    def tail(job: Job) -> float:
        if id(job) not in done:
            done.add(id(job))
            job.tail = job.seconds + max((tail(other) + (0 if job.local else notice) for other in job.then), default=0.0)
        return job.tail

    return max(tail(job) for job in jobs)


def simulate(jobs: list[Job], cores: int, notice: float, rate: float, queue: int) -> float:
    """Seconds until all is done, the job with the longest tail first.

    Parameters
    ----------
    notice
        Seconds until the driver has seen that a job has ended.
    rate
        Submissions in a second.
    queue
        Jobs that may be submitted and not yet seen to have ended.
    """
    needs = {id(job): job.needs for job in jobs}
    ready = [(-job.tail, number, job) for number, job in enumerate(jobs) if not job.needs]
    heapq.heapify(ready)
    events: list[tuple[float, int, str, Job]] = []
    submitted: deque[Job] = deque()
    free, queued, last, now, count = cores, 0, float("-inf"), 0.0, len(jobs)

    def at(time: float, what: str, job: Job) -> None:
        nonlocal count
        count += 1
        heapq.heappush(events, (time, count, what, job))

    while ready or events:
        while ready and (ready[0][2].local or queued < queue):
            job = heapq.heappop(ready)[2]
            if job.local:
                at(now + job.seconds, "seen", job)
            else:
                queued += 1
                last = max(now, last + 1 / rate)
                at(last, "submitted", job)
        now, _, what, job = heapq.heappop(events)
        if what == "submitted":
            submitted.append(job)
        elif what == "ended":
            free += 1
            at(now + notice, "seen", job)
        else:
            queued -= not job.local
            for other in job.then:
                needs[id(other)] -= 1
                if not needs[id(other)]:
                    count += 1
                    heapq.heappush(ready, (-other.tail, count, other))
        while submitted and free:
            free -= 1
            job = submitted.popleft()
            at(now + job.seconds, "ended", job)
    return now


def clock(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"


def table(rows: Iterable[Iterable[object]]) -> None:
    for number, row in enumerate(rows):
        print("| " + " | ".join(map(str, row)) + " |")
        if not number:
            print("|" + "---|" * len(list(row)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmarks", type=Path, help="the folder benchmarks/ of results")
    parser.add_argument("--column", default="s", help="of the benchmark files: s, or cpu_time where the machine was shared")
    parser.add_argument("--write", type=Path, help="write the times that were read to a file like job_seconds.csv, and end")
    parser.add_argument("--seconds", nargs="*", default=[], metavar="TASK/STEP=SECONDS", help="a time in place of a measured one")
    parser.add_argument("--config", type=Path, default=ROOT / "config" / "config.yaml")
    parser.add_argument("--tasks", nargs="*", help="instead of the configuration's")
    parser.add_argument("--presets", nargs="*", help="instead of the configuration's")
    parser.add_argument("--cores", type=int, nargs="*", default=[1, 2, 8, 64, 1000])
    parser.add_argument("--pack", type=int, nargs="*", default=[1, 10, 30], help="runs in a job")
    parser.add_argument("--long", type=float, default=60.0, help="seconds from which a run is a job of its own")
    parser.add_argument("--job", type=float, default=3.7, help="seconds that a job costs")
    parser.add_argument("--member", type=float, default=1.8, help="seconds that each step of a job costs")
    parser.add_argument(
        "--notice", type=float, default=6.0, help="seconds until an end is seen; polls are 1 to 11 s apart and more"
    )
    parser.add_argument("--rate", type=float, default=10.0, help="submissions in a second")
    parser.add_argument("--queue", type=int, default=200, help="jobs in the queue at once")
    parser.add_argument("--drawing", type=float, default=60.0, help="seconds of the figures and tables")
    options = parser.parse_args()

    times = read_benchmarks(options.benchmarks, options.column) if options.benchmarks else read_times(TIMES)
    if options.write:
        write_times(options.write, times)
        return
    for text in options.seconds:
        key, seconds = text.split("=")
        task, step = key.split("/", 1)
        times[task, step] = float(seconds)
    config = yaml.safe_load(options.config.read_text())
    presets = options.presets or config["presets"]
    steps = ["train", *(f"{kind}/{preset}" for preset in presets for kind in ("evolve", "formulas"))]
    tasks = options.tasks or config["tasks"]
    missing = [f"{task}/{step}" for task in tasks for step in steps if (task, step) not in times]
    if missing:
        raise SystemExit(f"no time of {', '.join(missing)}; give it with --seconds, or less --tasks or --presets")

    alone = workflow(times, tasks, presets, config["seeds"], 1, 0, 0, 0, options.drawing)
    work = sum(job.seconds for job in alone)
    print(f"{len(tasks)} tasks × {', '.join(presets)} × {config['seeds']} seeds: {clock(work)} of one core, longest job ", end="")
    longest = max((job for job in alone if not job.local), key=lambda job: job.seconds)
    print(f"{longest.name} with {clock(longest.seconds)}\n")
    header = ["cores", *(f"{pack} run{'s' * (pack > 1)} in a job" for pack in options.pack)]
    packed = {pack: workflow(times, tasks, presets, config["seeds"], pack, options.long, options.job, options.member, options.drawing)
              for pack in options.pack}  # fmt: skip
    chains = {pack: set_tails(jobs, options.notice) for pack, jobs in packed.items()}
    rows = []
    for cores in options.cores:
        row: list[object] = [cores]
        for jobs in packed.values():
            seconds = simulate(jobs, cores, options.notice, options.rate, options.queue)
            row.append(f"{clock(seconds)}, {work / seconds / cores:.0%}")
        rows.append(row)
    table(
        [header, *rows, ["jobs", *(len(jobs) - 1 for jobs in packed.values())], ["longest chain", *map(clock, chains.values())]]
    )
    print("\nPer cent: of the cores' time, what the same steps take without a cluster.")


if __name__ == "__main__":
    main()
