"""What the inputs are called in formulas: symbols from the names of columns, and the columns that a
run's symbols stand for."""

import builtins
import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from srnet.cgp.primitives import PRIMITIVES
from srnet.errors import UserError

# Names of hidden values, of steps and of variables in the exported source, and words of C.
_RESERVED = re.compile(
    r"[hz]\d+(_\d+)?|f\d+(_\d+){0,2}|(logit|top|power)\d+|logits|powers|total|np|inputs|outputs|auto|break|case|char|"
    r"const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long|register|restrict|return|short|signed|"
    r"sizeof|static|struct|switch|typedef|union|unsigned|void|volatile|while|fabs|fmax|asm|typeof|"
    r"typeof_unqual|nullptr|constexpr|alignas|alignof|static_assert|thread_local|_Pragma|__func__|"
    r"_(Bool|Complex|Imaginary|Alignas|Alignof|Atomic|Generic|Noreturn|Static_assert|Thread_local)|"
    r"__(LINE|FILE|DATE|TIME|COUNTER|BASE_FILE|INCLUDE_LEVEL|TIMESTAMP)__"
)

# Primitives that stand in a formula's text by their names.
_FUNCTIONS = {
    primitive.name for primitive in PRIMITIVES if primitive.text.startswith(f"{primitive.name}(")
}


def _is_taken(name: str) -> bool:
    import sympy

    return (
        hasattr(sympy, name)
        or hasattr(builtins, name)
        or keyword.iskeyword(name)
        or name in _FUNCTIONS
        or _RESERVED.fullmatch(name) is not None
    )


def symbol_names(columns: Sequence[str]) -> list[str]:
    """Names for formulas: what is no letter, digit or _ becomes _, and none is doubled or a
    function's or a layer's.

    Nor is one that of something in sympy or Python, which would be read in its place in a formula's
    text: beta becomes beta_.
    """
    names: list[str] = []
    for column in columns:
        name = re.sub(r"\W", "_", column, flags=re.ASCII) or "_"
        name = f"_{name}" if name[0].isdigit() else name
        while name in names or _is_taken(name):
            name += "_"
        names.append(name)
    return names


def default_names(count: int, letter: str = "x") -> list[str]:
    """x0, x1, …: inputs without names of their own; h0, h1, … the units of a layer."""
    return [f"{letter}{i}" for i in range(count)]


def names_in(run: Mapping[str, Any], key: str, default: Sequence[str]) -> list[str]:
    """The names that a RUN.json holds under a key, as many as the default, which it is where there
    are none.

    Raises
    ------
    UserError
        If they are not so many texts.
    """
    names = run.get(key, default)
    if (
        not isinstance(names, list)
        or len(names) != len(default)
        or not all(isinstance(name, str) and name for name in names)
    ):
        raise UserError(f"a run has '{key}' {names!r}; a list of {len(default)} names is needed")
    return names


def input_names_in(run: Mapping[str, Any], inputs: int) -> list[str]:
    """What a RUN.json calls its inputs, names for formulas whatever it says: source code is made of
    them. x0, x1, … where it says nothing.

    Raises
    ------
    UserError
        If they are not so many texts.
    """
    names = names_in(run, "input_names", default_names(inputs))
    return names if names == default_names(inputs) else symbol_names(names)


def in_order(rows: NDArray[Any], columns: Sequence[str], names: Sequence[str]) -> NDArray[Any]:
    """Rows whose columns have the symbols' names ``columns``, in the order of ``names``, those of a
    run's inputs.

    A run of rows without names (x0, x1, …) takes columns of any names as they come.

    Raises
    ------
    UserError
        If there are other columns than the run has inputs.
    """
    if sorted(columns) == sorted(names):
        return rows[:, [list(columns).index(name) for name in names]]
    if len(columns) == len(names) and list(names) != default_names(len(names)):
        raise UserError(
            f"the columns are {', '.join(columns)}; the formulas read {', '.join(names)}"
        )
    return rows
