"""layers.npz in and out, and one sentence for each way in which it can be wrong."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import made_up
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.networks.layers import Layers

Arrays = dict[str, NDArray[Any]]


def arrays() -> Arrays:
    layers = made_up.layers()
    names = layers.names()
    return {
        f"{split}_{name}": v
        for split, values in layers.splits.items()
        for name, v in zip(names, values, strict=True)
    }


def sentence(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        Layers.load(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def test_values_are_those_of_training_and_then_validation_rows() -> None:
    layers = made_up.layers((4, 5, 2, 3))
    values = layers.values(-1)
    assert values.dtype == np.float64
    assert values.shape == (layers.rows("train") + layers.rows("valid"), 3)
    np.testing.assert_array_equal(values[-1], layers.splits["valid"][-1][-1])
    np.testing.assert_array_equal(layers.values(0)[0], layers.splits["train"][0][0])


def test_round_trip(tmp_path: Path) -> None:
    layers = made_up.layers((4, 5, 2, 3))
    layers.save(tmp_path / "layers.npz")
    again = Layers.load(tmp_path / "layers.npz", "made-up")
    assert again.widths == [4, 5, 2, 3]
    assert again.depth == 3
    assert again.names() == ["x", "h1", "h2", "y"]
    assert (again.rows(), again.rows("valid")) == (40, 12)
    assert again.fingerprint() == layers.fingerprint()
    for split, values in layers.splits.items():
        for a, b in zip(values, again.splits[split], strict=True):
            assert b.dtype == np.float32
            np.testing.assert_array_equal(a, b)


def test_inputs_that_float32_would_merge_stay_in_float64(tmp_path: Path) -> None:
    """And those that it holds are narrowed, as the other layers are."""
    content = {key: value.astype(np.float64) for key, value in arrays().items()}
    np.savez(tmp_path / "a.npz", **content)
    assert Layers.load(tmp_path / "a.npz").splits["train"][0].dtype == np.float32
    for split in ("train", "valid"):
        content[f"{split}_x"][:, 0] += 1.7e9
    np.savez(tmp_path / "b.npz", **content)
    layers = Layers.load(tmp_path / "b.npz")
    for split, (x, *others) in layers.splits.items():
        np.testing.assert_array_equal(x, content[f"{split}_x"])
        assert all(values.dtype == np.float32 for values in others)
    layers.save(tmp_path / "c.npz")
    assert Layers.load(tmp_path / "c.npz").fingerprint() == layers.fingerprint()


def test_a_test_split_is_kept_and_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    content = arrays()
    np.savez(tmp_path / "a.npz", **content)
    np.savez(
        tmp_path / "b.npz",
        **content,
        **{key.replace("train", "test"): content[key] for key in content if "train" in key},
    )
    a, b = Layers.load(tmp_path / "a.npz"), Layers.load(tmp_path / "b.npz")
    assert "test" not in a.splits
    assert b.rows("test") == 40
    assert a.fingerprint() == b.fingerprint()


def test_the_fingerprint_knows_every_value_and_the_shape() -> None:
    layers, other = made_up.layers(), made_up.layers()
    other.splits["valid"][2][3, 1] = np.nextafter(other.splits["valid"][2][3, 1], np.float32(9))
    assert other.fingerprint() != layers.fingerprint()
    turned = Layers(
        {
            split: [v.reshape(len(v), -1) for v in values]
            for split, values in made_up.layers((2, 1)).splits.items()
        }
    )
    same_bytes = Layers(
        {
            split: [values[0].reshape(-1, 1), np.repeat(values[1], 2, axis=0)]
            for split, values in turned.splits.items()
        }
    )
    assert same_bytes.splits["train"][0].tobytes() == turned.splits["train"][0].tobytes()
    assert turned.fingerprint() != same_bytes.fingerprint()


@pytest.mark.parametrize("file", ["K0.npz", "K0/layers.npz"])
def test_the_task_is_named_by_its_place(tmp_path: Path, file: str) -> None:
    made_up.layers().save(tmp_path / file)
    assert Layers.load(tmp_path / file).name == "K0"
    assert Layers.load(tmp_path / file, "mine").name == "mine"


def test_published_networks_load(reference: Path) -> None:
    for name, widths, rows in [("K0", [1, 3, 3, 1], (200, 60)), ("F1", [4, 3, 3, 1], (9000, 2700))]:
        layers = Layers.load(reference / f"{name}.npz")
        assert layers.widths == widths
        assert (layers.rows("train"), layers.rows("valid")) == rows
        assert layers.name == name


def change(key: str, function: Callable[[NDArray[Any]], Any]) -> Callable[[Arrays], Arrays]:
    return lambda content: content | {key: function(content[key])}


def drop(*keys: str) -> Callable[[Arrays], Arrays]:
    return lambda content: {key: value for key, value in content.items() if key not in keys}


def infinite(values: NDArray[Any]) -> NDArray[Any]:
    values = values.copy()
    values[5, 0] = np.inf
    return values


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (drop("train_y"), "lacks the array 'train_y'"),
        (drop("train_x"), "lacks the array 'train_x'"),
        (drop("valid_h2"), "lacks the array 'valid_h2'"),
        (drop("train_h1"), "not numbered train_h1"),
        (drop("valid_x", "valid_h1", "valid_h2", "valid_y"), "lacks the array 'valid_x'"),
        (lambda content: {}, "lacks the array 'train_x'"),
        (lambda content: content | {"extra": np.ones(3)}, "unknown array 'extra'"),
        (lambda content: content | {"test_x": content["valid_x"]}, "lacks the array 'test_h1'"),
        (change("train_h1", lambda v: v[:-1]), "'train_h1' has 39 rows but 'train_x' has 40"),
        (
            change("valid_y", lambda v: np.repeat(v, 2, axis=1)),
            "'valid_y' has 2 columns but 'train_y' has 1",
        ),
        (change("train_h2", infinite), "'train_h2' has a value that is not finite in row 5"),
        (
            change("valid_x", lambda v: v * np.nan),
            "'valid_x' has a value that is not finite in row 0",
        ),
        (
            change("train_h2", lambda v: v.astype(np.float64) * 1e60),
            "'train_h2' has a value that is not finite",
        ),
        (change("train_x", lambda v: v[:, 0]), r"'train_x' has shape \(40,\)"),
        (change("train_x", lambda v: np.float32(1)), r"'train_x' has shape \(\)"),
        (change("train_y", lambda v: v[:, :0]), r"'train_y' has shape \(40, 0\)"),
        (change("train_x", lambda v: v.astype(object)), "Object arrays cannot be loaded"),
        (change("train_x", lambda v: v.astype(str)), "'train_x' holds <U"),
        (change("train_x", lambda v: v.astype(complex)), "'train_x' holds complex128"),
        (lambda content: {key: value[:1] for key, value in content.items()}, "'train_x' has 1 row"),
        (
            lambda content: (
                content
                | {
                    key.replace("valid", "test"): value[:0]
                    for key, value in content.items()
                    if "valid" in key
                }
            ),
            "'test_x' has 0 row",
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_content_is_a_sentence(
    tmp_path: Path, damage: Callable[[Arrays], Arrays], words: str
) -> None:
    path = tmp_path / "layers.npz"
    np.savez(path, **damage(arrays()))
    with pytest.raises(UserError, match=words):
        Layers.load(path)
    sentence(path)


def whole() -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays())
    return file.getvalue()


def flipped(position: float) -> bytes:
    content = bytearray(whole())
    at = int(len(content) * position)
    content[at : at + 40] = bytes(b ^ 0xFF for b in content[at : at + 40])
    return bytes(content)


def foreign_members() -> bytes:
    file = io.BytesIO(whole())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("train_h3", "no array")
        archive.writestr("valid_h3", "no array")
    return file.getvalue()


DAMAGED = {
    "empty": b"",
    "a zip's first bytes": b"PK\x03\x04",
    "text": b"not a zip at all\n",
    "half": whole()[: len(whole()) // 2],
    "without its end": whole()[:-30],
    "damaged header": flipped(0.0),
    "damaged middle": flipped(0.5),
    "damaged directory": flipped(0.99),
    "foreign members": foreign_members(),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_file_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "layers.npz"
    path.write_bytes(content)
    sentence(path)


def test_no_file_and_a_folder_and_a_single_array_are_sentences(tmp_path: Path) -> None:
    sentence(tmp_path / "none.npz")
    sentence(tmp_path)
    np.save(tmp_path / "one.npy", np.ones((3, 2)))
    sentence(tmp_path / "one.npy")


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("trap").touch, ())


def test_pickles_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "layers.npz", **arrays() | {"train_y": np.array([Trap()], dtype=object)})
    sentence(tmp_path / "layers.npz")
    assert not (tmp_path / "trap").exists()


def test_saving_where_it_cannot_be_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        made_up.layers().save(tmp_path / "file" / "layers.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_weights_of_rows_come_back_and_are_part_of_the_layers(tmp_path: Path) -> None:
    splits = made_up.layers().splits
    weights = {"train": np.linspace(0.5, 2, 40), "valid": np.ones(12)}
    layers, path = Layers(splits, weights=weights), tmp_path / "layers.npz"
    layers.save(path)
    again = Layers.load(path)
    assert again.fingerprint() == layers.fingerprint() != Layers(splits).fingerprint()
    assert again.weights.keys() == weights.keys()
    rows = again.row_weights("valid", "train")
    assert rows is not None
    np.testing.assert_array_equal(rows, np.concatenate([np.ones(12), weights["train"]]))
    assert Layers(splits).row_weights("train") is None


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (
            {"train_weight": np.ones(40)},
            "lacks the array 'valid_weight'; other splits have weights",
        ),
        ({"train_weight": np.ones(39), "valid_weight": np.ones(12)}, "the shape (39,); (40,) is"),
        ({"train_weight": np.zeros(40), "valid_weight": np.ones(12)}, "not finite or not above 0"),
        (
            {"train_weight": np.full(40, "a"), "valid_weight": np.ones(12)},
            "real numbers are needed",
        ),
    ],
)
def test_wrong_weights_are_a_sentence(tmp_path: Path, weights: Arrays, expected: str) -> None:
    np.savez(tmp_path / "layers.npz", **arrays(), **weights)
    assert expected in sentence(tmp_path / "layers.npz")
