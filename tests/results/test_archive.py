import io
import os
import tarfile

import pandas as pd
import pytest
from helpers import fakes
from helpers.trained import TASKS

from srnet.data.dataset import make_data, write_data
from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.networks.extraction import write_layers
from srnet.networks.layers import Layers
from srnet.networks.training import train
from srnet.results.archive import pack_table, pack_task, unpack_runs, unpack_tables

TASKS_FILE = fakes.ROOT / "config" / "tasks.yaml"


@pytest.fixture
def runs(tmp_path):
    """A task with its network, rows and layers, and made-up runs of two presets."""
    folder = tmp_path / "runs" / "K0"
    folder.mkdir(parents=True)
    network, report = train(TASKS["K0"], make_data(TASKS["K0"]), epochs=2)
    write_data("K0", TASKS_FILE, folder / "data.npz")
    network.save(folder / "network.pt")
    write_json(folder / "network.json", report)
    write_layers(folder / "network.pt", folder / "data.npz", "K0", TASKS_FILE, folder / "l.npz")
    os.replace(folder / "l.npz", folder / "layers.npz")
    explained = Layers.load(folder / "layers.npz", "K0").fingerprint()
    for preset in ("paper", "joint"):
        write_json(
            folder / "srnet" / preset / "1.json",
            fakes.run("K0", preset) | {"layers_fingerprint": explained},
        )
    (folder / "srnet" / "paper" / "2.json.checkpoint").write_text("{}")
    (folder / "lime").mkdir()
    (folder / "lime" / "1-10.csv").write_text("task\nK0\n")
    for i, name in enumerate(("data.npz", "network.pt", "layers.npz", "srnet/paper/1.json")):
        os.utime(folder / name, (1e9 + i, 1e9 + i))
    return tmp_path / "runs"


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_task_comes_back_with_the_rows_and_layers_that_its_runs_explain(runs, tmp_path):
    pack_task(runs, "K0", ["paper"], tmp_path / "published" / "runs" / "K0.tar.xz")
    assert list(unpack_runs(tmp_path / "published", tmp_path / "again", TASKS_FILE)) == [
        "K0: 4 files, rows and layers made again, the same"
    ]
    before, again = files(runs), files(tmp_path / "again")
    assert set(before) - set(again) == {
        "K0/srnet/joint/1.json",
        "K0/srnet/paper/2.json.checkpoint",
    }
    for name in again:
        if not name.endswith(".npz"):
            assert again[name] == before[name]
    times = [
        os.stat(tmp_path / "again" / "K0" / name).st_mtime
        for name in ("data.npz", "network.pt", "layers.npz", "srnet/paper/1.json")
    ]
    assert times == sorted(times)
    assert times[-1] == 1e9 + 3


def test_layers_that_the_runs_do_not_explain_are_told(runs, tmp_path):
    path = runs / "K0" / "srnet" / "paper" / "1.json"
    write_json(path, fakes.run("K0") | {"layers_fingerprint": "another"})
    pack_task(runs, "K0", ["paper"], tmp_path / "published" / "runs" / "K0.tar.xz")
    (line,) = unpack_runs(tmp_path / "published", tmp_path / "again", TASKS_FILE)
    assert line.endswith("which differ in their last digits")


def test_nothing_that_is_there_is_replaced(runs, tmp_path):
    pack_task(runs, "K0", ["paper"], tmp_path / "published" / "runs" / "K0.tar.xz")
    (runs / "K0" / "lime" / "1-10.csv").write_text("mine")
    with pytest.raises(UserError, match=r"K0/lime/1-10\.csv: is there already and differs"):
        list(unpack_runs(tmp_path / "published", runs, TASKS_FILE))
    assert (runs / "K0" / "lime" / "1-10.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["../K0/a.json", "/tmp/a.json", "K0/../../a.json", "K0/link"])
def test_a_member_that_is_no_file_below_the_folder_is_refused(tmp_path, name):
    (tmp_path / "published" / "runs").mkdir(parents=True)
    with tarfile.open(tmp_path / "published" / "runs" / "K0.tar.xz", "w:xz") as archive:
        member = tarfile.TarInfo(name)
        if name.endswith("link"):
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member, io.BytesIO())
    with pytest.raises(UserError, match="files are needed"):
        list(unpack_runs(tmp_path / "published", tmp_path / "out", TASKS_FILE))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "a.json").exists()


def test_what_is_no_archive_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"has no \*\.tar\.xz"):
        list(unpack_runs(tmp_path, tmp_path, TASKS_FILE))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "K0.tar.xz").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"K0\.tar\.xz: is no readable \.tar\.xz archive"):
        list(unpack_runs(tmp_path, tmp_path / "out", TASKS_FILE))


def test_tables_come_back_and_pandas_reads_them_packed(tmp_path):
    (tmp_path / "runs.csv").write_text("task,fitness\nK0,0.1\n")
    packed = tmp_path / "published" / "frames" / "hidden_values" / "K0.csv.xz"
    pack_table(tmp_path / "runs.csv", packed)
    assert pd.read_csv(packed)["fitness"].tolist() == [0.1]
    unpack_tables(tmp_path / "published", tmp_path / "tables")
    assert (tmp_path / "tables" / "hidden_values" / "K0.csv").read_text() == (
        "task,fitness\nK0,0.1\n"
    )
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"K0\.csv\.xz: is no readable \.xz file"):
        unpack_tables(tmp_path / "published", tmp_path / "tables")
