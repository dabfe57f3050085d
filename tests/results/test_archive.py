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
    for preset in ("paper", "joint"):
        times = tmp_path / "runs" / "benchmarks" / "K0" / "srnet" / preset
        times.mkdir(parents=True)
        (times / "1.tsv").write_text("s\n1.5\n")
    (tmp_path / "runs" / "benchmarks" / "usdb.tsv").write_text("s\n2\n")
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
        "K0: 5 files, rows and layers made again, the same"
    ]
    before, again = files(runs), files(tmp_path / "again")
    assert set(before) - set(again) == {
        "K0/srnet/joint/1.json",
        "K0/srnet/paper/2.json.checkpoint",
        "benchmarks/K0/srnet/joint/1.tsv",
        "benchmarks/usdb.tsv",
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


def pack(published, *members, task="K0"):
    """An archive of any members: names, or (name, attributes)."""
    path = published / "runs" / f"{task}.tar.xz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:xz", format=tarfile.PAX_FORMAT) as archive:
        for name, attributes in [(each, {}) if isinstance(each, str) else each for each in members]:
            member = tarfile.TarInfo(name)
            for key, value in ({"size": 3} | attributes).items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(b"{}\n"))
    return path


LINK = {"size": 0, "linkname": "/etc/passwd"}


@pytest.mark.parametrize(
    "member",
    [
        *("../K0/a.json", "/tmp/a.json", "K0/../../a.json", "K0/./a.json", "K0//a.json"),
        # not of this task, or what Python or Snakemake would run or believe
        *(
            "P0/a.json",
            "benchmarks/P0/a.tsv",
            "benchmarks/a.tsv",
            "srnet/__init__.py",
            "K0/a.py",
            "K0/.snakemake/a.json",
            "K0/layers.npz",
        ),
        *("K0/a\nb.json", "K0/\u202ea.json", "K0/\udcff.json", 'K0/"{{ 7 * 7 }}<b>.json'),
        # of which one file would be the folder of another
        *("K0/a.json/b.json", f"K0/{'x' * 300}.json", f"K0/{'d/' * 3000}a.json"),
        ("K0/a.json", {"pax_headers": {"path": "K0/a\0.json"}}),
        ("K0/a.json", {"pax_headers": {"GNU.sparse.size": "9" * 12, "GNU.sparse.map": "0,1"}}),
        ("K0/a.json", LINK | {"type": tarfile.SYMTYPE}),
        ("K0/a.json", LINK | {"type": tarfile.LNKTYPE}),
        ("K0/a.json", {"size": 0, "type": tarfile.CHRTYPE}),
        ("K0/a.json", {"size": 0, "type": tarfile.FIFOTYPE}),
        ("K0", {"size": 0, "type": tarfile.DIRTYPE}),
    ],
)
def test_a_member_that_is_no_file_of_the_task_is_refused(tmp_path, member):
    pack(tmp_path / "published", "K0/first.json", member)
    with pytest.raises(UserError, match=r"has the member .* are needed"):
        list(unpack_runs(tmp_path / "published", tmp_path / "out", TASKS_FILE))
    assert [path.name for path in tmp_path.iterdir()] == ["published"]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (["K0/a.json", "K0/a.json"], r"has the member 'K0/a\.json' twice; once is allowed"),
        *(
            (
                ["K0/b.json", ("K0/a.json", {"pax_headers": {"mtime": time}})],
                r"member 'K0/a\.json' has the time .*, which is none",
            )
            for time in ("nan", "inf", "1e30", "-5")
        ),
        ([("K0/a.json", {"pax_headers": {"size": "9" * 12}})], "is no readable"),
    ],
)
def test_a_damaged_archive_leaves_nothing(tmp_path, members, sentence):
    pack(tmp_path / "published", *members)
    with pytest.raises(UserError, match=sentence):
        list(unpack_runs(tmp_path / "published", tmp_path / "out", TASKS_FILE))
    assert not (tmp_path / "out").exists()


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("srnet.results.archive.MOST_UNPACKED", 20_000)
    pack(tmp_path / "published", ("K0/a.json", {"pax_headers": {"comment": "x" * 30_000}}))
    with pytest.raises(UserError, match=r"K0\.tar\.xz: unpacks to more than 20000 bytes"):
        list(unpack_runs(tmp_path / "published", tmp_path / "out", TASKS_FILE))
    (tmp_path / "t.csv").write_text("a\n" * 11_000)
    pack_table(tmp_path / "t.csv", tmp_path / "published" / "frames" / "t.csv.xz")
    with pytest.raises(UserError, match=r"t\.csv\.xz: unpacks to more than 20000 bytes"):
        unpack_tables(tmp_path / "published", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_differs_stops_all_archives(tmp_path):
    for task in ("K0", "K1"):
        pack(tmp_path / "published", f"{task}/a.json", task=task)
    out = tmp_path / "out"
    (out / "K1" / "a.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"K1/a\.json: is there already and differs"):
        list(unpack_runs(tmp_path / "published", out, TASKS_FILE))
    (out / "K1" / "a.json").rmdir()
    (out / "K1" / "a.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"K1/a\.json: is there already and differs"):
        list(unpack_runs(tmp_path / "published", out, TASKS_FILE))
    assert not (out / "K0").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_a_table_that_is_there_is_not_replaced(tmp_path):
    (tmp_path / "a.csv").write_text("task\nK0\n")
    for name in ("a", "b"):
        pack_table(tmp_path / "a.csv", tmp_path / "published" / "frames" / f"{name}.csv.xz")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "b.csv").write_text("mine")
    with pytest.raises(UserError, match=r"b\.csv: is there already and differs; choose another"):
        unpack_tables(tmp_path / "published", tmp_path / "tables")
    assert files(tmp_path / "tables") == {"b.csv": b"mine"}


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
    unpack_tables(tmp_path / "published", tmp_path / "tables")  # it is the same
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"K0\.csv\.xz: is no readable \.xz file"):
        unpack_tables(tmp_path / "published", tmp_path / "tables")
