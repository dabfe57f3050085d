"""Fast against literal MAPLE on as many rows as F1 has, in one run: the same forest, the same
choice of features, the same points.

    OMP_NUM_THREADS=1 python tests/benchmarks/maple.py

The literal version (tests/literal_maple.py) is timed on some validation rows and points, and scaled
to all; the fast one does all. Process time, so that other processes count little. The forest is
scikit-learn's in both and is timed apart.
"""

import sys
import time
from pathlib import Path

import click
import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.literal_maple import LiteralMaple  # noqa: E402

from srnet.comparison.explainers.maple import Forest, Maple, Settings  # noqa: E402
from srnet.data.dataset import make_data  # noqa: E402
from srnet.data.tasks import load_task  # noqa: E402


def timed(what):
    start = time.process_time()
    return what(), time.process_time() - start


@click.command()
@click.option(
    "--sample",
    default=30,
    show_default=True,
    help="Validation rows and points that the literal version explains.",
)
def main(sample):
    """Print seconds and ratios."""
    task = load_task("F1", ROOT / "config" / "tasks.yaml")
    data = make_data(task)
    # the task's function in the place of its network: MAPLE sees rows and responses alone
    x, y, valid, points = data.x, data.y, (data.valid_x, task.truth(data.valid_x)), data.test_x
    _, forest = timed(lambda: Forest(x, y[:, 0], False, 1, Settings()))
    some = (valid[0][:sample], valid[1][:sample])
    literal, seconds = timed(lambda: LiteralMaple(x, y, False, 1, some))
    choice = (seconds - forest) * len(valid[0]) / sample
    ours, seconds = timed(lambda: Maple(x, y, False, 1, valid))
    ours_choice = seconds - forest
    same = Maple(x, y, False, 1, some)
    expected, seconds = timed(
        lambda: np.array([literal.explain_one(point) for point in points[:sample]])
    )
    explained = seconds * len(points) / sample
    np.testing.assert_allclose(
        same.explain(points[:sample]).outputs, expected, rtol=1e-8, atol=1e-8 * y.std()
    )
    _, ours_explained = timed(lambda: ours.explain(points).outputs)
    click.echo(
        f"{len(x)} rows × {x.shape[1]}, {len(valid[0])} validation rows, {len(points)} points; "
        f"literal timed on {sample} of each"
    )
    click.echo(f"{'':34}{'literal s':>11}{'fast s':>9}{'ratio':>8}")
    for name, slow, fast in (
        ("number of features", choice, ours_choice),
        ("explanations", explained, ours_explained),
        ("both", choice + explained, ours_choice + ours_explained),
        (
            "with the forest, the same in both",
            choice + explained + forest,
            ours_choice + ours_explained + forest,
        ),
    ):
        click.echo(f"{name:34}{slow:11.2f}{fast:9.3f}{slow / fast:8.0f}")


if __name__ == "__main__":
    main()
