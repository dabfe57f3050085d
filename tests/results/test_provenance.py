import subprocess

import pandas as pd
import pytest

from srnet import __version__
from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.io.schema import check_json
from srnet.results import provenance as module
from srnet.results.provenance import (
    describe_provenance,
    provenance,
    read_provenance,
    times_table,
    write_provenance,
)

HEADER = "s\th:m:s\tcpu_time\n"


def content(tmp_path, **tables):
    frames = {name: pd.DataFrame({"software": texts}) for name, texts in tables.items()}
    rules = {"evolve": r"(?P<task>K0|K1)/srnet/paper/(?P<seed>\d+)\.tsv", "train": r"K0/train\.tsv"}
    return provenance("paper", {"seeds": 2}, "snakemake -c2", frames, tmp_path / "marks", rules)


def test_jobs_are_counted_by_rule(tmp_path):
    folder = tmp_path / "marks" / "K0" / "srnet" / "paper"
    folder.mkdir(parents=True)
    (folder / "1.tsv").write_text(f"{HEADER}2.5\t0:00:02\t2.0\n")
    (folder / "2.tsv").write_text(f"{HEADER}0.5\t0:00:00\t-\n")
    (folder / "compared.tsv").write_text(f"{HEADER}9\t0:00:09\t9\n")  # of no rule here
    found = content(tmp_path)
    check_json(found, "provenance")
    assert found["rules"] == {"evolve": {"jobs": 2, "seconds": 3.0, "longest_seconds": 2.5}}
    assert times_table(found).to_dict("records")[0]["rule"] == "evolve"
    assert found["packages"]["numpy"]
    assert found["version"] == __version__
    assert "took 3.0 s by the clock." in describe_provenance(found)


def test_without_benchmarks_no_time_is_told(tmp_path):
    """As after jobs on a cloud, whose benchmarks are in its storage."""
    found = content(tmp_path)
    assert found["rules"] == {}
    assert "How long the jobs took is not recorded." in describe_provenance(found)
    assert "by the clock" not in describe_provenance(found)


def test_the_commit_and_whether_files_differ_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "pkg")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    assert content(tmp_path)["commit"] is None
    assert "(no git checkout)" in describe_provenance(content(tmp_path))
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    # a repository that does not have the package, as one around a virtual environment
    assert content(tmp_path)["commit"] is None
    subprocess.run([*git, "add", "pkg"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "a"], check=True)
    found = content(tmp_path)
    assert (len(found["commit"]), found["dirty"]) == (40, False)
    (tmp_path / "pkg" / "__init__.py").write_text("CHANGED = True")
    found = content(tmp_path)
    assert found["dirty"] is True
    assert f"commit {found['commit'][:12]} with uncommitted changes" in describe_provenance(found)


def test_runs_of_other_software_are_told_apart(tmp_path):
    found = content(tmp_path, runs=["numpy 1; processor A"] * 2 + ["numpy 2; processor A"])
    assert found["made_with"]["runs"] == {"numpy 1; processor A": 2, "numpy 2; processor A": 1}
    assert "Runs of different software or processors" in describe_provenance(found)
    assert "(2 with numpy 1; 1 with numpy 2)" in describe_provenance(found)
    assert "different software" not in describe_provenance(content(tmp_path, runs=["numpy 1"] * 3))


def test_results_of_another_processor_say_so(tmp_path):
    """As where published runs are continued elsewhere: the page is made here, they were not."""
    here = content(tmp_path)["processor"]
    other = ["numpy 1; processor B, model 2"] * 2
    found = content(
        tmp_path, runs=other, networks=other, images_networks_trained=[f"numpy 1; processor {here}"]
    )
    text = describe_provenance(found)
    assert "The runs and networks were made on another processor (B, model 2)." in text
    assert "image classifiers" not in text
    assert "another processor" not in describe_provenance(content(tmp_path, runs=["numpy 1"]))


def test_image_classifiers_are_named(tmp_path):
    found = content(tmp_path, images_networks_trained=["numpy 1", "numpy 2"])
    assert "Image classifiers of different software" in describe_provenance(found)


def test_a_file_that_is_none_is_refused(tmp_path):
    write_json(tmp_path / "provenance.json", {"name": "paper"})
    with pytest.raises(UserError, match=r"provenance\.json: the key 'date' is missing"):
        read_provenance(tmp_path / "provenance.json")


def test_a_count_of_rows_is_taken_as_it_is(tmp_path):
    """To count them one by one took the memory for a file of a few bytes."""
    found = content(tmp_path) | {"made_with": {"runs": {"numpy 1": 10**18, "numpy 2": 1}}}
    assert f"({10**18} with numpy 1; 1 with numpy 2)" in describe_provenance(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h:m:s\n1\n",
        f"{HEADER}x\t0\t1\n",
        f"{HEADER}inf\t0\t1\n",
        f"{HEADER}-1\t0\t1\n",
        HEADER,
        "\0",
    ],
)
def test_a_damaged_benchmark_file_is_one_sentence(tmp_path, text):
    (tmp_path / "marks" / "K0").mkdir(parents=True)
    (tmp_path / "marks" / "K0" / "train.tsv").write_text(text)
    with pytest.raises(UserError, match=r"K0/train\.tsv: (is no benchmark file|has a time)"):
        content(tmp_path)


@pytest.mark.parametrize(
    ("name", "pattern", "sentence"),
    [("../x", "a", "the key 'name' is '../x'"), ("x", "(", "--rule evolve has the pattern")],
)
def test_nothing_is_written_of_a_wrong_argument(tmp_path, name, pattern, sentence):
    with pytest.raises(UserError, match=sentence):
        write_provenance(
            tmp_path / "p.json", name, {}, "snakemake", {}, tmp_path, {"evolve": pattern}
        )
    assert not list(tmp_path.iterdir())
