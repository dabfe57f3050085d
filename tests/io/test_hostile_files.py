"""Files from anywhere: every reader takes them or says in one sentence why not; it executes nothing
and fills no memory.

Some thousand files of each run of the tests; for more, ``pytest tests/test_hostile_files.py
--hypothesis-profile=thorough``.
"""

import collections
import csv
import functools
import gzip
import io
import json
import os
import pickle
import random
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from helpers import fakes, hostile, made_up, ranked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from srnet.data.dataset import Data, make_data
from srnet.data.pmlb import check_cached, read_pmlb
from srnet.data.tables import read_csv
from srnet.data.tasks import load_tasks
from srnet.drawing.tables import accuracy, presets
from srnet.errors import UserError
from srnet.explanation.predict import read_rows, summary
from srnet.explanation.result import Explanation
from srnet.images.explanation.result import NUMBERS, ImageExplanation
from srnet.images.networks.architectures import (
    ARCHITECTURES,
    Classifier,
    read_classifier,
    write_classifier,
)
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.images.pictures.reading import read_image
from srnet.io.frames import read_table
from srnet.io.schema import check
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.networks.mlp import Network, load_network
from srnet.networks.training import train
from srnet.results.gather import (
    best_run,
    formulas_table,
    history_table,
    networks_table,
    read_networks,
    read_runs,
    runs_table,
    training_table,
)
from srnet.results.published import COLUMNS, read_published
from srnet.results.verdict import load_rules, verdict
from srnet.search.checkpoints import Checkpoint, _digest
from srnet.search.individual import measure
from srnet.search.run import _identity, evolve, make_search
from srnet.search.settings import preset

pytestmark = pytest.mark.slow

ROOT = fakes.ROOT
EXAMPLES = settings.default.max_examples  # of the profile
COUNT: collections.Counter[str] = collections.Counter()


def many(times: float = 4.0) -> settings:
    """So many times the examples of the profile."""
    return settings(max_examples=int(EXAMPLES * times), suppress_health_check=list(HealthCheck))


chance = st.integers(0, 2**64 - 1).map(random.Random)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where all of it happens; nothing in a file may have made a file there."""
    folder = tmp_path_factory.mktemp("hostile")
    before = os.getcwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)
    print(
        f"\n{sum(COUNT.values())} files read:",
        ", ".join(f"{count} {kind}" for kind, count in sorted(COUNT.items())),
    )
    assert not list(folder.rglob("canary*"))


def tried(reader: str, read: Callable[[Path], Any], path: Path) -> None:
    """Count how it went, for ``pytest -s``."""
    sentence = hostile.survives(read, path)
    COUNT[f"{reader}: {'refused' if sentence else 'read'}"] += 1


# --- Valid files ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    """A RUN.json of the joint search, as JSON gives it back."""
    layers = made_up.layers(rows=20, valid=6)
    return json.loads(
        json.dumps(evolve(layers, preset("joint", population=8, generations=40, restarts=2), 1))
    )


@pytest.fixture(scope="module")
def ranked_run(run: dict[str, Any]) -> dict[str, Any]:
    """A RUN.json of two formulas per layer, which read the scalars of the layer before."""
    programs = ranked.model(0, "scalars", (2, 3, 3, 1), (2, 2, 2)).programs
    best = measure(programs, made_up.layers(rows=20, valid=6), reads="scalars")
    assert best is not None
    entry = best.to_json()
    whole = {key: value for key, value in run.items() if key != "genes"} | entry
    return json.loads(
        json.dumps(whole | best.model.to_run() | {"pareto": [entry], "elites": [entry]})
    )


@pytest.fixture(scope="module")
def task_file(folder: Path) -> Path:
    """Three tasks, one of every old source."""
    (folder / "table.csv").write_text(
        "a,b,t\n" + "".join(f"{i},{i * i % 7},{i % 3}\n" for i in range(12))
    )
    network = {"hidden": [3, 2], "optimiser": "adam", "lr": 0.01, "epochs": 3, "batch": 10}
    box = {"train": [-1, 1], "valid": [-2, 2], "test": [-5, 5]}
    tasks = {
        "A": {
            "formula": "sin(x) + x**2 / y",
            "inputs": {"x": box, "y": box},
            "rows": 20,
            "network": network,
            "seed": 0,
            "label": "l",
        },
        "B": {
            "csv": "table.csv",
            "target": "t",
            "kind": "classification",
            "network": network,
            "seed": 1,
            "family": "f",
        },
        "C": {
            "csv": "table.csv",
            "target": "t",
            "kind": "regression",
            "network": network,
            "seed": 1,
            "widen": {"valid": 1.5, "test": 2},
        },
    }
    path = folder / "tasks.yaml"
    path.write_text(yaml.safe_dump(tasks))
    return path


@pytest.fixture(scope="module")
def data_file(folder: Path, task_file: Path) -> Path:
    make_data(load_tasks(task_file)["B"]).save(folder / "data.npz")
    return folder / "data.npz"


# --- Text: configuration, tasks, tables -----------------------------------------------------------

SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@many()
@given(rng=chance)
def test_configurations(folder: Path, rng: random.Random) -> None:
    """As the workflow reads them: YAML, then the schema, then the presets."""

    def read(path: Path) -> None:
        content = json.loads(path.read_text())
        check(content, SCHEMA, path.name)
        for name, options in content["evolution"].items():
            try:
                preset(name, **{key: options[key] for key in options if key != "seeds"})
            except UserError as error:
                raise UserError(f"{path.name}: {error}") from error

    path = folder / "config.json"
    path.write_text(json.dumps(hostile.twisted(CONFIG, rng)))
    tried("configuration", read, path)


def sampled(path: Path) -> None:
    """Read tasks and make their rows, of those that are small."""
    for task in load_tasks(path).values():
        if getattr(task.source, "rows", 0) <= 1000:
            try:
                make_data(task, pmlb_cache="/dev/null")
            except UserError as error:
                raise UserError(f"{path.name}: {error}") from error


@many(2)
@given(rng=chance)
def test_tasks(folder: Path, task_file: Path, rng: random.Random) -> None:
    path = folder / "twisted.yaml"
    content = hostile.twisted(yaml.safe_load(task_file.read_text()), rng)
    path.write_bytes(yaml.dump(content).encode(errors="replace"))
    tried("tasks", sampled, path)


@many(2)
@given(rng=chance)
def test_tasks_as_bytes(folder: Path, task_file: Path, rng: random.Random) -> None:
    path = folder / "flipped.yaml"
    path.write_bytes(hostile.flipped(task_file.read_bytes(), rng))
    tried("tasks", sampled, path)


CSV = "".join(
    f"{','.join(map(str, row))}\n"
    for row in [("a", "b", "t"), *((i / 3, -i, i % 3) for i in range(15))]
).encode()


@many()
@given(rng=chance)
def test_tables(folder: Path, rng: random.Random) -> None:
    path = folder / "table-flipped.csv"
    path.write_bytes(hostile.flipped(CSV, rng))
    tried("csv", lambda path: read_csv(path, "t", "regression"), path)
    tried("csv", lambda path: read_csv(path, "t", "classification"), path)
    tried("csv of predict", lambda path: read_rows(path, 3), path)
    tried("tidy table", read_table, path)


@many()
@given(rng=chance)
def test_pmlb_cache(
    folder: Path, monkeypatch_module: pytest.MonkeyPatch, rng: random.Random
) -> None:
    """A damaged file is fetched again, which fails here in words."""
    path = folder / "pmlb" / "toy" / "toy.tsv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = CSV.replace(b",", b"\t").replace(b"\tt\n", b"\ttarget\n")
    path.write_bytes(
        hostile.flipped(gzip.compress(table), rng)
        if rng.random() < 0.5
        else gzip.compress(hostile.flipped(table, rng))
    )
    for kind in ("regression", "classification"):
        tried("PMLB cache", lambda path, kind=kind: read_pmlb("toy", kind, folder / "pmlb"), path)


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    """No network in a test."""

    def refuse(*_: object) -> None:
        raise UserError("toy.tsv.gz: is not there, and tests download nothing")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("srnet.data.pmlb._download", refuse)
        yield patch


# --- Arrays ---------------------------------------------------------------------------------------

ARRAYS: tuple[Callable[[random.Random], Any], ...] = (
    lambda rng: np.zeros((0, 3), np.float32),
    lambda rng: np.zeros((3, 0), np.float32),
    lambda rng: np.zeros(()),
    lambda rng: np.full((4, 2), np.nan),
    lambda rng: np.array([["a", "b"]]),
    lambda rng: np.array([b"x", b"y"]),
    lambda rng: np.ones((5, 2), bool),
    lambda rng: np.ones((5, 2), np.complex64),
    lambda rng: np.full((5, 1), 1e300),
    lambda rng: np.full((5, 1), 2**63, np.uint64),
    lambda rng: np.array([np.datetime64("2020-01-01")]),
    lambda rng: np.zeros(3, dtype=[("a", "f4"), ("b", "i2")]),
    lambda rng: np.zeros((2, 2, 2, 2)),
    lambda rng: np.zeros((40, 2), np.float16),
    lambda rng: np.array(["x" * 5000]),
    lambda rng: np.zeros((5, 2), dtype=">f8"),
    lambda rng: np.array([]),
)


def npy(header: dict[str, Any] | bytes, body: bytes = b"") -> bytes:
    """An array file with any header."""
    text = header if isinstance(header, bytes) else repr(header).encode()
    text = text.ljust(64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


HEADERS: tuple[bytes, ...] = (
    npy({"descr": "<f4", "fortran_order": False, "shape": (10**12, 10**6)}),
    npy({"descr": "<f4", "fortran_order": False, "shape": (10**10,)}, bytes(100)),
    npy({"descr": "<f4", "fortran_order": False, "shape": (2**62, 2**62)}),
    npy({"descr": "<f4", "fortran_order": False, "shape": (-1, 2)}),
    npy({"descr": "<f4", "fortran_order": False, "shape": (10**9, 0)}),
    npy({"descr": "<U0", "fortran_order": False, "shape": (10**12,)}),
    npy({"descr": "|S0", "fortran_order": False, "shape": (10**9,)}),
    npy({"descr": "|V0", "fortran_order": False, "shape": (2**40, 2**20)}),
    npy({"descr": "|O", "fortran_order": False, "shape": (1,)}, pickle.dumps(1)),
    npy({"descr": "<f4", "fortran_order": 1, "shape": (1,)}, bytes(4)),
    npy({"descr": "no", "fortran_order": False, "shape": (1,)}),
    npy(b"__import__('os').system('touch canary')"),
    npy(b"(" * 400),
    npy({"descr": "<f4", "shape": (1,)}),
    b"",
    b"text",
    b"\x93NUMPY\x09\x00",
)


def packed(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def flipped_inside(whole: Path, rng: random.Random) -> bytes:
    """A zip archive one member of which is damaged; the archive's own checksums are right."""
    with zipfile.ZipFile(whole) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    members[name] = hostile.flipped(members[name], rng)
    return packed(members)


def as_npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def damaged_arrays(path: Path, rng: random.Random) -> bytes:
    """An npz file with arrays that go, change, or lie in their header, or with bytes that
    changed."""
    if rng.random() < 0.25:
        return hostile.flipped(path.read_bytes(), rng)
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    members = {f"{key}.npy": as_npy(values) for key, values in arrays.items()}
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(
            [*members, "train_x.npy", "train_h9.npy", "x.npy", "../up.npy", "notes.txt"]
        )
        match rng.randrange(6):
            case 0:
                members.pop(name, None)
            case 1:
                members[name] = rng.choice(HEADERS)
            case 2 if name in members:
                members[name] = hostile.flipped(members[name], rng)
            case 3 if name[:-4] in arrays and arrays[name[:-4]].ndim:
                values = arrays[name[:-4]]
                changed = rng.choice(
                    (
                        values.T,
                        values[:-1],
                        values[..., :0],
                        values[None],
                        values.ravel(),
                        values[:1],
                    )
                )
                members[name] = as_npy(changed)
            case 4 if (
                name[:-4] in arrays
                and arrays[name[:-4]].dtype.kind == "f"
                and arrays[name[:-4]].size
            ):
                values = arrays[name[:-4]].astype(float)
                values.flat[rng.randrange(values.size)] = rng.choice(
                    (np.nan, np.inf, -np.inf, 1e300, 1e38, 0.5, -1, 7, 1e-300)
                )
                members[name] = as_npy(values)
            case _:
                members[name] = as_npy(rng.choice(ARRAYS)(rng))
    return packed(members)


@many(8)
@given(rng=chance)
def test_layers(folder: Path, rng: random.Random) -> None:
    whole = folder / "whole-layers.npz"
    if not whole.exists():
        made_up.layers(rows=6, valid=3).save(whole)
    path = folder / "layers.npz"
    path.write_bytes(damaged_arrays(whole, rng))

    def read(path: Path) -> None:
        layers = Layers.load(path)
        assert layers.fingerprint()
        assert all(
            np.isfinite(values).all() for split in layers.splits.values() for values in split
        )
        json.dumps(
            evolve(layers, preset("paper", population=3, generations=2), 1), allow_nan=False
        )  # what is read can be used

    tried("layers.npz", read, path)


@many(3)  # each trains a network
@given(rng=chance)
def test_data(folder: Path, task_file: Path, data_file: Path, rng: random.Random) -> None:
    path = folder / "damaged-data.npz"
    path.write_bytes(damaged_arrays(data_file, rng))

    def read(path: Path) -> None:
        data = Data.load(path)
        assert data.x.shape == (len(data.y), len(data.inputs))
        try:
            _, report = train(
                load_tasks(task_file)["B" if data.classes else "C"], data
            )  # what is read can be used
        except UserError as error:
            raise UserError(f"{path.name}: {error}") from error
        json.dumps(report, allow_nan=False)

    tried("data.npz", read, path)
    tried("npz of predict", lambda path: read_rows(path, 2), path)
    network = folder / "network.json"
    network.write_text(json.dumps(fakes.network()))
    tried(
        "data.npz of tables",
        lambda path: networks_table(read_networks([network]), [path], [fakes.task()]),
        path,
    )


# --- Networks -------------------------------------------------------------------------------------

TENSORS: tuple[Callable[[], Any], ...] = (
    lambda: torch.zeros(0, 3),
    lambda: torch.zeros(()),
    lambda: torch.full((3, 2), float("nan")),
    lambda: torch.full((3, 2), 1e300, dtype=torch.float64),
    lambda: torch.zeros(3, 2, dtype=torch.complex64),
    lambda: torch.zeros(3, 2, dtype=torch.bool),
    lambda: torch.zeros(3, 2, dtype=torch.bfloat16),
    lambda: torch.zeros(3, 2, dtype=torch.int64),
    lambda: torch.zeros(1).expand(50_000, 50_000),
    lambda: torch.zeros(1).expand(10**9, 10**9),
    lambda: torch.zeros(3, 2).to_sparse(),
    lambda: torch.zeros(3, 2, device="meta"),
    lambda: torch.nn.Parameter(torch.ones(3, 2)),
    lambda: [1.0],
    lambda: "text",
    lambda: None,
    lambda: {"weight": torch.ones(3, 2)},
)


@many(4)
@given(rng=chance)
def test_networks(folder: Path, rng: random.Random) -> None:
    whole = folder / "whole.pt"
    if not whole.exists():
        values = np.random.default_rng(0)
        weights = tuple(values.normal(size=shape).astype(np.float32) for shape in ((3, 2), (2, 3)))
        Network(
            weights,
            (np.zeros(3, np.float32), np.ones(2, np.float32)),
            "classification",
            np.zeros(2),
            np.ones(2),
        ).save(whole)
    path = folder / "network.pt"
    kind = rng.random()
    if kind < 0.3:
        path.write_bytes(hostile.flipped(whole.read_bytes(), rng))
    elif kind < 0.5:
        path.write_bytes(flipped_inside(whole, rng))
    else:
        state = torch.load(whole, weights_only=True)
        for _ in range(rng.choice((1, 2))):
            key = rng.choice([*state, "layers.7.weight", "x", 5])
            state.pop(key, None) if rng.random() < 0.3 else state.__setitem__(
                key, rng.choice(TENSORS)()
            )
        torch.save(
            rng.choice((state, state, state, list(state.values()))),
            path,
            _use_new_zipfile_serialization=rng.random() < 0.7,
        )

    def read(path: Path) -> None:
        network = load_network(path)
        if network.sizes[0] <= 100:
            assert network.predict(np.zeros((2, network.sizes[0]))).shape == (2, network.sizes[-1])

    tried("network.pt", read, path)


def as_weights(content: Any, rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=rng.random() < 0.7)
    return buffer.getvalue()


TINY_HEAD = ("fc.weight", "fc.bias")


@many(2)
@given(rng=chance)
def test_classifiers(folder: Path, rng: random.Random) -> None:
    """network.pt of the image branch, and a bare state dict."""
    whole = folder / "whole-classifier.pt"
    if not whole.exists():
        torch.manual_seed(0)
        write_classifier(
            whole,
            Classifier(ARCHITECTURES["tiny"](2).eval(), "tiny", ("a", "b"), Preprocessing(size=16)),
        )
        assert hostile.survives(read_classifier, whole) is None
    path = folder / "classifier.pt"
    kind = rng.random()
    if kind < 0.3:
        path.write_bytes(hostile.flipped(whole.read_bytes(), rng))
    elif kind < 0.4:
        path.write_bytes(flipped_inside(whole, rng))
    else:
        content = torch.load(whole, weights_only=True)
        state = content.pop("state")
        if rng.random() < 0.2:  # other classes than there are outputs
            for key in TINY_HEAD:
                state[key] = torch.zeros(rng.choice((0, 1, 3, 1000)), *state[key].shape[1:])
        for key in {
            rng.choice([*state, *TINY_HEAD * 5, "conv9.weight"])
            for _ in range(rng.choice((0, 1, 2)))
        }:
            value = state.get(key, torch.zeros(1)).double()
            match rng.randrange(4):
                case 0:
                    state.pop(key, None)
                case 1 if value.numel():  # one number
                    value.view(-1)[rng.randrange(value.numel())] = rng.choice(
                        (np.nan, np.inf, 1e300, -1.0, 1e38, 1e-320)
                    )
                    state[key] = value.to(
                        rng.choice((torch.float64, torch.float32, torch.bfloat16, torch.float16))
                    )
                case 2:  # its shape or its type
                    state[key] = rng.choice(
                        (
                            value.mT if value.ndim > 1 else value[None],
                            value.cfloat(),
                            value.char(),
                            value.flatten()[:0],
                        )
                    )
                case _:
                    state[key] = rng.choice(TENSORS)()
        described = hostile.twisted(content, rng) if rng.random() < 0.5 else content
        content = {**described, "state": state} if isinstance(described, dict) else described
        path.write_bytes(as_weights(rng.choice((content, content, content, state, [content])), rng))

    def read(path: Path) -> None:
        classifier = read_classifier(path)
        assert classifier.model(torch.zeros(1, 3, 16, 16)).shape == (1, len(classifier.classes))
        assert classifier.preprocessing.size <= 4096

    tried("classifier", read, path)


# --- Results --------------------------------------------------------------------------------------


def model(path: Path) -> None:
    """What ``srnet show`` and ``srnet predict`` do."""
    model = SRNet.load(path)
    assert (
        len(model.predict(np.ones((2, model.inputs)) if model.inputs < 1000 else np.ones((0, 1))))
        < 3
    )
    summary(model, path)


def gathered(path: Path) -> None:
    """What the workflow does with a run."""
    runs = read_runs([path])
    runs_table(runs)
    try:
        history_table(runs)
        best_run([path])
    except UserError as error:  # of a task, not of a file
        raise UserError(f"{path.name}: {error}") from error


def explained(path: Path) -> None:
    """What ``Explanation.load`` is used for."""
    found = Explanation.load(path)
    try:
        str(found)
        found.layers  # noqa: B018
        for how in ("accuracy", "best", "knee"):
            found.pareto  # noqa: B018
            found.select(how)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error


@many(12)
@given(rng=chance)
def test_runs(
    folder: Path, run: dict[str, Any], ranked_run: dict[str, Any], rng: random.Random
) -> None:
    path, run = folder / "run.json", rng.choice((run, ranked_run))
    if rng.random() < 0.2:
        path.write_bytes(hostile.flipped(json.dumps(run).encode(), rng))
    else:
        path.write_bytes(hostile.as_json(hostile.twisted(run, rng), rng))
    tried("RUN.json", model, path)
    tried("RUN.json of tables", gathered, path)
    tried("RUN.json explained", explained, path)


@many(4)
@given(rng=chance)
def test_reports(folder: Path, run: dict[str, Any], rng: random.Random) -> None:
    """network.json and formulas.json, as tables take them."""
    path = folder / "report.json"
    path.write_bytes(hostile.as_json(hostile.twisted(fakes.network(epochs=5), rng), rng))
    data = fakes.data(folder / "report-data.npz")
    tried(
        "network.json",
        lambda path: (
            networks_table(read_networks([path]), [data], [fakes.task()]),
            training_table(read_networks([path])),
        ),
        path,
    )
    (folder / "K0.json").write_text(json.dumps(fakes.run()))
    path.write_bytes(
        hostile.as_json(hostile.twisted(fakes.formulas(rank=rng.choice((0, 2))), rng), rng)
    )
    tried("formulas.json", lambda path: formulas_table([folder / "K0.json"], [path]), path)


# --- Checkpoints ----------------------------------------------------------------------------------


@many(1.5)
@given(rng=chance)
@pytest.mark.parametrize("name", ["paper", "joint"])
def test_checkpoints(folder: Path, rng: random.Random, name: str) -> None:
    """One whose digest is right although its state is not: the run goes on from it or starts over,
    and ends."""
    layers = made_up.layers((2, 2, 1), rows=8, valid=3)
    small = {"restarts": 2} if name == "joint" else {}
    settings = preset(name, population=4, generations=30, cols=2, rows=2, **small)
    search = make_search(layers, settings, 1)
    for _ in range(12):
        search.step()
    path = folder / "run.checkpoint"
    Checkpoint(path, lambda: _identity(layers, settings, 1)).save(
        {"seconds": 1.0, "state": search.state()}
    )
    if rng.random() < 0.3:
        path.write_bytes(hostile.flipped(path.read_bytes(), rng))
    else:
        content = json.loads(path.read_text())
        state = hostile.twisted(content["state"], rng)
        path.write_text(json.dumps(content | {"state": state, "digest": _digest(state)}))

    def go_on(path: Path) -> None:
        found = evolve(layers, settings, 1, checkpoint=path, checkpoint_interval=1e9)
        json.dumps(found, allow_nan=False)

    tried("checkpoint", go_on, path)
    path.unlink(missing_ok=True)


# --- Pictures and verdicts ------------------------------------------------------------------------


@many(4)
@given(rng=chance)
def test_pictures(folder: Path, rng: random.Random) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 12, 3), np.uint8))
    kind = rng.choice(("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM"))
    buffer = io.BytesIO()
    picture.convert(
        rng.choice(("RGB", "L", "P")) if kind in ("PNG", "TIFF", "GIF", "BMP") else "RGB"
    ).save(buffer, kind)
    path = folder / "picture.img"
    path.write_bytes(hostile.flipped(buffer.getvalue(), rng))

    def read(path: Path) -> None:
        values = read_image(path)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()

    tried("picture", read, path)


@many(4)
@given(rng=chance)
def test_explanations_of_images(folder: Path, rng: random.Random) -> None:
    whole = folder / "whole-image.npz"
    if not whole.exists():
        numbers = dict.fromkeys(NUMBERS, 0.5) | {"label": 1, "passes": 10}
        about = {
            **numbers,
            "class_name": "cat",
            "history": [],
            "settings": {},
            "preset": "sparse",
            "seed": 1,
            "fill": "mean",
        }
        segments = np.repeat(np.arange(4, dtype=np.int32), 4).reshape(4, 4)
        ImageExplanation(
            np.zeros((4, 4, 3), np.float32), segments, np.ones(4, bool), np.zeros(4), about
        ).save(whole)
        assert hostile.survives(ImageExplanation.load, whole) is None
    path = folder / "image.npz"
    path.write_bytes(damaged_arrays(whole, rng))
    tried("explanation of an image", lambda path: ImageExplanation.load(path).as_dict(), path)


def judged(path: Path) -> None:
    """What the workflow does with the rules and the published tables, on made-up results of
    ours."""
    rules = load_rules(path)
    for rule in rules["rules"][:20]:
        rule["name"] = path.name  # which a complaint about a column names
    rules["interval"]["resamples"] = min(rules["interval"]["resamples"], 100)
    verdict(rules | {"rules": rules["rules"][:20]}, our_frames(), ["paper"])


@functools.cache
def our_frames() -> dict[str, pd.DataFrame]:
    """Tidy tables of two tasks, as the verdict takes them."""
    seeds = pd.DataFrame(
        {
            "task": ["K0", "P0"] * 3,
            "seed": [1, 1, 2, 2, 3, 3],
            "preset": "paper",
            "fitness": 0.1,
            "nonfinite": 0,
        }
    )
    methods = seeds.merge(pd.DataFrame({"method": ["srnet", "lime", "maple"]}), how="cross")
    methods.loc[methods["method"] != "srnet", "preset"] = ""
    return {
        "runs": seeds,
        "networks": pd.DataFrame(
            {
                "task": ["K0", "P0"],
                "rows": [200, 20],
                "r2_train": [0.9, np.nan],
                "majority_share": 0.5,
            }
        ),
        "fidelity": methods.merge(
            pd.DataFrame({"box": ["train", "valid", "test"]}), how="cross"
        ).assign(rmse=0.5, rows=100),
        "agreement": methods.merge(pd.DataFrame({"split": ["train", "test"]}), how="cross").assign(
            accuracy=0.5, rows=100
        ),
        **{name: read_published(name, path) for name, path in PUBLISHED.items()},
    }


PUBLISHED = {
    "published": ROOT / "config" / "published_regression.csv",
    "published_classification": ROOT / "config" / "published_classification.csv",
}


@many(1)
@given(rng=chance)
def test_rules_of_the_verdict(folder: Path, rng: random.Random) -> None:
    path = folder / "verdict.yaml"
    text = (ROOT / "config" / "verdict.yaml").read_bytes()
    twisted = yaml.dump(hostile.twisted(yaml.safe_load(text), rng)).encode(errors="replace")
    path.write_bytes(hostile.flipped(text, rng) if rng.random() < 0.3 else twisted)
    tried("rules of the verdict", judged, path)


@many(1)
@given(rng=chance)
@pytest.mark.parametrize("name", COLUMNS)
def test_published_tables(folder: Path, rng: random.Random, name: str) -> None:
    """Columns and cells that go, change or come twice; what is read is drawn and judged."""
    path = folder / "published.csv"
    if rng.random() < 0.4:
        path.write_bytes(hostile.flipped(PUBLISHED[name].read_bytes(), rng))
    else:
        table = [line.split(",") for line in PUBLISHED[name].read_text().splitlines()]
        if rng.random() < 0.3:
            gone = rng.randrange(len(table[0]))
            table = [row[:gone] + row[gone + 1 :] for row in table]
        elif rng.random() < 0.5:
            table[rng.randrange(len(table))][rng.randrange(len(table[0]))] = str(
                rng.choice(hostile.VALUES)
            )
        else:
            table = [
                row if isinstance(row, list) else [row] for row in hostile.twisted(table, rng) or []
            ]
        with open(path, "w", newline="", errors="replace") as file:
            csv.writer(file).writerows(table)

    def read(path: Path) -> None:
        frames = our_frames() | {name: read_published(name, path)}
        rules = load_rules(ROOT / "config" / "verdict.yaml")
        rules["interval"]["resamples"] = 100
        rules["rules"] = [
            rule for rule in rules["rules"] if rule.get("published", {}).get("frame") == name
        ]
        try:
            verdict(rules, frames, ["paper"])
        except UserError as error:  # a published method that no rule knows
            raise UserError(f"{path.name}: {error}") from error
        runs, networks, agreement = frames["runs"], frames["networks"], frames["agreement"]
        claims = pd.DataFrame(columns=["task", "method", "preset", "verdict", "reason"])
        if name == "published":
            presets.draw(runs.assign(complexity=1, seconds=1.0), frames[name], claims)
        else:
            columns = ("accuracy_train", "accuracy_test", "predicted_classes")
            networks = networks.assign(**dict.fromkeys(columns, 1))
            accuracy.draw(agreement, networks, frames[name], claims)

    tried(f"{name}.csv", read, path)


# --- Known weapons --------------------------------------------------------------------------------


def test_whole_files_are_read(
    folder: Path,
    run: dict[str, Any],
    ranked_run: dict[str, Any],
    task_file: Path,
    data_file: Path,
) -> None:
    """Without damage none of the readers refuses: what is refused above is refused for its
    damage."""
    path, two = folder / "run.json", folder / "two.json"
    path.write_text(json.dumps(run))
    two.write_text(json.dumps(ranked_run))
    report = folder / "report.json"
    report.write_text(json.dumps(fakes.network(epochs=5)))
    described = folder / "formulas.json"
    described.write_text(json.dumps(fakes.formulas()))
    (folder / "table.csv").write_bytes(CSV)
    made_up.layers(rows=6, valid=3).save(folder / "layers.npz")
    for read, file in (
        (model, path),
        (gathered, path),
        (explained, path),
        (model, two),
        (gathered, two),
        (explained, two),
        (sampled, task_file),
        (Data.load, data_file),
        (Layers.load, folder / "layers.npz"),
        (lambda p: read_csv(p, "t", "classification"), folder / "table.csv"),
        (lambda p: read_rows(p, 3), folder / "table.csv"),
        (lambda p: networks_table(read_networks([p]), [data_file], [fakes.task()]), report),
        (lambda p: formulas_table([path], [p]), described),
    ):
        assert hostile.survives(read, file) is None
    check(CONFIG, SCHEMA, "config.yaml")


class Bomb:
    """A pickle of this makes a file when it is opened."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


@functools.cache
def weapons() -> dict[str, tuple[Callable[[Path], Any], str, bytes]]:
    """Reader, name and content of files that were made to do harm."""
    box = "{train: [-1, 1], valid: [-2, 2], test: [-5, 5]}"
    network = "network: {hidden: [2], optimiser: adam, lr: 0.1, epochs: 1, batch: 5}, seed: 0"
    program = {"inputs": 1, "constants": [1.0], "output": 2}
    chain = [["add", [i, i]] for i in range(1, 101)]
    big = {
        "programs": [program | {"nodes": chain, "output": 101}],
        "weights": [[1.0]],
        "biases": [[0.0]],
    }
    wide = {
        "programs": [{"inputs": 10**12, "constants": [], "nodes": [], "output": 0}],
        "weights": [[1.0]],
        "biases": [[0.0]],
    }
    pickled = pickle.dumps(Bomb())
    tensors, expanded, legacy = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save({"0.weight": Bomb(), "0.bias": torch.ones(1)}, tensors)
    torch.save(
        {"0.weight": torch.ones(1).expand(60_000, 60_000), "0.bias": torch.ones(1).expand(60_000)},
        expanded,
    )
    torch.save({"0.weight": Bomb()}, legacy, _use_new_zipfile_serialization=False)
    branch, wide_head = io.BytesIO(), io.BytesIO()
    about = {"architecture": "tiny", "classes": ["a"], "preprocessing": {"size": 8}}
    torch.save(about | {"state": {"fc.bias": Bomb()}}, branch)
    head = {"fc.weight": torch.ones(1, 1).expand(10**7, 64), "fc.bias": torch.ones(1).expand(10**7)}
    torch.save(about | {"state": ARCHITECTURES["tiny"](2).state_dict() | head}, wide_head)
    aliases = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 20)}]\n" for i in range(1, 20))

    def predicted(path: Path) -> None:
        SRNet.load(path).predict(np.ones((3, 1)))

    def shown(path: Path) -> None:
        assert len(summary(SRNet.load(path), path)) < 10**5

    def written(path: Path) -> None:
        try:
            SRNet.load(path).network_expressions()
        except UserError as error:
            raise UserError(f"{path.name}: {error}") from error

    return {
        "a pickle as network": (load_network, "a.pt", pickled),
        "a pickle in a network": (load_network, "b.pt", tensors.getvalue()),
        "a pickle in an old network": (load_network, "c.pt", legacy.getvalue()),
        "one number as many": (load_network, "d.pt", expanded.getvalue()),
        "a pickle as classifier": (read_classifier, "e.pt", pickled),
        "a pickle in a classifier": (read_classifier, "f.pt", branch.getvalue()),
        "classes without number": (read_classifier, "g.pt", wide_head.getvalue()),
        "a pickle as layers": (Layers.load, "a.npz", pickled),
        "an object array": (
            Layers.load,
            "b.npz",
            packed(
                {
                    "train_x.npy": npy(
                        {"descr": "|O", "fortran_order": False, "shape": (1,)}, pickled
                    )
                }
            ),
        ),
        "an object array as data": (
            Data.load,
            "c.npz",
            packed(
                {"inputs.npy": npy({"descr": "|O", "fortran_order": False, "shape": (1,)}, pickled)}
            ),
        ),
        "more than any memory": (Layers.load, "d.npz", packed({"train_x.npy": HEADERS[0]})),
        "elements without content": (Data.load, "e.npz", packed({"inputs.npy": HEADERS[5]})),
        "code as header": (Layers.load, "f.npz", packed({"train_x.npy": HEADERS[11]})),
        "a tag of Python": (
            load_tasks,
            "a.yaml",
            b"!!python/object/apply:os.system ['touch canary']",
        ),
        "a tag of Python in a task": (
            load_tasks,
            "b.yaml",
            f"A: {{formula: !!python/object/apply:os.system ['touch canary'], {network}}}".encode(),
        ),
        "code as formula": (
            load_tasks,
            "c.yaml",
            f"A: {{formula: \"__import__('os').system('touch canary')\", inputs: {{x: {box}}}, "
            f"rows: 5, {network}}}".encode(),
        ),
        "aliases of aliases": (load_tasks, "d.yaml", f"a0: &a0 [x]\n{aliases}".encode()),
        "a list in itself": (load_tasks, "e.yaml", b"A: &a [*a]"),
        "a power of powers": (
            sampled,
            "f.yaml",
            f"A: {{formula: 9**9**9**9**9**x, inputs: {{x: {box}}}, rows: 5, {network}}}".encode(),
        ),
        "as deep as can be": (load_tasks, "g.yaml", b"A: " + b"[" * 3000),
        "a header of commas": (
            lambda path: read_csv(path, "t", "regression"),
            "a.csv",
            b",".join(b"c%d" % i for i in range(10**5)) + b",t" + b"\n1" * 10**5,
        ),
        "a header of commas to predict": (
            lambda path: read_rows(path, 3),
            "b.csv",
            b"," * 10**5 + b"\n1" * 10**5,
        ),
        "a text that doubles": (written, "a.json", json.dumps(big).encode()),
        "inputs without number": (predicted, "b.json", json.dumps(wide).encode()),
        "a text that doubles, shown": (shown, "c.json", json.dumps(big | {"preset": "p"}).encode()),
    }


@pytest.mark.parametrize("name", weapons())
def test_known_weapons(folder: Path, name: str) -> None:
    """Pickles, bombs and code: refused in a sentence, at once, and nothing is executed."""
    read, file, content = weapons()[name]
    path = folder / "weapons" / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    assert hostile.survives(read, path)
    assert not list(folder.rglob("canary*"))


def test_what_unpacks_to_too_much_is_refused_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousandfold of a file is nothing special for a zip archive."""
    monkeypatch.setattr("srnet.io.npz.LARGEST", 10**6)
    path = folder / "zeros.npz"
    path.write_bytes(packed({"train_x.npy": as_npy(np.zeros((1000, 1000)))}))
    assert path.stat().st_size < 10_000
    for read in (Layers.load, Data.load, lambda path: read_rows(path, 3), load_network):
        assert "zeros.npz: unpacks to 8000128 bytes; at most 1000000 are read" in str(
            hostile.survives(read, path)
        )


@pytest.mark.parametrize(
    "body",
    [
        b"1\t2\n" * 2**18,
        b"\n" * 2**20,
        b"1\t" * 2**19,
        b"\0" * 2**20,
        (b"12\t" * 33 + b"3\n") * 10**4,
    ],
)
def test_a_gzip_bomb_is_refused(
    folder: Path,
    monkeypatch_module: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
) -> None:
    """Some megabytes that unpack to gigabytes: read no further than a data set can go."""
    monkeypatch.setattr("srnet.data.pmlb.MAX_CHARACTERS", 2**20)
    path = folder / "bombs" / "toy" / "toy.tsv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"a\ttarget\n") + gzip.compress(body) * 4096)
    assert path.stat().st_size < 20_000_000
    assert check_cached("toy", folder / "bombs").startswith(
        "damaged: it unpacks to more than 1048576 characters"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert hostile.survives(lambda path: read_pmlb("toy", "regression", folder / "bombs"), path)
    assert not caught or "is damaged (it unpacks to more than" in str(caught[0].message)


def test_the_weapons_are_sharp(folder: Path) -> None:
    """Somebody who opened the pickle would find the canary."""
    target = folder / "sharp"
    target.mkdir()
    before = os.getcwd()
    os.chdir(target)
    try:
        pickle.loads(pickle.dumps(Bomb()))
    finally:
        os.chdir(before)
    assert (target / "canary").exists()
    (target / "canary").unlink()
