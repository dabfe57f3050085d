"""Formulas: known answers, one semantics per primitive, the reported loss, and a simplification
that cannot hang or lie."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from helpers.waiting import HANG, wait_for
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from srnet.cgp.own_functions import make_function
from srnet.cgp.primitives import CLASSIFICATION, PRIMITIVES, REGRESSION, Primitive, by_name
from srnet.cgp.program import Program
from srnet.data.dataset import Data
from srnet.drawing.typesetting import measure
from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.model.fitting import fitness
from srnet.model.formulas import Simplified, network_operations, raw_forms, written_out
from srnet.model.latex import latex
from srnet.model.parse import parse_formula
from srnet.model.simplify import describe, simplify, write_formulas
from srnet.model.simplify_worker import STRATEGIES, TOLERANCE, Formula, relative_error, simplest
from srnet.model.srnet import SRNet
from srnet.model.sympy_forms import (
    GUARDED,
    MAX_OPERATIONS,
    by_cases,
    compose,
    layer_sympy,
    network_sympy,
    symbols,
    text,
)
from srnet.networks.layers import Layers

X0, X1 = symbols(["x0", "x1"])
HARD = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-30, -1e-30, 1e30, -1e30, 1e200, np.inf, -np.inf, np.nan]
)
PAIRS = np.array(np.meshgrid(HARD, HARD)).reshape(2, -1).T


def program(
    inputs: int, constants: tuple[float, ...], *nodes: tuple[str, tuple[int, ...]]
) -> Program:
    """A program whose value is its last node."""
    return Program(inputs, constants, nodes, inputs + len(constants) + len(nodes) - 1)


def network(*layers: tuple[Program, list[float], list[float]]) -> SRNet:
    programs, weights, biases = zip(*layers, strict=True)
    return SRNet(
        tuple((formula,) for formula in programs),
        tuple(np.array([w]) for w in weights),
        tuple(map(np.array, biases)),
    )


def values(expr: sympy.Expr, x: np.ndarray, letter: str = "x") -> np.ndarray:
    names = symbols([f"{letter}{i}" for i in range(x.shape[1])])
    with np.errstate(all="ignore"):
        return np.broadcast_to(
            np.asarray(sympy.lambdify(names, expr, modules="numpy")(*x.T), dtype=float), x.shape[:1]
        )


def random_program(
    inputs: int, functions: tuple[str, ...], rng: np.random.Generator, size: int = 6
) -> Program:
    nodes: list[tuple[str, tuple[int, ...]]] = []
    for i in range(size):
        name = str(rng.choice(functions))
        nodes.append(
            (name, tuple(int(a) for a in rng.integers(0, inputs + 2 + i, by_name(name).arity)))
        )
    return program(inputs, tuple(rng.normal(size=2).tolist()), *nodes)


def random_network(
    functions: tuple[str, ...], seed: int, widths: tuple[int, ...] = (2, 3, 3, 1)
) -> SRNet:
    rng = np.random.default_rng(seed)
    return network(
        *(
            (
                random_program(k, functions, rng),
                rng.normal(size=w).tolist(),
                rng.normal(size=w).tolist(),
            )
            for k, w in pairwise(widths)
        )
    )


def pairwise(widths: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(widths[:-1], widths[1:], strict=True))


# sin(x0² + x0) in the first layer; then h1 / (h0 + 0.5)
SMALL = network(
    (program(1, (), ("square", (0,)), ("add", (1, 0)), ("sin", (2,))), [2.0, -1.0], [0.5, 3.0]),
    (program(2, (0.5,), ("add", (0, 2)), ("div", (1, 3))), [4.0], [-0.25]),
)
SMALL_X = np.linspace(-1, 1, 21)[:, None]

# sin² + cos² in the first layer, x·x/x in the second
IDENTITIES = network(
    (
        program(
            1,
            (),
            ("sin", (0,)),
            ("square", (1,)),
            ("cos", (0,)),
            ("square", (3,)),
            ("add", (2, 4)),
            ("add", (5, 0)),
        ),
        [1.0],
        [-1.0],
    ),
    (program(1, (), ("mul", (0, 0)), ("div", (1, 0))), [1.0], [0.0]),
)

# each node doubles the formula, each layer has 2^10 of them
LONG = network(*3 * ((program(1, (), *(("mul", (i, i)) for i in range(10))), [1.0], [0.5]),))


def is_running(process: int) -> bool:
    """Whether a process is neither gone nor a zombie that nobody waits for."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


class TestSympy:
    def test_layer(self) -> None:
        (first,), (second,) = SMALL.programs
        assert layer_sympy(first, ["x0"]) == sympy.sin(X0**2 + X0)
        a, b = symbols(["a", "b"])
        assert layer_sympy(second, ["a", "b"]) == b / (a + 0.5)

    def test_network(self) -> None:
        s = sympy.sin(X0**2 + X0)
        assert network_sympy(SMALL) == [4 * ((3 - s) / (2 * s + 1.0)) - 0.25]
        z = sympy.Symbol("my input", real=True)
        assert network_sympy(SMALL, ["my input"])[0].free_symbols == {z}

    def test_every_output(self) -> None:
        model = network((program(1, (), ("square", (0,))), [2.0, 0.0], [1.0, -3.0]))
        assert network_sympy(model) == [2 * X0**2 + 1, -3]

    def test_terminal_as_formula(self) -> None:
        assert layer_sympy(Program(2, (1.5,), (), 1), ["x0", "x1"]) == X1
        assert layer_sympy(Program(2, (1.5,), (), 2), ["x0", "x1"]) == 1.5

    def test_names_are_not_parsed(self) -> None:
        expr = layer_sympy(program(1, (), ("sin", (0,))), ["__import__('os')"])
        assert [symbol.name for symbol in expr.free_symbols] == ["__import__('os')"]

    def test_rules_of_sympy_hold_where_the_model_is_finite(self) -> None:
        quotient = program(1, (), ("div", (0, 0)))
        assert layer_sympy(quotient, ["x0"]) == 1
        x = np.array([[0.0], [2.0]])
        np.testing.assert_array_equal(quotient(x), [np.nan, 1])
        np.testing.assert_array_equal(
            values(layer_sympy(quotient, ["x0"], evaluate=False), x), [np.nan, 1]
        )

    @pytest.mark.parametrize(
        ("nodes", "expected"),
        [
            ([("sqrt", (1,))], sympy.nan),  # of -2
            ([("sub", (1, 1)), ("ln", (2,))], -sympy.oo),
            ([("square", (1,)), *(("square", (i,)) for i in range(2, 40))], sympy.oo),
            ([("sub", (1, 1)), ("pdiv", (1, 2))], 1),
            ([("square", (1,)), ("sqrt", (2,))], 2),
        ],
    )
    def test_constants_are_computed_as_the_kernel_does(
        self, nodes: list[tuple[str, tuple[int, ...]]], expected: sympy.Expr
    ) -> None:
        formula = program(1, (-2.0,), *nodes)
        assert layer_sympy(formula, ["x0"], evaluate=True) == expected
        np.testing.assert_array_equal(formula(np.array([[7.0]])), [float(expected)])

    def test_compose_other_forms_of_the_layers(self) -> None:
        forms = [
            [layer_sympy(SMALL.programs[0][0], ["x0"])],
            [layer_sympy(SMALL.programs[1][0], ["h0", "h1"])],
        ]
        assert compose(SMALL, forms) == network_sympy(SMALL)


def test_large_powers_are_not_multiplied_out() -> None:
    """(2·x0)^1e15, and powers of powers."""
    huge = Program(1, (2.0, 1e15), (("mul", (0, 1)), ("pow", (3, 2))), 4)
    assert layer_sympy(huge, ["x0"]).has(sympy.Float)
    chain = Program(1, (2.0, 8.0), (("mul", (0, 1)), *(("pow", (3 + i, 2)) for i in range(40))), 43)
    assert layer_sympy(chain, ["x0"]).count_ops() > 40
    cube = Program(1, (3.0,), (("pow", (0, 1)),), 2)
    assert text(layer_sympy(cube, ["x0"])) == "x0**3"


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)
class TestEveryPrimitive:
    def formula(self, primitive: Primitive) -> Program:
        return program(2, (), (primitive.name, (0, 1)[: primitive.arity]))

    @pytest.mark.parametrize("evaluate", [True, False])
    def test_hard_inputs(self, primitive: Primitive, evaluate: bool) -> None:
        expr = layer_sympy(self.formula(primitive), ["x0", "x1"], evaluate=evaluate)
        np.testing.assert_allclose(values(expr, PAIRS), self.formula(primitive)(PAIRS), rtol=1e-15)

    def test_hard_inputs_of_the_definition_by_cases(self, primitive: Primitive) -> None:
        expr = by_cases(layer_sympy(self.formula(primitive), ["x0", "x1"]))
        assert not expr.has(*GUARDED.values())
        np.testing.assert_allclose(values(expr, PAIRS), self.formula(primitive)(PAIRS), rtol=1e-15)

    @settings(deadline=None, max_examples=50)
    @given(x=arrays(np.float64, (5, 2), elements=st.floats(-1e6, 1e6)))
    def test_ordinary_inputs(self, primitive: Primitive, x: np.ndarray) -> None:
        expr = layer_sympy(self.formula(primitive), ["x0", "x1"])
        np.testing.assert_allclose(
            values(expr, x), self.formula(primitive)(x), rtol=1e-15, atol=1e-300
        )

    def test_derivative(self, primitive: Primitive) -> None:
        x, step = np.array([[0.7, 1.3], [2.1, 0.4]]), 1e-6
        for i, symbol in enumerate((X0, X1)):
            delta = np.eye(2)[i] * step
            formula = self.formula(primitive)
            slope = (formula(x + delta) - formula(x - delta)) / (2 * step)
            derivative = layer_sympy(formula, ["x0", "x1"]).diff(symbol)
            np.testing.assert_allclose(values(derivative, x), slope, rtol=1e-7, atol=1e-9)

    def test_latex(self, primitive: Primitive) -> None:
        shown = primitive.latex.template.format(*"ab"[: primitive.arity])
        assert all(operand in shown for operand in "ab"[: primitive.arity])
        assert shown.count("{") == shown.count("}")


class TestLoss:
    """The reported loss is the loss of the exported formulas."""

    @pytest.mark.parametrize(
        "functions", [REGRESSION, CLASSIFICATION], ids=["regression", "classification"]
    )
    def test_recomputed_from_the_formulas(self, functions: tuple[str, ...]) -> None:
        rng = np.random.default_rng(1)
        checked = 0
        for seed in range(60):
            model = random_network(functions, seed)
            splits = {
                split: [rng.uniform(0.5, 2, (rows, k)).astype(np.float32) for k in (2, 3, 3, 1)]
                for split, rows in (("train", 40), ("valid", 10))
            }
            layers = Layers(splits)
            losses = model.losses(layers)
            if not np.isfinite(losses).all():
                continue
            checked += 1
            joined = [
                np.vstack([splits["train"][i], splits["valid"][i]]).astype(float) for i in range(4)
            ]
            x = joined[0]
            for i, (formula,) in enumerate(model.programs):
                letter = "h" if i else "x"
                f = values(
                    layer_sympy(formula, [f"{letter}{j}" for j in range(x.shape[1])]), x, letter
                )
                x = np.outer(f, model.weights[i]) + model.biases[i]
                assert np.mean(np.square(x - joined[i + 1])) == pytest.approx(losses[i], rel=1e-9)
            y = values(network_sympy(model)[0], joined[0])
            assert np.mean(np.square(y - joined[3][:, 0])) == pytest.approx(losses[3 - 1], rel=1e-9)
        assert checked >= 15


class TestPrinting:
    def test_text_is_exact_and_short(self) -> None:
        assert text(0.1 * sympy.log(X0) - 2.5 / X0) == "0.1*ln(x0) - 2.5/x0"
        assert float(text(sympy.Float(0.1 + 0.2))) == 0.1 + 0.2

    def test_constants_are_readable(self) -> None:
        assert latex(1.23456789 * X0 + 0.5) == "1.235 x_{0} + 0.5"
        assert latex(1.23456789 * X0, digits=2) == "1.2 x_{0}"
        assert latex(1.23456e-7 * sympy.log(X0)) == r"1.235 \cdot 10^{-7} \ln{\left(x_{0} \right)}"

    def test_protected(self) -> None:
        pdiv, pln = GUARDED["pdiv"], GUARDED["pln"]
        assert text(pln(pdiv(X0, X1) + 1)) == "pln(pdiv(x0, x1) + 1)"
        assert pickle.loads(pickle.dumps(pdiv(X0, X1))) == pdiv(X0, X1)
        assert latex(pdiv(X0, X1)) == r"\operatorname{pdiv}{\left(x_{0},x_{1} \right)}"

    def test_names_from_a_table(self) -> None:
        assert latex(symbols(["a_b %"])[0] ** 2) == r"\mathrm{a\_b\ \%}^{2}"

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("k", "k"),
            ("x12", "x_{12}"),
            ("h1_2", "h_{1 2}"),
            ("theta", r"\theta"),
            ("Omega1", r"\Omega_{1}"),
            ("lambda_", r"\lambda"),  # lambda is taken
            ("sepal_length_cm", r"\mathrm{sepal\_length\_cm}"),
            ("a__b", r"\mathrm{a\_\_b}"),  # neither a power nor an accent
            ("xbar", r"\mathrm{xbar}"),
            ("_3d", r"\mathrm{\_3d}"),
        ],
    )
    def test_names_of_inputs_can_be_typeset(self, name: str, shown: str) -> None:
        assert latex(symbols([name])[0]) == shown
        measure(shown)

    def test_raw_latex(self) -> None:
        first, second = raw_forms(SMALL).layers
        assert (first.raw, first.latex) == (
            "sin(((x0)**2 + x0))",
            r"\sin\left(x_{0}^{2} + x_{0}\right)",
        )
        assert second.latex == r"\frac{h_{1}}{h_{0} + 0.5}"
        assert raw_forms(network((program(1, (), ("square", (0,))), [2.0], [-3.0]))).outputs[
            0
        ].latex == (r"2 \cdot x_{0}^{2} + \left(-3\right)")

    @pytest.mark.parametrize(
        ("nodes", "expected"),
        [
            ([("sub", (0, 1)), ("sub", (0, 2))], r"x_{0} - \left(x_{0} - 0.5\right)"),
            ([("add", (0, 1)), ("mul", (2, 0))], r"\left(x_{0} + 0.5\right) \cdot x_{0}"),
            ([("square", (0,)), ("square", (2,))], r"\left(x_{0}^{2}\right)^{2}"),
            ([("add", (0, 1)), ("sqrt", (2,))], r"\sqrt{x_{0} + 0.5}"),
            ([("div", (0, 1)), ("square", (2,))], r"\left(\frac{x_{0}}{0.5}\right)^{2}"),
            (
                [("psqrt", (0,)), ("pln", (2,))],
                r"\operatorname{pln}\left(\sqrt{\left|x_{0}\right|}\right)",
            ),
        ],
    )
    def test_brackets_of_raw_latex(
        self, nodes: list[tuple[str, tuple[int, ...]]], expected: str
    ) -> None:
        assert (
            raw_forms(network((program(1, (0.5,), *nodes), [1.0], [0.0]))).layers[0].latex
            == expected
        )


class TestLongFormulas:
    def test_operations(self) -> None:
        assert written_out(LONG.programs[0][0], [0]) == 2**10 - 1
        assert network_operations(LONG) > 2**30

    def test_sub_expressions_stay_shared(self) -> None:
        distinct: set[sympy.Basic] = set()
        new = [network_sympy(LONG)[0]]
        while new:
            expr = new.pop()
            if expr not in distinct:
                distinct.add(expr)
                new.extend(expr.args)
        assert X0 in distinct
        assert len(distinct) < 100

    def test_shown_in_steps(self) -> None:
        form = raw_forms(LONG).outputs[0]
        assert form.raw.startswith("f1 = (((")
        assert form.raw.endswith("; y0 = (1.0 * f3 + 0.5)")
        assert form.latex.startswith(r"\begin{aligned} f_{1} &= ")
        assert str(MAX_OPERATIONS) in form.note

    def test_one_layer_in_steps(self) -> None:
        layer = program(1, (), *(("mul", (i, i)) for i in range(40)))
        form = raw_forms(network((layer, [1.0], [0.0]))).layers[0]
        assert form.raw.startswith("f1_1 = (x0 * x0); f1_2 = (f1_1 * f1_1); ")
        assert "f_{1 40} &= f_{1 39} \\cdot f_{1 39}" in form.latex

    def test_are_not_simplified(self) -> None:
        forms = simplify(LONG, np.ones((3, 1)), HANG)
        assert forms.layers[0].text == "x0**1024"
        assert forms.outputs == raw_forms(LONG).outputs


@pytest.mark.slow
class TestSimplify:
    def test_identities(self) -> None:
        forms = simplify(IDENTITIES, np.linspace(0.5, 2, 30)[:, None], HANG)
        assert [form.text for form in (*forms.layers, *forms.outputs)] == ["x0 + 1", "h0", "x0"]
        assert [form.latex for form in forms.outputs] == ["x_{0}"]
        assert forms.layers[0].raw == "(((sin(x0))**2 + (cos(x0))**2) + x0)"
        for form in (*forms.layers, *forms.outputs):
            assert form.simplified
            assert form.note == ""
            assert form.rel_error is not None
            assert form.rel_error <= TOLERANCE

    def test_nasty_formula_is_cut_off(self) -> None:
        model = random_network(REGRESSION, 3, (2, 3, 3, 3, 1))
        forms = simplify(model, np.ones((5, 2)), 0.01)
        expected = raw_forms(model)
        for form, raw in zip(
            (*forms.layers, *forms.outputs), (*expected.layers, *expected.outputs), strict=True
        ):
            assert (form.text, form.latex, form.simplified, form.rel_error) == (
                raw.raw,
                raw.latex,
                False,
                None,
            )
            assert form.note == "not simplified: cut off after 0.01 s"

    def test_child_is_killed_with_its_group(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def communicate(
            process: Any, request: str | None = None, timeout: float | None = None
        ) -> tuple[str, str]:
            if timeout is not None:  # the limit is over as soon as the child has forked
                wait_for(lambda: (tmp_path / "pids").exists() and len(read_pids()) == 2, "a fork")
                timeout = 0.01
            return original(process, request, timeout)

        def read_pids() -> list[int]:
            return [int(pid) for pid in (tmp_path / "pids").read_text().split()]

        original = subprocess.Popen.communicate
        monkeypatch.setattr(subprocess.Popen, "communicate", communicate)
        found = json.dumps({"formula": 0, "text": "found", "simplified": True})
        child = (
            "import os, pathlib, time\n"
            f"print({found!r}, flush=True)\n"
            "print('{\"formula\": 1, \"te', end='', flush=True)\n"
            "pid = os.fork()\n"
            f"if pid: pathlib.Path({str(tmp_path / 'pids')!r}).write_text(f'{{os.getpid()}} "
            f"{{pid}}')\n"
            "while True: time.sleep(1)"
        )
        forms = simplify(SMALL, SMALL_X, 2, child=(sys.executable, "-c", child))
        assert forms.layers[0].text == "found"  # what came in time is kept, half a line is not
        assert forms.layers[1].note == "not simplified: cut off after 2 s"
        pids = read_pids()
        wait_for(lambda: not any(map(is_running, pids)), "both to end")

    def test_child_ends_with_a_parent_that_is_killed(self) -> None:
        parent = (
            "import subprocess, sys, json, os\n"
            "request = {'run': json.load(sys.stdin), 'rows': [[0.0]], 'names': ['x0'],\n"
            "           'deadline': 1e18, 'parent': os.getpid()}\n"
            "code = 'import srnet.model.simplify_worker as w, time;'\n"
            "code += 'w.simplest = lambda *_, **__: (time.sleep(3600), [])[1]; w.main()'\n"
            "child = subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE,\n"
            "                         text=True, start_new_session=True)\n"
            "child.stdin.write(json.dumps(request)); child.stdin.close()\n"
            "print(child.pid, flush=True); child.wait()\n"
        )
        run = {
            "programs": [{"inputs": 1, "constants": [], "nodes": [], "output": 0}],
            "weights": [[1.0]],
            "biases": [[0.0]],
        }
        process = subprocess.Popen(
            [sys.executable, "-c", parent],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(run))
        process.stdin.close()
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        wait_for(lambda: not is_running(child), "the child to notice")

    def test_child_that_fails(self) -> None:
        forms = simplify(
            SMALL, SMALL_X, HANG, child=(sys.executable, "-c", "raise SystemExit('no such thing')")
        )
        assert {form.note for form in forms.layers} == {
            "not simplified: the child process failed (no such thing)"
        }
        assert forms.outputs[0].text == SMALL.network_expressions()[0]

    def test_memory_of_the_child_is_limited(self) -> None:
        child = (
            "import sympy; sympy.expand = lambda expr: bytearray(3 << 30); import "
            "srnet.model.simplify_worker; srnet.model.simplify_worker.main()"
        )
        forms = simplify(SMALL, SMALL_X, HANG, child=(sys.executable, "-c", child))
        assert forms.layers[0].text == "sin(x0**2 + x0)"
        assert forms.layers[0].note == "sympy failed (MemoryError)"

    @pytest.mark.parametrize("limit", [0, -1, float("inf"), float("nan")])
    def test_bad_limit(self, limit: float) -> None:
        with pytest.raises(
            UserError, match=f"'time_limit' is {limit}; a finite number of seconds above 0"
        ):
            simplify(SMALL, SMALL_X, limit)

    def test_wrong_rows(self) -> None:
        with pytest.raises(UserError, match="rows × 1 columns are needed"):
            simplify(SMALL, np.ones((3, 2)))


class TestSearch:
    """What happens in the child."""

    def final(self, model: SRNet, x: np.ndarray, *strategies: object) -> dict[int, Formula]:
        return dict(simplest(model, x, time.monotonic() + HANG, strategies))  # type: ignore[arg-type]

    def test_wrong_form_is_rejected(self) -> None:
        found = self.final(SMALL, SMALL_X, lambda expr: X0, lambda expr: sympy.Integer(0))
        assert found[0].best == sympy.sin(X0**2 + X0)
        assert found[0].rejected > TOLERANCE

    def test_slightly_wrong_form_is_rejected(self) -> None:
        formula = Formula("(x0 * 1.0)", [X0], SMALL_X, SMALL_X[:, 0])
        formula.offer(X0 * 1.00001)
        assert formula.best is None
        assert (
            formula.answer()["note"]
            == "not simplified: the shorter form differs from the model (relative error 1.0e-05)"
        )
        formula.offer(X0 * 1.0000001)
        assert formula.best == X0 * 1.0000001

    def test_longer_form_is_not_taken(self) -> None:
        found = self.final(SMALL, SMALL_X, lambda expr: sympy.expand_trig(expr))
        assert found[0].best == sympy.sin(X0**2 + X0)

    def test_sign_before_a_bracket_is_multiplied_out(self) -> None:
        sine = -2.5 * sympy.sin(X0) - 0.5
        formula = Formula("-" * 99, [X0], SMALL_X, values(sine, SMALL_X))
        formula.offer(sympy.Mul(-1, 2.5 * sympy.sin(X0) + 0.5, evaluate=False))
        assert text(formula.best).startswith("-(")
        formula.offer(STRATEGIES[-1](formula.best))
        assert formula.best == sine

    def test_hanging_strategy_is_stopped(self) -> None:
        def hang(expr: sympy.Expr) -> sympy.Expr:
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < HANG
            signal.setitimer(signal.ITIMER_REAL, 1e-3)  # instead of a wait for what is left
            while True:
                expr = expr + 0

        found = self.final(SMALL, SMALL_X, hang)
        assert found[2].answer()["text"] == text(network_sympy(SMALL)[0])
        assert found[2].note == "the search for a shorter form was cut off"

    def test_model_that_is_not_finite(self) -> None:
        model = network((program(1, (-1.0,), ("sqrt", (1,)), ("add", (2, 0))), [1.0], [0.0]))
        answer = self.final(model, SMALL_X)[0].answer()
        assert (
            answer["note"]
            == "not simplified: the model is finite on no row, so that nothing can be checked"
        )

    @pytest.mark.parametrize(
        ("expr", "expected"),
        [
            (X0, 0),
            (
                X0 + sympy.Float(1e-9),
                1e-3,
            ),  # against 1e-6 of the root mean square, where the value is 0
            (X0 * 1.5, 0.5),
            (sympy.log(X0), np.inf),
            (sympy.sqrt(-1) * X0, np.inf),
            (sympy.zoo * X0, np.inf),
            (sympy.nan, np.inf),
            (symbols(["other"])[0], np.inf),
        ],
    )
    def test_relative_error(self, expr: sympy.Expr, expected: float) -> None:
        x = np.array([[-1.0], [0.0], [1.0], [np.sqrt(2)]])
        assert relative_error(expr, [X0], x, x[:, 0]) == pytest.approx(expected, rel=1e-6)


def layers_of(model: SRNet) -> Layers:
    rng = np.random.default_rng(0)
    splits = {}
    for split, rows in (("train", 30), ("valid", 10)):
        x = rng.uniform(-1, 1, (rows, 1)).astype(np.float32)
        splits[split] = [x, *((h + 0.125).astype(np.float32) for h in model.layers(x))]
    return Layers(splits)


def run_of(model: SRNet, fitness: float | None) -> dict[str, object]:
    return {
        "task": "K0",
        "preset": "paper",
        "seed": 3,
        "fitness": fitness,
        "programs": [formula.to_json() for (formula,) in model.programs],
        "weights": [weights.tolist() for (weights,) in model.weights],
        "biases": [biases.tolist() for biases in model.biases],
    }


@pytest.mark.slow
class TestDescribe:
    def test_content(self, tmp_path: Path) -> None:
        layers = layers_of(SMALL)
        best = fitness(SMALL.losses(layers))
        write_json(
            tmp_path / "run.json",
            {**run_of(SMALL, best), "layers_fingerprint": layers.fingerprint()},
        )
        layers.save(tmp_path / "layers.npz")
        write_formulas(
            tmp_path / "run.json",
            tmp_path / "layers.npz",
            tmp_path / "formulas.json",
            time_limit=HANG,
        )
        content = json.loads((tmp_path / "formulas.json").read_text(), parse_constant=pytest.fail)
        assert {
            key: content[key] for key in ("task", "preset", "seed", "fitness", "complexity")
        } == {
            "task": "K0",
            "preset": "paper",
            "seed": 3,
            "fitness": best,
            "complexity": 5,
        }
        assert [entry["raw"] for entry in content["layers"]] == SMALL.expressions()
        assert [entry["simplified"] for entry in content["layers"]] == [
            "sin(x0**2 + x0)",
            "h1/(h0 + 0.5)",
        ]
        assert [entry["complexity"] for entry in content["layers"]] == [3, 2]
        assert [entry["mse"] for entry in content["layers"]] == SMALL.losses(layers)
        [entry] = content["network"]
        assert set(entry) == {
            "raw",
            "simplified",
            "is_simplified",
            "latex",
            "checked_rel_error",
            "seconds",
            "note",
            "mse",
        }
        assert entry["raw"] == SMALL.network_expressions()[0]
        assert entry["is_simplified"]
        assert entry["checked_rel_error"] <= TOLERANCE
        assert entry["mse"] == pytest.approx(SMALL.losses(layers)[-1])

    def test_loss_that_is_not_finite_is_null(self) -> None:
        model = network((program(1, (), ("ln", (0,))), [1.0], [0.0]))
        splits = {
            split: [np.array([[-1.0], [1.0]], np.float32)] * 2 for split in ("train", "valid")
        }
        content = describe(run_of(model, None), Layers(splits), 0.01)
        assert content["layers"][0]["mse"] is None
        assert content["network"][0]["mse"] is None

    def test_other_widths(self) -> None:
        with pytest.raises(UserError, match=r"widths \[1, 2, 1\], the layers have \[1, 1, 1\]"):
            describe(run_of(SMALL, 0.5), layers_of(IDENTITIES))

    def test_names_of_inputs_and_classes(self, tmp_path: Path) -> None:
        layers_of(SMALL).save(tmp_path / "layers.npz")
        write_json(tmp_path / "run.json", run_of(SMALL, fitness(SMALL.losses(layers_of(SMALL)))))
        rows = {name: np.zeros((3, 1)) for name in ("train_y", "holdout_y")}
        for box in ("train_x", "holdout_x", "valid_x", "test_x"):
            rows[box] = np.arange(3.0)[:, None]
        Data(**rows, inputs=("petal length (cm)",), classes=("rose",)).save(tmp_path / "data.npz")
        Data(**rows, inputs=("k",), classes=("a", "b")).save(tmp_path / "other.npz")
        files = [tmp_path / name for name in ("run.json", "layers.npz", "out.json")]
        with pytest.raises(UserError, match=r"has 1 input\(s\) and 2 classes; .* 1 output\(s\)"):
            write_formulas(*files, data_file=tmp_path / "other.npz")
        write_formulas(*files, time_limit=HANG, data_file=tmp_path / "data.npz")
        content = json.loads(files[-1].read_text())
        name = "petal_length_cm"
        assert content["layers"][0]["simplified"] == f"sin({name}**2 + {name})"
        assert r"\mathrm{petal\_length\_cm}" in content["layers"][0]["latex"]
        assert content["layers"][1]["simplified"] == "h1/(h0 + 0.5)"
        assert content["network"][0]["class"] == "rose"

    def test_other_layers(self, tmp_path: Path) -> None:
        write_json(tmp_path / "run.json", {**run_of(SMALL, 0.5), "layers_fingerprint": "0" * 64})
        layers_of(SMALL).save(tmp_path / "layers.npz")
        with pytest.raises(
            UserError, match=r"run\.json: the run's 'layers_fingerprint' is not that of the layers"
        ):
            write_formulas(tmp_path / "run.json", tmp_path / "layers.npz", tmp_path / "out.json")
        assert not (tmp_path / "out.json").exists()

    def test_forms_come_in_order(self) -> None:
        forms = simplify(SMALL, SMALL_X, HANG)
        assert isinstance(forms, Simplified)
        assert [form.raw for form in forms.layers] == SMALL.expressions()
        assert [form.raw for form in forms.outputs] == SMALL.network_expressions()


@pytest.mark.parametrize(
    "formula",
    [
        "exp(0.4*(x0 - 2010.5))",
        "sigmoid(0.8*(x0 - 2011.3))*x1",
        "square(exp(-0.3*(x0 - 2010.5)))",
        "exp(x0*0.9 - 1809.5)/x1",
        "exp((1700000000.5 - x0)/3600.5)",
    ],
)
def test_an_exponent_of_a_column_far_from_zero_stays(formula: str) -> None:
    model = SRNet(
        ((parse_formula(formula, ["x0", "x1"]),),),
        (np.ones((1, 1)),),
        (np.zeros(1),),
        reads="scalars",
    )
    centre = 1.7e9 if "17" in formula else 2011.0
    x = np.array([[centre, 1.0], [centre + 3, 2.0], [centre - 4, 0.5]])
    [expr] = network_sympy(model)
    symbols = sympy.symbols("x0 x1", real=True)
    for shown in (expr, sympy.sympify(text(expr), locals={str(each): each for each in symbols})):
        found = sympy.lambdify(symbols, shown)(*x.T)
        np.testing.assert_allclose(found, model.predict(x).ravel(), rtol=1e-9)
    assert not re.search(r"frac\{\d{2,}\}", latex(expr))  # a decimal number, as elsewhere


@pytest.mark.usefixtures("no_own_functions")
def test_an_exponent_in_a_function_of_ones_own_stays() -> None:
    make_function("growth", lambda m, x: m.exp(x) + 1)
    expr = sympy.exp(X0 - sympy.Rational("2010.5")) + 1
    program = parse_formula("growth(x0 - 2010.5)", ["x0"])
    model = SRNet(((program,),), (np.ones((1, 1)),), (np.zeros(1),), reads="scalars")
    assert network_sympy(model) == [expr]
