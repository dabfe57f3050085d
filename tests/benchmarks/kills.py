"""SIGKILL at random moments of complete runs of the workflow, each started again by the documented
steps; prints what was lost.

``python tests/benchmarks/kills.py [--kills N] [--seed S]``: first an undisturbed run, then runs
that are killed (all processes; the driver, its jobs ended or left alone; one process of a job),
unlocked and started again until they end. Every file below results/ must then be that of the
undisturbed run, bit for bit but for seconds (see ``killing.comparable``), nothing may be left to
do, and no file may be left over. About ten seconds per kill on two cores.
"""

import argparse
import collections
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers.killing import CONFIGURATION, VICTIMS, Workflow, differences, disturbed


def main() -> int:
    """Kill as often as asked; exit code 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folder",
        type=Path,
        default=None,
        help="Kept for a look; a temporary one where not given.",
    )
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        calm = Workflow(folder / "undisturbed", CONFIGURATION)
        begin = time.monotonic()
        code, said = calm.run()
        assert code == 0, said
        length = time.monotonic() - begin
        expected = calm.content()
        print(f"undisturbed: {len(expected)} files in {length:.0f} s", flush=True)
        kills, lost, corrupt, left_over, undone, runs = 0, 0, 0, 0, 0, 0
        moments: collections.Counter[str] = collections.Counter()

        def tell(line: str) -> None:
            print(f"  killed: {line}", flush=True)
            moments[line.rpartition(" after")[0]] += 1

        workflow = Workflow(folder / "disturbed", CONFIGURATION, source=calm.folder)
        while kills < options.kills:
            workflow.clear()
            kills += disturbed(
                workflow,
                rng,
                options.kills - kills,
                lambda: rng.uniform(0.2, min(length / 3, 30)),
                VICTIMS,
                tell,
            )
            runs += 1
            found = workflow.content()
            lost += len(expected.keys() - found.keys())
            wrong = [name for name in differences(expected, found) if name in found]
            corrupt += len(wrong)
            rest = workflow.left_over()
            left_over += len(rest)
            nothing = "Nothing to be done" in workflow.run("--dry-run")[1]
            undone += not nothing
            print(
                f"run {runs}: {kills} kills so far, different {wrong}, left over {rest}, nothing "
                f"left to do: {nothing}",
                flush=True,
            )
        print(
            f"{kills} kills ({', '.join(f'{count} × {name}' for name, count in moments.items())}) "
            f"in {runs} runs:"
        )
        print(
            f"{lost} files lost, {corrupt} different, {left_over} left over, {undone} runs with "
            f"something left to do"
        )
        return 1 if lost or corrupt or left_over or undone else 0


if __name__ == "__main__":
    sys.exit(main())
