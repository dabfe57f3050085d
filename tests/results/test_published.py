"""The tables of published numbers: those of the project are whole, and a fault in one is named."""

import pytest
from helpers.fakes import ROOT

from srnet.errors import UserError
from srnet.io.frames import read_table
from srnet.results.published import COLUMNS, read_published

FILES = {
    "published": ROOT / "config" / "published_regression.csv",
    "published_classification": ROOT / "config" / "published_classification.csv",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_whole_table_is_read_as_it_is(name):
    assert read_published(name, FILES[name]).equals(read_table(FILES[name]))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("published", "fitness_q3", "q3", "lacks the column 'fitness_q3'; it has task, runs, "),
        (
            "published",
            "0.0961875",
            "",
            "line 3, column 'fitness_min' is empty; a finite number of at least 0 is needed",
        ),
        ("published", "0.0961875", "about 0.1", "line 3, column 'fitness_min' is 'about 0.1'"),
        ("published", "0.0961875", "-0.1", "line 3, column 'fitness_min' is '-0.1'"),
        ("published", "0.0961875", "1e999", "line 3, column 'fitness_min' is 'inf'"),
        ("published", "\nK1,", "\n,", "line 3, column 'task' is empty; every row needs its task"),
        (
            "published",
            "\nK1,",
            "\nK0,",
            "line 3 names K0 a second time; a row for every task is allowed",
        ),
        (
            "published_classification",
            "P0,adult,MAPLE",
            "P0,adult,LIME",
            "line 3 names P0 LIME a second time",
        ),
        (
            "published_classification",
            "98.47",
            "True",
            "line 3, column 'train_accuracy_percent' is 'True'",
        ),
    ],
)
def test_a_fault_is_named_with_file_line_and_column(tmp_path, name, old, new, said):
    path = tmp_path / "published.csv"
    text = FILES[name].read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        read_published(name, path)
    assert str(error.value).startswith(f"{path}: {said}")


def test_tasks_may_be_named_by_numbers(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(
        "task,runs,fitness_min,fitness_q1,fitness_median,fitness_q3,fitness_max,mean_minutes_per_run\n7,30,0,1,2,3,4,5\n"
    )
    table = read_published("published", path)
    assert list(table["task"]) == ["7"]
    assert list(table["runs"]) == [30]
