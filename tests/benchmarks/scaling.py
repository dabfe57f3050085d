"""How long the complete workflow takes on more cores, by simulation: list scheduling of its jobs
with measured times.

    python tests/benchmarks/scaling.py                          # config/config.yaml
    python tests/benchmarks/scaling.py --config config/images.yaml   # and the image branch
    python tests/benchmarks/scaling.py --seeds 1 --cores 1 2    # beside a real run of one seed
    python tests/benchmarks/scaling.py --benchmarks results/paper/benchmarks   # your own times
    python tests/benchmarks/scaling.py --seconds P0/evolve/paper=200 --pack 1 10

Without `--benchmarks` the times are those of job_seconds.csv.

What Snakemake itself takes on one machine was measured on this workflow: 19 % of a core where 133
steps had ended (its processor time in ten minutes while one job waited). It grows with the steps
that have ended, for each of them starts a search of its own through what waits, every second; with
the default profile every ten.
"""

import argparse
import csv
import heapq
import math
import statistics
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from srnet.data.tasks import count_runs, number_by_task
from srnet.images.pictures.plan import network_names
from srnet.wording import count_text

ROOT = Path(__file__).parents[2]
TIMES = Path(__file__).with_name("job_seconds.csv")
EXPLAINERS = ("lime", "maple")
PER_JOB = 10  # seeds of LIME, MAPLE and of an image, or images, as in workflow/rules/common.smk
# of the drawing: figures, tables and what they are gathered from, taken as if none waited for
# another
PARTS = 124

Times = dict[tuple[str, str], float]


@dataclass
class Job:
    """A job, its seconds on a core (what the cluster adds included), and the jobs that wait for
    it."""

    name: str
    seconds: float
    local: bool = False
    needs: int = 0
    then: list["Job"] = field(default_factory=list)
    tail: float = 0.0  # seconds from its beginning to the end of all that waits for it

    def before(self, other: "Job") -> None:
        self.then.append(other)
        other.needs += 1


@dataclass(frozen=True)
class Packing:
    """How steps become jobs, and what a cluster adds to them.

    Attributes
    ----------
    searches
        Searches in one job.
    job, member
        Seconds that a job costs besides, and each of its steps.
    """

    searches: int = 1
    job: float = 0.0
    member: float = 0.0

    def seconds(self, *steps: float) -> float:
        return self.job + sum(self.member + step for step in steps)


# --- Times ----------------------------------------------------------------------------------------


def step_of(file: Path) -> tuple[str, str] | None:
    """Task and step of a benchmark file, relative to their folder; the searches of a task are not
    told apart, nor the named images, nor the parts of the test set."""
    match file.with_suffix("").parts:
        case ("images", network, "train"):
            return network, "image-train"
        case ("images", network, "test_set", images):
            return network, f"image-test/{number_count(images)}"
        case ("images", network, _, seeds):
            return network, f"image-named/{seeds}"
        case (("plane" | "usdb") as step,):
            return "all", step
        case (task, ("train" | "layers" | "baselines" | "curves") as step):
            return task, step
        case (task, ("lime" | "maple") as step, seeds):
            return task, f"{step}/{number_count(seeds)}"
        case (task, "srnet", preset, ("formulas" | "compared") as step):
            return task, f"{step}/{preset}"
        case (task, "local", preset, "compared"):
            return task, f"local/{preset}"
        case (task, "srnet", preset, _):
            return task, f"evolve/{preset}"
    return None


def read_benchmarks(folder: Path, column: str) -> Times:
    """The median of a column of the benchmark files by task and step."""
    found = defaultdict(list)
    for file in folder.glob("**/*.tsv"):
        if key := step_of(file.relative_to(folder)):
            with open(file) as lines:
                found[key].append(float(next(csv.DictReader(lines, delimiter="\t"))[column]))
    return {key: statistics.median(values) for key, values in found.items()}


def read_times(path: Path) -> Times:
    with open(path) as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {(row["task"], row["step"]): float(row["seconds"]) for row in rows}


def write_times(path: Path, times: Times) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "step", "seconds"])
        writer.writerows([*key, f"{seconds:.3g}"] for key, seconds in sorted(times.items()))


# --- Jobs -----------------------------------------------------------------------------------------


def workflow(times: Times, config: Mapping[str, Any], packing: Packing = Packing()) -> list[Job]:
    """The jobs of a complete reproduction; the tables and figures come first in the list.

    Raises
    ------
    KeyError
        If a time is missing.
    """
    drawing = [Job("drawing", times["all", "drawing"] / PARTS, local=True) for _ in range(PARTS)]
    jobs = list(drawing)

    def job(
        name: str, *steps: float, after: Iterable[Job] = (), local: bool = False, drawn: bool = True
    ) -> Job:
        made = Job(name, sum(steps) if local else packing.seconds(*steps), local)
        for other in after:
            other.before(made)
        for part in drawing if drawn else ():
            made.before(part)
        jobs.append(made)
        return made

    def packed(name: str, seconds: float, count: int, size: int, after: Job) -> list[Job]:
        sizes = [min(size, count - first) for first in range(0, count, size)]
        return [job(name, *[seconds] * runs, after=[after], drawn=False) for runs in sizes]

    seeds_of = number_by_task(config["explainers"]["seeds"], config["tasks"], "seeds")
    best_of = {}
    for task in config["tasks"]:
        rows = job(f"data-{task}", times["all", "data"], local=True, drawn=False)
        network = job(
            f"network-{task}",
            times[task, "train"],
            times[task, "layers"],
            after=[rows],
            drawn=False,
        )
        job(f"baselines-{task}", times[task, "baselines"], after=[network])
        for explainer in EXPLAINERS:
            for seeds in ranges(seeds_of[task]):
                job(
                    f"{explainer}-{task}",
                    times[task, f"{explainer}/{number_count(seeds)}"],
                    after=[network],
                )
        for preset in config["presets"]:
            runs = packed(
                f"evolve-{task}-{preset}",
                times[task, f"evolve/{preset}"],
                count_runs(config, task, preset),
                packing.searches,
                network,
            )
            job(f"compared-{task}-{preset}", times[task, f"compared/{preset}"], after=runs)
            best_of[task, preset] = job(
                f"best-{task}-{preset}", times["all", "best"], after=runs, local=True, drawn=False
            )
            job(
                f"formulas-{task}-{preset}",
                times[task, f"formulas/{preset}"],
                after=[best_of[task, preset]],
            )
        if (task, "curves") in times:  # of a regression
            job(
                f"curves-{task}",
                times[task, "curves"],
                after=[best_of[task, preset] for preset in config["presets"]],
            )
    plane = config["explainers"]["plane"]
    if plane in config["tasks"]:
        job("plane", times["all", "plane"], after=[best_of[plane, config["presets"][0]]])
    job("usdb", times["all", "usdb"])
    if config.get("images"):
        images = config["images"]
        pictures = job("images", times["all", "images"], local=True, drawn=False)
        tests = ranges(images["test_set"]["images"])
        for name in network_names(images):
            network = job(f"network-{name}", times[name, "image-train"], drawn=False)
            parts = [f"image-test/{number_count(range_)}" for range_ in tests]
            if name in images["networks"]:  # the first training
                named = [f"image-named/{range_}" for range_ in ranges(images["seeds"])]
                parts += named * len(images["named"])
            for part in parts:
                job(f"{part}-{name}", times[name, part], after=[network, pictures])
    return jobs


def ranges(count: int) -> list[str]:
    """The seeds, or images, of each job: 1-10, 11-20, …"""
    return [f"{first}-{min(first + PER_JOB - 1, count)}" for first in range(1, count + 1, PER_JOB)]


def number_count(range_: str) -> int:
    """How many seeds, or images, ``"11-20"`` are."""
    first, last = map(int, range_.split("-"))
    return last - first + 1


def set_tails(jobs: list[Job], notice: float) -> float:
    """The longest chain in seconds: what no number of cores makes shorter."""
    done: set[int] = set()

    def tail(job: Job) -> float:
        if id(job) not in done:
            done.add(id(job))
            job.tail = job.seconds + max(
                (tail(other) + (0 if job.local else notice) for other in job.then), default=0.0
            )
        return job.tail

    return max(tail(job) for job in jobs)


def longest_chain(jobs: list[Job]) -> list[Job]:
    """The jobs of the longest chain, after ``set_tails``."""
    chain = [max((job for job in jobs if not job.needs), key=lambda job: job.tail)]
    while chain[-1].then:
        chain.append(max(chain[-1].then, key=lambda job: job.tail))
    return chain


# --- Time -----------------------------------------------------------------------------------------


def simulate(
    jobs: list[Job],
    cores: int,
    notice: float = 0.0,
    rate: float = math.inf,
    queue: float = math.inf,
    login: int | None = None,
) -> float:
    """Seconds until all is done, the job with the longest tail first.

    Parameters
    ----------
    notice
        Seconds until the driver has seen that a job has ended.
    rate
        Submissions in a second.
    queue
        Jobs that may be submitted and not yet seen to have ended.
    login
        Cores of the login node, on which the local jobs run; where None, they run where all jobs
        do.
    """
    needs = {id(job): job.needs for job in jobs}
    waiting: dict[bool, list[tuple[float, int, Job]]] = {
        True: [],
        False: [],
    }  # on the login node, and to be submitted
    events: list[tuple[float, int, str, Job]] = []
    submitted: deque[Job] = deque()
    free, free_here, queued, last, now, count = cores, login or 0, 0, -math.inf, 0.0, 0

    def here(job: Job) -> bool:
        return job.local and login is not None

    def wait(job: Job) -> None:
        nonlocal count
        count += 1
        heapq.heappush(waiting[here(job)], (-job.tail, count, job))

    def at(time: float, what: str, job: Job) -> None:
        nonlocal count
        count += 1
        heapq.heappush(events, (time, count, what, job))

    for job in jobs:
        if not job.needs:
            wait(job)
    while waiting[True] or waiting[False] or events:
        while waiting[True] and free_here:
            free_here -= 1
            job = heapq.heappop(waiting[True])[2]
            at(now + job.seconds, "seen", job)
        while waiting[False] and queued < queue:
            queued += 1
            last = max(now, last + 1 / rate)
            at(last, "submitted", heapq.heappop(waiting[False])[2])
        now, _, what, job = heapq.heappop(events)
        if what == "submitted":
            submitted.append(job)
        elif what == "ended":
            free += 1
            at(now + notice, "seen", job)
        else:
            free_here += here(job)
            queued -= not here(job)
            for other in job.then:
                needs[id(other)] -= 1
                if not needs[id(other)]:
                    wait(other)
        while submitted and free:
            free -= 1
            job = submitted.popleft()
            at(now + job.seconds, "ended", job)
    return now


# --- Command --------------------------------------------------------------------------------------


def clock(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"


def table(rows: Iterable[Iterable[object]]) -> None:
    for number, row in enumerate(rows):
        print("| " + " | ".join(map(str, row)) + " |")
        if not number:
            print("|" + "---|" * len(list(row)))


def merged(base: Any, further: Any) -> Any:
    """As Snakemake lays one configuration over another: key by key."""
    if not (isinstance(base, dict) and isinstance(further, dict)):
        return further
    return {**base, **{key: merged(base.get(key), value) for key, value in further.items()}}


def limit(work: float, chain: float, jobs: int, cores: int, options: argparse.Namespace) -> str:
    """What holds the time up most, of the bounds that no schedule can beat."""
    bounds = {
        "the cores": work / cores,
        f"the queue of {options.queue} jobs": work / options.queue,
        "the longest chain": chain,
        "the submissions": jobs / options.rate,
    }
    return max(bounds, key=lambda name: bounds[name])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--benchmarks",
        type=Path,
        help="the folder benchmarks/ of results; what it lacks is as in job_seconds.csv",
    )
    parser.add_argument(
        "--column",
        default="s",
        help="of the benchmark files; cpu_time lacks up to 30 s of a job of more than 15, for it "
        "is sampled",
    )
    parser.add_argument(
        "--write", type=Path, help="write the times to a file like job_seconds.csv, and end"
    )
    parser.add_argument(
        "--seconds",
        nargs="*",
        default=[],
        metavar="TASK/STEP=SECONDS",
        help="a time in place of a measured one",
    )
    parser.add_argument(
        "--config", type=Path, nargs="*", default=[], help="laid over config/config.yaml"
    )
    parser.add_argument("--tasks", nargs="*", help="instead of the configuration's")
    parser.add_argument("--presets", nargs="*", help="instead of the configuration's")
    parser.add_argument(
        "--seeds",
        type=int,
        help="of the searches and of LIME and MAPLE, instead of the configuration's",
    )
    parser.add_argument("--cores", type=int, nargs="*", default=[1, 2, 8, 64, 1000])
    parser.add_argument(
        "--step", type=float, default=0.0, help="seconds that a step costs on one machine"
    )
    parser.add_argument(
        "--watch",
        type=float,
        default=1.4e-4,
        help="share of a core that Snakemake takes for every step that has ended; ten times as "
        "much without the default profile",
    )
    parser.add_argument(
        "--pack",
        nargs="*",
        type=int,
        default=[1, 5, 30],
        help="searches in a job",
    )
    parser.add_argument(
        "--job", type=float, default=3.7, help="seconds that a job of a cluster costs"
    )
    parser.add_argument(
        "--member", type=float, default=1.8, help="seconds that each step of a job costs"
    )
    parser.add_argument(
        "--notice",
        type=float,
        default=6.0,
        help="seconds until an end is seen; polls are 1 to 11 s apart and more",
    )
    parser.add_argument("--rate", type=float, default=10.0, help="submissions in a second")
    parser.add_argument("--queue", type=int, default=200, help="jobs in the queue at once")
    parser.add_argument("--login", type=int, default=2, help="cores of the login node")
    options = parser.parse_args()

    times = read_times(TIMES)
    if options.benchmarks:
        times |= read_benchmarks(options.benchmarks, options.column)
    if options.write:
        write_times(options.write, times)
        return
    for text in options.seconds:
        key, seconds = text.split("=")
        task, step = key.split("/", 1)
        times[task, step] = float(seconds)
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    for path in options.config:
        config = merged(config, yaml.safe_load(path.read_text()))
    config["tasks"] = options.tasks or config["tasks"]
    config["presets"] = options.presets or config["presets"]
    if options.seeds:
        config = merged(config, {"seeds": options.seeds, "explainers": {"seeds": options.seeds}})
    try:
        alone = workflow(times, config)
    except KeyError as error:
        raise SystemExit(
            f"no time of {'/'.join(error.args[0])}; give it with --seconds, or less --tasks or "
            f"--presets"
        ) from None

    work = sum(job.seconds for job in alone)
    longest = max((job for job in alone if not job.local), key=lambda job: job.seconds)
    images = (
        f", images on {', '.join(config['images']['networks'])}" if config.get("images") else ""
    )
    searches = [
        count_runs(config, task, preset) for task in config["tasks"] for preset in config["presets"]
    ]
    explained = number_by_task(config["explainers"]["seeds"], config["tasks"], "seeds").values()
    print(
        f"{len(config['tasks'])} tasks × {', '.join(config['presets'])} × "
        f"{count_text(searches, 'seed')}, {count_text(explained, 'seed')} of LIME and of "
        f"MAPLE{images}: {len(alone)} steps, {clock(work)} of one core, longest step "
        f"{longest.name} with {clock(longest.seconds)}\n"
    )
    kinds: dict[str, float] = defaultdict(float)
    for job in alone:
        kinds[job.name.split("-")[0]] += job.seconds
    print(
        "Of it: "
        + ", ".join(
            f"{kind} {clock(seconds)}"
            for kind, seconds in sorted(kinds.items(), key=lambda kind: -kind[1])
        )
        + "\n"
    )

    jobs = workflow(times, config, Packing(member=options.step))
    set_tails(jobs, 0)
    rows: list[list[object]] = [["cores", "one machine"]]
    for cores in (cores for cores in options.cores if cores <= 64):
        seconds = simulate(jobs, cores, queue=cores)
        # of a core no more than one of as many processes as want it
        watching = statistics.mean(
            min(options.watch * ended, cores / (cores + 1)) for ended in range(len(jobs))
        )
        seconds /= 1 - watching / cores
        rows.append([cores, f"{clock(seconds)}, {work / seconds / cores:.0%}"])
    table(rows)
    print()

    packed = {}
    for searches in options.pack:
        packed[searches] = workflow(times, config, Packing(searches, options.job, options.member))
    drawing = times["all", "drawing"] * (
        1 / options.login - 1 / PARTS
    )  # beyond the one part of it that a chain ends with
    chains = {pack: set_tails(jobs, options.notice) + drawing for pack, jobs in packed.items()}
    rows = [["cores", *(f"a cluster, searches in a job: {pack}" for pack in packed)]]
    for cores in options.cores:
        row: list[object] = [cores]
        for pack, jobs in packed.items():
            seconds = simulate(
                jobs, cores, options.notice, options.rate, options.queue, options.login
            )
            total = sum(job.seconds + options.notice for job in jobs if not job.local)
            remote = sum(not job.local for job in jobs)
            row.append(
                f"{clock(seconds)}, {work / seconds / cores:.0%}; "
                f"{limit(total, chains[pack], remote, cores, options)}"
            )
        rows.append(row)
    remote = [sum(not job.local for job in jobs) for jobs in packed.values()]
    table([*rows, ["jobs", *remote], ["longest chain", *map(clock, chains.values())]])
    print(
        "\nPer cent: of the cores' time, what the same steps take without a cluster. Then what "
        "holds it up most."
    )
    for pack, jobs in packed.items():
        chain = longest_chain(jobs)
        drawn = next(number for number, job in enumerate(chain) if job.name == "drawing")
        print(
            f"Longest chain with {pack}: "
            f"{', '.join(f'{job.name} {clock(job.seconds)}' for job in chain[:drawn])}, drawing "
            f"{clock(times['all', 'drawing'] / options.login)} on {options.login} "
            f"cores"
        )


if __name__ == "__main__":
    main()
