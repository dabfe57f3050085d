"""What the inputs are called: columns are found by the names that their owner gave them, and
formulas show symbols that are made of these names."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from srnet.cgp.primitives import PRIMITIVES, is_own
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

# An interactive Python, also that of a doctest, adds its last result as _.
_BUILTINS = set(dir(builtins)) - {"_"}


def _is_taken(name: str) -> bool:
    import sympy

    return (
        hasattr(sympy, name)
        or name in _BUILTINS
        or keyword.iskeyword(name)
        or name in _FUNCTIONS
        or is_own(name)
        or _RESERVED.fullmatch(name) is not None
    )


def symbol_names(columns: Sequence[str]) -> list[str]:
    """Names for formulas: what is no letter (of any alphabet), digit or _ becomes _, and none is
    doubled or a function's or a layer's.

    Nor is one that of something in sympy or Python, which would be read in its place in a formula's
    text: beta becomes beta_.
    """
    names: list[str] = []
    for column in columns:
        # as Python reads names: of several forms of a letter there is one
        text = unicodedata.normalize("NFKC", column)
        name = "".join(c if f"_{c}".isidentifier() else "_" for c in text) or "_"
        name = name if name.isidentifier() else f"_{name}"
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
        or not all(isinstance(name, str) for name in names)
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


def output_numbers_in(run: Mapping[str, Any], outputs: int) -> list[int]:
    """The numbers of a run's outputs in the model that it explains: 0 …, or that of the only one
    which was chosen; from the last on they are negative."""
    return [run["output"]] if "output" in run and outputs == 1 else list(range(outputs))


def output_name(number: int) -> str:
    """What an output of this number is called: y0, y1, …, or y[-1] for the last."""
    return f"y{number}" if number >= 0 else f"y[{number}]"


class Symbols(list[str]):
    """All that a run of an earlier version tells of its columns' names: symbols that were made of
    them, of the letters of ASCII."""

    def of(self, columns: Sequence[str]) -> Sequence[str]:
        """These symbols for the columns of a table; the columns themselves if two have the same."""
        symbols = [
            symbol_names([re.sub(r"\W", "_", column, flags=re.ASCII)])[0] for column in columns
        ]
        return symbols if len(set(symbols)) == len(columns) else columns


def columns_in(run: Mapping[str, Any], inputs: int) -> list[str] | None:
    """The columns of a RUN.json's inputs, as their owner named them (symbols, where an earlier
    version wrote it); None where they had no names.

    Raises
    ------
    UserError
        If they are not so many different texts.
    """
    key = "columns" if "columns" in run else "input_names"
    names = names_in(run, key, default_names(inputs))
    if key == "input_names" and names == default_names(inputs):
        return None
    check_columns(names, f"a run's '{key}'")
    return names if key == "columns" else Symbols(names)


def check_columns(columns: Sequence[str], what: str) -> None:
    """UserError, which calls them ``what``, if two columns have the same name."""
    for i, name in enumerate(columns):
        if name in columns[:i]:
            raise UserError(
                f"{what} has the column '{name}' twice; every column needs a name of its own"
            )


def in_order(
    rows: NDArray[Any], columns: Sequence[str] | None, names: Sequence[str] | None
) -> NDArray[Any]:
    """Rows with the given columns in the order of ``names``, those of a run's inputs.

    Rows without names are taken as they come. So are the columns of a run without names, but where
    they are numbered as its inputs are (x0, x1, … or 0, 1, …).

    Raises
    ------
    UserError
        If there are other columns than the run has inputs.
    """
    if columns is None:
        return rows
    if names is None:
        numbers = [str(i) for i in range(len(columns))]
        bare = [name.removeprefix("x") for name in columns]
        if sorted(bare) != sorted(numbers) or len({name[:1] == "x" for name in columns}) > 1:
            return rows
        columns, names = bare, numbers
    if sorted(columns) != sorted(names) and isinstance(names, Symbols):
        columns = names.of(columns)
    if sorted(columns) != sorted(names):
        raise UserError(
            f"the columns are {', '.join(columns)}; the formulas read {', '.join(names)}"
        )
    place = {name: i for i, name in enumerate(columns)}
    return rows[:, [place[name] for name in names]]
