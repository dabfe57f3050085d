"""The JAX function: the model's values, dtype, gradients, compiled or not."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from helpers import ranked

from srnet.cgp.own_functions import make_function
from srnet.cgp.primitives import PRIMITIVES, Primitive
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.model.export import to_jax, to_torch
from srnet.model.srnet import LOSSES, READS, SRNet

HARD = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-30, -1e-30, 1e30, -1e30, 1e200, np.inf, -np.inf, np.nan]
)
pytestmark = pytest.mark.slow  # JAX compiles
PAIRS = np.array(np.meshgrid(HARD, HARD)).reshape(2, -1).T
X = np.random.default_rng(0).uniform(0.5, 2, (6, 2))
PRIMITIVE = pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)


@pytest.fixture
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def single(primitive: Primitive) -> SRNet:
    """The primitive alone: w = 1, b = 0."""
    program = Program(2, (), ((primitive.name, (0, 1)[: primitive.arity]),), 2)
    return SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))


def every_primitive(loss: str = "mse") -> SRNet:
    """All primitives of one input and one constant."""
    programs = tuple(
        Program(2, (0.75,), ((each.name, (0, 2)[: each.arity]),), 3) for each in PRIMITIVES
    )
    weights = np.linspace(-1, 1, 3 * len(programs)).reshape(-1, 3)
    return SRNet((programs,), (weights,), (np.array([0.5, 0.0, -0.5]),), loss=loss)


# --- values ---------------------------------------------------------------------------------------


@PRIMITIVE
@pytest.mark.usefixtures("float64")
class TestEveryPrimitive:
    def test_hard_inputs(self, primitive: Primitive) -> None:
        model = single(primitive)
        function = to_jax(model)
        compiled = jax.jit(function)
        for evaluate in (function, compiled):
            np.testing.assert_allclose(evaluate(PAIRS), model.predict(PAIRS), rtol=1e-12)
        # one row at a time: a vectorised and a scalar path may differ
        found = np.vstack([compiled(row[None]) for row in PAIRS])
        np.testing.assert_allclose(found, model.predict(PAIRS), rtol=1e-12)

    def test_ordinary_inputs(self, primitive: Primitive) -> None:
        x = np.random.default_rng(0).normal(0, 10, (500, 2)) ** 3
        found = to_jax(single(primitive))(x)
        np.testing.assert_allclose(found, single(primitive).predict(x), rtol=1e-9, atol=1e-300)

    def test_constants(self, primitive: Primitive) -> None:
        """Of which JAX makes no columns, as of an input."""
        names = (primitive.name, (2, 3)[: primitive.arity])
        for constants in ((-2.5, 0.5), (0.0, 0.0)):
            program = Program(2, constants, (names,), 4)
            model = SRNet(((program,),), (np.array([[2.0]]),), (np.array([1.0]),))
            np.testing.assert_allclose(to_jax(model)(X), model.predict(X), rtol=1e-12)

    def test_gradient(self, primitive: Primitive) -> None:
        """As torch has it, a derivation by others."""
        x = torch.tensor(X, requires_grad=True)
        to_torch(single(primitive))(x).sum().backward()
        function = to_jax(single(primitive))
        found = jax.grad(lambda x: function(x).sum())(jnp.asarray(X))
        np.testing.assert_allclose(found, x.grad, rtol=1e-9)


@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.usefixtures("float64")
def test_models_of_several_layers_and_formulas(reads: str, loss: str) -> None:
    for seed in range(3):
        model = ranked.model(seed, reads, loss=loss)
        np.testing.assert_allclose(to_jax(model)(X), model.predict(X), rtol=1e-12, atol=1e-15)
        found = jax.jit(to_jax(model))(X)
        np.testing.assert_allclose(found, model.predict(X), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_float32_unless_jax_is_told_otherwise(loss: str) -> None:
    model = every_primitive(loss)
    function = jax.jit(to_jax(model))
    for x in (X, X.astype(np.float32), jnp.asarray(X)):
        found = function(x)
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, model.predict(X.astype(np.float32)), rtol=2e-5, atol=1e-6)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_dtype_of_x_is_kept(dtype: type) -> None:
    x = jnp.full((2, 2), 0.75, dtype)
    found = jax.jit(to_jax(every_primitive()))(x)
    assert found.dtype == dtype
    tolerance = 200 * float(jnp.finfo(dtype).eps)
    expected = every_primitive().predict(np.full((2, 2), 0.75))
    np.testing.assert_allclose(found.astype(float), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("float64")
def test_integers_are_computed_as_floats() -> None:
    x = np.array([[2, 3], [2**24 + 1, 1]])
    expected = every_primitive().predict(x)
    np.testing.assert_allclose(to_jax(every_primitive())(x), expected, rtol=1e-9)


@pytest.mark.usefixtures("float64", "no_own_functions")
def test_own_functions() -> None:
    make_function(
        "gap", lambda m, a, b: m.where(a > b, m.maximum(m.minimum(a, 1), 2 * b), -m.exp(-a))
    )
    program = Program(2, (0.5,), (("gap", (0, 1)), ("gap", (3, 2))), 4)
    model = SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))
    np.testing.assert_allclose(to_jax(model)(PAIRS), model.predict(PAIRS), rtol=1e-12)


def test_constant_formula_has_a_row_for_every_row() -> None:
    model = SRNet(
        ((Program(1, (2.0,), (), 1),),), (np.array([[1.0, 2.0]]),), (np.array([0.0, 1.0]),)
    )
    assert to_jax(model)(np.zeros((3, 1))).tolist() == [[2.0, 5.0]] * 3


# --- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reads", READS)
def test_parameters_are_the_models_numbers(reads: str) -> None:
    model = ranked.model(3, reads, loss="cross_entropy")
    function = to_jax(model)
    kinds = ("constants", "weights", "biases")
    assert set(function.parameters) == {f"{kind}{i}" for kind in kinds for i in range(model.depth)}
    assert {each.dtype for each in function.parameters.values()} == {np.dtype(np.float64)}
    assert function.to_model(function.parameters).to_run() == model.to_run()
    function.parameters["weights0"][:] = 0  # what was exported stays
    assert to_jax(model).to_model({}).to_run() == model.to_run()


@pytest.mark.usefixtures("float64")
def test_gradients_by_the_parameters() -> None:
    """As torch has them."""
    model = every_primitive()
    function, module = to_jax(model), to_torch(model, trainable=True)
    module(torch.tensor(X)).sum().backward()
    found = jax.jit(jax.grad(lambda parameters: function(X, parameters).sum()))(function.parameters)
    known = dict(module.formulas.named_parameters())
    assert set(found) == set(known)
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient, known[name].grad, rtol=1e-8)


@pytest.mark.usefixtures("float64")
def test_training_finds_the_constant_and_tells_it() -> None:
    """sin of 2.5·x0, from 2.3, by Newton's method; the other numbers stay."""
    program = Program(2, (2.3,), (("mul", (0, 2)), ("sin", (3,))), 4)
    model = SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))
    function = to_jax(model)
    x = np.linspace(-2, 2, 40).repeat(2).reshape(40, 2)

    def loss(constant: jax.Array) -> jax.Array:
        found = function(x, {"constants0": constant[None]})[:, 0]
        return jnp.mean((found - jnp.sin(2.5 * x[:, 0])) ** 2)

    step = jax.jit(
        lambda constant: constant - jax.grad(loss)(constant) / jax.hessian(loss)(constant)
    )
    constant = jnp.asarray(2.3)
    for _ in range(20):
        constant = step(constant)
    trained = function.to_model({"constants0": constant[None]})
    assert trained.programs[0][0].constants == (pytest.approx(2.5, abs=1e-9),)
    assert trained.weights[0].tolist() == [[1.0]]
    assert model.programs[0][0].constants == (2.3,)


def test_numbers_that_are_not_finite_are_no_model() -> None:
    with pytest.raises(UserError, match="finite numbers"):
        to_jax(every_primitive()).to_model({"biases0": np.full(3, np.nan)})


def test_one_row_at_a_time_by_vmap() -> None:
    function = to_jax(every_primitive())
    found = jax.jit(jax.vmap(lambda row: function(row[None])[0]))(X)
    np.testing.assert_allclose(found, function(X), rtol=1e-5, atol=1e-6)


# --- the rest -------------------------------------------------------------------------------------


def test_it_can_be_pickled_and_shows_its_formulas() -> None:
    function = to_jax(every_primitive())
    copied = pickle.loads(pickle.dumps(function))
    np.testing.assert_array_equal(copied(X), function(X))
    assert repr(copied) == repr(function)
    assert "tanh(x0)" in repr(function)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3, 2)])
def test_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rows × 2 columns are needed"):
        to_jax(every_primitive())(np.zeros(shape))


def test_without_jax_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "srnet.model.jax_function")
    with pytest.raises(UserError, match=r"install it with pip install 'srnet\[jax\]'"):
        to_jax(every_primitive())


def test_jax_is_imported_only_when_needed() -> None:
    code = (
        "import sys, srnet.model.export, srnet.explanation.result; sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight0": 1.0}, "'parameters' has 'weight0'; known are constants0, weights0, biases0"),
        (
            {"constants0": np.zeros(1)},
            r"'parameters' has constants0 of the shape \(1,\); \(2,\) is",
        ),
        ({"weights0": np.zeros((2, 3))}, r"has weights0 of the shape \(2, 3\); \(1, 1\) is needed"),
        ([1.0], r"'parameters' is \[1.0\]; arrays by their names are needed"),
    ],
)
def test_other_parameters_are_refused(given: Any, message: str) -> None:
    program = Program(2, (2.0, 3.0), (("mul", (0, 2)), ("add", (4, 3))), 5)
    function = to_jax(SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),)))
    for call in (lambda: function(X, given), lambda: function.to_model(given)):
        with pytest.raises(UserError, match=message):
            call()
