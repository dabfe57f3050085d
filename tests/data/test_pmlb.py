"""The cache of PMLB data sets: read as it is, filled once, whole or not at all. Nothing is
downloaded: pmlb.fetch_data is a fake."""

import gzip
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pmlb
import pytest
from click.testing import CliRunner
from helpers.fakes import ROOT
from helpers.waiting import HANG

from srnet.cli import main
from srnet.data.dataset import Data
from srnet.data.pmlb import VARIABLE, cache_folder, read_pmlb
from srnet.data.tasks import Pmlb, load_tasks
from srnet.errors import UserError

NAME = "iris"  # a name that PMLB has; the rows are made up
HEADER = "height\twidth\ttarget\n"
TEXT = HEADER + "".join(f"{i}.5\t{i * i}\t{i % 2}\n" for i in range(12))
REAL = Path(__file__).resolve().parents[3] / "shared" / "pmlb"

Fetches = list[str]


def file_in(cache: Path) -> Path:
    return cache / NAME / f"{NAME}.tsv.gz"


def put(cache: Path, content: str | bytes) -> Path:
    path = file_in(cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()) if isinstance(content, str) else content)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> Fetches:
    """The data sets that were fetched, by a fake that writes where pmlb does."""
    names: Fetches = []

    def fetch_data(name: str, local_cache_dir: str, dropna: bool) -> None:
        names.append(name)
        put(Path(local_cache_dir), TEXT)

    monkeypatch.setattr(pmlb, "fetch_data", fetch_data)
    return names


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that breaks off in the middle of the file, as one does without a network."""

    def fetch_data(name: str, local_cache_dir: str, dropna: bool) -> None:
        put(Path(local_cache_dir), gzip.compress(TEXT.encode())[:40])
        raise ConnectionError("HTTPSConnectionPool: a long address")

    monkeypatch.setattr(pmlb, "fetch_data", fetch_data)


def test_a_cached_data_set_is_read_and_the_cache_left_alone(
    tmp_path: Path, fetches: Fetches
) -> None:
    path = put(tmp_path, TEXT)
    before = everything(tmp_path), path.stat().st_mtime_ns
    table = read_pmlb(NAME, "classification", tmp_path)
    assert (table.inputs, table.classes, table.dropped) == (("height", "width"), ("0", "1"), 0)
    np.testing.assert_array_equal(table.x, [[i + 0.5, i * i] for i in range(12)])
    np.testing.assert_array_equal(table.y[:, 0], [i % 2 for i in range(12)])
    assert (everything(tmp_path), path.stat().st_mtime_ns) == before
    assert fetches == []


def test_a_missing_one_is_fetched_once(tmp_path: Path, fetches: Fetches) -> None:
    tables = [read_pmlb(NAME, "classification", tmp_path / "new") for _ in range(2)]
    assert fetches == [NAME]
    assert list(everything(tmp_path)) == [f"new/{NAME}/{NAME}.tsv.gz"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [NAME]
    np.testing.assert_array_equal(tables[0].x, tables[1].x)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(TEXT.encode())[:-10],
        gzip.compress(TEXT.encode())[:20] + bytes(20),
        gzip.compress(b"\xff\xfe\tx"),
        "",
        "height\twidth\n1\t2\n",
        TEXT + "1.0\t2",
    ],
    ids=[
        "empty",
        "garbage",
        "truncated",
        "overwritten",
        "not text",
        "no line",
        "no target",
        "short line",
    ],
)
class TestDamaged:
    def test_it_is_named_and_fetched_again(
        self, tmp_path: Path, fetches: Fetches, content: str | bytes
    ) -> None:
        path = put(tmp_path, content)
        with pytest.warns(
            UserWarning, match=rf"{NAME}\.tsv\.gz: is damaged \(.+\); it is fetched again"
        ):
            table = read_pmlb(NAME, "classification", tmp_path)
        assert len(table.x) == 12
        assert fetches == [NAME]
        assert gzip.decompress(path.read_bytes()).decode() == TEXT

    @pytest.mark.usefixtures("no_network")
    @pytest.mark.filterwarnings("ignore:.*is damaged")
    def test_without_a_network_it_is_named_and_stays(
        self, tmp_path: Path, content: str | bytes
    ) -> None:
        path = put(tmp_path, content)
        before = everything(tmp_path)
        with pytest.raises(
            UserError, match=rf"{path}: is damaged .+no connection, ConnectionError"
        ):
            read_pmlb(NAME, "classification", tmp_path)
        assert everything(tmp_path) == before


@pytest.mark.usefixtures("no_network")
def test_no_network_is_one_sentence_that_helps(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_pmlb(NAME, "classification", tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert "long address" not in message
    for part in (
        str(file_in(tmp_path)),
        f"'{NAME}'",
        "put the file there",
        "--pmlb-cache",
        VARIABLE,
        "pmlb_cache",
    ):
        assert part in message
    assert everything(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_missing_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch_data(name: str, local_cache_dir: str, dropna: bool) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pmlb, "fetch_data", fetch_data)
    with pytest.raises(UserError, match="cannot be fetched from PMLB .+No space left on device"):
        read_pmlb(NAME, "classification", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch_data(name: str, local_cache_dir: str, dropna: bool) -> None:
        put(Path(local_cache_dir), TEXT[:30])
        raise KeyboardInterrupt

    monkeypatch.setattr(pmlb, "fetch_data", fetch_data)
    with pytest.raises(KeyboardInterrupt):
        read_pmlb(NAME, "classification", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_fetched_must_be_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        pmlb,
        "fetch_data",
        lambda name, local_cache_dir, dropna: put(Path(local_cache_dir), "a\tb\n"),
    )
    with pytest.raises(UserError, match="the download is damaged"):
        read_pmlb(NAME, "classification", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_pmlb_has_not(tmp_path: Path, fetches: Fetches) -> None:
    with pytest.raises(UserError, match="PMLB has no data set 'aduult'; similar names are adult"):
        read_pmlb("aduult", "classification", tmp_path)
    assert fetches == []


def test_a_cache_that_cannot_be_written(tmp_path: Path, fetches: Fetches) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file: is not there|cannot be"):
        read_pmlb(NAME, "classification", tmp_path / "file")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / NAME).touch()
    with pytest.raises(UserError, match=r"cannot be"):
        read_pmlb(NAME, "classification", tmp_path / "cache")
    assert everything(tmp_path) == {"file": b"", f"cache/{NAME}": b""}


def test_two_at_once_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, tables = threading.Barrier(2, timeout=HANG), []

    def fetch_data(name: str, local_cache_dir: str, dropna: bool) -> None:
        put(Path(local_cache_dir), TEXT[:30])
        together.wait()  # both are in the middle of their file
        put(Path(local_cache_dir), TEXT)
        together.wait()

    monkeypatch.setattr(pmlb, "fetch_data", fetch_data)
    threads = [
        threading.Thread(target=lambda: tables.append(read_pmlb(NAME, "classification", tmp_path)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(tables[0].x, tables[1].x)
    assert list(everything(tmp_path)) == [f"{NAME}/{NAME}.tsv.gz"]
    assert gzip.decompress(file_in(tmp_path).read_bytes()).decode() == TEXT


def test_another_table_than_the_tasks_is_refused_however_it_is_packed(
    tmp_path: Path, fetches: Fetches
) -> None:
    checksum = hashlib.sha256(TEXT.encode()).hexdigest()
    for level in (1, 9):
        put(tmp_path, gzip.compress(TEXT.encode(), level, mtime=level))
        assert len(read_pmlb(NAME, "classification", tmp_path, checksum).x) == 12
    other = TEXT.replace("0.5", "0.25")
    path = put(tmp_path, other)
    with pytest.raises(UserError) as caught:
        read_pmlb(NAME, "classification", tmp_path, checksum)
    for part in (f"{path}: ", hashlib.sha256(other.encode()).hexdigest(), checksum):
        assert part in str(caught.value)
    assert fetches == []
    path.unlink()
    assert len(read_pmlb(NAME, "classification", tmp_path, checksum).x) == 12
    assert fetches == [NAME]


# What a table may be like


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace("3.5\t", "much\t"),
            "line 5, column 'height' is 'much'; a finite number",
        ),
        (lambda text: text.replace("3.5\t", "inf\t"), "line 5, column 'height' is 'inf'"),
        (
            lambda text: text.replace("9\t1\n", "9\t7\n", 1),
            "class '7' of column 'target' has 1 row; every class",
        ),
        (lambda text: text.replace("\t1\n", "\t0\n"), "'target' is 0 in every row"),
        (lambda text: HEADER + "1\t2\t0\n1\t2\t1\n", "has 2 row(s) of data"),
        (lambda text: text.replace("width", "height"), "column 'height' 2 time(s)"),
        (
            lambda text: (
                text.replace("\t9\t1\n", "\t\t1\n")
                .replace("\t16\t0\n", "\tnan\t2\n")
                .replace("\t36\t0\n", "\t36\t2\n")
            ),
            "class '2' of column 'target' has 1 row after 2 with a missing cell were left out",
        ),
        (
            lambda text: text.replace("\t1\n", "\t\n"),
            "has 6 row(s) of data after 6 with a missing cell",
        ),
    ],
)
def test_tables_of_no_use(
    tmp_path: Path, fetches: Fetches, change: Callable[[str], str], said: str
) -> None:
    path = put(tmp_path, change(TEXT))
    with pytest.raises(UserError) as caught:
        read_pmlb(NAME, "classification", tmp_path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert fetches == []  # the file is whole


def test_rows_with_a_missing_cell_are_dropped_and_counted(tmp_path: Path) -> None:
    put(tmp_path, TEXT.replace("\t9\t1\n", "\t\t1\n").replace("7.5\t", "NaN\t"))
    table = read_pmlb(NAME, "classification", tmp_path)
    assert (len(table.x), table.dropped) == (10, 2)
    assert not {3.5, 7.5} & set(table.x[:, 0])


def test_classes_may_be_text_and_a_regression_may_not(tmp_path: Path) -> None:
    put(tmp_path, TEXT.replace("\t0\n", "\teven\n").replace("\t1\n", "\tuneven\n"))
    assert read_pmlb(NAME, "classification", tmp_path).classes == ("even", "uneven")
    with pytest.raises(
        UserError, match="line 2, column 'target' is 'even'; a finite number is needed"
    ):
        read_pmlb(NAME, "regression", tmp_path)


@pytest.mark.parametrize(
    ("name", "rows", "inputs", "counts"),
    [
        ("adult", 48842, 14, [11687, 37155]),
        ("agaricus_lepiota", 8145, 22, [4228, 3917]),
        ("analcatdata_aids", 50, 4, [25, 25]),
        ("breast", 699, 10, [458, 241]),
        ("car", 1728, 6, [384, 69, 1210, 65]),
    ],
)
def test_the_data_sets_of_the_paper(name: str, rows: int, inputs: int, counts: list[int]) -> None:
    if not REAL.is_dir():
        pytest.skip(f"no PMLB data sets lie at {REAL}")
    tasks = load_tasks(ROOT / "config/tasks.yaml").values()
    sources = [task.source for task in tasks if isinstance(task.source, Pmlb)]
    (checksum,) = {source.sha256 for source in sources if source.dataset == name}
    table = read_pmlb(name, "classification", REAL, checksum)
    assert table.x.shape == (rows, inputs)
    assert np.bincount(table.y[:, 0].astype(int)).tolist() == counts
    assert table.dropped == 0


# The folder and the command


def test_which_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert cache_folder() == Path("resources/pmlb")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert cache_folder() == tmp_path
    assert cache_folder("chosen") == Path("chosen")


@pytest.fixture
def tasks_file(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.yaml"
    network = "{hidden: [3], optimiser: adam, lr: 0.01, epochs: 2, batch: 0.5}"
    path.write_text(f"own: {{pmlb: {NAME}, kind: classification, network: {network}, seed: 0}}")
    return path


def test_command_takes_the_option_or_the_variable(
    tmp_path: Path, tasks_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a", TEXT)
    put(
        tmp_path / "b",
        TEXT.replace("9\t1\n", "\t1\n", 1).replace("\t4\t", "\t5\t").replace("0.5", "7"),
    )
    out = str(tmp_path / "data.npz")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "a"))
    assert (
        CliRunner()
        .invoke(main, ["data", "own", "--tasks", str(tasks_file), "--out", out])
        .exit_code
        == 0
    )
    assert Data.load(out).x.shape == (12, 2)
    with pytest.warns(
        UserWarning, match=r"task 'own': 1 row\(s\) with a missing cell were left out"
    ):
        CliRunner().invoke(
            main,
            [
                "data",
                "own",
                "--tasks",
                str(tasks_file),
                "--out",
                out,
                "--pmlb-cache",
                str(tmp_path / "b"),
            ],
        )
    assert (Data.load(out).x.shape, Data.load(out).dropped) == ((11, 2), 1)


@pytest.mark.usefixtures("no_network")
def test_command_without_a_network(
    tmp_path: Path, tasks_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        main,
        ["data", "own", "--tasks", str(tasks_file), "--out", "data.npz", "--pmlb-cache", "cache"],
    )
    assert result.exit_code == 2
    assert result.stderr.startswith(
        f"srnet: cache/{NAME}/{NAME}.tsv.gz: is not there, and the data set '{NAME}' cannot be "
        f"fetched"
    )
    assert result.stderr.count("\n") == 1
    assert everything(tmp_path).keys() == {"tasks.yaml"}
