"""Files of torch: tensors come back, nothing is run, and what is none is one sentence."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.linear_model import LinearRegression

from srnet.errors import UserError
from srnet.io import npz
from srnet.io.state_dict import as_state_dict, read_torch_file


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


def test_tensors_text_and_numbers_come_back(tmp_path: Path) -> None:
    content = {"names": ["a", "b"], "size": 8, "state": {"weight": torch.arange(6.0).view(2, 3)}}
    torch.save(content, tmp_path / "file.pt")
    found = read_torch_file(tmp_path / "file.pt")
    assert (found["names"], found["size"]) == (["a", "b"], 8)
    assert torch.equal(as_state_dict(found["state"], "f")["weight"], content["state"]["weight"])


def test_parameters_come_back_as_values(tmp_path: Path) -> None:
    torch.save({"weight": torch.nn.Parameter(torch.ones(2))}, tmp_path / "file.pt")
    state = as_state_dict(read_torch_file(tmp_path / "file.pt"), "f")
    assert not state["weight"].requires_grad


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_file_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Bomb()}, "file.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=r"file.pt: is no file of tensors .* \(UnpicklingError\)$"):
        read_torch_file("file.pt")
    assert not Path("exploded").exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 no archive", None])
def test_what_torch_cannot_read_is_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "file.pt"
    if content is not None:
        path.write_bytes(content)
    words = "cannot be read" if content is None else "is no file of tensors"
    with pytest.raises(UserError, match=words) as caught:
        read_torch_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_would_fill_the_memory_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("file/data/0", bytes(10_000))
    monkeypatch.setattr(npz, "LARGEST", 9_999)
    with pytest.raises(UserError, match="unpacks to 10000 bytes"):
        read_torch_file(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.ones(2)], "holds a list; a state dict is needed"),
        ({"a": [0.0]}, "'a' is a list; every entry must be a tensor"),
        ({"a": torch.ones(2, dtype=torch.complex64)}, "'a' is no plain tensor"),
        ({"a": torch.eye(2).to_sparse()}, "'a' is no plain tensor"),
        ({"a": torch.ones(2, device="meta")}, "'a' is no plain tensor"),
        ({"a": torch.ones(2).to(torch.float8_e5m2)}, "'a' is no plain tensor"),
        ({"a": torch.ones(1).expand(9)}, "'a' has 9 elements, more than the file holds"),
    ],
)
def test_what_is_no_state_dict_is_a_sentence(content: Any, words: str) -> None:
    with pytest.raises(UserError, match=f"^file.pt: {words}"):
        as_state_dict(content, "file.pt")


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_refused() -> None:
    nested = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])
    with pytest.raises(UserError, match="'a' is no plain tensor"):
        as_state_dict({"a": nested}, "file.pt")


# --- checkpoints, and files that hold more than tensors -------------------------------------------


def test_the_state_dict_of_a_checkpoint_is_found(tmp_path: Path) -> None:
    state = torch.nn.Linear(2, 1).state_dict()
    optimiser = {"state": {0: {"step": torch.ones(1)}}, "param_groups": [{"lr": 0.1}]}
    content = {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": optimiser}
    torch.save(content, tmp_path / "file.pt")
    found = as_state_dict(read_torch_file(tmp_path / "file.pt"), "f")
    assert list(found) == ["weight", "bias"]
    with pytest.raises(UserError, match=r"the state dicts model, average; .*FILE\)\['model'\]"):
        as_state_dict({"model": state, "average": state}, "f")


def whole(path: Path) -> None:
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 1)), path)


def lightning(path: Path) -> None:
    content = {"pytorch-lightning_version": "2.6", "state_dict": {}, "hyper_parameters": Bomb()}
    torch.save(content, path)


def script(path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 1)).save(path)


def exported(path: Path) -> None:
    torch.export.save(torch.export.export(torch.nn.Linear(2, 1), (torch.ones(3, 2),)), path)


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(LinearRegression()))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("write", "words"),
    [
        (whole, "is a whole module, and reading it would run code; .*model.state_dict"),
        (lightning, "is a Lightning checkpoint with objects beside its state dict; save"),
        (script, r"is a TorchScript archive.*srnet.explain\(torch.jit.load\(FILE\), X\)"),
        (exported, r"is a program of torch.export; .*torch.export.load\(FILE\)"),
        (pickled, r"is a pickle of sklearn, .*srnet.explain\(model, X\)"),
    ],
)
def test_what_holds_more_than_tensors_is_named_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file.pt"
    write(path)
    with pytest.raises(UserError, match=words) as caught:
        read_torch_file(path)
    assert str(caught.value).startswith(f"{path}: is a")
    assert not Path("exploded").exists()
