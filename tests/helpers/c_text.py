"""Read and evaluate the C that an export writes, independently of it: declarations, assignments,
arithmetic, `?:`, math.h."""

import math
import re
from typing import Any

import numpy as np

FUNCTIONS = {
    "sqrt": np.sqrt,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "fabs": np.abs,
    "exp": np.exp,
    "tanh": np.tanh,
    "sinh": np.sinh,
    # NumPy takes the root of a single number for its power 0.5, which at -inf is another than in C
    "pow": lambda a, b: np.power(np.array([a, a]), np.array([b, b]))[0],
    "fmax": np.fmax,
}
TOKEN = re.compile(r"\s*(\d+\.?\d*(?:e[+-]?\d+)?|[A-Za-z_]\w*|[=!]=|\|\||[-+*/()?:\[\]=;,<>])")


def run(source: str, x: list[float], outputs: int) -> list[float]:
    """y of ``void network(const double *inputs, double *outputs)`` at one row."""
    source = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    body = re.fullmatch(
        r"\s*#include <math.h>\s*void network\(const double \*inputs, double "
        r"\*outputs\)\s*\{(.*)\}\s*",
        source,
        re.DOTALL,
    )
    assert body is not None, source
    names: dict[str, Any] = {f"inputs[{i}]": np.float64(value) for i, value in enumerate(x)}
    with np.errstate(all="ignore"):
        for statement in filter(None, (line.strip() for line in body[1].split(";"))):
            target, expression = statement.split("=", 1)
            target = target.strip()
            declared = target.removeprefix("const double ")
            assert declared not in names, f"{declared} is assigned twice"
            assert declared != target or declared.startswith("outputs["), (
                f"{declared} is not declared"
            )
            reader = Reader(expression, names)
            names[declared] = reader.conditional()
            assert not reader.left, statement
    return [float(names[f"outputs[{i}]"]) for i in range(outputs)]


class Reader:
    """Recursive descent over the tokens of one expression; both branches of `?:` are computed, one
    is taken."""

    def __init__(self, text: str, names: dict[str, Any]) -> None:
        text = text.strip()
        self.left: list[str] = []
        at = 0
        while at < len(text):
            found = TOKEN.match(text, at)
            assert found is not None, f"what is {text[at : at + 20]!r}?"
            self.left.append(found[1])
            at = found.end()
        self.names = names

    def take(self, *wanted: str) -> str | None:
        if self.left and self.left[0] in wanted:
            return self.left.pop(0)
        return None

    def need(self, token: str) -> None:
        assert self.take(token), f"{token} is needed before {self.left}"

    def conditional(self) -> Any:
        value = self.either()
        if self.take("?"):
            yes = self.conditional()
            self.need(":")
            no = self.conditional()
            return yes if value else no
        return value

    def either(self) -> Any:
        value = self.equality()
        while self.take("||"):
            other = self.equality()
            value = value or other
        return value

    def equality(self) -> Any:
        value = self.relation()
        if sign := self.take("==", "!="):
            equal = value == self.relation()
            return equal if sign == "==" else not equal
        return value

    def relation(self) -> Any:
        value = self.sum()
        if sign := self.take("<", ">"):
            other = self.sum()
            return value < other if sign == "<" else value > other
        return value

    def sum(self) -> Any:
        value = self.product()
        while sign := self.take("+", "-"):
            other = self.product()
            value = value + other if sign == "+" else value - other
        return value

    def product(self) -> Any:
        value = self.unary()
        while sign := self.take("*", "/"):
            other = self.unary()
            value = value * other if sign == "*" else np.divide(value, other)
        return value

    def unary(self) -> Any:
        return -self.unary() if self.take("-") else self.atom()

    def atom(self) -> Any:
        if self.take("("):
            value = self.conditional()
            self.need(")")
            return value
        token = self.left.pop(0)
        if token[0].isdigit():
            assert "." in token or "e" in token, f"{token} is an integer, whose division rounds"
            return np.float64(token)
        if self.take("("):
            values = [self.conditional()]
            while self.take(","):
                values.append(self.conditional())
            self.need(")")
            return FUNCTIONS[token](*values)
        if self.take("["):
            token = f"{token}[{self.left.pop(0)}]"
            self.need("]")
        return self.names[token]


assert math.isclose(
    Reader("1.0 + 2.0 * -3.0 == 4.0 ? 0.0 : 8.0 / 2.0 / 2.0", {}).conditional(), 2.0
)
