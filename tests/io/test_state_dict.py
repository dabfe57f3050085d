"""Files of torch: tensors come back, nothing is run, and what is none is one sentence."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

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
