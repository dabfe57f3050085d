"""The torch module: the model's values, dtype, device and gradients."""

import copy
import ctypes
import io
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import c_text, ranked
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from srnet.cgp.primitives import PRIMITIVES, Primitive
from srnet.cgp.program import Program
from srnet.model.export import to_c, to_numpy, to_torch
from srnet.model.srnet import LOSSES, READS, SRNet

HARD = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-30, -1e-30, 1e30, -1e30, 1e200, np.inf, -np.inf, np.nan]
)
PAIRS = np.array(np.meshgrid(HARD, HARD)).reshape(2, -1).T

# x0·1.5 → ln of it, two columns → their quotient plus the constant
MODEL = SRNet(
    (
        (Program(2, (1.5,), (("mul", (0, 2)), ("ln", (3,)), ("add", (4, 1))), 5),),
        (Program(2, (0.25,), (("div", (0, 1)), ("add", (3, 2))), 4),),
    ),
    (np.array([[2.0, -1.0]]), np.array([[3.0]])),
    (np.array([0.5, 0.1]), np.array([-1.0])),
)
NUMBERS = {f"{kind}{i}" for kind in ("constants", "weights", "biases") for i in range(2)}


def single(primitive: Primitive) -> SRNet:
    """The primitive alone: w = 1, b = 0."""
    program = Program(2, (), ((primitive.name, (0, 1)[: primitive.arity]),), 2)
    return SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)
class TestEveryPrimitive:
    def test_hard_inputs(self, primitive: Primitive) -> None:
        model = single(primitive)
        # one row at a time: a vectorised and a scalar path may differ
        exported = np.vstack([to_torch(model)(torch.tensor(row[None])).numpy() for row in PAIRS])
        np.testing.assert_allclose(exported, model.predict(PAIRS), rtol=1e-12)
        np.testing.assert_allclose(
            to_torch(model)(torch.tensor(PAIRS)).numpy(), model.predict(PAIRS), rtol=1e-12
        )

    @settings(deadline=None, max_examples=50)
    @given(x=arrays(np.float64, (5, 2), elements=st.floats(-1e6, 1e6)))
    def test_ordinary_inputs(self, primitive: Primitive, x: np.ndarray) -> None:
        model = single(primitive)
        np.testing.assert_allclose(
            to_torch(model)(torch.tensor(x)).numpy(), model.predict(x), rtol=1e-9
        )

    def test_gradient(self, primitive: Primitive) -> None:
        x = torch.tensor([[0.7, 1.3], [2.1, 0.4]], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(to_torch(single(primitive)), x)


@pytest.mark.parametrize("name", ["pdiv", "pln"])
def test_gradient_is_finite_where_a_primitive_is_protected(name: str) -> None:
    x = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    primitive = next(primitive for primitive in PRIMITIVES if primitive.name == name)
    to_torch(single(primitive))(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_model() -> None:
    x = np.random.default_rng(0).uniform(0.1, 3, (20, 2))
    np.testing.assert_allclose(
        to_torch(MODEL)(torch.tensor(x)).numpy(), MODEL.predict(x), rtol=1e-13
    )


def test_constant_formula_has_a_row_for_every_row() -> None:
    model = SRNet(
        ((Program(1, (2.0,), (), 1),),), (np.array([[1.0, 2.0]]),), (np.array([0.0, 1.0]),)
    )
    assert to_torch(model)(torch.zeros(3, 1)).tolist() == [[2.0, 5.0]] * 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("cast", [False, True])
def test_dtype_of_x_is_kept(dtype: torch.dtype, cast: bool) -> None:
    module = to_torch(MODEL)
    if cast:
        module.to(dtype)
    x = torch.full((2, 2), 0.75, dtype=dtype)
    assert module(x).dtype == dtype
    assert module(x).double().numpy() == pytest.approx(
        MODEL.predict(x.double().numpy()), rel=100 * torch.finfo(dtype).eps
    )


def test_integers_are_computed_as_floats() -> None:
    assert to_torch(MODEL)(torch.tensor([[2, 3]])).numpy() == pytest.approx(
        MODEL.predict(np.array([[2.0, 3.0]]))
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_integers_are_not_narrowed(dtype: torch.dtype) -> None:
    """float16 has no 70000, bfloat16 no 257."""
    x = torch.tensor([[70001, 3], [257, 258], [66051, 7]])
    numbers = [(70001.0, 3.0), (257.0, 258.0), (66051.0, 7.0)]
    program = Program(2, (), (("mul", (0, 1)),), 2)
    model = SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))
    found = to_torch(model).to(dtype)(x)
    assert found[:, 0].tolist() == pytest.approx([a * b for a, b in numbers], rel=1e-7)


def test_device_of_x_is_kept() -> None:
    # the meta device stands for any other: it refuses to be mixed with tensors of the CPU
    assert to_torch(MODEL)(torch.zeros(2, 2, device="meta")).device.type == "meta"


def test_nothing_is_trained_and_everything_is_copied() -> None:
    module = to_torch(MODEL)
    assert not list(module.parameters())
    assert set(module.formulas.state_dict()) == NUMBERS
    x = torch.ones(1, 2)
    expected = copy.deepcopy(module)(x)
    module.formulas.get_buffer("weights0").zero_()
    assert torch.equal(to_torch(MODEL)(x), expected)


# --- training -------------------------------------------------------------------------------------


def test_every_number_is_a_parameter() -> None:
    module = to_torch(MODEL, trainable=True)
    assert {name for name, _ in module.formulas.named_parameters()} == NUMBERS
    assert {value.dtype for value in module.parameters()} == {torch.float64}
    x = torch.rand(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    numbers = {name: value.detach() for name, value in module.named_parameters()}
    for name in numbers:

        def output(value: torch.Tensor, name: str = name) -> torch.Tensor:
            return torch.func.functional_call(module, numbers | {name: value}, (x,))

        assert torch.autograd.gradcheck(output, numbers[name].clone().requires_grad_())
    for dtype in (torch.float32, torch.float64):
        assert copy.deepcopy(module).to(dtype)(x.to(dtype)).dtype == dtype


def test_training_finds_the_constants_and_tells_them() -> None:
    """sin of 2.5·x0, from 2.3."""
    program = Program(2, (2.3,), (("mul", (0, 2)), ("sin", (3,))), 4)
    model = SRNet(((program,),), (np.array([[0.8]]),), (np.array([0.1]),))
    module = to_torch(model, trainable=True)
    x = torch.linspace(-2, 2, 40, dtype=torch.float64).repeat(2, 1).T
    optimiser = torch.optim.LBFGS(module.parameters(), max_iter=100, tolerance_change=1e-14)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = torch.mean((module(x)[:, 0] - torch.sin(2.5 * x[:, 0])) ** 2)
        value.backward()
        return value

    optimiser.step(loss)
    trained = module.to_model()
    assert trained.programs[0][0].constants[0] == pytest.approx(2.5, abs=1e-4)
    assert trained.weights[0][0, 0] == pytest.approx(1, abs=1e-4)
    assert trained.biases[0][0] == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(trained.predict(x.numpy()), module(x).detach().numpy(), rtol=1e-12)
    assert trained.formula_texts()[0][0] in repr(module)
    assert model.programs[0][0].constants == (2.3,)
    module.formulas.get_parameter("weights0").data.zero_()  # what was told stays
    assert trained.weights[0][0, 0] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("trainable", [False, True])
def test_the_numbers_of_an_untrained_module_are_the_models(reads: str, trainable: bool) -> None:
    """Also those that the output does not depend on, and that the module lacks."""
    model = ranked.model(3, reads, loss="cross_entropy")
    assert to_torch(model, trainable).to_model().to_run() == model.to_run()


# --- TorchScript ----------------------------------------------------------------------------------


def every_primitive(loss: str) -> SRNet:
    """All primitives of one input and one constant."""
    programs = tuple(
        Program(2, (0.75,), ((each.name, (0, 2)[: each.arity]),), 3) for each in PRIMITIVES
    )
    weights = np.linspace(-1, 1, 3 * len(programs)).reshape(-1, 3)
    return SRNet((programs,), (weights,), (np.array([0.5, 0.0, -0.5]),), loss=loss)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The TorchScript type system:UserWarning")
@pytest.mark.filterwarnings("error::torch.jit.TracerWarning")
@pytest.mark.parametrize("loss", LOSSES)
def test_torchscript_computes_the_model(loss: str) -> None:
    model = every_primitive(loss)
    x = np.array([[0.5, 2.0], [1.25, -1.0], [0.01, 0.0], [3.0, 1.0]])
    assert np.isfinite(model.predict(x)).all()
    module = to_torch(model, trainable=True)
    scripted = torch.jit.script(module)
    traced = torch.jit.trace(module, torch.tensor(x[:2]))
    file = io.BytesIO()
    torch.jit.save(scripted, file)
    file.seek(0)
    for found in (scripted, traced, torch.jit.load(file)):
        values = found(torch.tensor(x)).detach().numpy()
        np.testing.assert_allclose(values, model.predict(x), rtol=1e-12)
        assert len(list(found.parameters())) == len(list(module.parameters()))
    assert scripted(torch.tensor(x, dtype=torch.float32)).dtype == torch.float32
    assert scripted(torch.tensor([[2, 3]])).dtype == torch.float64
    with pytest.raises(torch.jit.Error, match="rows × 2 columns are needed"):
        scripted(torch.zeros(3, 1))


# --- files ----------------------------------------------------------------------------------------


def test_it_can_be_saved_whole() -> None:
    x = torch.ones(1, 2, dtype=torch.float64)
    module = to_torch(MODEL)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    for loaded in (pickle.loads(pickle.dumps(module)), torch.load(file, weights_only=False)):
        assert torch.equal(loaded(x), module(x))
        assert repr(loaded) == repr(module)


def test_shows_its_formulas() -> None:
    assert "ln((x0 * 1.5))" in repr(to_torch(MODEL))
    assert repr(to_torch(MODEL).to("meta")) == repr(to_torch(MODEL))  # where there are no values


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3, 2)])
def test_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rows × 2 columns are needed"):
        to_torch(MODEL)(torch.zeros(shape))


def test_torch_is_imported_only_when_needed() -> None:
    code = "import sys, srnet.model.export; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_classifier_becomes_probabilities_in_every_language() -> None:
    model = SRNet(
        MODEL.programs,
        (MODEL.weights[0], np.array([[3.0, -1.0, 0.5]])),
        (MODEL.biases[0], np.array([-1.0, 0.0, 2.0])),
        loss="cross_entropy",
    )
    x = np.array([[1.0, 2.0], [0.5, -3.0], [40.0, 1e-3], [1e3, 1e-9]])
    expected = model.predict(x)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(expected.sum(axis=1), 1)
    np.testing.assert_allclose(
        to_torch(model)(torch.tensor(x)).numpy(), expected, rtol=1e-12, atol=1e-300
    )
    namespace: dict[str, Any] = {}
    exec(to_numpy(model), namespace)
    np.testing.assert_allclose(namespace["network"](x), expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(
        [c_text.run(to_c(model), row, 3) for row in x.tolist()], expected, rtol=1e-12, atol=1e-300
    )
    for source in (to_numpy(model), to_c(model)):
        assert "3 probabilities" in source or "probabilities (n x 3)" in source
    undefined = np.array([[-1.0, 2.0]])  # the logarithm of a negative number
    assert np.isnan(model.predict(undefined)).all()
    assert np.isnan(namespace["network"](undefined)).all()
    assert np.isnan(c_text.run(to_c(model), undefined[0].tolist(), 3)).all()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
@pytest.mark.parametrize(
    "names", [["unix", "linux"], ["NAN", "INFINITY"], ["M_PI", "HUGE_VAL"], ["x0", "x1"]]
)
def test_inputs_may_be_called_like_macros(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "network.c").write_text(to_c(MODEL, names))
    library = tmp_path / "network.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "network.c", "-lm"], check=True
    )
    row, result = np.array([1.5, 0.75]), (ctypes.c_double * 1)()
    ctypes.CDLL(str(library)).network(row.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), result)
    assert result[0] == pytest.approx(MODEL.predict(row[None])[0, 0], rel=1e-12)
