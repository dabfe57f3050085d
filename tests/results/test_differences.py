import numpy as np
import pytest
from click.testing import CliRunner
from helpers import fakes

from srnet.cli import main
from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.results.archive import pack_task
from srnet.results.differences import compare_folders, describe_differences


@pytest.fixture
def folders(tmp_path):
    """Two folders of the same runs, with other times and another software."""
    for i, name in enumerate(("first", "second")):
        folder = tmp_path / name / "K0"
        for seed in (1, 2):
            run = fakes.run(seed=seed) | {"seconds": i, "software": {"numpy": str(i)}}
            write_json(folder / "srnet" / "paper" / f"{seed}.json", run)
        (folder / "lime").mkdir()
        (folder / "lime" / "1-10.csv").write_text(f"task,rmse,seconds_once\nK0,0.5,{i}\n")
        (folder / "network.pt").write_bytes(b"weights")
    return tmp_path / "first", tmp_path / "second"


def test_runs_that_differ_in_their_times_alone_are_equal(folders):
    found = compare_folders(*folders)
    assert len(found) == 4
    assert set(found["state"]) == {"equal"}
    assert describe_differences(found) == "4 files compared: 4 equal but for their times, 0 differ"


def test_it_is_told_where_runs_differ_and_by_how_much(folders):
    path = folders[1] / "K0" / "srnet" / "paper" / "2.json"
    run = fakes.run(seed=2)
    run["weights"][1][2] = np.nextafter(run["weights"][1][2], 2)
    write_json(path, run | {"fitness": run["fitness"] * 1.01})
    (folders[1] / "K0" / "network.pt").write_bytes(b"others")
    found = compare_folders(*folders).set_index("file")
    assert found.loc["K0/srnet/paper/1.json", "state"] == "equal"
    assert found.loc["K0/srnet/paper/2.json", "key"] == "fitness"
    assert found.loc["K0/srnet/paper/2.json", "relative"] == pytest.approx(0.01 / 1.01)
    text = describe_differences(found.reset_index())
    assert "4 files compared: 2 equal but for their times, 2 differ" in text
    assert "K0/srnet/paper/2.json: first at fitness, numbers by at most 0.0099 of their" in text
    assert "K0/network.pt: first at its bytes" in text


def test_the_command_reads_archives_and_says_by_its_exit_code(folders, tmp_path):
    pack_task(folders[0], "K0", ["paper"], tmp_path / "packed" / "K0.tar.xz")
    result = CliRunner().invoke(main, ["diff", str(tmp_path / "packed"), str(folders[1])])
    assert (result.exit_code, result.output[:16]) == (0, "4 files compared")
    (folders[1] / "K0" / "lime" / "1-10.csv").write_text("task,rmse,seconds_once\nK0,0.25,0\n")
    result = CliRunner().invoke(main, ["diff", str(tmp_path / "packed"), str(folders[1])])
    assert result.exit_code == 1
    assert "K0/lime/1-10.csv: first at [0].rmse, numbers by at most 0.5 of their size" in (
        result.output
    )


def test_folders_without_a_common_file_are_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="have no file in common"):
        compare_folders(folders[0], tmp_path / "empty")
    with pytest.raises(UserError, match="none: is no folder"):
        compare_folders(folders[0], tmp_path / "none")
    (folders[1] / "K0" / "srnet" / "paper" / "1.json").write_text("{")
    with pytest.raises(UserError, match=r"1\.json: is not what its name says"):
        compare_folders(*folders)


@pytest.mark.parametrize(
    ("ending", "contents", "size"),
    [
        ("json", ["[" * 100_000, "[]"], None),
        ("csv", ["a\n" + "x" * 200_000, "a\nb"], None),
        ("csv", ["\xff", "a\nb"], None),
        ("json", [f'{{"a": {10**400}}}', '{"a": 1}'], 1.0),
        ("json", [f'{{"a": {10**400}}}', '{"a": 1.5}'], np.nan),
    ],
)
def test_damaged_files_are_one_sentence_and_huge_numbers_differ(tmp_path, ending, contents, size):
    for folder, content in zip("ab", contents, strict=True):
        (tmp_path / folder / "K0").mkdir(parents=True)
        (tmp_path / folder / "K0" / f"1.{ending}").write_bytes(content.encode("latin-1"))
    if size is None:
        with pytest.raises(UserError, match=rf"^K0/1\.{ending}: is not what its name says"):
            compare_folders(tmp_path / "a", tmp_path / "b")
    else:
        (found,) = compare_folders(tmp_path / "a", tmp_path / "b").to_dict("records")
        assert (found["state"], found["key"]) == ("differs", "a")
        assert found["relative"] == pytest.approx(size, nan_ok=True)
